"""``train.py`` on a very small corpus: the real parts together, stopped, resumed, distributed."""

import copy
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from patience import A_HANG
from torch import Tensor

import train
from handwriting.errors import CheckpointError, ConfigError
from parse_config import ConfigParser
from trainer.assembly import build_trainer
from trainer.checkpointing import evaluation_weights, load_checkpoint
from trainer.distributed import Distributed
from trainer.trainer import Trainer

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the commands that are started here have it: other sums differ in their last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture
def raw(corpus: Path, tmp_path: Path) -> dict[str, Any]:
    """A config with all that is hard to resume."""
    source = {"type": "synthetic", "args": {"num_lines": 60, "max_characters": 20}}
    return {
        "name": "tiny",
        "seed": 1,
        "arch": {
            "type": "UnconditionalHandwriting",
            "args": {"hidden_size": 16, "num_layers": 1, "num_mixtures": 2, "dropout": 0.2},
        },
        "data_loader": {
            "type": "HandwritingDataLoader",
            "args": {
                "source": source,
                "cache_dir": str(corpus),
                "batch_size": 4,
                "limit": 11,
                "augmentation": {"scale": 0.2, "slant": 5.0},
            },
        },
        "optimizer": {"type": "Adam", "args": {"lr": 0.01}},
        "loss": {"type": "mixture_nll"},
        "metrics": ["nll", "nll_per_step_raw", "sse"],
        "lr_scheduler": {"type": "WarmupDecay", "args": {"warmup_steps": 4}},
        "trainer": {
            "epochs": 4,
            "save_dir": str(tmp_path / "saved"),
            "averaging": 0.9,
            "clip_grad_norm": 1.0,
            "weight_noise": 0.01,
            "sample_period": 0,
            "tensorboard": False,
        },
    }


def changed(raw: dict[str, Any], **settings: Any) -> dict[str, Any]:
    raw = copy.deepcopy(raw)
    raw["trainer"].update(settings)
    return raw


def without_samples(config: ConfigParser) -> Trainer:
    """What ``train.py`` trains with, but for the pictures, which take longer than all else."""
    trainer = build_trainer(config, Distributed())
    trainer.sampler, trainer.draw_history = None, lambda rows, path: None
    return trainer


def fresh(raw: dict[str, Any], **settings: Any) -> Trainer:
    trainer = without_samples(ConfigParser.from_dict(changed(raw, **settings), device="cpu"))
    trainer.train()
    return trainer


def resumed(path: Path, *overrides: str) -> Trainer:
    flags = [word for override in overrides for word in ("--set", override)]
    config = ConfigParser.from_args(["-r", str(path), "--device", "cpu", *flags])
    trainer = without_samples(config)
    trainer.train()
    return trainer


def started_from(path: Path, raw: dict[str, Any]) -> Trainer:
    """A new run with the weights of a checkpoint, before its first step."""
    return without_samples(ConfigParser.from_dict(raw, device="cpu", weights=path))


def state_of(trainer: Trainer) -> dict[str, Any]:
    state = load_checkpoint(trainer.run.checkpoint, resumable=True)
    for key in ("run", "config"):  # folders
        del state[key]
    del state["running"]["seconds"]
    return state


def flat(value: Any, where: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for key in value for k, v in flat(value[key], f"{where}/{key}").items()}
    if isinstance(value, list | tuple):
        pairs = enumerate(value)
        return {k: v for i, item in pairs for k, v in flat(item, f"{where}/{i}").items()}
    return {where: value.tolist() if isinstance(value, Tensor) else value}


def rows(trainer: Trainer) -> list[dict[str, Any]]:
    lines = (trainer.run.log / "metrics.jsonl").read_text().splitlines()
    times = ("seconds", "lines_per_second")
    return [{k: v for k, v in json.loads(line).items() if k not in times} for line in lines]


def assert_same_end(left: Trainer, right: Trainer) -> None:
    assert flat(state_of(left)) == flat(state_of(right))
    assert rows(left) == rows(right)


def test_two_and_two_epochs_equal_four(raw: dict[str, Any]) -> None:
    whole = fresh(raw)
    first = fresh(raw, epochs=2)
    second = resumed(first.run.checkpoint, "trainer.epochs=4")
    assert second.run == first.run
    assert len(rows(second)) == 4
    assert_same_end(whole, second)


def test_a_checkpoint_has_what_evaluating_needs(raw: dict[str, Any]) -> None:
    trainer = fresh(raw, epochs=1)
    state = load_checkpoint(trainer.run.checkpoint)
    assert state["arch"] == state["config"]["arch"]
    assert state["config"]["optimizer"]["args"]["betas"] == [0.9, 0.999]  # defaults filled in
    assert state["normalisation"].keys() == {"mean", "std"}
    assert state["vocabulary"]
    assert json.loads((trainer.run.models / "config.json").read_text()) == state["config"]
    assert ConfigParser.from_dict(state["config"]).to_dict() == state["config"]


def test_monitor_that_does_not_exist_stops_before_anything_is_written(
    raw: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw["data_loader"]["args"]["cache_dir"] = str(tmp_path / "prepared")
    path = tmp_path / "config.json"
    path.write_text(json.dumps(changed(raw, monitor="min nlll")))
    monkeypatch.setattr(sys, "argv", ["train.py", "-c", str(path)])
    with pytest.raises(ConfigError, match=r"trainer\.monitor: .*did you mean 'nll'"):
        train.main()
    assert os.listdir(tmp_path) == ["config.json"]


def command(folder: Path, raw: dict[str, Any], *launcher: str) -> list[str]:
    path = folder / "config.json"
    path.write_text(json.dumps(raw))
    return [sys.executable, *launcher, str(ROOT / "train.py"), "-c", str(path), "--device", "cpu"]


def environment() -> dict[str, str]:
    # torch 2.6 leaves a temporary folder of its own to the interpreter's end.
    warnings = "error,ignore:Implicitly cleaning up:ResourceWarning"
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": warnings}


def wait_for(path: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    """Until a file that matches ``pattern`` has something in it."""
    ends = time.monotonic() + A_HANG
    while not any(file.stat().st_size for file in path.glob(pattern)):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < ends, "training did not begin"
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_training_goes_on_as_if_never_stopped(
    raw: dict[str, Any], tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C reaches all processes of a terminal, those that load data too."""
    raw["data_loader"]["args"]["num_workers"] = int(number == signal.SIGINT)
    process = subprocess.Popen(
        command(tmp_path, changed(raw, epochs=100_000)),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for(tmp_path, "saved/log/tiny/*/metrics.jsonl", process)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, errors = process.communicate(timeout=A_HANG)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    stopped, advice = errors.splitlines()
    name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    assert re.match(rf"stopped by {name} in epoch \d+ .*; saved .*checkpoint\.pth$", stopped)
    path = Path(re.fullmatch(r"go on with: python train\.py -r (.*)", advice).group(1))
    state = load_checkpoint(path, resumable=True)
    epochs = state["epoch"] + 2
    second = resumed(path, f"trainer.epochs={epochs}")
    assert second.run.checkpoint == path
    assert_same_end(fresh(raw, epochs=epochs), second)


def test_torchrun_follows_one_process_and_writes_once(raw: dict[str, Any], tmp_path: Path) -> None:
    raw["arch"]["args"]["dropout"] = 0.0
    # Adam would divide rounding by rounding where a gradient is next to nothing.
    raw["optimizer"] = {"type": "SGD", "args": {"lr": 0.01}}
    together = changed(raw, epochs=2, save_dir=str(tmp_path / "two"))
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    ended = subprocess.run(
        command(tmp_path, together, *launcher),
        env={**environment(), "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        timeout=A_HANG,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (log,) = tmp_path.glob("two/log/tiny/*/metrics.jsonl")
    two = [json.loads(line) for line in log.read_text().splitlines()]
    one = rows(fresh(raw, epochs=2))
    assert len(two) == len(one) == 2
    for left, right in zip(one, two, strict=True):
        for name in left:
            assert right[name] == pytest.approx(left[name], rel=1e-4), name
    (folder,) = tmp_path.glob("two/models/tiny/*")
    assert {"checkpoint.pth", "model_best.pth", "config.json", "loss_curve.png"} <= {
        *os.listdir(folder)
    }
    assert f"samples: {folder}/samples.png" in ended.stdout
    assert ended.stdout.count("loss curve: ") == 1


def test_a_new_run_starts_from_the_weights_of_another(raw: dict[str, Any]) -> None:
    first = fresh(raw, epochs=1)
    other = changed(raw, epochs=2)
    other["arch"]["args"]["dropout"] = 0.5
    trainer = started_from(first.run.checkpoint, other)
    weights = evaluation_weights(load_checkpoint(first.run.checkpoint))
    assert all(torch.equal(weights[name], own) for name, own in trainer.model.state_dict().items())
    trainer.train()
    assert trainer.run.models != first.run.models
    assert load_checkpoint(trainer.run.checkpoint)["epoch"] == 2
    assert load_checkpoint(first.run.checkpoint)["epoch"] == 1


def test_characters_and_units_come_with_the_weights(raw: dict[str, Any]) -> None:
    first = fresh(raw, epochs=1)
    other = changed(raw)
    other["data_loader"]["args"]["source"]["args"] |= {"num_lines": 40, "seed": 9}
    other["trainer"]["epochs"] = 1
    started = started_from(first.run.checkpoint, other)
    started.train()
    before, own, taken = (
        load_checkpoint(trainer.run.checkpoint) for trainer in (first, fresh(other), started)
    )
    assert own["normalisation"] != before["normalisation"] == taken["normalisation"]
    characters = [each["vocabulary"]["characters"] for each in (before, own, taken)]
    known, wanted, grown = characters
    assert grown[: len(known)] == known and set(grown) == {*known, *wanted}


def test_the_model_is_that_of_the_weights(raw: dict[str, Any], tmp_path: Path) -> None:
    """As ``train.py -c CONFIG -w CHECKPOINT`` has it; overrides may still change it."""
    first = fresh(raw, epochs=1)
    other = changed(raw)
    other["arch"]["args"]["hidden_size"] = 8
    path = tmp_path / "other.json"
    path.write_text(json.dumps(other))
    words = ["-c", str(path), "-w", str(first.run.checkpoint), "--device", "cpu"]
    arch = ConfigParser.from_args(words).to_dict()["arch"]["args"]
    assert arch == load_checkpoint(first.run.checkpoint)["arch"]["args"]
    words += ["--set", "arch.args.dropout=0.25"]
    changed_arch = ConfigParser.from_args(words).to_dict()["arch"]["args"]
    assert changed_arch == {**arch, "dropout": 0.25}


def test_weights_that_do_not_fit_are_refused_and_nothing_is_written(raw: dict[str, Any]) -> None:
    first = fresh(raw, epochs=1)
    before = sorted(first.run.models.parent.iterdir())
    other = changed(raw)
    other["arch"]["args"]["hidden_size"] = 8
    with pytest.raises(CheckpointError, match="do not fit its arch"):
        started_from(first.run.checkpoint, other)
    assert sorted(first.run.models.parent.iterdir()) == before
