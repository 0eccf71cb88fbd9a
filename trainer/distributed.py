"""Data-parallel training under torchrun: who this process is, and sums over all of them.

With one process everything here does nothing, so that the trainer needs no second way.
"""

import gc
import io
import os
import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import PrefixStore  # type: ignore[attr-defined]  # named in its documents
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from handwriting.errors import Interrupted, UserError

RESTARTS = "TORCHELASTIC_RESTART_COUNT"

JOINING = timedelta(minutes=5)
"""How long a process waits for the others to start."""

TOGETHER = timedelta(hours=2)
"""How long a process waits for the others at a sum: the main one may be preparing a corpus."""

# What gloo and nccl say when another process is gone.
_LOST = re.compile(
    r"closed by peer|reset by peer|Broken pipe|[Tt]imed out|timeout|remote process exited|NCCL"
)
# The environment variable by which a user says how many threads a process computes with.
THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class Distributed:
    """The place of this process among the others.

    Attributes:
        rank: its number among all processes; 0 is the one that writes.
        world_size: how many processes there are.
        device: what it computes on.
    """

    rank: int = 0
    world_size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """``model``, its gradients averaged over the processes in each backward pass."""
        if self.world_size == 1:
            return model
        device_ids = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=device_ids)

    def sum(self, values: Tensor) -> Tensor:
        """Sum of ``values`` over the processes, each giving the same shape; on the CPU."""
        if self.world_size == 1:
            return values.cpu()
        # nccl sums on the GPU only; a copy, since all_reduce works in place.
        summed = values.detach().clone().to(self.device)
        dist.all_reduce(summed)
        return summed.cpu()

    def sum_list(self, values: Sequence[float]) -> list[float]:
        """Sum of each value over the processes, in float64."""
        if self.world_size == 1:
            return list(values)
        return self.sum(torch.tensor(values, dtype=torch.float64)).tolist()

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` holds in any process; the same answer in all of them."""
        return self.sum_list([float(flag)])[0] > 0

    def barrier(self) -> None:
        """Wait until every process is here."""
        self.any(False)

    def gather(self, value: Any) -> list[Any]:
        """``value`` (tensors and plain values) of every process, in order of rank."""
        if self.world_size == 1:
            return [value]
        data = _to_bytes(value)
        sizes = self.sum_list([len(data) if i == self.rank else 0 for i in range(self.world_size)])
        gathered = torch.zeros(self.world_size, int(max(sizes)), dtype=torch.uint8)
        gathered[self.rank, : len(data)] = data
        rows = self.sum(gathered)  # each row is 0 in all processes but one
        return [_from_bytes(row[: int(size)]) for row, size in zip(rows, sizes, strict=True)]

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The block runs in rank 0, then in the others, which find what it left on the disk."""
        if not self.is_main:
            self.barrier()
        yield
        if self.is_main:
            self.barrier()


ALONE = Distributed()
"""One process on the CPU."""


def _to_bytes(value: Any) -> Tensor:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)


def _from_bytes(data: Tensor) -> Any:
    return torch.load(io.BytesIO(data.numpy().tobytes()), weights_only=True)


@contextmanager
def distributed(device: str) -> Iterator[Distributed]:
    """Join the processes that torchrun started, if it did: gloo on the CPU, nccl on GPUs.

    Args:
        device: what to compute on; under torchrun, ``"cuda"`` is each process's own GPU.

    Raises:
        UserError: the device is not there, the others did not come within ``JOINING``, or one of
            them ended or gave no answer within ``TOGETHER``.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield Distributed(device=checked_device(device))
        return
    if torch.device(device).type == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    here = checked_device(device)
    if here.type == "cuda":
        torch.cuda.set_device(here)
    if here.type == "cpu" and int(os.environ["WORLD_SIZE"]) > 1:
        share_processors()
    _join("nccl" if here.type == "cuda" else "gloo")
    try:
        yield Distributed(dist.get_rank(), dist.get_world_size(), here)
    except Interrupted as error:
        _leave(error)
        raise
    except RuntimeError as error:
        if _LOST.search(str(error)):
            raise UserError(f"another process ended, or did not answer: {error}") from error
        raise
    # Not after an error: the others may be waiting in a sum, and leaving politely would wait too.
    _leave()


def _join(backend: str) -> None:
    """Meet the other processes, each of which has its own start to make."""
    try:
        store, rank, world_size = next(rendezvous("env://", timeout=JOINING))
        # After a restart torchrun's store may still have the addresses of the processes before.
        attempt = PrefixStore(f"attempt {os.environ.get(RESTARTS, 0)}", store)
        dist.init_process_group(
            backend, store=attempt, rank=rank, world_size=world_size, timeout=TOGETHER
        )
    except (RuntimeError, ValueError) as error:
        minutes = JOINING.total_seconds() / 60
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"torchrun: the processes did not meet within {minutes:g} minutes ({reason})"
        ) from error


def _leave(error: BaseException | None = None) -> None:
    """Leave the other processes, after the last model that was wrapped for them is gone.

    The reducer of such a model waits, as it is freed, for a thread of the process group; freed
    after the group it would wait for ever, or end the process. Frames of an error keep it alive.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__
    gc.collect()
    dist.destroy_process_group()


def share_processors() -> None:
    """Compute with one thread in this process, one of several on a CPU, unless the user gave a
    number: each then has a processor to itself, and none waits for another within a step."""
    if THREADS not in os.environ:
        torch.set_num_threads(1)


def faster_arrangement(processes: Distributed) -> str | None:
    """Advise how to train faster on this machine's processors; None where it would not, or where
    the user chose their number of threads."""
    count = available_processors()
    alone = processes.world_size == 1 and processes.device.type == "cpu"
    if not alone or count < 2 or THREADS in os.environ:
        return None
    return (
        f"{count} processors: faster with a process on each, "
        f"torchrun --nproc_per_node={count} train.py ... (see docs/speed.md)"
    )


def available_processors() -> int:
    """Return the number of processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_device(name: str) -> torch.device:
    """The device of this name; ``UserError`` when there is none on this machine."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device: cannot be used here, got {name!r} ({reason})") from None
    return device
