"""The loop layer is the library's LSTM, plus what it is asked for.

Shapes: ``T`` = 7 pen steps, ``B`` = 3 lines.
"""

import copy

import pytest
import torch
from torch import Tensor, nn

from model.custom_layers.lstm import LoopLSTM, clip_gradient, initialise_lstm


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
