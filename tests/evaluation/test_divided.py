"""Evaluation that processes divide: by torchrun from checkpoints to folders, and its parts."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from patience import A_HANG
from tiny_checkpoint import SHORT_LINES, make_checkpoint

import experiments
import trainer.distributed
from evaluation import Evaluator, evaluate, evaluator_of
from evaluation.command import evaluator_for
from handwriting.errors import UserError
from trainer.distributed import ALONE, Distributed
from trainer.loaded_model import LoadedModel, load_model, open_data

ROOT = Path(__file__).parents[2]
TASKS = ("unconditional", "conditional", "recognition", "language")
TIMES = {"seconds", "lines_per_second", "seconds_per_line"}
SMALL = ("--bs", "2", "--limit", "5", "--samples", "1", "--device", "cpu")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs")
    for task in TASKS:
        make_checkpoint(folder / f"{task}.pth", SHORT_LINES, task=task)
    return folder


def run_two(*words: str) -> subprocess.CompletedProcess[str]:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *launcher, str(ROOT / "experiments.py"), *words],
        env=environment, capture_output=True, text=True, timeout=A_HANG, check=False,
    )  # fmt: skip


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(part) for name, part in value.items() if name not in TIMES}
    return [without_times(part) for part in value] if isinstance(value, list) else value


def test_torchrun_gives_the_folder_of_one_process(checkpoints: Path, tmp_path: Path) -> None:
    """Three batches of two processes; each number is the same to the last digit."""
    words = ("-r", str(checkpoints / "recognition.pth"), *SMALL)
    one, two = tmp_path / "one", tmp_path / "two"
    experiments.main([*words, "--out", str(one)])
    ended = run_two(*words, "--out", str(two))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("written to ") == ended.stdout.count("no case or punctuation") == 1
    assert sorted(os.listdir(tmp_path)) == ["one", "two"]
    assert sorted(os.listdir(one)) == sorted(os.listdir(two))
    for name in ("lines.csv", "confusions.csv", "readings.svg"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    reports = [json.loads((out / "metrics.json").read_text()) for out in (one, two)]
    assert without_times(reports[0]) == without_times(reports[1]) and reports[1]["lines"] == 5


@pytest.mark.parametrize(
    "words", [["--text", "rain"], ["--ink", "a.svg"], ["--samples-only"], ["--export", "weights"]]
)
def test_torchrun_is_for_evaluation_alone(
    checkpoints: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer.distributed, "distributed", lambda _: nullcontext(OneOf(0, 2)))
    with pytest.raises(UserError, match="torchrun: divides the lines of an evaluation alone"):
        experiments.main(["-r", str(checkpoints / "conditional.pth"), *words])


@dataclass(frozen=True)
class OneOf(Distributed):
    """One of several processes that are run one after another.

    Attributes:
        told: what those before this one gave to ``gather``.
    """

    told: list[Any] = field(default_factory=list)

    def gather(self, value: Any) -> list[Any]:
        self.told.append(value)
        return list(self.told)


def parts_of(trained: LoadedModel) -> Evaluator[Any]:
    options = experiments.parse_options(["-r", str(trained.path)])
    return evaluator_for(trained, options)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("number", [2, 3, 5])
def test_any_number_of_processes_counts_the_same(checkpoints: Path, task: str, number: int) -> None:
    """The last of them has heard all the others; of three batches some may get none."""
    trained = load_model(checkpoints / f"{task}.pth", "cpu")
    loader = open_data(trained, None, "")
    whole = evaluate(parts_of(trained), loader.evaluation("testset_v", 2, 5))
    told: list[Any] = []
    for rank in range(number):
        processes = OneOf(rank, number, told=told)
        # Nobody waits: the corpus is prepared.
        loader = open_data(trained, None, "")
        loader.context = replace(loader.context, rank=rank, world_size=number)
        batches = loader.evaluation("testset_v", 2, 5)
        assert len(batches) == len(range(rank, 3, number))
        divided = evaluate(parts_of(trained), batches, processes=processes)
    assert json.dumps(without_times(list(divided))) == json.dumps(without_times(list(whole)))


def test_processes_with_the_same_lines_are_an_error(checkpoints: Path) -> None:
    trained = load_model(checkpoints / "language.pth", "cpu")
    batches = open_data(trained, None, "").evaluation("testset_v", 2, 5)
    processes = OneOf(1, 2)
    evaluate(parts_of(trained), batches, processes=processes)
    with pytest.raises(ValueError, match="the processes have lines in common"):
        evaluate(parts_of(trained), batches, processes=processes)


def test_a_task_that_cannot_be_divided_says_so(checkpoints: Path) -> None:
    trained = load_model(checkpoints / "language.pth", "cpu")
    evaluator = evaluator_of(trained.model, trained.normalisation, trained.vocabulary)
    with pytest.raises(UserError, match="task 'language' cannot be divided between processes"):
        Evaluator.take_counted(evaluator)
    assert ALONE.gather(1) == [1]
