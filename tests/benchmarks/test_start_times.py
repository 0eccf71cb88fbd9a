"""The benchmark of start times measures real processes in each checkout."""

import sys
from pathlib import Path

import pytest

from benchmarks import start_times
from benchmarks.report import Report

WAITS = "import time, {}; print('first', flush=True); time.sleep(0.2); raise SystemExit(3)"


def test_a_command_is_measured_in_each_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    roots = [tmp_path / name for name in ("before", "after")]
    for root, module in zip(roots, ("sqlite3", "os"), strict=True):
        root.mkdir()
        (root / "command.py").write_text(WAITS.format(module))
    monkeypatch.setattr(start_times, "_commands", lambda _: [("command.py", ["command.py"])])
    words = ["--root", *map(str, roots), "--repeats", "1", "--json", str(tmp_path / "a.json")]
    monkeypatch.setattr(sys, "argv", ["start_times", *words])
    start_times.main()
    report = Report.load(tmp_path / "a.json")
    assert report.columns[0] == "checkout"
    before, after = report.values
    assert (before["checkout"], after["checkout"]) == ("before", "after")
    assert before["code"] == after["code"] == 3
    assert before["modules"] > after["modules"] > 10
    assert all(row["first_line"] > 0 and row["processor"] > 0 for row in report.values)


def test_every_command_is_one_that_the_project_has(tmp_path: Path) -> None:
    """By its help and its version, and by what it says of what is not there."""
    names = [name for name, _ in start_times._commands(tmp_path)]
    assert len(names) == len(set(names)) == 16
    for option in ("--help", "--version", "--wrong-option"):
        assert sum(name.endswith(option) for name in names) == 4
    assert (tmp_path / "wrong.json").exists() and not (tmp_path / "missing.json").exists()
