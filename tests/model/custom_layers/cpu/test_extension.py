"""Where the operators are not to be had there is the plain way, and one line that says why."""

import logging
import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from held_lock import hold_lock

from model.custom_layers import lstm
from model.custom_layers.cpu import extension
from model.custom_layers.verified import Verified

ROOT = Path(__file__).parents[4]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """As in a process that has not asked for the operators, with an empty cache."""
    monkeypatch.setenv(extension.SWITCH, "1")
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    extension._is_loaded.cache_clear()
    yield monkeypatch
    extension._is_loaded.cache_clear()


def only_line(caplog: pytest.LogCaptureFixture) -> str:
    (line,) = [record.getMessage() for record in caplog.records]
    return line


def run_layer() -> torch.Tensor:
    torch.manual_seed(0)
    layer = lstm.FastLSTM(3, 4)
    return layer(torch.randn(20, 16, 3))[0]


@pytest.mark.parametrize(
    ("missing", "said"), [("c++", "install one"), ("ninja", "pip install ninja")]
)
def test_without_a_compiler_or_ninja_there_is_one_line_and_the_plain_way(
    fresh: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str, said: str
) -> None:
    fresh.delenv("CXX", raising=False)
    fresh.setattr(extension.shutil, "which", lambda name: None if name == missing else name)
    with caplog.at_level(logging.INFO):
        first, second = run_layer(), run_layer()
    assert said in only_line(caplog)
    fresh.setenv(extension.SWITCH, "0")
    assert torch.equal(first, second) and torch.equal(first, run_layer())


def test_nothing_is_built_where_that_is_not_worth_it(
    fresh: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []
    fresh.setattr(extension, "load_operators", lambda: asked.append("load"))
    with caplog.at_level(logging.INFO), extension.without_building():
        assert not extension.is_available()
    assert not asked and not caplog.records
    assert extension.is_available() and asked == ["load"]
    (extension._folder() / extension.LIBRARY).parent.mkdir(parents=True)
    (extension._folder() / extension.LIBRARY).touch()
    with extension.without_building():
        assert extension.is_available()


def test_a_build_that_fails_is_not_tried_again(
    fresh: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def fail(folder: Path) -> None:
        raise RuntimeError("error: no such instruction")

    fresh.setattr(extension, "_build", fail)
    fresh.setattr(extension, "_check_tools", lambda: None)
    with caplog.at_level(logging.INFO):
        assert not extension.is_available()
        extension._is_loaded.cache_clear()
        assert not extension.is_available()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3  # that it builds, that it failed, that it failed before
    assert "the build failed" in lines[1] and "failed before; delete" in lines[2]
    (note,) = tmp_path.glob("*/failed.txt")
    assert "no such instruction" in note.read_text()


def test_a_cache_that_cannot_be_written_is_no_error(
    fresh: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    fresh.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "file"))
    with caplog.at_level(logging.INFO):
        assert not extension.is_available()
    assert "the cache cannot be used" in only_line(caplog)


def test_it_is_switched_off(fresh: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    fresh.setenv(extension.SWITCH, "0")
    with caplog.at_level(logging.INFO):
        assert not extension.is_available()
        run_layer()
    assert not caplog.records


@pytest.mark.usefixtures("compiled")
def test_one_that_differs_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong() -> dict:
        return {"cells": (torch.ones(3), torch.full((3,), 2.0))}

    monkeypatch.setitem(lstm.COMPILED, torch.float32, Verified("compiled LSTM", wrong, 1e-4))
    first, second = run_layer(), run_layer()
    assert only_line(caplog) == (
        "compiled LSTM: the plain way is used, since the fast one's cells differ by 0.5 of their"
        " size"
    )
    monkeypatch.setenv(extension.SWITCH, "0")
    assert torch.equal(first, second) and torch.equal(first, run_layer())


def test_a_lock_of_a_process_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    process = context.Process(target=hold_lock, args=(tmp_path / "lock", started))
    process.start()
    process.join()
    assert started.is_set()
    with extension._locked(tmp_path / "lock"):
        pass


def test_nothing_happens_at_import() -> None:
    code = (
        "import sys, model.models; from model.custom_layers.cpu import extension;"
        "assert extension._is_loaded.cache_info().currsize == 0;"
        "assert 'torch.utils.cpp_extension' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_key_depends_on_the_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = extension._key()
    monkeypatch.setattr(extension, "FOLDER", tmp_path)
    assert extension._key() != before
