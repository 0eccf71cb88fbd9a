"""Two processes under torchrun do what one does."""

import json
import os
import socket
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from patience import A_HANG
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from toy_training import make_trainer

from handwriting.errors import Interrupted, UserError
from trainer import distributed as distributed_module
from trainer.distributed import (
    Distributed,
    checked_device,
    faster_arrangement,
    share_processors,
)

HELPERS = Path(__file__).parents[1] / "helpers"
ROOT = HELPERS.parents[1]
WORKER = HELPERS / "distributed_worker.py"


def environment(**values: object) -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT), str(HELPERS)])
    fixed = {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    return {**os.environ, **fixed, **{name: str(value) for name, value in values.items()}}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("distributed")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    ended = subprocess.run(
        [sys.executable, *torchrun, str(WORKER), str(folder), "all"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=A_HANG,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    results = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]
    return folder, results


def rows(folder: Path) -> list[dict[str, float]]:
    path = folder / "log" / "toy" / "run" / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_two_processes_follow_one(found: tuple[Path, Any], tmp_path: Path) -> None:
    """Lines differ in length, so that the processes' shares of a batch weigh differently."""
    from distributed_worker import SETTINGS, watch

    folder, (first, second) = found
    trainer = make_trainer(tmp_path, **SETTINGS)
    losses = watch(trainer)
    trainer.train()
    assert len(losses) == 15
    assert first["equal"]["losses"] == pytest.approx(losses, abs=1e-5)
    assert first["equal"] == second["equal"]
    weights = torch.cat([p.detach().flatten() for p in trainer.model.parameters()]).tolist()
    assert first["equal"]["weights"] == pytest.approx(weights, abs=1e-5)


def test_validation_sums_over_processes(found: tuple[Path, Any], tmp_path: Path) -> None:
    """7 lines in batches of 3: the second process has nothing of the last."""
    from distributed_worker import SETTINGS

    make_trainer(tmp_path, **SETTINGS).train()
    alone, together = rows(tmp_path), rows(found[0] / "equal")
    assert len(together) == 3  # written once
    for one, two in zip(alone, together, strict=True):
        assert one.keys() == two.keys()
        for name in one.keys() - {"seconds", "lines_per_second"}:
            assert two[name] == pytest.approx(one[name], abs=1e-5)


def test_all_stop_at_the_same_step_and_go_on_exactly(found: tuple[Path, Any]) -> None:
    first, second = (result["interrupted"] for result in found[1])
    assert first["steps"] == second["steps"] == first["saved_step"] == 8
    assert first["random_states"] == 2
    assert first["same"]
    assert second["same"]
    assert "another process's signal" in first["message"]


def test_a_non_finite_loss_in_one_stops_both(found: tuple[Path, Any]) -> None:
    messages = [result["broken"] for result in found[1]]
    assert sum("line-5" in message for message in messages) == 1
    assert sum("in another process" in message for message in messages) == 1


def test_sums_and_what_is_gathered(found: tuple[Path, Any]) -> None:
    for result in found[1]:
        assert result["sum"] == [3.0, 1.0]
        assert result["gathered"] == ["", "ab"]


def test_one_that_fails_does_not_leave_the_other_waiting(tmp_path: Path) -> None:
    """Even without torchrun, which would end it."""
    address = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    processes = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(tmp_path), "fail"],
            env=environment(RANK=rank, LOCAL_RANK=rank, **address),
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        errors = [process.communicate(timeout=A_HANG)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [1, 1]
    assert "'NoneType' object is not callable" in errors[1]


def test_one_process_needs_no_sums() -> None:
    alone = Distributed()
    assert alone.is_main
    assert alone.sum_list([1.5]) == [1.5]
    assert alone.gather("x") == ["x"]
    assert not alone.any(False)


def test_device_that_is_not_there() -> None:
    assert checked_device("cpu").type == "cpu"
    with pytest.raises(UserError, match="device: cannot be used here, got 'cuda:99'"):
        checked_device("cuda:99")


@pytest.fixture
def two_processors(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(distributed_module, "available_processors", lambda: 2)
    return monkeypatch


def test_one_process_on_two_processors_is_told_what_is_faster(two_processors) -> None:
    assert "torchrun --nproc_per_node=2" in faster_arrangement(Distributed())
    assert faster_arrangement(Distributed(0, 2)) is None
    assert faster_arrangement(Distributed(device=torch.device("meta"))) is None
    two_processors.setattr(distributed_module, "available_processors", lambda: 1)
    assert faster_arrangement(Distributed()) is None


def test_threads_that_the_user_chose_are_kept(two_processors) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        two_processors.setenv("OMP_NUM_THREADS", "2")
        assert faster_arrangement(Distributed()) is None
        share_processors()
        assert torch.get_num_threads() == 2
        two_processors.delenv("OMP_NUM_THREADS")
        share_processors()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("end", ["returns", "is interrupted"])
def test_wrapped_models_are_freed_before_the_group_is_left(
    end: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A reducer that outlives its process group may keep the process for ever."""
    alive: list[bool] = []
    models: list[weakref.ref[nn.Module]] = []
    leave = dist.destroy_process_group

    def recorded() -> None:
        alive.append(models[0]() is not None)
        leave()

    def train(processes: Distributed) -> None:
        wrapped = DistributedDataParallel(nn.Linear(2, 1))
        wrapped.itself = [wrapped]  # a cycle, which only the collector frees
        models.append(weakref.ref(wrapped))
        if end == "is interrupted":
            raise Interrupted("stop")

    monkeypatch.setattr(dist, "destroy_process_group", recorded)
    values = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1"}
    for name, value in {**values, "MASTER_PORT": free_port()}.items():
        monkeypatch.setenv(name, str(value))
    try:
        with distributed_module.distributed("cpu") as processes:
            train(processes)
    except Interrupted:
        pass
    assert alive == [False]


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
