"""Checkpoints are whole or not there, and nothing that is not one does any harm."""

import os
import pickle
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from patience import A_HANG
from tiny_checkpoint import resumable_contents as checkpoint
from torch import nn

from handwriting.errors import CheckpointError
from trainer.checkpointing import (
    FORMAT_VERSION,
    evaluation_weights,
    link_checkpoint,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    slim,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.pth"


def one_line(path: Path, **kwargs: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path, **kwargs)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def test_what_is_saved_is_loaded(path: Path) -> None:
    save_checkpoint(path, checkpoint(best={"value": 0.1, "epoch": 3}))
    loaded = load_checkpoint(path, resumable=True)
    assert loaded["best"] == {"value": 0.1, "epoch": 3}
    assert torch.equal(loaded["model"]["weight"], torch.arange(6.0))
    assert loaded["format_version"] == FORMAT_VERSION
    assert os.listdir(path.parent) == ["checkpoint.pth"]


def test_missing(path: Path) -> None:
    assert "no such file" in one_line(path)


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in one_line(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated(path: Path, share: float) -> None:
    save_checkpoint(path, checkpoint())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert "truncated or damaged" in one_line(path)


def test_every_damaged_byte_is_either_found_or_harmless(path: Path) -> None:
    save_checkpoint(path, checkpoint())
    data = bytearray(path.read_bytes())
    for position in random.Random(1).sample(range(len(data)), 60):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            load_checkpoint(path)
        except CheckpointError as error:
            assert "\n" not in str(error)


def test_foreign_files(path: Path) -> None:
    path.write_text("not a checkpoint at all\n" * 20)
    assert "not a checkpoint" in one_line(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "hello")
    assert "not a checkpoint" in one_line(path)
    path.write_bytes(pickle.dumps({"format_version": 1}))
    assert "not a checkpoint" in one_line(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    assert "not a checkpoint" in one_line(path.with_suffix(".npy"))


def test_checkpoints_of_others(path: Path) -> None:
    torch.save({"state_dict": {"weight": torch.zeros(2)}}, path)
    assert "not a checkpoint of this project" in one_line(path)
    torch.save([torch.zeros(2)], path)
    assert "not a checkpoint of this project" in one_line(path)
    torch.save({"format_version": FORMAT_VERSION, "model": {}}, path)
    assert "lacks arch, config" in one_line(path)


def test_newer_format(path: Path) -> None:
    torch.save({**checkpoint(), "format_version": FORMAT_VERSION + 1}, path)
    text = one_line(path)
    assert f"format {FORMAT_VERSION + 1}" in text
    assert "update" in text


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_malicious_pickle_is_refused_and_not_run(path: Path, how: str) -> None:
    trace = path.parent / "it-ran"
    content = {**checkpoint(), "epoch": Malicious(f"touch {trace}")}
    if how == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content["epoch"], protocol=2))
    text = one_line(path)
    assert not trace.exists()
    if how == "torch":
        assert "refused" in text
        assert "system" in text
    else:  # torch's checkpoints of long ago, which reserve memory for what the file may not have
        assert "not a checkpoint" in text


def test_slim_keeps_what_evaluating_needs_and_cannot_be_resumed(path: Path) -> None:
    averaged = {"weight": torch.ones(6)}
    small = slim(checkpoint(averaged=averaged, format_version=FORMAT_VERSION))
    save_checkpoint(path, small)
    assert torch.equal(evaluation_weights(load_checkpoint(path))["weight"], averaged["weight"])
    assert "optimizer" not in small
    assert "cannot be resumed" in one_line(path, resumable=True)


def test_evaluation_weights_are_averaged_where_there_are_any() -> None:
    assert evaluation_weights(checkpoint())["weight"][1] == 1
    assert evaluation_weights(checkpoint(averaged={"weight": 5}))["weight"] == 5


def test_weights_that_do_not_fit(path: Path) -> None:
    with pytest.raises(CheckpointError, match="do not fit its arch") as caught:
        load_weights(nn.Linear(2, 3), {"weight": torch.zeros(1, 1)}, path)
    assert "\n" not in str(caught.value)


def test_link_is_not_changed_by_the_next_save(path: Path) -> None:
    best = path.parent / "model_best.pth"
    for epoch in range(3):
        save_checkpoint(path, checkpoint(epoch=epoch))
        if epoch < 2:
            link_checkpoint(path, best)
    assert load_checkpoint(best)["epoch"] == 1
    assert load_checkpoint(path)["epoch"] == 2
    assert sorted(os.listdir(path.parent)) == ["checkpoint.pth", "model_best.pth"]


def test_failed_write_leaves_the_last_good_checkpoint(path: Path) -> None:
    save_checkpoint(path, checkpoint(epoch=1))
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        save_checkpoint(path, checkpoint(epoch=2, config=lambda: None))
    assert load_checkpoint(path)["epoch"] == 1


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot write the checkpoint"):
        save_checkpoint(tmp_path / "none" / "checkpoint.pth", checkpoint())


# Forks, since a process that has imported torch already starts at once.
KILLING = """
import io, os, random, signal, sys, time
from pathlib import Path
import torch
from tiny_checkpoint import contents
from trainer.checkpointing import link_checkpoint, load_checkpoint, save_checkpoint

torch.set_num_threads(1)
path, moments = Path(sys.argv[1]), random.Random(5)

save = torch.save

def save_half(content, file):
    whole = io.BytesIO()
    save(content, whole)
    file.write(whole.getvalue()[: whole.tell() // 2])
    file.flush()
    os.kill(os.getpid(), signal.SIGSTOP)

def write_forever(epoch):
    while True:
        weight = torch.full((400_000,), float(epoch))
        save_checkpoint(path, contents(epoch=epoch, model={"w": weight}))
        link_checkpoint(path, f"{path}.best")
        epoch += 1

epoch = best_epoch = 0
for number in range(12):
    in_the_middle = number % 2
    child = os.fork()
    if not child:
        if in_the_middle:
            torch.save = save_half
        write_forever(epoch + 1)
    if in_the_middle:
        _, status = os.waitpid(child, os.WUNTRACED)
        assert os.WIFSTOPPED(status), status
    else:  # at any moment, once there is something to lose
        while not Path(f"{path}.best").exists():
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    left = list(path.parent.glob(".checkpoint.*.unfinished.pth"))
    assert len(left) <= 1, "it does not take away what those before it left"
    assert left or not in_the_middle, "it was not killed while it wrote"
    loaded, best = load_checkpoint(path), load_checkpoint(f"{path}.best")
    assert loaded["epoch"] >= max(1, epoch), "the last good checkpoint is lost"
    assert best_epoch <= best["epoch"] <= loaded["epoch"], "the best is not a written one"
    for each in (loaded, best):
        assert (each["model"]["w"] == each["epoch"]).all(), "a mixture of two"
    epoch, best_epoch = loaded["epoch"], best["epoch"]
"""


def test_sigkill_in_the_middle_of_writing_leaves_a_loadable_checkpoint(path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLING, str(path)],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'helpers'}",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=A_HANG,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    names = {name for name in os.listdir(path.parent) if ".unfinished" not in name}
    assert names == {"checkpoint.pth", "checkpoint.pth.best"}
