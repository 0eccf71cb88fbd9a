"""The window layer's recurrence on an NVIDIA GPU: the same values as the one on columns.

There a step's arithmetic takes less time than to launch its kernels. So a step is one product and
one kernel (``window_kernels``; torch operations where Triton is not to be had), and some steps
(``runners.STEPS_AT_ONCE``) are one CUDA graph each way, captured once for a batch size and a
length of the text, and replayed along the line: for lines of any length, from any state. Before
each replay its inputs are copied into the graph's memory, after it what it gives and what the
backward pass needs are copied out, so nothing that outlives a call is shared. The products with
all steps' inputs and those for the weights' gradients stand outside. The last replay of a line may
have steps to spare: they come after all others, in the forward pass nothing reads them, and in the
backward pass they hand on what they get (``BackwardBuffers.valid``).

No sum is in an order that changes from run to run. The recurrent products have the type that they
are asked for, and in float32 follow ``torch.set_float32_matmul_precision``; all that belongs to the
window is in float32. What runs is switched by ``graphs``.

Shapes as in ``row_buffers``, and ``T`` pen steps, ``I`` inputs of a step.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from model.custom_layers.cuda import graphs, runners
from model.custom_layers.cuda.buffers import (
    BackwardBuffers,
    ForwardBuffers,
    RecurrenceInputs,
    State,
)


def is_for(tensor: Tensor) -> bool:
    """Whether this module is to run the recurrence of a layer, from its text ``[B, U, C]``."""
    return tensor.is_cuda and tensor.dtype == torch.float32 and graphs.mode != "plain"


class RowRecurrence(torch.autograd.Function):
    """The loop of ``LSTMWithGaussianAttention``; arguments and results as those of its own."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight_input: Tensor, weight_recurrent: Tensor, bias: Tensor,
        weight_window: Tensor, bias_window: Tensor, one_hot_text: Tensor, hidden: Tensor,
        cell: Tensor, kappa: Tensor, window: Tensor, gradient_clip: float | None,
        recurrent_type: torch.dtype, keep: bool,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        given = RecurrenceInputs.of(
            weight_recurrent, weight_window, bias_window, one_hot_text, recurrent_type
        )
        state = State(hidden, window, cell, kappa)
        results = _Results(len(inputs), state, one_hot_text)
        saved = []
        runner = runners.lease(given, gradient_clip, may_capture=True)
        with torch.cuda.device_of(inputs), runner as run:
            for steps in _chunks(len(inputs)):
                buffers = run.forward_buffers(keep)
                buffers.enter(results.state)
                sums = buffers.activations.gates[: len(steps)].flatten(0, 1)
                rows = inputs[steps.start : steps.stop].flatten(0, 1)
                torch.addmm(bias, rows, weight_input.t(), out=sums)
                run.forward(buffers, len(steps))
                results.take(buffers, steps)
                if keep:
                    saved.append(run.saved(buffers))
            last_cell, last_kappa = results.state.cell.clone(), results.state.kappa.clone()
        ctx.save_for_backward(inputs, weight_input, *given, *saved)
        ctx.gradient_clip = gradient_clip
        hiddens, windows, kappas, phis = results.over_time
        ctx.mark_non_differentiable(kappas, phis)
        return hiddens, windows, last_cell, last_kappa, kappas, phis

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hiddens: Tensor, grad_windows: Tensor, grad_cell: Tensor, grad_kappa: Tensor,
        *_: Tensor,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        # Under checkpointing this runs the forward pass again, so it comes before the lease.
        inputs, weight_input, *rest = ctx.saved_tensors
        given, saved = (
            RecurrenceInputs(*rest[: len(RecurrenceInputs._fields)]),
            rest[len(RecurrenceInputs._fields) :],
        )
        sums = _WeightGradients(inputs, weight_input, given, ctx.needs_input_grad)
        # What is captured is captured both ways, so a backward pass has no need to.
        runner = runners.lease(given, ctx.gradient_clip, may_capture=False)
        with torch.cuda.device_of(inputs), runner as run:
            buffers = run.backward_buffers()
            buffers.enter(grad_cell, grad_kappa)
            for steps, memory in reversed(list(zip(_chunks(len(inputs)), saved, strict=True))):
                run.load(buffers, memory)
                part = slice(steps.start, steps.stop)
                buffers.take(grad_hiddens[part], grad_windows[part])
                run.backward(buffers, len(steps))
                sums.add(buffers, steps)
            state = buffers.of_state()
        return (
            *sums.all(), None, state.hidden, state.cell, state.kappa, state.window, None, None, None
        )  # fmt: skip


def _chunks(steps: int) -> list[range]:
    at_once = runners.STEPS_AT_ONCE
    return [range(start, min(start + at_once, steps)) for start in range(0, steps, at_once)]


class _Results:
    """Results of the recurrence, step by step.

    Attributes:
        over_time: hidden outputs ``[T, B, H]``, windows ``[T, B, C]``, kappas ``[T, B, K]`` and
            phis ``[T, B, U]``.
        state: after the latest step; it may lie in memory that the next step changes.
    """

    def __init__(self, steps: int, state: State, one_hot_text: Tensor) -> None:
        batch, text, characters = one_hot_text.shape
        widths = (state.hidden.shape[1], characters, state.kappa.shape[1], text)
        self.over_time = tuple(one_hot_text.new_empty(steps, batch, width) for width in widths)
        self.state = state

    def take(self, buffers: ForwardBuffers, steps: range) -> None:
        """The first of the buffers' steps, as these of the line's."""
        count = len(steps)
        phis = buffers.phis[:count, :, : self.over_time[-1].shape[2]]
        for target, part in zip(self.over_time, (*buffers.outputs(count), phis), strict=True):
            target[steps.start : steps.stop].copy_(part)
        self.state = buffers.after(count)


class _WeightGradients:
    """Sums over steps and lines, and the gradient of the inputs; None where none is wanted.

    Args:
        inputs: ``[T, B, I]``.
        weight_input: ``[4H, I]``.
        given: of the forward pass.
        needed: for inputs, input weight, recurrent weight, bias, window's weight and its bias.
    """

    def __init__(
        self,
        inputs: Tensor,
        weight_input: Tensor,
        given: RecurrenceInputs,
        needed: tuple[bool, ...],
    ) -> None:
        self._inputs, self._weight_input = inputs, weight_input
        gates, joined = given.recurrent.shape
        parameters, self._hidden = given.window.shape
        self._width = self._hidden + given.one_hot.shape[2]
        shapes = [
            inputs.shape, weight_input.shape, (gates, joined), (gates,), (parameters, joined),
            (parameters,),
        ]  # fmt: skip
        self._sums = [
            inputs.new_zeros(shape) if is_needed else None
            for shape, is_needed in zip(shapes, needed, strict=False)
        ]

    def add(self, buffers: BackwardBuffers, steps: range) -> None:
        """Take in the first of the buffers' steps, which are these of the line's."""
        count = len(steps)
        gates, raw = (part[:count].flatten(0, 1) for part in (buffers.grad_gates, buffers.grad_raw))
        joined = buffers.activations.joined
        before, after = (joined[start:][:count].flatten(0, 1) for start in (0, 1))
        inputs = self._inputs[steps.start : steps.stop]
        of_inputs, of_input, of_recurrent, of_bias, of_window, of_window_bias = self._sums
        if of_inputs is not None:
            of_inputs[steps.start : steps.stop] = (gates @ self._weight_input).view_as(inputs)
        for target, rows, columns in (
            (of_input, gates, inputs.flatten(0, 1)),
            (of_recurrent, gates, before),
            (of_window, raw, after),
        ):
            if target is not None:
                target.addmm_(rows.t(), columns)
        for target, rows in ((of_bias, gates), (of_window_bias, raw)):
            if target is not None:
                target.add_(rows.sum(0))

    def all(self) -> tuple[Tensor | None, ...]:
        """In the order of ``needed``."""
        of_inputs, of_input, of_recurrent, of_bias, of_window, of_window_bias = self._sums
        if of_recurrent is not None:
            of_recurrent = of_recurrent[:, : self._width]
        if of_window is not None:
            of_window = of_window[:, : self._hidden]
        return of_inputs, of_input, of_recurrent, of_bias, of_window, of_window_bias
