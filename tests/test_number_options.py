"""Every number that a command or a setting takes has two ends, and both are said."""

import argparse
from types import ModuleType

import pytest

import experiments
from base.components import checked_block
from base.registry import DATA_LOADERS
from evaluation import adapt
from handwriting.command_line import OneLineParser, number, whole_number
from handwriting.errors import ConfigError, UserError
from handwriting.pages import GcodeOptions, GifOptions, PageOptions, WriteOptions
from handwriting.pages.layout import check_page
from handwriting.pages.options import MOST_PIXELS, check_options, check_pixels
from reading.settings import DecodingSettings

HUGE = ("1" + "0" * 30, "1e300", "inf", "nan", "-1", "9" * 5000)


def number_options(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> list[str]:
    """The options of a command whose types read numbers."""
    found = []

    class Recorded(OneLineParser):
        def parse_args(self, *arguments: object, **options: object) -> argparse.Namespace:
            for action in self._actions:
                if getattr(action.type, "__module__", "") == "handwriting.command_line":
                    found.append(action.option_strings[-1])
            return super().parse_args(*arguments, **options)

    monkeypatch.setattr(module, "OneLineParser", Recorded)
    with pytest.raises(UserError):
        module.main([])
    monkeypatch.undo()
    return found


@pytest.mark.parametrize(
    ("module", "arguments", "some"),
    [
        (experiments, ["-r", "conditional"], {"--page-width", "--beam", "--seed", "--bias"}),
        (adapt, ["--ink", "ink", "--out", "out"], {"--minutes", "--epochs", "--lr", "--share"}),
    ],
)
def test_every_number_of_the_command_line_is_bounded(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, arguments: list[str], some: set[str]
) -> None:
    options = number_options(monkeypatch, module)
    assert some <= set(options)
    for option in options:
        for value in HUGE:
            with pytest.raises(UserError, match=f"{option}: .*number from .* to .*got") as fault:
                module.main([*arguments, f"{option}={value}"])
            assert len(str(fault.value)) < 250


def test_both_ends_are_within() -> None:
    assert [whole_number(2, 5)(text) for text in ("2", "5")] == [2, 5]
    assert [number(0, 0.5)(text) for text in ("0", "5e-1")] == [0, 0.5]
    for read, text in ((whole_number(2, 5), "6"), (number(0, 0.5), "0.51")):
        with pytest.raises(argparse.ArgumentTypeError, match="from"):
            read(text)


@pytest.mark.parametrize("kind", [PageOptions, GifOptions, GcodeOptions, WriteOptions])
def test_every_number_of_a_setting_is_bounded(kind: type) -> None:
    check_options(kind())
    numbers = [name for name, value in vars(kind(**_given(kind))).items() if type(value) is float]
    assert numbers
    for name in numbers:
        for value in (1e300, float("inf"), float("nan"), -1.0):
            with pytest.raises(UserError, match=f"{name}: .* got "):
                check_options(kind(**{name: value}))


def _given(kind: type) -> dict[str, float]:
    names = ("page_height", "x_height", "pen_width", "lines_per_page")
    return dict.fromkeys(names, 1.0) if kind is PageOptions else {}


def test_pages_are_bounded_whatever_they_follow_from() -> None:
    with pytest.raises(UserError, match="page_height: must be at most 2,000 mm, got 100,036 mm"):
        check_page(PageOptions(lines_per_page=1000, line_spacing=100.0))
    with pytest.raises(UserError, match="lines_per_page: .* got 1001"):
        check_page(PageOptions(lines_per_page=1001))
    check_page(PageOptions(page_width=1000.0))
    check_pixels(1000, 1414, 150)
    with pytest.raises(UserError, match=f"dpi: a picture has {MOST_PIXELS:,} pixels at most"):
        check_pixels(1000, 1414, 1200)


@pytest.mark.parametrize("name", ["beam", "length_normalisation", "coverage", "language_weight"])
def test_decoding_is_bounded(name: str) -> None:
    for value in (10_000_000, -1):
        with pytest.raises(UserError, match=f"{name}: should be . to 1.*, got {value}"):
            DecodingSettings(**{name: value})  # type: ignore[arg-type]


def test_worker_processes_of_a_config_are_bounded() -> None:
    settings = {"args": {"num_workers": 1_000_000}, "type": "HandwritingDataLoader"}
    with pytest.raises(ConfigError, match=r"num_workers: .* 1000, got 1000000"):
        checked_block(DATA_LOADERS, settings, "data_loader")
