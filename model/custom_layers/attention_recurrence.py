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

Most of what is left is the tanh over all frames. It is 2 s - 1 with s the sigmoid of the doubled
input, and processors take a sigmoid several times quicker; softmax does not see the -1. In the
backward pass v, a factor of all gradients that come through the energies, is multiplied in after
the sums.

Shapes: ``B`` lines, ``U`` characters, ``N`` frames, ``E`` width of the memory, ``D`` of the hidden
output, ``A`` of the keys, ``W`` of the kernel (odd).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from model.custom_layers.cpu import extension, recurrences
from model.custom_layers.recurrence import add_product, cell_backward, fast_tanh, product_type
from model.custom_layers.verified import Pairs, Verified, gradients_of

_sigmoid_backward = torch.ops.aten.sigmoid_backward


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
    """Results of the recurrence for each character: ``hidden`` ``[U, B, D]``, ``context``
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
    num_lines: Sequence[int] | None = None,
) -> AttentionSteps:
    """Run the recurrence from a first state, a context of zeros and no attention.

    Args:
        inputs: ``[U, B, 4D]``, the share of the gates that is known beforehand, bias included.
        memory: ``[B, N, E]``.
        keys: ``[B, N, A]``, bias included.
        mask: bool ``[B, N]``, true on real frames; each line has one at least.
        hidden, cell: ``[B, D]``.
        weights: see there.
        num_lines: for each character, how many of the lines, from the first, have one; never more
            than for the character before. What is given for the others is 0. None: all have.
    """
    # Autocast may have made some of them in its lower precision.
    lines = [each.to(inputs.dtype) for each in (memory, keys, hidden, cell)]
    parts = [None if each is None else each.to(inputs.dtype) for each in weights]
    counts = [inputs.shape[1]] * len(inputs) if num_lines is None else list(num_lines)
    gates_type = product_type(inputs)
    with torch.autocast(inputs.device.type, enabled=False):
        if _is_compiled(inputs, gates_type):
            memory, keys, hidden, cell = lines
            location = parts[4]
            context, recurrent, query, energy = (part for part in parts[:4] if part is not None)
            found = recurrences.attend(
                inputs, memory, keys, mask, (hidden, cell),
                (context, recurrent, query, energy, location), counts, gates_type,
            )  # fmt: skip
            return AttentionSteps(*found)
        steps = _AttentionRecurrence.apply(inputs, *lines, mask, *parts, counts, gates_type)
    return AttentionSteps(*steps)


def _is_compiled(inputs: Tensor, dtype: torch.dtype) -> bool:
    """Whether the recurrence runs in compiled operators."""
    return (
        inputs.device.type == "cpu"
        and inputs.dtype == torch.float32
        and dtype in COMPILED
        and extension.is_available()
        and bool(COMPILED[dtype])
    )


def attention_energies(
    keys: Tensor,
    query: Tensor,
    attention: Tensor,
    coverage: Tensor,
    energy: Tensor,
    location: Tensor | None,
) -> Tensor:
    """One step's energies ``[B, N]``, but for a constant that softmax does not see.

    Args:
        keys: ``[B, N, A]``.
        query: ``[B, A]``.
        attention, coverage: ``[B, N]``, of the step before.
        energy, location: see ``AttentionWeights``.
    """
    inner = torch.add(2 * query.unsqueeze(1), keys, alpha=2)
    if location is not None:
        pair = torch.stack([attention, coverage], dim=1).to(inner.dtype)
        pair = F.pad(pair, _margins(location))
        kernel = (2 * location.to(inner.dtype)).flatten(1).t().expand(len(keys), -1, -1)
        inner = inner.baddbmm_(_windows(pair, keys.shape[1]).transpose(1, 2), kernel)
    # In place, since these are the largest tensors of a step; none is needed twice.
    return inner.sigmoid_() @ (2 * energy)


def _margins(location: Tensor | None) -> tuple[int, int]:
    """Zeros before and after the frames, so that the kernel sees as many at each."""
    width = 1 if location is None else location.shape[2]
    return width // 2, width // 2


def _windows(pair: Tensor, frames: int) -> Tensor:
    """``[B, 2W, N]``: what each place of the kernel sees at each frame of ``[B, 2, N+W-1]``."""
    return pair.unfold(2, frames, 1).flatten(1, 2)


def _sum_windows(windows: Tensor, width: int) -> Tensor:
    """The transpose of ``_windows``, less the margins: ``[B, 2W, N]`` summed into ``[B, 2, N]``.

    A frame has its part in place w of the kernel at the frame that is w places before it, so that
    with margins around each row its parts lie at equal distances.
    """
    batch, _, frames = windows.shape
    rows = F.pad(windows, (width // 2, width // 2))  # [B, 2W, L], L = N+W-1
    size = rows.shape[2]
    parts = rows.as_strided(
        (batch, 2, width, frames), (2 * width * size, width * size, size - 1, 1), width - 1
    )
    return parts.sum(dim=2)


def _cell_forward(
    gate: Tensor, cell: Tensor, after: Tensor, tanh_cell: Tensor, hidden: Tensor
) -> None:
    """The LSTM cell from the gates' summed inputs ``[B, 4D]``, which become the gates; fills the
    cell after the step, its tanh and the hidden output, ``[B, D]`` each."""
    input_gate, forget_gate, candidate, output_gate = gate.chunk(4, dim=1)
    gate[:, : 2 * cell.shape[1]].sigmoid_()
    torch.mul(forget_gate, cell, out=after)
    after.addcmul_(input_gate, fast_tanh(candidate, out=candidate))
    fast_tanh(after, out=tanh_cell)
    torch.mul(output_gate.sigmoid_(), tanh_cell, out=hidden)


class _AttentionRecurrence(torch.autograd.Function):
    """See the module. Under autocast the gates' products run in the lower precision; attention,
    cell and context stay in the type of ``inputs``."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, memory: Tensor, keys: Tensor, hidden: Tensor, cell: Tensor,
        mask: Tensor, weight_context: Tensor, weight_hidden: Tensor, weight_query: Tensor,
        weight_energy: Tensor, location: Tensor | None, counts: list[int],
        gates_type: torch.dtype,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        steps, batch, gate_size = inputs.shape
        size, width, frames = gate_size // 4, memory.shape[2], memory.shape[1]
        weight = torch.cat([weight_hidden, weight_context], dim=1).to(gates_type)
        joined = inputs.new_zeros(steps + 1, batch, size + width)  # hidden and context before u
        joined[0, :, :size] = hidden
        # What is not filled below, past the end of a text, is not read either.
        gates, cells = torch.empty_like(inputs), inputs.new_empty(steps + 1, batch, size)
        cells[0] = cell
        tanh_cells = inputs.new_empty(steps, batch, size)
        sigmoids = inputs.new_empty(steps, batch, frames, keys.shape[2])  # (1 + tanh) / 2
        margin = _margins(location)[0]
        inside = slice(margin, margin + frames)
        # Attention and coverage before u.
        pairs = inputs.new_zeros(steps + 1, batch, 2, frames + 2 * margin)
        outside = torch.zeros_like(mask, dtype=inputs.dtype).masked_fill_(~mask, -torch.inf)
        weight_to_gates = weight.t().contiguous()
        keys, weight_to_query = 2 * keys, 2 * weight_query.t()
        if location is not None:
            kernel = (2 * location.flatten(1).t()).expand(batch, -1, -1)  # [B, 2W, A]
        for step, lines in enumerate(counts):
            gate, after, pair = gates[step, :lines], joined[step + 1, :lines], pairs[step, :lines]
            add_product(inputs[step, :lines], joined[step, :lines], weight_to_gates, out=gate)
            _cell_forward(
                gate, cells[step, :lines], cells[step + 1, :lines], tanh_cells[step, :lines],
                after[:, :size],
            )  # fmt: skip
            query = after[:, :size] @ weight_to_query
            inner = torch.add(keys[:lines], query.unsqueeze(1), out=sigmoids[step, :lines])
            if location is not None:
                inner.baddbmm_(_windows(pair, frames).transpose(1, 2), kernel[:lines])
            energy = inner.sigmoid_() @ (2 * weight_energy)  # [B, N]
            attention = energy.add_(outside[:lines]).softmax(dim=1)
            pairs[step + 1, :lines, 0, inside] = attention
            torch.add(pair[:, 1, inside], attention, out=pairs[step + 1, :lines, 1, inside])
            after[:, size:] = torch.bmm(attention.unsqueeze(1), memory[:lines]).squeeze(1)
        ctx.save_for_backward(
            memory, weight, weight_query, weight_energy, location,
            joined, gates, cells, tanh_cells, sigmoids, pairs,
        )  # fmt: skip
        ctx.counts = counts
        attentions = pairs[1:, :, 0, inside].clone()
        ctx.mark_non_differentiable(attentions)
        return joined[1:, :, :size].clone(), joined[1:, :, size:].clone(), attentions

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hiddens: Tensor, grad_contexts: Tensor, _grad_attentions: Tensor
    ) -> tuple[Tensor | None, ...]:
        (
            memory, weight, weight_query, weight_energy, location,
            joined, gates, cells, tanh_cells, sigmoids, pairs,
        ) = ctx.saved_tensors  # fmt: skip
        steps, batch, size = tanh_cells.shape
        frames, margin = memory.shape[1], _margins(location)[0]
        attentions = pairs[1:, :, 0, margin : margin + frames]  # [U, B, N]
        by_frame = memory.transpose(1, 2).contiguous()  # [B, E, N]
        grad_gates = torch.zeros_like(gates)
        grad_context_steps = torch.zeros_like(grad_contexts)
        grad_joined, grad_cells = torch.zeros_like(joined[0]), torch.zeros_like(cells[0])
        # Of the attention of a step and of the coverage after it, from the steps that follow.
        grad_pairs = memory.new_zeros(batch, 2, frames)
        # Those of v's neighbours, up to the factor 4 v, and that of v up to 2.
        factor = 4 * weight_energy
        grad_queries = gates.new_zeros(steps, batch, len(weight_energy))
        grad_keys, scratch = torch.zeros_like(sigmoids[0]), torch.empty_like(sigmoids[0])
        grad_energy_weight = torch.zeros_like(weight_energy)
        query_to_hidden = factor.unsqueeze(1) * weight_query
        if location is not None:
            kernel = (factor.unsqueeze(1) * location.flatten(1)).t().expand(batch, -1, -1)
            grad_kernels = torch.zeros_like(kernel, memory_format=torch.contiguous_format)
        for step in reversed(range(steps)):
            lines = ctx.counts[step]
            grad_pair, sigmoid = grad_pairs[:lines], sigmoids[step, :lines]
            grad_context = torch.add(
                grad_contexts[step, :lines], grad_joined[:lines, size:],
                out=grad_context_steps[step, :lines],
            )  # fmt: skip
            grad_attention = torch.bmm(grad_context.unsqueeze(1), by_frame[:lines]).squeeze(1)
            grad_attention += grad_pair.sum(dim=1)
            attention = attentions[step, :lines]
            mean = (attention * grad_attention).sum(1, keepdim=True)
            grad_energy = attention * (grad_attention - mean)  # [B, N]
            grad_energy_weight += grad_energy.flatten() @ sigmoid.flatten(0, 1)
            inner = _sigmoid_backward(
                grad_energy.unsqueeze(2).expand_as(sigmoid), sigmoid, grad_input=scratch[:lines]
            )
            grad_keys[:lines] += inner
            grad_query = torch.sum(inner, dim=1, out=grad_queries[step, :lines])
            if location is not None:
                grad_kernels[:lines].baddbmm_(_windows(pairs[step, :lines], frames), inner)
                seen = torch.bmm(kernel[:lines], inner.transpose(1, 2))  # [B, 2W, N]
                grad_pair[:, 0] = 0.0
                grad_pair += _sum_windows(seen, location.shape[2])
            grad_hidden = grad_hiddens[step, :lines] + grad_joined[:lines, :size]
            grad_hidden.addmm_(grad_query, query_to_hidden)
            grad_cells[:lines] = cell_backward(
                grad_hidden, grad_cells[:lines], gates[step, :lines], cells[step, :lines],
                tanh_cells[step, :lines], grad_gates[step, :lines],
            )  # fmt: skip
            grad_joined[:lines] = grad_gates[step, :lines].to(weight.dtype) @ weight
        flat = grad_gates.flatten(0, 1).to(weight.dtype)
        grad_weight = (flat.t() @ joined[:-1].flatten(0, 1).to(weight.dtype)).to(joined.dtype)
        grad_memory = attentions.permute(1, 2, 0) @ grad_context_steps.transpose(0, 1)
        grad_query_weight = grad_queries.flatten(0, 1).t() @ joined[1:, :, :size].flatten(0, 1)
        grad_location = None
        if location is not None:
            grad_location = (grad_kernels.sum(dim=0) * factor).t().reshape(location.shape)
        return (
            grad_gates, grad_memory, grad_keys * factor, grad_joined[:, :size], grad_cells, None,
            grad_weight[:, size:], grad_weight[:, :size], grad_query_weight * factor.unsqueeze(1),
            2 * grad_energy_weight, grad_location, None, None,
        )  # fmt: skip


def _compare(dtype: torch.dtype) -> Pairs:
    """The compiled recurrence beside the one above, with operands of products of a type."""
    lines, frames, width, size, compared, places = 3, 7, 10, 11, 13, 5
    counts = [3, 3, 2, 1]
    generator = torch.Generator().manual_seed(1)
    shapes = [
        (len(counts), lines, 4 * size), (lines, frames, width), (lines, frames, compared),
        (lines, size), (lines, size), (4 * size, width), (4 * size, size), (compared, size),
        (compared,), (compared, 2, places),
    ]  # fmt: skip
    values = [0.5 * torch.randn(shape, generator=generator) for shape in shapes]
    mask = torch.arange(frames) < torch.tensor([7, 5, 2]).unsqueeze(1)
    exists = torch.arange(lines) < torch.tensor(counts).unsqueeze(1)  # [U, B]
    results = []
    for compiled in (True, False):
        leaves = [value.clone().requires_grad_() for value in values]
        inputs, memory, keys, hidden, cell, context, recurrent, query, energy, location = leaves
        state, weights = (hidden, cell), (context, recurrent, query, energy, location)
        steps = (
            recurrences.attend(inputs, memory, keys, mask, state, weights, counts, dtype)
            if compiled
            else _AttentionRecurrence.apply(*leaves[:5], mask, *weights, counts, dtype)
        )
        hidden, context, attention = (step[exists] for step in steps)
        (hidden.square().sum() + context.sum()).backward()
        gradients = gradients_of(leaves)
        results.append({"hidden outputs": hidden, "contexts": context, "gradients": gradients})
        results[-1]["attention"] = attention
    fast, plain = results
    return {name: (fast[name], plain[name]) for name in fast}


# By the type of the operands of products.
COMPILED = {
    torch.float32: Verified("compiled attention", lambda: _compare(torch.float32), 1e-4),
    torch.bfloat16: Verified(
        "compiled attention in bfloat16", lambda: _compare(torch.bfloat16), 0.03
    ),
}
