"""Runners of the steps of ``window_recurrence``: a loop of launches, or CUDA graphs.

Shapes as in ``row_buffers``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from model.custom_layers.cuda import graphs
from model.custom_layers.cuda.buffers import (
    Activations,
    BackwardBuffers,
    ForwardBuffers,
    RecurrenceInputs,
    Sizes,
    bytes_of,
)
from model.custom_layers.cuda.steps import Pointwise, TorchPointwise, run_backward, run_forward

# Pen steps of one graph. Few cost many launches; many, and a line's last ones are for nothing.
STEPS_AT_ONCE = 64
# The oldest GPUs that Triton is asked to compile for.
TRITON_CAPABILITY = (7, 0)

GRAPHS: graphs.GraphCache["Graphs"] = graphs.GraphCache()


class EagerRunner:
    """Steps that are launched one by one, in memory of the call's own."""

    def __init__(
        self, sizes: Sizes, given: RecurrenceInputs, pointwise: Pointwise, bound: float | None
    ):
        self._sizes, self._given = sizes, given
        self._pointwise, self._bound = pointwise, bound
        self._buffers: ForwardBuffers | None = None

    def forward_buffers(self, keep: bool) -> ForwardBuffers:
        """To be filled; new ones if what is in the last is to be kept."""
        if self._buffers is None or keep:
            self._buffers = ForwardBuffers(self._sizes, self._given)
        return self._buffers

    def forward(self, buffers: ForwardBuffers, steps: int) -> None:
        run_forward(buffers, self._pointwise, steps)

    def saved(self, buffers: ForwardBuffers) -> Tensor:
        """The memory of the activations, which no one changes any more."""
        return buffers.activations.memory

    def backward_buffers(self) -> BackwardBuffers:
        activations = Activations.zeros(self._sizes._replace(steps=0), self._given.one_hot)
        return BackwardBuffers(self._sizes, self._given, activations)

    def load(self, buffers: BackwardBuffers, memory: Tensor) -> None:
        """Go on with the activations that ``saved`` gave."""
        buffers.activations = Activations(self._sizes, memory)

    def backward(self, buffers: BackwardBuffers, steps: int) -> None:
        run_backward(buffers, self._pointwise, steps, self._bound)


class Graphs:
    """Graphs of ``N`` steps each way; an entry of ``GRAPHS``, for one caller at a time.

    Args: as ``Loop``; what ``given`` holds is replaced by what each call gives to ``take``.
    """

    def __init__(
        self, sizes: Sizes, given: RecurrenceInputs, pointwise: Pointwise, bound: float | None
    ):
        device = given.one_hot.device
        self.nbytes = bytes_of(sizes, given.one_hot.dtype)
        self._given = given.copy()
        self._forward = ForwardBuffers(sizes, self._given)
        self._backward = BackwardBuffers(sizes, self._given, self._forward.activations)
        self._replay_forward = graphs.capture(
            lambda: run_forward(self._forward, pointwise, sizes.steps), device
        )
        self._replay_backward = graphs.capture(
            lambda: run_backward(self._backward, pointwise, sizes.steps, bound), device
        )

    def take(self, given: RecurrenceInputs) -> None:
        """Take the inputs that the next replays compute with."""
        self._given.take(given)

    def forward_buffers(self, keep: bool) -> ForwardBuffers:
        return self._forward

    def forward(self, buffers: ForwardBuffers, steps: int) -> None:
        self._replay_forward()

    def saved(self, buffers: ForwardBuffers) -> Tensor:
        return buffers.activations.memory.clone()

    def backward_buffers(self) -> BackwardBuffers:
        return self._backward

    def load(self, buffers: BackwardBuffers, memory: Tensor) -> None:
        buffers.activations.memory.copy_(memory)

    def backward(self, buffers: BackwardBuffers, steps: int) -> None:
        self._replay_backward()


class _Key(NamedTuple):
    """Key of a graph: all that it depends on."""

    device: torch.device
    sizes: Sizes
    numbers: tuple[torch.dtype, torch.dtype]
    products: tuple[str | None, ...]
    pointwise: type
    bound: float | None


@contextmanager
def lease(
    given: RecurrenceInputs, bound: float | None, may_capture: bool
) -> Iterator[EagerRunner | Graphs]:
    """Lend a runner of the steps of one pass, for the block alone.

    Args:
        given: of the pass.
        bound: on the gradients of the gates' sums.
        may_capture: whether graphs may be captured, or only those used that are there.
    """
    device, dtype = given.one_hot.device, given.one_hot.dtype
    sizes = given.sizes(STEPS_AT_ONCE)
    pointwise = pointwise_on(device, dtype)
    loop = EagerRunner(sizes, given, pointwise, bound)
    if not graphs.graphs_are_possible(device):
        yield loop
        return
    key = _Key(
        device, sizes, (dtype, given.recurrent.dtype), _product_settings(), type(pointwise), bound
    )

    def make() -> Graphs:
        return Graphs(sizes, given, pointwise, bound)

    with GRAPHS.lease(
        key, device, bytes_of(sizes, dtype), make if may_capture else None
    ) as captured:
        if captured is not None:
            captured.take(given)
        yield loop if captured is None else captured


def _product_settings() -> tuple[str | None, ...]:
    """Return the settings by which cuBLAS multiplies, which a capture would hold fast."""
    return (
        torch.get_float32_matmul_precision(),
        getattr(torch.backends.cuda.matmul, "fp32_precision", None),
        str(torch.are_deterministic_algorithms_enabled()),
    )


def pointwise_on(device: torch.device, dtype: torch.dtype) -> Pointwise:
    """One kernel a step where Triton can compile it, else torch operations."""
    if device.type != "cuda" or dtype != torch.float32 or not _has_triton(device):
        return TorchPointwise()
    from model.custom_layers.cuda.window_kernels import TritonPointwise

    return TritonPointwise()


@cache
def _has_triton(device: torch.device) -> bool:
    """Whether Triton is there and its kernels for one step run on a GPU."""
    if torch.cuda.get_device_capability(device) < TRITON_CAPABILITY:
        return False
    try:
        from model.custom_layers.cuda.window_kernels import TritonPointwise

        _try(TritonPointwise(), device)
    except Exception as error:  # a compiler's and a driver's troubles have no one type
        graphs.log_fallback(error)
        return False
    return True


def _try(pointwise: Pointwise, device: torch.device) -> None:
    one_hot = torch.zeros(1, 2, 3, device=device)
    given = RecurrenceInputs.of(
        one_hot.new_zeros(8, 5), one_hot.new_zeros(6, 2), one_hot.new_zeros(6), one_hot,
        torch.float32,
    )  # fmt: skip
    sizes = given.sizes(1)
    forward = ForwardBuffers(sizes, given)
    run_forward(forward, pointwise, 1)
    run_backward(BackwardBuffers(sizes, given, forward.activations), pointwise, 1, None)
    torch.cuda.synchronize(device)
