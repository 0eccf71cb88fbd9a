"""Run folders never clash, and a checkpoint finds its own."""

import json
import math
from pathlib import Path

import pytest

from handwriting.errors import UserError
from trainer.run_folder import History, RunFolder


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
