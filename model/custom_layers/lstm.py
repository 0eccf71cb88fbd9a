"""LSTM layers beside ``torch.nn.LSTM``: one that is faster in training, one that can do more.

Shapes: ``T`` pen steps, ``B`` lines, ``I`` input units, ``H`` hidden units. Inputs may come in
parts, ``[T, B, I_i]`` each, that side by side are ``[T, B, I]``.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from model.custom_layers.cpu import extension, recurrences
from model.custom_layers.recurrence import (
    GateGradients,
    GateInputs,
    cell_backward,
    cell_forward,
    fast_tanh,
    join_weights,
    product_type,
)
from model.custom_layers.verified import Pairs, Verified

Inputs = Tensor | Sequence[Tensor]
# Where the recurrence by hand was faster than the library's in bfloat16, on a CPU with bfloat16
# products. In float32 the library's takes little more than the products do, and is used.
BY_HAND_HIDDEN = 256
BY_HAND_LINES = 16
# The compiled recurrence packs its weights at each call: for fewer steps that does not pay.
COMPILED_STEPS = 8
# In float32 the library's is as fast for few lines.
COMPILED_LINES = {torch.float32: 8, torch.bfloat16: 1}


class FastLSTM(nn.LSTM):
    """One ``torch.nn.LSTM`` layer that on a CPU runs in compiled operators, see ``cpu``.

    Where these are not to be had, its training under autocast is written by hand: a step is one
    product in the lower precision and pointwise work in float32 on columns, see ``recurrence``;
    kept for the backward pass are gates, cells and hidden outputs, and the inputs where they lie.
    So it is on any device where derivatives are to be clipped. Elsewhere it is ``torch.nn.LSTM``.

    Args:
        input_size: ``I``.
        hidden_size: ``H``.
        gradient_clip: bound on the absolute derivative of the loss with respect to each gate's
            summed input (Graves 2013, section 4: 10); None for no bound.
    """

    weight_ih_l0: nn.Parameter
    weight_hh_l0: nn.Parameter
    bias_ih_l0: nn.Parameter
    bias_hh_l0: nn.Parameter

    def __init__(
        self, input_size: int, hidden_size: int, gradient_clip: float | None = None
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.gradient_clip = gradient_clip

    def forward(  # type: ignore[override]  # parts of an input, and no packed sequences
        self, inputs: Inputs, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run over a sequence, see ``LoopLSTM.forward``."""
        parts = [inputs] if isinstance(inputs, Tensor) else inputs
        if is_compiled(self.weight_hh_l0, *parts[0].shape[:2]):
            return self._forward_compiled(parts, state)
        if self._better_by_hand(parts[0]):
            return self.forward_by_hand(parts, state)
        return super().forward(side_by_side(parts), state)

    def _better_by_hand(self, inputs: Tensor) -> bool:
        if not torch.is_grad_enabled():
            return False
        return self.gradient_clip is not None or (
            inputs.device.type == "cpu"
            and product_type(self.weight_hh_l0) != self.weight_hh_l0.dtype
            and self.hidden_size >= BY_HAND_HIDDEN
            and inputs.shape[1] >= BY_HAND_LINES
        )

    def forward_by_hand(
        self, parts: Sequence[Tensor], state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """``forward`` of inputs in parts, whatever the device, type and sizes."""
        parts, state = self._in_own_type(parts, state)
        dtype = product_type(self.weight_hh_l0)
        with torch.autocast(parts[0].device.type, enabled=False):
            hiddens, cell = _Recurrence.apply(
                *joined_biases(self), *state, dtype, self.gradient_clip, *parts
            )
        return hiddens, (hiddens[-1:], cell.unsqueeze(0))

    def _forward_compiled(
        self, parts: Sequence[Tensor], state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        parts, state = self._in_own_type(parts, state)
        steps, lines = parts[0].shape[:2]
        rows = [part.flatten(0, 1) for part in parts]
        hiddens, cell = compiled_rows(self, rows, [lines] * steps, state, self.gradient_clip)
        hiddens = hiddens.unflatten(0, (steps, lines))
        return hiddens, (hiddens[-1:], cell.unsqueeze(0))

    def _in_own_type(
        self, parts: Sequence[Tensor], state: tuple[Tensor, Tensor] | None
    ) -> tuple[list[Tensor], tuple[Tensor, Tensor]]:
        """Inputs and the state ``[B, H]`` in the type of the weights."""
        dtype = self.weight_hh_l0.dtype
        parts = [part.to(dtype) for part in parts]
        if state is None:
            zeros = parts[0].new_zeros(parts[0].shape[1], self.hidden_size)
            return parts, (zeros, zeros)
        return parts, (state[0].squeeze(0).to(dtype), state[1].squeeze(0).to(dtype))


def joined_biases(layer: nn.LSTM) -> tuple[Tensor, Tensor, Tensor]:
    """The weights of the inputs and of the hidden output, and the sum of both biases."""
    return layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0 + layer.bias_hh_l0


def is_compiled(weight: Tensor, steps: int, lines: int) -> bool:
    """Whether a layer with this recurrent weight runs over so many steps and lines in compiled
    operators."""
    dtype = product_type(weight)
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and dtype in COMPILED
        and steps >= COMPILED_STEPS
        and lines >= COMPILED_LINES[dtype]
        and extension.is_available()
        and bool(COMPILED[dtype])
    )


def compiled_rows(
    layer: nn.LSTM,
    parts: Sequence[Tensor],
    counts: Sequence[int],
    state: tuple[Tensor, Tensor],
    gradient_clip: float | None = None,
) -> tuple[Tensor, Tensor]:
    """A layer over rows ``[R, I_i]``, see ``recurrences.lstm``, where ``is_compiled``."""
    dtype = product_type(layer.weight_hh_l0)
    own_type = layer.weight_hh_l0.dtype
    parts, state = ([each.to(own_type) for each in group] for group in (parts, state))
    with torch.autocast("cpu", enabled=False):
        return recurrences.lstm(
            parts, joined_biases(layer), tuple(state), counts, dtype, gradient_clip
        )


class _Recurrence(torch.autograd.Function):
    """The loop of ``FastLSTM`` with hand-written back-propagation through time."""

    @staticmethod
    def forward(
        ctx: Any, weight_inputs: Tensor, weight_hidden: Tensor, bias: Tensor, hidden: Tensor,
        cell: Tensor, dtype: torch.dtype, gradient_clip: float | None, *inputs: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        steps, batch = inputs[0].shape[:2]
        size = hidden.shape[1]
        sizes = [size, *(part.shape[2] for part in inputs)]
        weight = join_weights([weight_hidden, weight_inputs], bias, dtype)
        entering = GateInputs(weight, sizes, batch)
        hiddens = bias.new_empty(steps + 1, batch, size)
        cells, gates = (
            bias.new_empty(steps + 1, size, batch),
            bias.new_empty(steps, 4 * size, batch),
        )
        hiddens[0], cells[0] = hidden, cell.t()
        column = hidden.t().contiguous()
        rows = zip(
            gates.unbind(0), cells[:-1].unbind(0), cells[1:].unbind(0), hiddens[1:].mT.unbind(0),
            zip(*(part.mT.unbind(0) for part in inputs), strict=True), strict=True,
        )  # fmt: skip
        for gate, last_cell, next_cell, next_hidden, parts in rows:
            entering.fill((column, *parts))
            entering.sum_into(gate)
            cell_forward(gate, last_cell, next_cell, column)
            next_hidden.copy_(column)
        ctx.save_for_backward(weight, gates, cells, hiddens, *inputs)
        ctx.gradient_clip = gradient_clip
        return hiddens[1:], cells[-1].t().clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hiddens: Tensor, grad_cell: Tensor) -> tuple[Tensor | None, ...]:
        weight, gates, cells, hiddens, *inputs = ctx.saved_tensors
        size = cells.shape[1]
        sizes = [size, *(part.shape[2] for part in inputs)]
        of_weight = any(ctx.needs_input_grad[:3])
        gradients = GateGradients(weight, sizes, gates[0], len(gates), of_weight)
        grad_inputs = [
            gates.new_empty(part.shape) if needed else None
            for part, needed in zip(inputs, ctx.needs_input_grad[7:], strict=True)
        ]
        from_next, grad_hidden = torch.zeros_like(cells[0]), torch.empty_like(cells[0])
        grad_cell = grad_cell.t().contiguous()
        for chunk in gradients.chunks():
            for step in reversed(chunk):
                grad_hidden.copy_(grad_hiddens[step].t()).add_(from_next)
                grad_cell = cell_backward(
                    grad_hidden, grad_cell, gates[step], cells[step],
                    fast_tanh(cells[step + 1]), gradients.gate, dim=0,
                )  # fmt: skip
                if ctx.gradient_clip is not None:
                    gradients.gate.clamp_(-ctx.gradient_clip, ctx.gradient_clip)
                from_next, *of_inputs = gradients.back(step)
                for target, part in zip(grad_inputs, of_inputs, strict=True):
                    if target is not None:
                        target[step].t().copy_(part)
            gradients.add_weights(chunk, [hiddens, *inputs])
        of_hidden, of_input, of_bias = gradients.of_weights([size, sum(sizes[1:])])
        return (
            of_input, of_hidden, of_bias, from_next.t(), grad_cell.t(), None, None, *grad_inputs,
        )  # fmt: skip


def _compare(dtype: torch.dtype) -> Pairs:
    """The compiled recurrence beside the one by hand, with operands of products of a type; sizes
    are not those that processors like."""
    steps, lines, sizes, size = 5, 3, (2, 5), 21
    generator = torch.Generator().manual_seed(1)
    shapes = [
        (4 * size, sum(sizes)), (4 * size, size), (4 * size,), (lines, size), (lines, size),
        *((steps, lines, part) for part in sizes),
    ]  # fmt: skip
    values = [0.5 * torch.randn(shape, generator=generator) for shape in shapes]
    seeds = [torch.randn(shape, generator=generator) for shape in ((steps, lines, size), shapes[4])]
    results = []
    for compiled in (True, False):
        leaves = [value.clone().requires_grad_() for value in values]
        weights, state, parts = tuple(leaves[:3]), tuple(leaves[3:5]), leaves[5:]
        if compiled:
            rows = [part.flatten(0, 1) for part in parts]
            hiddens, cell = recurrences.lstm(rows, weights, state, [lines] * steps, dtype, 1.0)
            hiddens = hiddens.unflatten(0, (steps, lines))
        else:
            hiddens, cell = _Recurrence.apply(*weights, *state, dtype, 1.0, *parts)
        torch.autograd.backward((hiddens, cell), seeds)
        gradients = torch.cat([leaf.grad.flatten() for leaf in leaves])
        results.append({"hidden outputs": hiddens, "cells": cell, "gradients": gradients})
    fast, plain = results
    return {name: (fast[name], plain[name]) for name in fast}


# By the type of the operands of products.
COMPILED = {
    torch.float32: Verified("compiled LSTM", lambda: _compare(torch.float32), 1e-4),
    torch.bfloat16: Verified("compiled LSTM in bfloat16", lambda: _compare(torch.bfloat16), 0.03),
}


def side_by_side(parts: Sequence[Tensor]) -> Tensor:
    """``[T, B, I]`` of the parts ``[T, B, I_i]``."""
    if len(parts) == 1:
        return parts[0]
    return torch.cat([part.to(parts[-1].dtype) for part in parts], dim=-1)


class LoopLSTM(nn.Module):
    """One LSTM layer with recurrent dropout, layer normalisation or clipped derivatives, step by
    step under autograd.

    With all options off it computes what a one-layer ``torch.nn.LSTM`` does. Parameters have the
    names and layout of ``torch.nn.LSTM`` (gates in the order input, forget, candidate, output), so
    weights move between the two; layer normalisation adds three parameters of its own.

    Args:
        input_size: ``I``.
        hidden_size: ``H``.
        recurrent_dropout: probability of dropping a unit of the candidate update in training, a
            new mask each step: c = f * c + i * dropout(g) (Semeniuta, Severyn, Barth 2016,
            "Recurrent Dropout without Memory Loss"). It never erases memory.
        layer_norm: normalise the summed inputs of the gates before their bias, and the cell state
            where it is read out (Ba, Kiros, Hinton 2016, "Layer Normalization"; the sum of input
            and recurrent part is normalised, as in their section 3.1, since normalising the input
            part alone would hide how fast the pen moves).
        gradient_clip: bound on the absolute derivative of the loss with respect to each gate's
            summed input (Graves 2013, section 4: 10); None for no bound.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        recurrent_dropout: float = 0.0,
        layer_norm: bool = False,
        gradient_clip: float | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.recurrent_dropout = recurrent_dropout
        self.layer_norm = layer_norm
        self.gradient_clip = gradient_clip
        gates = 4 * hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(gates, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(gates, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(gates))
        self.bias_hh_l0 = nn.Parameter(torch.empty(gates))
        if layer_norm:
            self.gates_gain = nn.Parameter(torch.empty(gates))
            self.cell_gain = nn.Parameter(torch.empty(hidden_size))
            self.cell_bias = nn.Parameter(torch.empty(hidden_size))
        initialise_lstm(self)

    def forward(
        self, inputs: Inputs, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run over a sequence.

        Args:
            inputs: ``[T, B, I]``, or its parts.
            state: hidden and cell state, each ``[1, B, H]``; zeros by default.

        Returns:
            hidden states ``[T, B, H]`` of all steps, and the state after the last.
        """
        inputs = inputs if isinstance(inputs, Tensor) else side_by_side(inputs)
        hidden, cell = self._initial(inputs, state)  # [B, H] each
        bias = self.bias_ih_l0 + self.bias_hh_l0
        added_at_once = None if self.layer_norm else bias
        # Unbinding costs one stack in the backward pass; slicing at every step would cost a
        # gradient of the size of the whole sequence at every step.
        projected = F.linear(inputs, self.weight_ih_l0, added_at_once).unbind(0)  # T of [B, 4H]
        masks = self._dropout_masks(inputs)
        weight = self.weight_hh_l0.t()
        outputs = []
        for step, summed_inputs in enumerate(projected):
            gates = torch.addmm(summed_inputs, hidden.to(summed_inputs.dtype), weight)
            if self.layer_norm:
                gates = F.layer_norm(gates, gates.shape[-1:], self.gates_gain, bias)
            hidden, cell = self._cell(self._clip_gradient(gates), cell, masks[step])
            outputs.append(hidden)
        return torch.stack(outputs), (hidden.unsqueeze(0), cell.unsqueeze(0))

    def _initial(
        self, inputs: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        if state is None:
            zeros = inputs.new_zeros(inputs.shape[1], self.hidden_size)
            return zeros, zeros
        return state[0].squeeze(0), state[1].squeeze(0)

    def _cell(self, gates: Tensor, cell: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """One step from the gates' summed inputs ``[B, 4H]``: new hidden and cell state."""
        entry, forget, candidate, output = gates.chunk(4, dim=-1)
        update = torch.tanh(candidate)
        if mask is not None:
            update = update * mask
        cell = torch.addcmul(torch.sigmoid(forget) * cell, torch.sigmoid(entry), update)
        read = cell
        if self.layer_norm:
            read = F.layer_norm(cell, cell.shape[-1:], self.cell_gain, self.cell_bias)
        return torch.sigmoid(output) * torch.tanh(read), cell

    def _clip_gradient(self, gates: Tensor) -> Tensor:
        return clip_gradient(gates, self.gradient_clip)

    def _dropout_masks(self, inputs: Tensor) -> tuple[Tensor | None, ...]:
        """A mask ``[B, H]`` for each step, 0 or 1 / (1 - p); None where nothing is dropped."""
        steps, lines = inputs.shape[:2]
        if not (self.training and self.recurrent_dropout > 0):
            return (None,) * steps
        ones = inputs.new_ones(steps, lines, self.hidden_size)
        return F.dropout(ones, self.recurrent_dropout).unbind(0)


def clip_gradient(tensor: Tensor, bound: float | None) -> Tensor:
    """The same tensor; in the backward pass its gradient's entries are cut to [-bound, bound]."""
    if bound is not None and tensor.requires_grad:
        tensor.register_hook(lambda gradient: gradient.clamp(-bound, bound))
    return tensor


def initialise_lstm(layer: nn.LSTM | LoopLSTM) -> None:
    """Initial weights of a one-layer LSTM.

    Input weights uniform with variance 1 / I per gate (so that a gate's summed input has the
    spread of the layer's inputs however many there are), recurrent weights orthogonal per gate
    (Saxe et al. 2014), biases 0, but 1 for the forget gate (Gers et al. 2000; Jozefowicz et al.
    2015), so that memory lasts from the start.
    """
    hidden_size = layer.hidden_size
    parameters = dict(layer.named_parameters())
    with torch.no_grad():
        bound = math.sqrt(3 / layer.input_size)
        nn.init.uniform_(parameters["weight_ih_l0"], -bound, bound)
        for gate in parameters["weight_hh_l0"].chunk(4):
            nn.init.orthogonal_(gate)
        nn.init.zeros_(parameters["bias_ih_l0"])
        nn.init.zeros_(parameters["bias_hh_l0"])
        parameters["bias_ih_l0"][hidden_size : 2 * hidden_size].fill_(1.0)
        if "gates_gain" in parameters:
            nn.init.ones_(parameters["gates_gain"])
            nn.init.ones_(parameters["cell_gain"])
            nn.init.zeros_(parameters["cell_bias"])
