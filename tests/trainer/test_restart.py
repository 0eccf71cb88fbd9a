"""A training that torchrun starts again goes on with the run that it began."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import A_HANG
from tiny_work import config

from handwriting.errors import UserError
from parse_config import ConfigParser
from trainer.assembly import build_trainer
from trainer.checkpointing import load_checkpoint
from trainer.distributed import Distributed
from trainer.run_lock import HOLDER, RunLock
from trainer.trainer import Trainer

ROOT = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(epochs: int, **changes: object) -> Trainer:
    """A trainer as one start of the command builds it."""
    parser = ConfigParser.from_dict(config(epochs, **changes), device="cpu")
    trainer = build_trainer(parser, Distributed())
    trainer.draw_history = lambda rows, path: None
    return trainer


def runs(home: Path) -> list[str]:
    return sorted(path.name for path in home.glob("saved/models/tiny/*"))


def test_a_new_start_goes_on_after_a_restart(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    started(1).train()
    again = started(3)
    assert again.epoch == 1
    again.train()
    assert len(runs(home)) == 1
    state = load_checkpoint(again.run.checkpoint, resumable=True)
    started(3, save_dir="other").train()
    (other,) = home.glob("other/models/tiny/*/checkpoint.pth")
    whole = load_checkpoint(other)["model"]
    assert all(bool((state["model"][name] == whole[name]).all()) for name in whole)


def test_another_start_begins_another_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for launch in ("a", "b", None):
        if launch is None:
            monkeypatch.delenv("TORCHELASTIC_RUN_ID")
        else:
            monkeypatch.setenv("TORCHELASTIC_RUN_ID", launch)
        started(1).train()
    assert len(runs(home)) == 3


def test_a_resumed_run_that_is_started_again_goes_on_from_its_newest_checkpoint(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from the one that the command names."""
    started(1).train()
    (best,) = home.glob("saved/models/tiny/*/model_best.pth")
    (best.parent / "first.pth").write_bytes(best.read_bytes())
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "c")
    arguments = ["-r", str(best.parent / "first.pth"), "--device", "cpu"]
    for epochs in (2, 3):
        parser = ConfigParser.from_args([*arguments, "--set", f"trainer.epochs={epochs}"])
        trainer = build_trainer(parser, Distributed())
        trainer.draw_history = lambda rows, path: None
        assert trainer.epoch == epochs - 1
        trainer.train()
    assert len(runs(home)) == 1


def torchrun(home: Path, *words: str) -> list[str]:
    (home / "config.json").write_text(json.dumps(config(6)))
    return [*TORCHRUN, *words]


@pytest.mark.slow
def test_torchrun_goes_on_after_a_process_was_killed(home: Path) -> None:
    words = torchrun(home, "--max-restarts=1", str(ROOT / "train.py"), "-c", "config.json")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
        wait_for(home, "saved/models/tiny/*/checkpoint.pth")
        rows = wait_for(home, "saved/log/tiny/*/metrics.jsonl")
        holder = json.loads(next(home.glob(f"saved/models/tiny/*/{HOLDER}")).read_text())
        os.kill(holder["process"], signal.SIGKILL)
        _, errors = process.communicate(timeout=A_HANG)
    assert process.returncode == 0, errors
    assert len(runs(home)) == 1
    assert [json.loads(row)["epoch"] for row in rows.read_text().splitlines()] == [*range(1, 7)]


@pytest.mark.slow
def test_a_run_that_is_trained_is_refused_under_torchrun(home: Path) -> None:
    started(1).train()
    (path,) = home.glob("saved/models/tiny/*/checkpoint.pth")
    lock = RunLock(path.parent).acquire()
    words = torchrun(home, str(ROOT / "train.py"), "-r", str(path))
    done = subprocess.run(words, capture_output=True, text=True, timeout=A_HANG, check=False)
    lock.release()
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode != 0 and lines
    assert all(f"process {os.getpid()} on" in line for line in lines)
    assert 'train.py", line' not in done.stderr  # of a traceback


def wait_for(home: Path, pattern: str) -> Path:
    """The file of a pattern, as soon as it has something."""
    end = time.monotonic() + A_HANG
    while time.monotonic() < end:
        for path in home.glob(pattern):
            if path.stat().st_size:
                return path
        time.sleep(0.05)
    raise AssertionError(f"no {pattern}")


def test_processes_that_do_not_come_are_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import datetime

    from trainer import distributed

    monkeypatch.setattr(distributed, "JOINING", datetime.timedelta(seconds=1))
    values = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    for name, value in {**values, "MASTER_PORT": "9"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="did not meet within"), distributed.distributed("cpu"):
        pass
