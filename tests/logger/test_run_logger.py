"""Loggers beside tensorboard get the same scalars and pictures, and a resumed run is one run."""

import sys
import types
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from logger.run_logger import (
    LoggedRun,
    LoggerRefused,
    MlflowLogger,
    RunLogger,
    RunLoggers,
    TensorboardLogger,
    TrackioLogger,
    WandbLogger,
)


def log_twice(make: type[RunLogger], folder: Path) -> None:
    """A run of one point and a picture, and the same run resumed with one point more."""
    for step, resumed_step in ((1, None), (2, 1)):
        logger = make()
        logger.open(LoggedRun(folder, "toy", "1", resumed_step))
        logger.scalars({"val.nll": 3.0 - step}, step)
        if step == 1:
            logger.figures({"samples": Image.new("RGB", (4, 3), "red")}, step)
        logger.flush()
        logger.close()


def test_mlflow_has_one_run_of_both_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        log_twice(MlflowLogger, tmp_path)
        client = mlflow.MlflowClient()
        where = client.get_experiment_by_name("handwriting").experiment_id
        (run,) = client.search_runs([where])
        points = client.get_metric_history(run.info.run_id, "val/nll")
        pictures = client.list_artifacts(run.info.run_id)
    assert [(each.step, each.value) for each in points] == [(1, 2.0), (2, 1.0)]
    assert [each.path for each in pictures] == ["samples_1.png"]
    assert (run.info.run_name, run.info.status) == ("toy-1", "FINISHED")


class Recorder:
    """Stands in for a package: what it was called with, in order."""

    def __init__(self) -> None:
        self.began: list[dict[str, Any]] = []
        self.logged: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.ends = 0

    def init(self, **given: Any) -> "Recorder":
        self.began.append(given)
        return self

    def define_metric(self, name: str, step_metric: str) -> None:
        assert (name, step_metric) == ("*", "step")

    def log(self, values: dict[str, Any], **given: Any) -> None:
        self.logged.append((values, given))

    def finish(self) -> None:
        self.ends += 1

    def module(self, name: str) -> types.ModuleType:
        module = types.ModuleType(name)
        module.__dict__.update(init=self.init, Image=lambda pixels: pixels.shape)
        return module


def test_wandb_is_given_the_run_by_its_id_and_counts_steps_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Recorder()
    monkeypatch.setitem(sys.modules, "wandb", package.module("wandb"))
    log_twice(WandbLogger, tmp_path)
    assert {each["id"] for each in package.began} == {"toy-1"}
    assert {each["resume"] for each in package.began} == {"allow"}
    assert [values for values, _ in package.logged] == [
        {"step": 1, "val/nll": 2.0},
        {"step": 1, "samples": (3, 4, 3)},
        {"step": 2, "val/nll": 1.0},
    ]
    assert package.ends == 2


def test_trackio_is_given_the_run_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Recorder()
    monkeypatch.setitem(sys.modules, "trackio", package.module("trackio"))
    log_twice(TrackioLogger, tmp_path)
    assert {each["name"] for each in package.began} == {"toy-1"}
    assert package.logged == [
        ({"val/nll": 2.0}, {"step": 1}),
        ({"samples": (3, 4, 3)}, {"step": 1}),
        ({"val/nll": 1.0}, {"step": 2}),
    ]


def test_all_loggers_get_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = Recorder()
    monkeypatch.setitem(sys.modules, "trackio", package.module("trackio"))
    loggers = [TensorboardLogger(), TrackioLogger()]
    for each in loggers:
        each.open(LoggedRun(tmp_path, "toy", "1"))
    both = RunLoggers(loggers)
    both.scalars({"lr": 0.1}, 5)
    both.close()
    assert package.logged == [({"lr": 0.1}, {"step": 5})]
    assert list(tmp_path.glob("events.*"))


class Failing(TrackioLogger):
    """A package that fails at one of the calls."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at
        self.calls: list[str] = []

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name == self.at:
            raise ConnectionError("no server at http://localhost:1\nand many lines more")

    def open(self, run: LoggedRun) -> None:
        self._call("open")

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self._call("scalars")

    def figures(self, figures: Mapping[str, Any], step: int) -> None:
        self._call("figures")

    def flush(self) -> None:
        self._call("flush")

    def close(self) -> None:
        self._call("close")


def test_a_package_that_begins_no_run_is_one_line_and_ends_the_others(tmp_path: Path) -> None:
    first, second = Failing(at="never"), Failing(at="open")
    expected = r"^trackio began no run: no server at \S+$"
    with pytest.raises(LoggerRefused, match=expected):
        RunLoggers.opened([first, second], LoggedRun(tmp_path, "toy", "1"))
    assert first.calls == ["open", "close"]


@pytest.mark.parametrize("at", ["scalars", "figures", "flush", "close"])
def test_a_package_that_fails_later_is_left_out_and_the_others_go_on(
    at: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = Failing(at), Failing(at="never")
    loggers = RunLoggers.opened([bad, good], LoggedRun(tmp_path, "toy", "1"))
    for _ in range(2):
        loggers.scalars({"loss": 1.0}, 1)
        loggers.figures({}, 1)
        loggers.flush()
    loggers.close()
    assert good.calls == ["open", *["scalars", "figures", "flush"] * 2, "close"]
    assert bad.calls[-1] == at and bad.calls.count(at) == 1
    (line,) = caplog.messages
    assert line.endswith("no server at http://localhost:1")
