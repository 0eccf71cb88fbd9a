"""Drawing a pen step in few operations: the mixture's own sampling is the reference."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from model.mixture import BivariateMixture, draw_noise
from writing.pen_steps.draw import sample_one_pen_step, sample_pen_steps


def raw_outputs(spread: float, num_lines: int = 2000, num_mixtures: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (num_lines, 6 * num_mixtures + 1)
    return torch.randn(shape, generator=generator, dtype=torch.float64) * spread


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("lines_are_columns", [False, True])
def test_it_draws_what_the_mixture_draws(spread: float, lines_are_columns: bool) -> None:
    raw = raw_outputs(spread)
    if lines_are_columns:
        raw = raw.t().contiguous().t()
    generator = torch.Generator().manual_seed(2)
    noise = draw_noise((len(raw),), generator, dtype=raw.dtype)
    bias = torch.rand(len(raw), generator=generator, dtype=raw.dtype) * 3
    bias[::4] = 0.0
    expected = BivariateMixture.from_output(raw).with_bias(bias).sample_from_noise(noise)
    torch.testing.assert_close(sample_pen_steps(raw, bias, noise), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("draw", [sample_pen_steps, sample_one_pen_step])
def test_a_component_of_no_weight_is_never_drawn(draw: Callable, dtype: torch.dtype) -> None:
    """Not even by the noise that is nearest to one."""
    raw = torch.zeros(2, 6 * 3 + 1, dtype=dtype)
    raw[0, 1:4] = torch.tensor([0.0, 0.0, -1e4])  # the last has no weight
    raw[1, 1:4] = torch.tensor([-1e4, 0.0, 0.0])  # the first has none
    raw[:, 4:7] = torch.tensor([1.0, 2.0, 3.0])  # mean x
    nearest_one = 1 - torch.finfo(dtype).eps / 2
    noise = torch.tensor([[nearest_one, 0, 0, 0], [0, 0, 0, 0]], dtype=dtype)
    for row in (slice(0, 1), slice(1, 2)):
        assert draw(raw[row], raw.new_zeros(1), noise[row])[:, 1].tolist() == [2.0]
    assert sample_pen_steps(raw, raw.new_zeros(2), noise)[:, 1].tolist() == [2.0, 2.0]


@pytest.mark.parametrize("draw", [sample_pen_steps, sample_one_pen_step])
@pytest.mark.parametrize("spread", [0.0, 2.0, 2000.0])
def test_a_line_does_not_depend_on_the_others(spread: float, draw: Callable) -> None:
    raw = raw_outputs(spread, num_lines=200)
    generator = torch.Generator().manual_seed(2)
    noise = draw_noise((200,), generator, dtype=raw.dtype)
    bias = torch.linspace(0, 2, 200, dtype=raw.dtype)
    together = sample_pen_steps(raw, bias, noise)
    for place in range(200):
        row = slice(place, place + 1)
        torch.testing.assert_close(draw(raw[row], bias[row], noise[row]), together[row])
