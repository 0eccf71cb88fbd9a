"""The packed single step: the same numbers as the model's own."""

import pytest
import torch
from encoded_texts import encoded_texts
from torch import Tensor

from handwriting.text.vocabulary import Vocabulary
from model.models import ConditionalHandwriting, UnconditionalHandwriting
from writing.pen_steps.packed_steps import MANY_VALUES, PenSteps, TextPenSteps
from writing.pen_steps.packed_weights import pack

VOCABULARY = Vocabulary("abcde ")
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
OPTIONS = [{}, {"layer_norm": True}, {"recurrent_dropout": 0.2}, {"lstm_gradient_clip": 10.0}]


def unconditional(dtype: torch.dtype = torch.float64, **options) -> UnconditionalHandwriting:
    torch.manual_seed(0)
    options = {"hidden_size": 10, "num_layers": 3, "num_mixtures": 2, **options}
    return shaken(UnconditionalHandwriting(**options).to(dtype).eval())


def conditional(dtype: torch.dtype = torch.float64, **options) -> ConditionalHandwriting:
    torch.manual_seed(0)
    options = {"hidden_size": 10, "num_layers": 3, "num_mixtures": 2, **options}
    model = ConditionalHandwriting(VOCABULARY, num_window_components=3, **options)
    return shaken(model.to(dtype).eval())


def shaken(model: torch.nn.Module) -> torch.nn.Module:
    """Every parameter away from a start such as 0 or 1, that would hide a wrong place of it."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def texts(model: ConditionalHandwriting, *lines: str) -> Tensor:
    return encoded_texts(model, VOCABULARY, *lines)


def pen_steps(count: int, batch_size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    steps = torch.randn(
        count, batch_size, 3, generator=torch.Generator().manual_seed(3), dtype=dtype
    )
    steps[..., 0] = (steps[..., 0] > 0).to(dtype)
    return steps


def assert_close(mine: Tensor, expected: Tensor) -> None:
    tolerance = TOLERANCE[expected.dtype]
    torch.testing.assert_close(mine, expected, rtol=tolerance, atol=tolerance)


def raw_of(model: torch.nn.Module, call) -> tuple[Tensor, object]:
    """What ``model.output`` gives during a call, and what the call returns."""
    seen = []
    handle = model.output.register_forward_hook(lambda *call: seen.append(call[2]))
    result = call()
    handle.remove()
    return seen[0].squeeze(0), result


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("options", [*OPTIONS, {"num_layers": 1}, {"num_layers": 4}])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_steps_without_text_equal_the_models_own(dtype, options, batch_size) -> None:
    model = unconditional(dtype, **options)
    state = model.initial_state(batch_size)
    with torch.inference_mode():
        fast = PenSteps(pack(model), batch_size)
        for row in pen_steps(30, batch_size, dtype):
            expected, (_, state) = raw_of(model, lambda row=row, s=state: model.step(row, s))
            assert_close(fast.step(row), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("options", [*OPTIONS, {"num_layers": 1}, {"num_layers": 4}])
@pytest.mark.parametrize("lines", [("abc de",), ("a", "abcde abc", "ed")])
def test_steps_with_text_equal_the_models_own(dtype, options, lines) -> None:
    model = conditional(dtype, **options)
    with torch.inference_mode():
        text = texts(model, *lines)
        state = model.initial_state(text)
        fast = TextPenSteps(pack(model), text)
        for row in pen_steps(30, len(lines), dtype):
            expected, (_, phi, state) = raw_of(
                model, lambda row=row, s=state: model.step(row, text, s)
            )
            assert_close(fast.step(row), expected)
            assert_close(fast.phi, phi)
            assert_close(fast.kappa, state.attention.kappa)
    assert fast.phi.any(), "a window that sees nothing would not tell"


def test_many_lines_get_what_each_alone_gets() -> None:
    """So many that they go the way that is faster for many."""
    model, num_lines = unconditional(), MANY_VALUES // 10 + 1
    everyone, alone = PenSteps(pack(model), num_lines), PenSteps(pack(model), 1)
    for row in pen_steps(10, num_lines):
        assert_close(alone.step(row[-1:]), everyone.step(row)[-1:])


@pytest.mark.parametrize("options", [{}, {"layer_norm": True}])
def test_products_in_bfloat16_are_near_the_models_own(options: dict) -> None:
    model = conditional(torch.float32, **options)
    text = texts(model, "abc de", "ed")
    exact, rounded = (TextPenSteps(pack(model, name), text) for name in ("float32", "bfloat16"))
    for row in pen_steps(10, 2, torch.float32):
        expected, raw = exact.step(row), rounded.step(row)
        assert raw.dtype == expected.dtype == rounded.phi.dtype == torch.float32
        torch.testing.assert_close(raw, expected, rtol=0.1, atol=0.1)
        assert not torch.equal(raw, expected)
    rounded.keep(torch.tensor([1]))
    exact.keep(torch.tensor([1]))
    torch.testing.assert_close(rounded.step(row[1:]), exact.step(row[1:]), rtol=0.1, atol=0.1)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="precision: one of float32, bfloat16, got 'half'"):
        pack(unconditional(), "half")


def test_results_of_a_step_stay_when_the_next_is_made() -> None:
    fast = PenSteps(pack(unconditional()), 2)
    first, second = pen_steps(2, 2)
    raw = fast.step(first)
    kept = raw.clone()
    fast.step(second)
    assert torch.equal(raw, kept)


def test_going_on_with_some_lines_changes_nothing_for_them() -> None:
    model = conditional()
    lines = ("a", "abcde abc", "ed", "bb")
    rows = pen_steps(12, 4)
    everyone, some = (TextPenSteps(pack(model), texts(model, *lines)) for _ in range(2))
    kept = torch.tensor([1, 3])
    for row in rows[:6]:
        assert torch.equal(everyone.step(row), some.step(row))
    some.keep(kept)
    assert_close(some.phi, everyone.phi[kept])
    for row in rows[6:]:
        expected = everyone.step(row)[kept]
        assert_close(some.step(row[kept]), expected)
        assert_close(some.phi, everyone.phi[kept])
        assert_close(some.kappa, everyone.kappa[kept])


def test_two_runs_from_one_packing_are_independent() -> None:
    weights = pack(unconditional())
    rows = pen_steps(5, 2)
    first, second = PenSteps(weights, 2), PenSteps(weights, 2)
    alone = [first.step(row) for row in rows]
    mixed = [(second.step(row), first.step(row))[0] for row in rows]
    for expected, result in zip(alone, mixed, strict=True):
        assert torch.equal(expected, result)


def test_packed_weights_are_a_copy_without_history() -> None:
    model = conditional(layer_norm=True)
    weights = pack(model)
    text = texts(model, "abc")
    row = pen_steps(1, 1)[0]
    before = TextPenSteps(weights, text).step(row)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(-2)
    after = TextPenSteps(weights, text).step(row)
    assert torch.equal(before, after)
    assert not after.requires_grad
