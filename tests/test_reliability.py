"""Some of ``make fuzz`` and ``make faults``, and that both would see a fault."""

import faulthandler
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import fuzz
import kills
import numpy as np
import pytest
from forked_commands import Server
from fuzz import Case, Ended, Judge, case_of, in_children, smaller
from reliability_report import page
from seed_files import ink_seeds
from targets import Seed, Target, WrongAcceptance, targets

from handwriting.errors import DataError
from handwriting.formats.registry import READ_SUFFIXES

TARGETS = {target.name: target for target in targets()}
ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests" / "harness" / "corpus"
SEED = 20_000  # other cases than those of `make fuzz`
FEW, MANY = 12, 100


def test_every_format_that_is_read_has_seeds() -> None:
    """A new format: give ``sample_files.SAMPLES`` or ``seed_files.BY_HAND`` a valid file."""
    assert [suffix for suffix, seeds in ink_seeds().items() if not seeds] == []
    assert ink_seeds().keys() >= set(READ_SUFFIXES) - {".rm"}  # that needs an optional package


@pytest.mark.parametrize("name", TARGETS)
def test_files_that_are_nearly_valid_are_read_or_refused(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    judge = Judge(target, tmp_path)
    assert {judge.judge(Case(seed.name, seed.data)) for seed in seeds} == {Ended("accepted")}
    count = MANY if name.startswith("ink") else FEW
    cases = [(number, case_of(target, seeds, SEED, number)) for number in range(count)]
    ends = dict(in_children(target, iter(cases)))
    assert {number: ended for number, ended in ends.items() if not ended.is_right} == {}
    assert len(ends) == count


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*/*/*")), ids=lambda path: path.parent.name)
def test_a_file_that_once_went_wrong_is_read_or_refused(path: Path) -> None:
    """At ``TARGET/FAULT/NAME``."""
    target = TARGETS[path.parents[1].name]
    ((_, ended),) = in_children(target, iter([(0, Case(path.name, path.read_bytes()))]))
    assert ended.is_right, ended


def harmless(path: Path) -> None:
    path.read_bytes()


def raises(path: Path) -> None:
    raise KeyError("shape")


def says_too_much(path: Path) -> None:
    raise DataError(f"{path}: \x1b[2J")


def goes_on(path: Path) -> None:
    while True:
        path.exists()


def takes_memory(path: Path) -> None:
    np.ones(50_000_000)


def accepts_all(path: Path) -> None:
    raise WrongAcceptance("NaN")


def ends_the_process(path: Path) -> None:
    faulthandler.disable()
    os.abort()


@pytest.mark.parametrize(
    ("use", "kind"),
    [
        (harmless, "accepted"),
        (raises, "traceback"),
        (says_too_much, "message"),
        (goes_on, "hang"),
        (takes_memory, "memory"),
        (accepts_all, "wrong"),
        (ends_the_process, "crash"),
    ],
)
def test_faults_are_seen_and_the_next_case_runs(
    use: Callable[[Path], None], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "hang":  # a short limit for the rest would be a verdict on a busy machine's speed
        monkeypatch.setattr(fuzz, "SECONDS", 0.3)
    target = Target("toy", lambda: [Seed("a", b"abc")], use)
    cases = [(number, Case("a", b"abc")) for number in range(2)]
    assert [ended.kind for _, ended in in_children(target, iter(cases))] == [kind, kind]


def test_what_is_kept_is_small() -> None:
    def use(path: Path) -> None:
        if b"\0" in path.read_bytes():
            raise KeyError

    target = Target("toy", lambda: [Seed("a", b"abc")], use)
    case = Case("a", b"x" * 20 + b"\0" + b"y" * 11)
    ((_, ended),) = in_children(target, iter([(0, case)]))
    assert smaller(target, case, ended).data == b"\0"


def test_cases_are_the_same_again() -> None:
    for target in targets():
        if target.name != "checkpoint":  # its seeds have the time and a folder in them
            first, again = (case_of(target, target.seeds(), 1, 7) for _ in range(2))
            assert first == again


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kills.Reference]:
    with Server() as server:
        yield kills.Reference(server, tmp_path_factory.mktemp("kills"))


@pytest.mark.parametrize("name", ["kill train", "kill slim", "limit write"])
def test_nothing_is_lost_by_faults(name: str, reference: kills.Reference) -> None:
    kind, _ = kills.kinds()[name]
    found = kind(reference, random.Random(f"{SEED}:{name}"))
    assert found.tried and found.faults == ()


def test_half_a_file_is_seen(reference: kills.Reference, tmp_path: Path) -> None:
    data = (reference.template / "writer.pth").read_bytes()
    for name, whole, half in (
        ("a.pth", data, data[:-100]),
        ("a.json", b"{}", b"{"),
        ("a.svg", b"<svg/>", b"<svg>"),
    ):
        (tmp_path / name).write_bytes(whole)
        assert kills.is_whole(tmp_path / name)
        (tmp_path / name).write_bytes(half)
        assert not kills.is_whole(tmp_path / name)


def test_the_page_has_what_was_counted() -> None:
    fuzzed = {
        "ink.svg": {
            "done": 12_000,
            "ends": {"accepted": 2_000, "refused": 9_999, "hang": 1},
            "faults": {"hang: a.py:1": [1, "found/a.svg"]},
        }
    }
    killed = {"kill train": {"rounds": 2, "tried": 1_234, "faults": dict(Counter(["run lost"]))}}
    text = page(json.loads(json.dumps(fuzzed)), killed)
    assert "| ink.svg | 12,000 | 2,000 | 9,999 | 0 | 0 | 0 | 1 | 0 | 0 |" in text
    assert "| kill train | 1,234 | 1 |" in text
    assert "- ink.svg: hang: a.py:1, 1 times" in text and "run lost" in text


def test_a_guided_fuzzer_reads_files_of_a_target(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed")
    folders = [ROOT, ROOT / "tests/helpers", ROOT / "tests/harness"]
    done = subprocess.run(
        [sys.executable, "-m", "guided", "ink.csv", "--cases", "300", "--state", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Done 300 runs" in done.stderr
    assert any((tmp_path / "guided" / "ink.csv").iterdir())
