"""Run folders never clash, and a checkpoint finds its own."""

import json
import math
import os
from pathlib import Path

import pytest

from handwriting.errors import UserError
from trainer.run_folder import History, RunFolder
from utils.figures.drawing import save_curves


def test_runs_of_the_same_second_have_folders_of_their_own(tmp_path: Path) -> None:
    runs = [RunFolder.new(tmp_path, "name") for _ in range(5)]
    assert len({run.run_id for run in runs}) == 5
    assert all(run.models.is_dir() for run in runs)
    assert runs[0].models.parent == tmp_path / "models" / "name"


def test_save_dir_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/models/name/.*cannot make this folder"):
        RunFolder.new(tmp_path / "file", "name")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "name").write_text("")
    with pytest.raises(UserError, match="cannot make this folder"):
        RunFolder.new(tmp_path, "name")


def test_a_checkpoint_finds_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = RunFolder.new(tmp_path / "old", "name")
    made.make()
    run = {"name": made.name, "id": made.run_id}
    assert RunFolder.of_checkpoint(made.checkpoint, run) == made
    (tmp_path / "old").rename(tmp_path / "new")
    moved = tmp_path / "new" / "models" / "name" / made.run_id / "model_best.pth"
    assert RunFolder.of_checkpoint(moved, run).save_dir == tmp_path / "new"
    monkeypatch.chdir(tmp_path)
    here = moved.relative_to(tmp_path)
    assert RunFolder.of_checkpoint(here, run).save_dir == Path("new")
    with pytest.raises(UserError, match=r"copy\.pth: run: is not in the folder of its run"):
        RunFolder.of_checkpoint(tmp_path / "copy.pth", run)
    asked = RunFolder.of_checkpoint(moved, run, "elsewhere")
    assert asked.save_dir == Path("elsewhere")


def test_history_keeps_rows_up_to_an_epoch_and_drops_half_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    history = History(path)
    history.load(0)
    for epoch in (1, 2, 3):
        history.append({"epoch": epoch, "val.nll": 1.5 * epoch if epoch > 1 else math.nan})
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"epoch": 4, "val')
    again = History(path)
    again.load(2)
    assert again.rows == [{"epoch": 1, "val.nll": None}, {"epoch": 2, "val.nll": 3.0}]
    assert [json.loads(line) for line in path.read_text().splitlines()] == again.rows


@pytest.mark.parametrize(
    "found",
    [
        b"\xff\xfe\0",
        b"[" * 100_000,
        b'{"epoch": true}',
        b'{"epoch": -1, "train.loss": 1' + b"0" * 4000 + b"}",
        b'{"epoch": 0, "train.loss": NaN, "val.loss": -1e308}',
        b'{"epoch": 0, "train.\\ud800": 1, "val.loss": "text", "\x1b[31m": 2}',
        b'{"epoch": 0, "val.loss": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_a_history_from_anywhere_is_read_and_drawn(found: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"epoch": 1, "train.loss": 1.5}\n' + found + b"\n")
    history = History(path)
    history.load(1)
    history.append({"epoch": 2, "train.loss": 1.0, "val.loss": 2.0})
    save_curves(history.rows, tmp_path / "curve.png")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert rows == history.rows
    assert rows[0] == {"epoch": 1, "train.loss": 1.5}
    for row in rows:
        assert all(value is None or abs(value) <= 1e30 for value in row.values())


def test_a_history_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "metrics.jsonl")
    with pytest.raises(UserError, match="metrics.jsonl: is not a regular file"):
        History(tmp_path / "metrics.jsonl").load(1)
