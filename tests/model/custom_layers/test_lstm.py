"""The loop layer is the library's LSTM, plus what it is asked for.

Shapes: ``T`` = 7 pen steps, ``B`` = 3 lines.
"""

import copy

import pytest
import torch
from torch import Tensor, nn

from model.custom_layers.lstm import FastLSTM, LoopLSTM, clip_gradient, initialise_lstm


def loop_layer(**options) -> LoopLSTM:
    torch.manual_seed(1)
    return LoopLSTM(5, 6, **options).double()


def inputs() -> Tensor:
    return torch.randn(7, 3, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def state() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    hidden, cell = torch.randn(2, 1, 3, 6, generator=generator, dtype=torch.float64)
    return hidden, cell


@pytest.mark.parametrize("initial", [None, state()])
def test_equals_the_library_layer_in_values_and_gradients(initial) -> None:
    library = nn.LSTM(5, 6).double()
    loop = loop_layer()
    loop.load_state_dict(library.state_dict())
    results = []
    for layer in (library, loop):
        sequence = inputs().requires_grad_()
        outputs, (hidden, cell) = layer(sequence, initial)
        (outputs.square().sum() + hidden.sum() + (2 * cell).sum()).backward()
        gradients = {name: p.grad for name, p in layer.named_parameters()}
        results.append([outputs, hidden, cell, sequence.grad, gradients])
    torch.testing.assert_close(results[1], results[0], rtol=1e-11, atol=1e-12)


def test_its_weights_load_into_the_library_layer() -> None:
    library = nn.LSTM(5, 6).double()
    library.load_state_dict(loop_layer(recurrent_dropout=0.3).state_dict())
    torch.testing.assert_close(library(inputs())[0], loop_layer()(inputs())[0])


@pytest.mark.parametrize("layer_norm", [False, True])
def test_steps_with_the_state_equal_the_whole_sequence(layer_norm: bool) -> None:
    layer = loop_layer(layer_norm=layer_norm)
    whole, last = layer(inputs())
    memory, steps = None, []
    for step in inputs():
        output, memory = layer(step.unsqueeze(0), memory)
        steps.append(output)
    torch.testing.assert_close(torch.cat(steps), whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(memory, last, rtol=1e-12, atol=1e-12)


def test_layer_norm_does_not_see_the_scale_of_the_weights() -> None:
    layer = loop_layer(layer_norm=True)
    scaled = copy.deepcopy(layer)
    with torch.no_grad():
        scaled.weight_ih_l0.mul_(100)
        scaled.weight_hh_l0.mul_(100)
    torch.testing.assert_close(scaled(inputs())[0], layer(inputs())[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_gradients_agree_with_finite_differences(layer_norm: bool) -> None:
    layer = loop_layer(layer_norm=layer_norm)

    def run(sequence: Tensor, *start: Tensor) -> tuple[Tensor, ...]:
        outputs, last = layer(sequence, start)
        return outputs, *last

    values = [value.requires_grad_() for value in (inputs()[:3], *state())]
    assert torch.autograd.gradcheck(run, values)


def test_every_parameter_gets_a_gradient() -> None:
    layer = loop_layer(layer_norm=True, recurrent_dropout=0.2, gradient_clip=10.0)
    layer(inputs())[0].square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_recurrent_dropout_drops_updates_only_in_training() -> None:
    layer = loop_layer(recurrent_dropout=0.5)
    assert torch.equal(layer.eval()(inputs())[0], loop_layer()(inputs())[0])
    layer.train()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0.fill_(50.0)  # every gate open, every candidate 1
    _, (_, cell) = layer(inputs())
    # Each step adds 0 or 1 / (1 - p) = 2 to a memory that is never erased.
    counts = cell / 2
    torch.testing.assert_close(counts, counts.round())
    assert 0 < counts.min() + counts.max() < 14
    assert counts.unique().numel() > 2


def test_recurrent_dropout_keeps_the_expected_update() -> None:
    layer = LoopLSTM(5, 400, recurrent_dropout=0.3)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0.fill_(50.0)
    torch.manual_seed(0)
    _, (_, cell) = layer(torch.zeros(50, 4, 5))
    assert cell.mean().item() == pytest.approx(50, rel=0.01)


def test_gradient_clip_bounds_the_derivative_of_the_gates_inputs() -> None:
    """The bias's gradient is the sum of these derivatives over lines and steps."""
    plain, clipped = loop_layer(), loop_layer(gradient_clip=1e-3)
    for layer in (plain, clipped):
        (1e3 * layer(inputs())[0]).sum().backward()
    bound = 7 * 3 * 1e-3
    assert plain.bias_ih_l0.grad.abs().max() > bound
    assert clipped.bias_ih_l0.grad.abs().max() <= bound * (1 + 1e-9)


def test_a_wide_gradient_clip_changes_nothing() -> None:
    plain, clipped = loop_layer(), loop_layer(gradient_clip=1e6)
    for layer in (plain, clipped):
        layer(inputs())[0].sum().backward()
    assert torch.equal(plain.weight_hh_l0.grad, clipped.weight_hh_l0.grad)


def test_clip_gradient_cuts_each_entry() -> None:
    values = torch.zeros(3, requires_grad=True)
    factors = torch.tensor([-5.0, 0.5, 5.0])
    (clip_gradient(values * 1.0, 1.0) * factors).sum().backward()
    assert values.grad.tolist() == [-1.0, 0.5, 1.0]


@pytest.mark.parametrize("make", [nn.LSTM, LoopLSTM])
def test_initial_weights_remember(make) -> None:
    layer = make(5, 6)
    initialise_lstm(layer)
    forget = (layer.bias_ih_l0 + layer.bias_hh_l0)[6:12]
    assert torch.equal(forget, torch.ones(6))
    for gate in layer.weight_hh_l0.detach().chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(6), rtol=1e-4, atol=1e-5)


def column_layer(dtype: torch.dtype = torch.float64) -> FastLSTM:
    torch.manual_seed(1)
    return FastLSTM(5, 6).to(dtype)


def parts() -> list[Tensor]:
    return [part.contiguous() for part in inputs().split([2, 3], dim=2)]


@pytest.mark.parametrize("initial", [None, state()])
def test_by_hand_equals_the_library_in_values_and_gradients(initial) -> None:
    layer, results = column_layer(), []
    for form in (lambda *given: nn.LSTM.forward(layer, *given), layer.forward_by_hand):
        layer.zero_grad()
        start = None if initial is None else [part.clone().requires_grad_() for part in initial]
        given = [part.requires_grad_() for part in parts()]
        sequence = given if form == layer.forward_by_hand else torch.cat(given, dim=2)
        outputs, (hidden, cell) = form(sequence, start)
        (outputs.square().sum() + hidden.sum() + (2 * cell).sum()).backward()
        gradients = [part.grad for part in (*given, *(start or []), *layer.parameters())]
        results.append([outputs, hidden, cell, *gradients])
    torch.testing.assert_close(results[1], results[0], rtol=1e-11, atol=1e-12)


def test_clipped_by_hand_equals_the_loop_under_autograd() -> None:
    loop = loop_layer(gradient_clip=2e-2)
    layer = FastLSTM(5, 6, gradient_clip=2e-2).double()
    layer.load_state_dict(loop.state_dict())
    results = []
    for each in (loop, layer, loop_layer()):  # the last without a bound
        sequence = inputs().requires_grad_()
        each(sequence)[0].square().sum().backward()
        results.append([sequence.grad, each.weight_ih_l0.grad, each.weight_hh_l0.grad])
    torch.testing.assert_close(results[1], results[0], rtol=1e-11, atol=1e-12)
    assert not torch.allclose(results[2][0], results[0][0], rtol=1e-2)


def test_by_hand_gradients_agree_with_finite_differences() -> None:
    layer = column_layer()

    def run(first: Tensor, second: Tensor, *start: Tensor) -> tuple[Tensor, ...]:
        outputs, last = layer.forward_by_hand([first, second], start)
        return outputs, *last

    values = [value.requires_grad_() for value in (*(p[:3] for p in parts()), *state())]
    assert torch.autograd.gradcheck(run, values)


@pytest.mark.parametrize("lines", [1, 3, 16, 17])
def test_by_hand_equals_the_library_in_float32_for_any_number_of_lines(lines: int) -> None:
    layer = column_layer(torch.float32)
    sequence = torch.randn(40, lines, 5, generator=torch.Generator().manual_seed(2))
    expected, _ = layer(sequence)
    torch.testing.assert_close(layer.forward_by_hand([sequence])[0], expected, rtol=1e-5, atol=1e-6)


def test_by_hand_many_chunks_of_steps_give_the_same_gradient(monkeypatch) -> None:
    layer, gradients = column_layer(), []
    for columns in (2048, 6):
        monkeypatch.setattr("model.custom_layers.recurrence.COLUMNS_AT_ONCE", columns)
        layer.zero_grad()
        layer.forward_by_hand(parts())[0].square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in layer.parameters()])
    torch.testing.assert_close(gradients[1], gradients[0])


def test_by_hand_two_forwards_before_one_backward_and_frozen_weights() -> None:
    layer = column_layer()
    sum(layer.forward_by_hand([inputs()[:steps]])[0].sum() for steps in (3, 7)).backward()
    together = layer.weight_hh_l0.grad.clone()
    layer.zero_grad()
    for steps in (3, 7):
        layer.forward_by_hand([inputs()[:steps]])[0].sum().backward()
    torch.testing.assert_close(layer.weight_hh_l0.grad, together)
    layer.requires_grad_(False)
    sequence = inputs().requires_grad_()
    layer.forward_by_hand([sequence])[0].sum().backward()
    assert sequence.grad.abs().sum() > 0
    torch.testing.assert_close(layer.weight_hh_l0.grad, together)


def test_by_hand_a_second_derivative_is_refused_clearly() -> None:
    layer, sequence = column_layer(), inputs().requires_grad_()
    loss = layer.forward_by_hand([sequence])[0].square().sum()
    (gradient,) = torch.autograd.grad(loss, sequence, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        gradient.sum().backward()


def test_under_autocast_it_is_by_hand_and_close_to_float32(monkeypatch) -> None:
    monkeypatch.setenv("HANDWRITING_COMPILED", "0")
    torch.manual_seed(0)
    layer = FastLSTM(5, 256)
    sequence = torch.randn(20, 16, 5)
    results = []
    for lowered in (False, True):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=lowered):
            outputs, _ = layer(sequence)
        outputs.square().sum().backward()
        results.append([outputs, layer.weight_hh_l0.grad.clone()])
    assert results[1][0].dtype == torch.float32 and "_Recurrence" in str(results[1][0].grad_fn)
    torch.testing.assert_close(results[1][0], results[0][0], rtol=0.02, atol=0.01)
    error = (results[1][1] - results[0][1]).norm() / results[0][1].norm()
    assert error < 0.02
