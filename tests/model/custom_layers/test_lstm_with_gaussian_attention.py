"""The window layer: its hand-written gradients, its two forms, its finiteness, its padding."""

import pytest
import torch
from padded_texts import padded_texts
from torch import Tensor, nn

from model.custom_layers.lstm_with_gaussian_attention import (
    STEPS_PER_CHARACTER,
    GaussianAttentionOutput,
    GaussianAttentionState,
    LSTMWithGaussianAttention,
)

B, T, U, K, H, C, INPUTS = 2, 6, 5, 3, 4, 7, 3


def make_layer(dtype: torch.dtype = torch.float64, **sizes: int) -> LSTMWithGaussianAttention:
    torch.manual_seed(0)
    layer = LSTMWithGaussianAttention(
        INPUTS, sizes.get("hidden", H), sizes.get("characters", C), sizes.get("components", K)
    )
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return layer.to(dtype)


def make_text(lengths: tuple[int, ...] = (U, 3), dtype: torch.dtype = torch.float64) -> Tensor:
    return padded_texts(lengths, C, dtype)


def make_state(batch: int = B, requires_grad: bool = False) -> GaussianAttentionState:
    torch.manual_seed(2)
    values = [torch.randn(batch, size, dtype=torch.float64) for size in (H, H, K, C)]
    return GaussianAttentionState(*[value.requires_grad_(requires_grad) for value in values])


class Chosen(nn.Module):
    """The layer in one of its forms, with the differentiable outputs alone."""

    def __init__(self, layer: LSTMWithGaussianAttention, form: str) -> None:
        super().__init__()
        self.layer, self.form = layer, form

    def forward(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        output: GaussianAttentionOutput = getattr(self.layer, self.form)(*arguments)
        return output.hidden, output.window, *output.state


def run_with(layer: LSTMWithGaussianAttention, form: str, text: Tensor, *values: Tensor) -> tuple:
    inputs, state, parameters = values[0], GaussianAttentionState(*values[1:5]), values[5:]
    names = [f"layer.{name}" for name, _ in layer.named_parameters()]
    chosen = dict(zip(names, parameters, strict=True))
    return torch.func.functional_call(Chosen(layer, form), chosen, (inputs, text, state))


def all_inputs(layer: LSTMWithGaussianAttention) -> tuple[Tensor, ...]:
    torch.manual_seed(3)
    inputs = torch.randn(B, T, INPUTS, dtype=torch.float64, requires_grad=True)
    return inputs, *make_state(requires_grad=True), *layer.parameters()


@pytest.mark.parametrize("form", ["forward", "forward_plain"])
def test_gradients_agree_with_finite_differences(form: str) -> None:
    layer, text = make_layer(), make_text()
    assert torch.autograd.gradcheck(
        lambda *values: run_with(layer, form, text, *values), all_inputs(layer)
    )


def test_fast_form_equals_plain_form_and_its_gradients() -> None:
    layer, text = make_layer(), make_text()
    values = all_inputs(layer)
    outputs = [run_with(layer, form, text, *values) for form in ("forward", "forward_plain")]
    gradients = [torch.autograd.grad(sum(o.square().sum() for o in out), values) for out in outputs]
    for fast, plain in zip((*outputs[0], *gradients[0]), (*outputs[1], *gradients[1]), strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-10, atol=1e-12)


def test_fast_form_equals_plain_form_in_float32() -> None:
    layer = make_layer(torch.float32)
    text = make_text(dtype=torch.float32)
    inputs = torch.randn(B, 50, INPUTS)
    fast, plain = layer(inputs, text), layer.forward_plain(inputs, text)
    for name in ("hidden", "window", "phi", "kappa"):
        torch.testing.assert_close(getattr(fast, name), getattr(plain, name), rtol=1e-5, atol=1e-6)


def test_steps_equal_the_sequence() -> None:
    layer, text, state = make_layer(), make_text(), make_state()
    inputs = torch.randn(B, T, INPUTS, dtype=torch.float64)
    output = layer(inputs, text, state)
    for t in range(T):
        state, phi = layer.step(inputs[:, t], text, state)
        torch.testing.assert_close(state.hidden, output.hidden[:, t])
        torch.testing.assert_close(state.window, output.window[:, t])
        torch.testing.assert_close(phi, output.phi[:, t])
    for ours, theirs in zip(state, output.state, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_sequence_in_two_parts_equals_the_whole() -> None:
    layer, text = make_layer(), make_text()
    inputs = torch.randn(B, T, INPUTS, dtype=torch.float64)
    whole = layer(inputs, text)
    first = layer(inputs[:, :2], text)
    second = layer(inputs[:, 2:], text, first.state)
    torch.testing.assert_close(torch.cat([first.hidden, second.hidden], 1), whole.hidden)
    torch.testing.assert_close(second.state.kappa, whole.state.kappa)


def test_padding_of_the_text_changes_nothing_and_gets_no_weight() -> None:
    layer = make_layer()
    text = make_text((U, 3))
    inputs = torch.randn(B, T, INPUTS, dtype=torch.float64)
    output = layer(inputs, text)
    alone = layer(inputs[1:], text[1:, :3])
    torch.testing.assert_close(output.hidden[1:], alone.hidden)
    torch.testing.assert_close(output.window[1:], alone.window)
    assert output.phi[1, :, 3:].abs().max() == 0


@pytest.mark.parametrize("steps", [STEPS_PER_CHARACTER, 10.0])
def test_the_window_starts_at_the_pace_of_writing(steps: float) -> None:
    torch.manual_seed(0)
    layer = LSTMWithGaussianAttention(INPUTS, 400, C, 10, steps_per_character=steps)
    text = nn.functional.one_hot(torch.randint(0, C, (4, 40)), C).float()
    kappa = layer(torch.randn(4, 250, INPUTS), text).kappa
    pace = 250 / kappa[:, -1].mean().item()
    assert steps / 1.5 < pace < steps * 1.5


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_long_lines_stay_finite_and_free_of_denormals(scale: float, sign: float) -> None:
    layer = make_layer(torch.float32)
    with torch.no_grad():
        layer.weight_window.mul_(scale)
        layer.bias_window.fill_(sign * scale)
    text = nn.functional.one_hot(torch.randint(0, C, (1, 200)), C).float()
    output = layer(torch.randn(1, 2000, INPUTS) * 10, text)
    (output.hidden.square().sum() + output.window.square().sum()).backward()
    for tensor in (output.hidden, output.window, output.phi, output.kappa):
        assert torch.isfinite(tensor).all()
    for parameter in layer.parameters():
        assert torch.isfinite(parameter.grad).all()
    smallest_normal = torch.finfo(torch.float32).tiny
    assert not ((output.phi != 0) & (output.phi.abs() < smallest_normal)).any()


def test_two_forwards_before_one_backward_and_changed_shapes() -> None:
    layer, text = make_layer(), make_text()
    inputs = [torch.randn(B, steps, INPUTS, dtype=torch.float64) for steps in (3, T)]
    together = sum(layer(part, text).hidden.sum() for part in inputs)
    together.backward()
    both = layer.weight_recurrent.grad.clone()
    layer.zero_grad()
    for part in inputs:
        layer(part, text).hidden.sum().backward()
    torch.testing.assert_close(both, layer.weight_recurrent.grad)


def test_frozen_weights_get_no_gradient_and_the_rest_the_same() -> None:
    layer, text = make_layer(), make_text()
    inputs = torch.randn(B, T, INPUTS, dtype=torch.float64)
    layer(inputs, text).window.sum().backward()
    expected = layer.weight_recurrent.grad.clone()
    layer.zero_grad()
    layer.weight_window.requires_grad_(False)
    layer(inputs, text).window.sum().backward()
    torch.testing.assert_close(layer.weight_recurrent.grad, expected)
    assert layer.weight_window.grad is None


def test_a_second_derivative_is_refused_clearly() -> None:
    layer, text = make_layer(), make_text()
    inputs = torch.randn(B, T, INPUTS, dtype=torch.float64, requires_grad=True)
    loss = layer(inputs, text).hidden.square().sum()
    (gradient,) = torch.autograd.grad(loss, inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        gradient.sum().backward()


def test_bfloat16_keeps_the_window_in_float32_and_close() -> None:
    layer = make_layer(torch.float32, hidden=32)
    text = make_text(dtype=torch.float32)
    inputs = torch.randn(B, 40, INPUTS)
    exact = layer(inputs, text)
    with torch.autocast("cpu", torch.bfloat16):
        rough = layer(inputs, text)
    assert rough.window.dtype == rough.kappa.dtype == torch.float32
    torch.testing.assert_close(rough.kappa, exact.kappa, rtol=0.05, atol=0.05)
    # Rounded to bf16 anywhere, the window would be off by up to 0.4 %.
    torch.testing.assert_close(rough.window, torch.bmm(rough.phi, text), rtol=1e-5, atol=1e-7)


def test_every_parameter_gets_a_gradient() -> None:
    layer, text = make_layer(), make_text()
    layer(torch.randn(B, T, INPUTS, dtype=torch.float64), text).window.square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
