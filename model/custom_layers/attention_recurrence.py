"""The recurrence of an attention decoder over a whole text, with hand-written gradients.

One step u takes the hidden output and the context before it and gives new ones (Bahdanau, Cho,
Bengio 2015, appendix A; the energies with location as in Chorowski et al. 2015, eq. 8 and 9, where
the convolution and the projection after it are joined in one kernel)::

    gates = inputs[u] + W_context context + W_hidden hidden         LSTM cell -> hidden, cell
    energy[n] = v . tanh(keys[n] + W_query hidden + (kernel * [attention, coverage])[n])
    attention = softmax of energy over the frames;  coverage = sum of attention up to here
    context = sum over n of attention[n] memory[n]

Autograd over such a loop spends its time in adding a gradient of the size of the memory at every
character; here each gradient that does not feed back is one product over all characters.

Shapes: ``B`` lines, ``U`` characters, ``N`` frames, ``E`` width of the memory, ``D`` of the hidden
output, ``A`` of the keys, ``W`` of the kernel (odd).
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from model.custom_layers.recurrence import add_product, cell_backward, product_type


class AttentionWeights(NamedTuple):
    """The weights of the recurrence.

    Attributes:
        context: ``[4D, E]``, of the context in the gates (input, forget, candidate, output).
        hidden: ``[4D, D]``, of the hidden output in the gates.
        query: ``[A, D]``.
        energy: ``[A]``, v.
        location: ``[A, 2, W]``, the kernel over attention and coverage; None without location.
    """

    context: Tensor
    hidden: Tensor
    query: Tensor
    energy: Tensor
    location: Tensor | None


class AttentionSteps(NamedTuple):
    """What the recurrence gives for each character: ``hidden`` ``[U, B, D]``, ``context``
    ``[U, B, E]`` and, without a gradient, ``attention`` ``[U, B, N]``."""

    hidden: Tensor
    context: Tensor
    attention: Tensor


def attend_over_text(
    inputs: Tensor,
    memory: Tensor,
    keys: Tensor,
    mask: Tensor,
    hidden: Tensor,
    cell: Tensor,
    weights: AttentionWeights,
) -> AttentionSteps:
    """Run the recurrence from a first state, a context of zeros and no attention.

    Args:
        inputs: ``[U, B, 4D]``, the share of the gates that is known beforehand, bias included.
        memory: ``[B, N, E]``.
        keys: ``[B, N, A]``, bias included.
        mask: bool ``[B, N]``, true on real frames; each line has one at least.
        hidden, cell: ``[B, D]``.
        weights: see there.
    """
    # Autocast may have made some of them in its lower precision.
    lines = [each.to(inputs.dtype) for each in (memory, keys, hidden, cell)]
    parts = [None if each is None else each.to(inputs.dtype) for each in weights]
    gates_type = product_type(inputs)
    with torch.autocast(inputs.device.type, enabled=False):
        steps = _AttentionRecurrence.apply(inputs, *lines, mask, *parts, gates_type)
    return AttentionSteps(*steps)


def location_energies(attention: Tensor, coverage: Tensor, kernel: Tensor) -> Tensor:
    """``[B, N, A]``: the kernel ``[A, 2, W]`` over attention and coverage ``[B, N]`` each."""
    steps = _location_windows(torch.stack([attention, coverage], dim=1), kernel.shape[2])
    return steps @ kernel.flatten(1).t()


def _location_windows(pair: Tensor, width: int) -> Tensor:
    """``[..., N, 2W]``: what the kernel sees at each frame of ``[..., 2, N]``."""
    windows = F.pad(pair, (width // 2, width // 2)).unfold(-1, width, 1)  # [..., 2, N, W]
    return windows.transpose(-3, -2).flatten(-2)


def _fold_location(windows: Tensor, width: int) -> Tensor:
    """The transpose of ``_location_windows``: ``[B, N, 2W]`` summed into ``[B, 2, N]``."""
    batch, frames, _ = windows.shape
    columns = windows.transpose(1, 2)  # [B, 2W, N]
    half = width // 2
    folded = F.fold(columns, (1, frames + 2 * half), (1, width))  # [B, 2, 1, N+W-1]
    return folded[:, :, 0, half : half + frames]


class _AttentionRecurrence(torch.autograd.Function):
    """See the module. Under autocast the gates' products run in the lower precision; attention,
    cell and context stay in the type of ``inputs``."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, memory: Tensor, keys: Tensor, hidden: Tensor, cell: Tensor,
        mask: Tensor, weight_context: Tensor, weight_hidden: Tensor, weight_query: Tensor,
        weight_energy: Tensor, location: Tensor | None, gates_type: torch.dtype,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        steps, batch, gate_size = inputs.shape
        size, width, frames = gate_size // 4, memory.shape[2], memory.shape[1]
        weight = torch.cat([weight_hidden, weight_context], dim=1).to(gates_type)
        joined = inputs.new_zeros(steps + 1, batch, size + width)  # hidden and context before u
        joined[0, :, :size] = hidden
        gates, cells = torch.empty_like(inputs), inputs.new_empty(steps + 1, batch, size)
        cells[0] = cell
        tanh_cells = inputs.new_empty(steps, batch, size)
        energies = inputs.new_empty(steps, batch, frames, keys.shape[2])  # after tanh
        pairs = inputs.new_zeros(steps + 1, batch, 2, frames)  # attention, coverage before u
        outside = torch.zeros_like(mask, dtype=inputs.dtype).masked_fill_(~mask, -torch.inf)
        weight_to_gates, weight_to_query = weight.t().contiguous(), weight_query.t().contiguous()
        kernel = None if location is None else location.flatten(1).t().contiguous()
        for step in range(steps):
            gate, after, pair = gates[step], joined[step + 1], pairs[step]
            add_product(inputs[step], joined[step], weight_to_gates, out=gate)
            input_gate, forget_gate, candidate, output_gate = gate.chunk(4, dim=1)
            gate[:, : 2 * size].sigmoid_()
            torch.mul(forget_gate, cells[step], out=cells[step + 1])
            cells[step + 1].addcmul_(input_gate, candidate.tanh_())
            torch.tanh(cells[step + 1], out=tanh_cells[step])
            torch.mul(output_gate.sigmoid_(), tanh_cells[step], out=after[:, :size])
            query = after[:, :size] @ weight_to_query
            torch.add(keys, query.unsqueeze(1), out=energies[step])
            if kernel is not None:
                windows = _location_windows(pair, location.shape[2])
                energies[step] += windows @ kernel
            energy = energies[step].tanh_() @ weight_energy + outside  # [B, N]
            attention = energy.softmax(dim=1)
            pairs[step + 1, :, 0] = attention
            torch.add(pair[:, 1], attention, out=pairs[step + 1, :, 1])
            after[:, size:] = torch.bmm(attention.unsqueeze(1), memory).squeeze(1)
        ctx.save_for_backward(
            memory, weight, weight_query, weight_energy, location,
            joined, gates, cells, tanh_cells, energies, pairs,
        )  # fmt: skip
        attentions = pairs[1:, :, 0].clone()
        ctx.mark_non_differentiable(attentions)
        return joined[1:, :, :size].clone(), joined[1:, :, size:].clone(), attentions

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hiddens: Tensor, grad_contexts: Tensor, _grad_attentions: Tensor
    ) -> tuple[Tensor | None, ...]:
        (
            memory, weight, weight_query, weight_energy, location,
            joined, gates, cells, tanh_cells, energies, pairs,
        ) = ctx.saved_tensors  # fmt: skip
        steps, batch, size = tanh_cells.shape
        by_frame = memory.transpose(1, 2).contiguous()  # [B, E, N]
        grad_gates, grad_context_steps = torch.empty_like(gates), torch.empty_like(grad_contexts)
        grad_queries = gates.new_empty(steps, batch, len(weight_energy))
        grad_joined, grad_cell = torch.zeros_like(joined[0]), torch.zeros_like(cells[0])
        # Of the attention of a step and of the coverage after it, from the steps that follow.
        grad_attention = torch.zeros_like(pairs[0, :, 0])
        grad_coverage = torch.zeros_like(grad_attention)
        grad_keys = memory.new_zeros(energies.shape[1:])
        grad_energy_weight = torch.zeros_like(weight_energy)
        grad_kernel = None if location is None else torch.zeros_like(location.flatten(1))
        for step in reversed(range(steps)):
            grad_context = torch.add(
                grad_contexts[step], grad_joined[:, size:], out=grad_context_steps[step]
            )
            from_context = torch.bmm(grad_context.unsqueeze(1), by_frame).squeeze(1)  # [B, N]
            grad_attention = grad_attention + grad_coverage + from_context
            attention = pairs[step + 1, :, 0]
            mean = (attention * grad_attention).sum(1, keepdim=True)
            grad_energy = attention * (grad_attention - mean)  # [B, N]
            tanh = energies[step]
            grad_energy_weight += grad_energy.flatten() @ tanh.flatten(0, 1)
            inner = torch.addcmul(weight_energy, tanh.mul(weight_energy), tanh, value=-1)
            inner *= grad_energy.unsqueeze(2)  # [B, N, A]
            grad_keys += inner
            torch.sum(inner, dim=1, out=grad_queries[step])
            if location is not None:
                windows = _location_windows(pairs[step], location.shape[2])
                grad_kernel += inner.flatten(0, 1).t() @ windows.flatten(0, 1)
                grad_pair = _fold_location(inner @ location.flatten(1), location.shape[2])
                grad_attention = grad_pair[:, 0]
                grad_coverage = grad_coverage + grad_pair[:, 1]
            else:
                grad_attention = torch.zeros_like(attention)
            grad_hidden = grad_hiddens[step] + grad_joined[:, :size]
            grad_hidden.addmm_(grad_queries[step], weight_query)
            grad_cell = cell_backward(
                grad_hidden, grad_cell, gates[step], cells[step], tanh_cells[step], grad_gates[step]
            )
            grad_joined = (grad_gates[step].to(weight.dtype) @ weight).to(joined.dtype)
        flat = grad_gates.flatten(0, 1).to(weight.dtype)
        grad_weight = (flat.t() @ joined[:-1].flatten(0, 1).to(weight.dtype)).to(joined.dtype)
        attentions = pairs[1:, :, 0].permute(1, 2, 0)  # [B, N, U]
        grad_memory = attentions @ grad_context_steps.transpose(0, 1)
        hiddens = joined[1:, :, :size].flatten(0, 1)
        return (
            grad_gates, grad_memory, grad_keys, grad_joined[:, :size], grad_cell, None,
            grad_weight[:, size:], grad_weight[:, :size],
            grad_queries.flatten(0, 1).t() @ hiddens, grad_energy_weight,
            None if location is None else grad_kernel.view_as(location), None,
        )  # fmt: skip
