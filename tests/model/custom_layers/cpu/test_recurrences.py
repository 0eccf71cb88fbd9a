"""The compiled recurrences are the plain ones, in values and gradients, in each type.

Shapes: ``T`` = 7 steps, ``B`` = 5 lines, ``H`` = 21 units: no multiple of what a processor takes at
once.
"""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from model.custom_layers import lstm as lstm_module
from model.custom_layers import lstm_with_gaussian_attention as window_module
from model.custom_layers.cpu import recurrences
from model.custom_layers.lstm import FastLSTM
from model.custom_layers.lstm_with_gaussian_attention import (
    GaussianAttentionState,
    LSTMWithGaussianAttention,
)
from model.custom_layers.verified import relative_difference

T, B, H, INPUTS, C, K = 7, 5, 21, 9, 11, 4
LENGTHS = (9, 5, 1, 9, 3)
FLOAT, DOUBLE, LOW = torch.float32, torch.float64, torch.bfloat16
pytestmark = pytest.mark.usefixtures("compiled")


def random(*shape: int, dtype: torch.dtype = DOUBLE, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator, dtype=dtype)


def padded_texts(lengths: tuple[int, ...], dtype: torch.dtype = DOUBLE) -> Tensor:
    """One-hot ``[B, U, C]`` of texts of these lengths; padding is all zero."""
    generator = torch.Generator().manual_seed(1)
    indices = torch.randint(0, C, (len(lengths), max(lengths)), generator=generator)
    positions = torch.arange(max(lengths))
    mask = positions < torch.tensor(lengths).unsqueeze(1)
    return nn.functional.one_hot(indices, C).to(dtype) * mask.unsqueeze(2)


def leaves(values: Sequence[Tensor]) -> list[Tensor]:
    return [value.clone().requires_grad_() for value in values]


def lstm_values(
    steps: int = T, lines: int = B, size: int = H, dtype: torch.dtype = DOUBLE
) -> list[Tensor]:
    """Weights, state and inputs in two parts; the spread of the weights is that of a layer."""
    spread = size**-0.5
    weights = [random(4 * size, INPUTS, dtype=dtype), random(4 * size, size, dtype=dtype)]
    state = [random(lines, size, dtype=dtype, seed=seed) for seed in (1, 2)]
    parts = [random(steps, lines, part, dtype=dtype) for part in (4, INPUTS - 4)]
    return [*(spread * each for each in weights), random(4 * size, dtype=dtype), *state, *parts]


def run_compiled(
    values: Sequence[Tensor], dtype: torch.dtype, clip: float | None = None
) -> tuple[Tensor, Tensor]:
    weights, state, parts = tuple(values[:3]), tuple(values[3:5]), values[5:]
    steps, lines = parts[0].shape[:2]
    rows = [part.flatten(0, 1) for part in parts]
    hiddens, cell = recurrences.lstm(rows, weights, state, [lines] * steps, dtype, clip)
    return hiddens.unflatten(0, (steps, lines)), cell


def run_plain(
    values: Sequence[Tensor], dtype: torch.dtype, clip: float | None = None
) -> tuple[Tensor, Tensor]:
    return lstm_module._Recurrence.apply(*values[:5], dtype, clip, *values[5:])


def results(
    run: Callable[..., tuple[Tensor, ...]], values: Sequence[Tensor], *options: object
) -> list[Tensor]:
    """Outputs and gradients of all values, for random gradients of the outputs."""
    given = leaves(values)
    outputs = run(given, *options)
    seeds = [random(*output.shape, dtype=output.dtype) for output in outputs]
    differentiable = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o.requires_grad]
    torch.autograd.backward(*zip(*differentiable, strict=True))
    return [*(output.detach() for output in outputs), *(leaf.grad for leaf in given)]


def assert_near(found: Sequence[Tensor], expected: Sequence[Tensor], tolerance: float) -> None:
    for index, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert relative_difference(one, other) < tolerance, index


@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize(("dtype", "tolerance"), [(DOUBLE, 1e-12), (FLOAT, 1e-5)])
@pytest.mark.parametrize(
    "sizes", [(T, B, H), (1, 1, 3), (1, B, H), (90, 33, 16), (3, 1, 40), (60, 40, 7)]
)
def test_lstm_equals_the_plain_one(
    sizes: tuple[int, int, int], dtype: torch.dtype, tolerance: float, clip: float | None
) -> None:
    values = lstm_values(*sizes, dtype=dtype)
    found, expected = (results(run, values, dtype, clip) for run in (run_compiled, run_plain))
    assert_near(found, expected, tolerance)


def test_lstm_gradients_agree_with_finite_differences() -> None:
    values = leaves(lstm_values(4, 3, 5))
    assert torch.autograd.gradcheck(lambda *given: run_compiled(given, DOUBLE), values)


@pytest.mark.parametrize("form", [run_compiled, run_plain])
def test_lstm_in_bfloat16_is_within_its_rounding(form: Callable) -> None:
    """Both forms, so that the bound is seen to be what rounding gives and no more."""
    values = lstm_values(40, 16, 64, dtype=FLOAT)
    assert_near(results(form, values, LOW), results(run_plain, values, FLOAT), 0.012)


def test_lstm_over_lines_that_end_equals_each_line_alone() -> None:
    """Lines of 7, 4, 4 and 1 steps, the longest first."""
    lengths = (7, 4, 4, 1)
    counts = [sum(length > step for length in lengths) for step in range(7)]
    weights = lstm_values()[:3]
    state = [random(len(lengths), H, seed=seed) for seed in (3, 4)]
    lines = [random(length, INPUTS, seed=length) for length in lengths]
    rows = torch.cat(
        [torch.stack([line[step] for line in lines[:count]]) for step, count in enumerate(counts)]
    )
    together, alone = leaves([*weights, *state, rows]), leaves([*weights, *state, *lines])
    hiddens, cell = recurrences.lstm(
        [together[5]], tuple(together[:3]), tuple(together[3:5]), counts, DOUBLE
    )
    starts = [sum(counts[:step]) for step in range(7)]
    parts = []
    for index, line in enumerate(alone[5:]):
        start = tuple(part[index : index + 1] for part in alone[3:5])
        given = [*alone[:3], *start, line.unsqueeze(1)]
        outputs, last = run_plain(given, DOUBLE)
        own = torch.stack([hiddens[starts[step] + index] for step in range(len(line))])
        torch.testing.assert_close(own, outputs.squeeze(1), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(cell[index : index + 1], last, rtol=1e-12, atol=1e-12)
        parts.append(outputs.square().sum() + last.sum())
    sum(parts).backward()
    (hiddens.square().sum() + cell.sum()).backward()
    for one, other in zip(together[:5], alone[:5], strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-11, atol=1e-12)


def test_lines_beside_change_nothing_in_a_line() -> None:
    values = lstm_values(20, 19, 32, dtype=FLOAT)
    for dtype in (FLOAT, LOW):
        whole, _ = run_compiled(values, dtype)
        for line in (0, 7, 18):
            alone = [*values[:3], *(each[line : line + 1] for each in values[3:5])]
            alone += [part[:, line : line + 1] for part in values[5:]]
            assert relative_difference(run_compiled(alone, dtype)[0][:, 0], whole[:, line]) < 1e-6


def window_values(steps: int = T, lines: int = B, dtype: torch.dtype = DOUBLE) -> list[Tensor]:
    """Inputs, weights and state of the window layer."""
    spread = H**-0.5
    weights = [
        spread * random(*shape, dtype=dtype)
        for shape in ((4 * H, 3), (4 * H, H + C), (4 * H,), (3 * K, H), (3 * K,))
    ]
    state = [random(lines, size, dtype=dtype) for size in (H, H, K, C)]
    return [random(steps, lines, 3, dtype=dtype), *weights, *state]


def run_window_compiled(
    values: Sequence[Tensor], text: Tensor, dtype: torch.dtype, clip: float | None = None
) -> tuple[Tensor, ...]:
    weights = recurrences.WindowWeights(*values[1:6])
    found = recurrences.window_lstm(
        values[0].flatten(0, 1), weights, text, tuple(values[6:]), dtype, clip
    )
    rows = values[0].shape[:2]
    hidden, window, kappa, phi = (
        part.unflatten(0, rows) for part in (found.hidden, found.window, found.kappa, found.phi)
    )
    return hidden, window, found.cell, found.last_kappa, kappa, phi


def run_window_plain(
    values: Sequence[Tensor], text: Tensor, dtype: torch.dtype, clip: float | None = None
) -> tuple[Tensor, ...]:
    inputs, weights, state = values[0], values[1:6], values[6:]
    return window_module._Recurrence.apply(inputs, *weights, text, *state, clip, dtype, True)


@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize(("dtype", "tolerance"), [(DOUBLE, 1e-12), (FLOAT, 1e-5)])
@pytest.mark.parametrize("lengths", [LENGTHS, (1,), (0, 0), (2,) * 33, (40,)])
@pytest.mark.parametrize("steps", [1, T])
def test_window_equals_the_plain_one(
    steps: int,
    lengths: tuple[int, ...],
    dtype: torch.dtype,
    tolerance: float,
    clip: float | None,
) -> None:
    text = padded_texts(lengths, dtype)
    values = window_values(steps, len(lengths), dtype)
    found = results(run_window_compiled, values, text, dtype, clip)
    if max(lengths) == 0:  # No character gets any weight: as a text of padding.
        text = text.new_zeros(len(lengths), 1, C)
        found[5] = text.new_zeros(steps, len(lengths), 1)
    assert_near(found, results(run_window_plain, values, text, dtype, clip), tolerance)


def test_window_gradients_agree_with_finite_differences() -> None:
    text = padded_texts(LENGTHS[:2])
    values = leaves(window_values(3, 2))
    assert torch.autograd.gradcheck(
        lambda *given: run_window_compiled(given, text, DOUBLE)[:4], values
    )


@pytest.mark.parametrize("form", [run_window_compiled, run_window_plain])
def test_window_in_bfloat16_is_within_its_rounding(form: Callable) -> None:
    text, values = padded_texts(LENGTHS, FLOAT), window_values(12, B, FLOAT)
    exact = results(run_window_plain, values, text, FLOAT)
    assert_near(results(form, values, text, LOW), exact, 0.03)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_window_stays_finite_and_free_of_denormals(scale: float, sign: float) -> None:
    text = padded_texts((90,), FLOAT)
    values = window_values(600, 1, FLOAT)
    values[0] *= 10
    values[4] *= scale
    values[5].fill_(sign * scale)
    for dtype in (FLOAT, LOW):
        found = results(run_window_compiled, values, text, dtype)
        assert all(torch.isfinite(each).all() for each in found)
        phi = found[5]
        assert not ((phi != 0) & (phi.abs() < torch.finfo(FLOAT).tiny)).any()


def layers() -> list[tuple[nn.Module, Callable]]:
    """Both layers with a call each that gives their hidden outputs for pen steps ``[T, B, 3]``."""
    torch.manual_seed(0)
    stacked, window = FastLSTM(3, H), LSTMWithGaussianAttention(3, H, C, K)
    text = padded_texts((6, 4) * 8, FLOAT)
    return [
        (stacked, lambda pen: stacked(pen)[0]),
        (window, lambda pen: window(pen.transpose(0, 1), text).hidden),
    ]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("lowered", [False, True])
class TestInALayer:
    """In their layers: 16 lines, so that these take the compiled way."""

    @pytest.fixture
    def layer(self, which: int) -> tuple[nn.Module, Callable]:
        return layers()[which]

    @pytest.fixture(autouse=True)
    def autocast(self, lowered: bool):
        with torch.autocast("cpu", LOW, enabled=lowered):
            yield

    def test_is_close_to_the_plain_way_in_training_and_evaluation(
        self, layer: tuple, monkeypatch
    ) -> None:
        module, run = layer
        pen, found = random(30, 16, 3, dtype=FLOAT), []
        for switch in ("1", "0"):
            monkeypatch.setenv("HANDWRITING_COMPILED", switch)
            module.zero_grad()
            outputs = run(pen)
            outputs.square().sum().backward()
            with torch.no_grad():
                evaluated = run(pen)
            gradients = [parameter.grad for parameter in module.parameters()]
            found.append([outputs, evaluated, *gradients])
        assert_near(*found, 0.02 if self._low() else 1e-5)

    @staticmethod
    def _low() -> bool:
        return torch.is_autocast_enabled("cpu")

    def test_two_forwards_before_a_backward_and_other_shapes(self, layer: tuple) -> None:
        module, run = layer
        pens = [random(steps, 16, 3, dtype=FLOAT) for steps in (9, 20)]
        sum(run(pen).sum() for pen in pens).backward()
        together = [parameter.grad.clone() for parameter in module.parameters()]
        module.zero_grad()
        for pen in pens:
            run(pen).sum().backward()
        assert_near([parameter.grad for parameter in module.parameters()], together, 1e-6)

    def test_frozen_weights_get_no_gradient_and_inputs_the_same(self, layer: tuple) -> None:
        module, run = layer
        gradients = []
        for frozen in (False, True):
            module.requires_grad_(not frozen)
            module.zero_grad()
            pen = random(9, 16, 3, dtype=FLOAT).requires_grad_()
            run(pen).sum().backward()
            gradients.append(pen.grad)
        assert torch.equal(*gradients)
        assert all(parameter.grad is None for parameter in module.parameters())

    def test_inputs_that_lie_anyhow_in_memory(self, layer: tuple) -> None:
        _, run = layer
        pen = random(9, 16, 3, dtype=FLOAT)
        spread = torch.stack([pen, pen], dim=3)[..., 0].permute(1, 2, 0).contiguous()
        assert torch.equal(run(spread.permute(2, 0, 1)), run(pen))

    def test_the_same_twice_and_with_two_threads(self, layer: tuple) -> None:
        module, run = layer
        pen, found, before = random(30, 16, 3, dtype=FLOAT), [], torch.get_num_threads()
        try:
            for threads in (1, 1, 2):
                torch.set_num_threads(threads)
                module.zero_grad()
                outputs = run(pen)
                outputs.square().sum().backward()
                gradients = [parameter.grad for parameter in module.parameters()]
                found.append([outputs.detach(), *gradients])
        finally:
            torch.set_num_threads(before)
        assert all(map(torch.equal, found[0], found[1]))
        assert torch.equal(found[0][0], found[2][0])
        assert_near(found[2], found[0], 1e-3 if self._low() else 1e-6)

    def test_a_second_derivative_is_refused_clearly(self, layer: tuple) -> None:
        _, run = layer
        pen = random(9, 16, 3, dtype=FLOAT).requires_grad_()
        loss = run(pen).square().sum()
        (gradient,) = torch.autograd.grad(loss, pen, create_graph=True)
        with pytest.raises(RuntimeError, match="differentiate twice"):
            gradient.sum().backward()


def test_a_sequence_in_two_parts_equals_the_whole() -> None:
    (stacked, _), (window, _) = layers()
    pen, text = random(24, 16, 3, dtype=FLOAT), padded_texts((6, 4) * 8, FLOAT)
    whole, last = stacked(pen)
    _, middle = stacked(pen[:10])
    rest, end = stacked(pen[10:], middle)
    assert_near([rest, *end], [whole[10:], *last], 1e-6)
    lines = pen.transpose(0, 1)
    whole, first = window(lines, text), window(lines[:, :10], text)
    rest = window(lines[:, 10:], text, GaussianAttentionState(*first.state))
    assert_near([rest.hidden, *rest.state], [whole.hidden[:, 10:], *whole.state], 1e-6)
