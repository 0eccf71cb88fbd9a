"""Runs in both precisions that are measured one after another, and go on where they stopped."""

import sys
from pathlib import Path

import pytest

from benchmarks import precision
from benchmarks.report import Report


@pytest.fixture
def trained(monkeypatch) -> list[tuple[int, str]]:
    """The runs that were made, of a training that takes no time."""
    runs = []

    def train(options, seed: int, kind: str) -> float:
        if len(runs) == 3:
            raise KeyboardInterrupt
        runs.append((seed, kind))
        return {"float32": -200.0, "bfloat16": -199.0}[kind] - seed

    monkeypatch.setattr(precision, "_trained", train)
    return runs


def call(monkeypatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["precision", *words])
    precision.main()


def test_a_second_call_makes_the_runs_that_are_missing(trained, monkeypatch, tmp_path) -> None:
    to_file = ["--seeds", "1", "2", "--json", str(tmp_path / "precision.json")]
    with pytest.raises(KeyboardInterrupt):
        call(monkeypatch, *to_file)
    assert trained == [(1, "float32"), (1, "bfloat16"), (2, "float32")]
    trained.clear()
    call(monkeypatch, *to_file)
    assert trained == [(2, "bfloat16")]
    report = Report.load(Path(to_file[-1]))
    assert report.rows[0] == ["1", "-201.00", "-200.00", "-0.50 %"]
    assert report.rows[1] == ["2", "-202.00", "-201.00", "-0.50 %"]
    assert report.rows[2] == ["standard deviation over seeds", "0.71", "", ""]


def test_other_settings_begin_anew(trained, monkeypatch, tmp_path) -> None:
    to_file = ["--seeds", "1", "--json", str(tmp_path / "precision.json")]
    call(monkeypatch, *to_file)
    trained.clear()
    call(monkeypatch, *to_file, "--epochs", "3")
    assert trained == [(1, "float32"), (1, "bfloat16")]
