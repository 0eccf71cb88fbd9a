"""The attention decoder's recurrence against the same loop left to autograd."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from model.custom_layers.attention_recurrence import (
    AttentionSteps,
    AttentionWeights,
    attend_over_text,
)

BATCH, CHARACTERS, FRAMES, WIDTH, HIDDEN, KEYS, KERNEL = 3, 4, 7, 5, 6, 4, 3


def plain(inputs, memory, keys, mask, hidden, cell, weights) -> AttentionSteps:
    """The module's equations, one line each."""
    context = memory.new_zeros(memory.shape[0], memory.shape[2])
    attention = coverage = memory.new_zeros(memory.shape[:2])
    steps = []
    for row in inputs:
        gates = row + context @ weights.context.t() + hidden @ weights.hidden.t()
        entry, forget, candidate, output = gates.chunk(4, dim=1)
        cell = forget.sigmoid() * cell + entry.sigmoid() * candidate.tanh()
        hidden = output.sigmoid() * cell.tanh()
        inner = keys + (hidden @ weights.query.t()).unsqueeze(1)
        if weights.location is not None:
            pair = torch.stack([attention, coverage], dim=1)
            inner = inner + F.conv1d(pair, weights.location, padding=KERNEL // 2).transpose(1, 2)
        energy = (inner.tanh() @ weights.energy).masked_fill(~mask, -torch.inf)
        attention = energy.softmax(dim=1)
        coverage = coverage + attention
        context = (attention.unsqueeze(2) * memory).sum(1)
        steps.append((hidden, context, attention))
    return AttentionSteps(*(torch.stack(part) for part in zip(*steps, strict=True)))


def arguments(location: bool, dtype=torch.float64) -> tuple:
    generator = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=dtype, requires_grad=True)

    mask = torch.arange(FRAMES) < torch.tensor([FRAMES, 1, 4]).unsqueeze(1)
    weights = AttentionWeights(
        draw(4 * HIDDEN, WIDTH),
        draw(4 * HIDDEN, HIDDEN),
        draw(KEYS, HIDDEN),
        draw(KEYS),
        draw(KEYS, 2, KERNEL) if location else None,
    )
    inputs, memory = draw(CHARACTERS, BATCH, 4 * HIDDEN), draw(BATCH, FRAMES, WIDTH)
    keys, hidden, cell = draw(BATCH, FRAMES, KEYS), draw(BATCH, HIDDEN), draw(BATCH, HIDDEN)
    return inputs, memory, keys, mask, hidden, cell, weights


@pytest.mark.parametrize("location", [False, True])
def test_equals_the_plain_loop(location):
    given = arguments(location)
    for found, expected in zip(attend_over_text(*given), plain(*given), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("num_lines", [None, [3, 2, 2, 0]])
@pytest.mark.parametrize("location", [False, True])
def test_gradients_equal_those_of_the_plain_loop(location, num_lines):
    """Also where texts end before others do, whatever the plain loop gives after that."""
    *given, weights = arguments(location)
    counts = torch.tensor(num_lines or [BATCH] * CHARACTERS).unsqueeze(1)
    real = (torch.arange(BATCH) < counts).unsqueeze(2)  # [U, B, 1]
    leaves = [each for each in (*given, *weights) if each is not None and each.requires_grad]
    gradients = []
    for form in (partial(attend_over_text, num_lines=num_lines), plain):
        steps = form(*given, weights)
        # Neither sum treats all characters or units alike.
        loss = (steps.hidden * real * torch.arange(HIDDEN)).cumsum(0).square().sum()
        loss = loss + (steps.context * real * torch.arange(1, WIDTH + 1)).sin().sum()
        gradients.append(torch.autograd.grad(loss, leaves))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("location", [False, True])
def test_gradcheck(location):
    inputs, memory, keys, mask, hidden, cell, weights = arguments(location)

    def function(*tensors: Tensor) -> tuple[Tensor, Tensor]:
        rest = AttentionWeights(*tensors[5:], *(() if location else (None,)))
        inputs, memory, keys, hidden, cell = tensors[:5]
        steps = attend_over_text(inputs, memory, keys, mask, hidden, cell, rest)
        return steps.hidden, steps.context

    tensors = [inputs, memory, keys, hidden, cell, *(each for each in weights if each is not None)]
    assert torch.autograd.gradcheck(function, tensors)


def test_frames_outside_the_mask_get_no_attention_and_change_nothing():
    inputs, memory, keys, mask, hidden, cell, weights = arguments(location=True)
    steps = attend_over_text(inputs, memory, keys, mask, hidden, cell, weights)
    assert torch.all(steps.attention[:, ~mask] == 0)
    with torch.no_grad():
        short = attend_over_text(
            inputs[:, 2:], memory[2:, :4], keys[2:, :4], mask[2:, :4], hidden[2:], cell[2:], weights
        )
    torch.testing.assert_close(steps.context[:, 2:], short.context)
    torch.testing.assert_close(steps.hidden[:, 2:], short.hidden)


def test_bf16_products_stay_near_float32():
    *given, weights = arguments(location=True, dtype=torch.float32)
    exact = attend_over_text(*given, weights)
    with torch.autocast("cpu", torch.bfloat16):
        rough = attend_over_text(*given, weights)
    assert rough.hidden.dtype == torch.float32
    torch.testing.assert_close(rough.hidden, exact.hidden, atol=0.05, rtol=0.05)
