"""Shared parts of the hand-written recurrences: products, the LSTM cell forwards and backwards.

The recurrences of the generating models work on columns: a step's values are ``[H, B]``, a line is
a column. Then each gate is one contiguous block, pointwise work runs at its best, and on a CPU the
products of a step, ``[4H, J] @ [J, B]``, are 1.4 times as fast as with lines as rows. All that
enters the gates stands in one such matrix of ``J`` rows, the hidden output before the step first
and rows of ones for the bias and for padding last, so that a step takes one product each way. What
goes in and comes out, ``[T, B, J_i]``, has lines as rows.

Shapes: ``T`` steps, ``B`` lines, ``H`` hidden units, ``J`` rows of what enters the gates; gates in
the order input, forget, candidate, output.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

# Columns that a product for the weights' gradient joins, as many steps as have them.
COLUMNS_AT_ONCE = 1024
# The product for the weights' gradient takes 1.4 times as long where J is no multiple of this.
ROW_MULTIPLE = 16
# Other numbers of columns take twice the time in float32, where the result has them as columns.
COLUMN_MULTIPLE = 16

_sigmoid_backward = torch.ops.aten.sigmoid_backward
_tanh_backward = torch.ops.aten.tanh_backward


def product_type(tensor: Tensor) -> torch.dtype:
    """The type of the recurrent products: autocast's where it is on, else the tensor's own."""
    device_type = tensor.device.type
    if torch.is_autocast_enabled(device_type) and tensor.dtype == torch.float32:
        return torch.get_autocast_dtype(device_type)
    return tensor.dtype


def add_product(row: Tensor, joined: Tensor, weight: Tensor, out: Tensor) -> Tensor:
    """row + joined @ weight, into ``out``, which may be ``row``; the product has the weight's
    type."""
    if weight.dtype == row.dtype:
        return torch.addmm(row, joined, weight, out=out)
    return torch.add(row, joined.to(weight.dtype) @ weight, out=out)


def cell_forward(gate: Tensor, cell: Tensor, next_cell: Tensor, hidden: Tensor) -> None:
    """One step of the LSTM cell, on columns.

    Args:
        gate: ``[4H, B]``, the gates' summed inputs; they become the gates.
        cell: ``[H, B]``, before the step.
        next_cell, hidden: ``[H, B]``, filled; ``next_cell`` may be ``cell``.
    """
    input_gate, forget_gate, candidate, output_gate = gate.chunk(4)
    gate[: 2 * len(cell)].sigmoid_()
    fast_tanh(candidate, out=candidate)
    torch.mul(forget_gate, cell, out=next_cell).addcmul_(input_gate, candidate)
    fast_tanh(next_cell, out=hidden).mul_(output_gate.sigmoid_())


def fast_tanh(values: Tensor, out: Tensor | None = None) -> Tensor:
    """tanh, exact to the rounding of 1; on a CPU ``torch.tanh`` takes five times as long."""
    return torch.mul(values, 2, out=out).sigmoid_().mul_(2).sub_(1)


def cell_backward(
    grad_hidden: Tensor, grad_cell: Tensor, gate: Tensor, cell: Tensor, tanh_cell: Tensor,
    grad_gate: Tensor, dim: int = 1,
) -> Tensor:  # fmt: skip
    """Back through one step of the LSTM cell.

    Args:
        grad_hidden, grad_cell: ``[B, H]``, of the step's hidden output and cell.
        gate: ``[B, 4H]``, the step's gates; ``cell``: the cell before; ``tanh_cell``: after.
        grad_gate: ``[B, 4H]``, filled with the gradient of the gates' summed inputs.
        dim: 0 where all of these are columns, ``[H, B]`` and ``[4H, B]``.

    Returns:
        the gradient ``[B, H]`` of the cell before.
    """
    input_gate, forget_gate, candidate, output_gate = gate.chunk(4, dim)
    of_input, of_forget, of_candidate, of_output = grad_gate.chunk(4, dim)
    _sigmoid_backward(grad_hidden * tanh_cell, output_gate, grad_input=of_output)
    grad_cell = grad_cell + _tanh_backward(grad_hidden * output_gate, tanh_cell)
    _sigmoid_backward(grad_cell * candidate, input_gate, grad_input=of_input)
    _sigmoid_backward(grad_cell * cell, forget_gate, grad_input=of_forget)
    _tanh_backward(grad_cell * input_gate, candidate, grad_input=of_candidate)
    return grad_cell * forget_gate


def per_step(buffer: Tensor, steps: int) -> Sequence[Tensor]:
    """The buffer's entries, one for each step; a buffer of one entry serves all steps."""
    return buffer.unbind(0) if len(buffer) == steps else [buffer[0]] * steps


def join_weights(parts: Sequence[Tensor], bias: Tensor, dtype: torch.dtype) -> Tensor:
    """The weight ``[4H, J]`` of all that enters the gates: columns of the parts, the bias ``[4H]``,
    and zeros up to a multiple of ``ROW_MULTIPLE``."""
    joined = torch.cat([*parts, bias.unsqueeze(1)], dim=1)
    return F.pad(joined, (0, -joined.shape[1] % ROW_MULTIPLE)).to(dtype)


class GateInputs:
    """Forwards: what enters the gates of one step, in the type of the products.

    Args:
        weight: ``[4H, J]`` from ``join_weights``.
        sizes: ``J_i`` of the parts; the rest of ``J`` is for bias and padding.
        batch: ``B``.
    """

    def __init__(self, weight: Tensor, sizes: Sequence[int], batch: int) -> None:
        self._weight = weight
        self._joined = weight.new_ones(weight.shape[1], batch)
        self._product = _product_buffer(weight, batch)
        self._parts = self._joined[: sum(sizes)].split(list(sizes))

    def fill(self, parts: Sequence[Tensor]) -> None:
        """Take a step's parts, ``[J_i, B]`` each."""
        for target, part in zip(self._parts, parts, strict=True):
            target.copy_(part)

    def sum_into(self, gate: Tensor) -> None:
        """The gates' summed inputs ``[4H, B]``."""
        if gate.dtype == self._product.dtype and self._product.is_contiguous():
            torch.mm(self._weight, self._joined, out=gate)
        else:
            gate.copy_(torch.mm(self._weight, self._joined, out=self._product))


class GateGradients:
    """Backwards: the gradients of what enters the gates, step by step, and of the weights.

    The weights' gradient is a sum over steps and lines. It is taken over the steps of one of
    ``chunks`` at a time: a product of good size, without a copy of all steps' gradients.

    Attributes:
        gate: ``[4H, B]``, the gradient of a step's summed inputs, to be filled before ``back``.

    Args:
        weight: ``[4H, J]`` from ``join_weights``.
        sizes: as in ``GateInputs``.
        gate: a step's gates ``[4H, B]``, for their type.
        steps: ``T``.
        of_weight: whether the weight's gradient is wanted.
    """

    def __init__(
        self, weight: Tensor, sizes: Sequence[int], gate: Tensor, steps: int, of_weight: bool
    ) -> None:
        self.gate = torch.empty_like(gate)
        self._steps, self._batch = steps, gate.shape[1]
        self._chunk = max(1, min(steps, COLUMNS_AT_ONCE // self._batch))
        self._weight = weight[:, : sum(sizes)].t().contiguous()  # [sum of J_i, 4H]
        self._lowered = self.gate.to(weight.dtype)  # the same where the types are
        self._product = _product_buffer(self._weight, self._batch)
        self._joined_gradient = self._product
        if self._product.dtype != gate.dtype or not self._product.is_contiguous():
            self._joined_gradient = gate.new_empty(self._product.shape)
        self._parts: Sequence[Tensor] = self._joined_gradient.split(list(sizes))
        self._of_weight: Tensor | None = None
        if of_weight:
            self._of_weight = gate.new_zeros(weight.shape)
            # One step too many: rows that lie a power of two apart share their place in the cache.
            self._gates = weight.new_empty(weight.shape[0], self._chunk + 1, self._batch)
            self._joined = weight.new_ones(self._chunk, self._batch, weight.shape[1])

    def chunks(self) -> Iterator[range]:
        """Ranges of steps, the last first; after each follows ``add_weights``."""
        for start in reversed(range(0, self._steps, self._chunk)):
            yield range(start, min(start + self._chunk, self._steps))

    def back(self, step: int) -> Sequence[Tensor]:
        """The gradients ``[J_i, B]`` of the parts, valid until the next call."""
        if self._lowered is not self.gate:
            self._lowered.copy_(self.gate)
        if self._of_weight is not None:
            self._gates[:, step % self._chunk].copy_(self._lowered)
        torch.mm(self._weight, self._lowered, out=self._product)
        if self._product is not self._joined_gradient:
            self._joined_gradient.copy_(self._product)
        return self._parts

    def add_weights(self, steps: range, parts: Sequence[Tensor]) -> None:
        """Take the chunk ``steps`` into the weight's gradient; ``parts``: ``[T, B, J_i]``."""
        if self._of_weight is None:
            return
        joined = self._joined[: len(steps)]
        sizes = [part.shape[2] for part in parts]
        entries = joined[:, :, : sum(sizes)].split(sizes, dim=2)
        for entry, part in zip(entries, parts, strict=True):
            entry.copy_(part[steps.start : steps.stop])
        gates = self._gates.flatten(1)[:, : len(steps) * self._batch]
        add_product(self._of_weight, gates, joined.flatten(0, 1), out=self._of_weight)

    def of_weights(self, sizes: Sequence[int]) -> Sequence[Tensor | None]:
        """The gradients ``[4H, J_i]`` of the weights, and that of the bias ``[4H]``."""
        if self._of_weight is None:
            return (None,) * (len(sizes) + 1)
        *parts, bias = self._of_weight[:, : sum(sizes) + 1].split([*sizes, 1], dim=1)
        return *parts, bias.squeeze(1)


def _product_buffer(weight: Tensor, batch: int) -> Tensor:
    """For weight ``[I, J]`` times ``[J, B]``: ``[I, B]``, in the order that is faster."""
    if weight.dtype in (torch.float16, torch.bfloat16) or batch % COLUMN_MULTIPLE == 0:
        return weight.new_empty(len(weight), batch)
    return weight.new_empty(batch, len(weight)).t()
