"""The unconditional model: one truth for sequence and step, nothing lost and nothing leaked.

Shapes: ``B`` = 3 lines, ``T`` pen steps.
"""

import os
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from base.batch import Batch
from base.registry import MODELS
from base.schema import arguments_type
from model.loss import MixtureNLL
from model.mixture import BivariateMixture
from model.models import UnconditionalHandwriting

VARIANTS = {
    "plain": {},
    "one layer": {"num_layers": 1},
    "layer norm": {"layer_norm": True},
    "clipped": {"lstm_gradient_clip": 10.0},
}
DROPOUTS = ("dropout", "output_dropout", "recurrent_dropout")


def small_model(**options) -> UnconditionalHandwriting:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_layers": 3, "num_mixtures": 2, **options}
    return UnconditionalHandwriting(**sizes).double()


def random_batch(lengths: tuple[int, ...] = (12, 9, 2), seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    strokes = torch.randn(len(lengths), max(lengths), 3, generator=generator, dtype=torch.float64)
    strokes[..., 0] = (strokes[..., 0] > 1).double()
    for line, length in enumerate(lengths):
        strokes[line, length:] = 0
    count = len(lengths)
    return Batch(
        strokes=strokes,
        stroke_lengths=torch.tensor(lengths),
        text=torch.zeros(count, 1, dtype=torch.int64),
        text_lengths=torch.ones(count, dtype=torch.int64),
        line_indices=torch.arange(count),
    )


def assert_same(first: BivariateMixture, second: BivariateMixture, **tolerance) -> None:
    for name in vars(first):
        torch.testing.assert_close(getattr(first, name), getattr(second, name), **tolerance)


def rows(mixture: BivariateMixture, index) -> BivariateMixture:
    return BivariateMixture(*(getattr(mixture, name)[index] for name in vars(mixture)))


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_steps_equal_the_sequence(options: dict) -> None:
    model = small_model(**options)
    batch = random_batch()
    whole = model(batch)
    state = model.initial_state(3)
    for step in range(batch.strokes.shape[1] - 1):
        mixture, state = model.step(batch.strokes[:, step], state)
        assert_same(mixture, rows(whole, (slice(None), step)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_line_is_predicted_alone_as_in_a_batch(options: dict) -> None:
    model = small_model(**options)
    batch = random_batch()
    whole = model(batch)
    for line, length in enumerate(batch.stroke_lengths.tolist()):
        alone = replace(
            batch,
            strokes=batch.strokes[line : line + 1, :length],
            stroke_lengths=batch.stroke_lengths[line : line + 1],
        )
        expected = rows(whole, (slice(line, line + 1), slice(length - 1)))
        assert_same(model(alone), expected, rtol=1e-10, atol=1e-12)


def test_a_prediction_reads_only_the_steps_before() -> None:
    model = small_model()
    strokes = random_batch((10,)).strokes.requires_grad_()
    output = model(replace(random_batch((10,)), strokes=strokes))
    (gradient,) = torch.autograd.grad(output.means[0, 4].sum(), strokes)
    assert gradient[0, :5].abs().sum(dim=1).gt(0).all()
    assert gradient[0, 5:].abs().sum() == 0


@pytest.mark.parametrize("dropped", [(), *((name,) for name in DROPOUTS), DROPOUTS])
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_parameter_gets_a_gradient(options: dict, dropped: tuple[str, ...]) -> None:
    model = small_model(**options, **dict.fromkeys(dropped, 0.2))
    batch = random_batch()
    MixtureNLL()(model(batch), batch)["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_input_reaches_every_layer_and_every_layer_the_output() -> None:
    """With the way through the hidden units below cut, layer 2 still sees the pen."""
    model = small_model(num_layers=2)
    with torch.no_grad():
        model.layers[1].weight_ih_l0[:, 3:].zero_()
        model.output.weight[:, :8].zero_()
    changed = random_batch(seed=1)
    assert not torch.allclose(model(random_batch()).means, model(changed).means)
    with torch.no_grad():
        model.output.weight[:, 8:].zero_()
    torch.testing.assert_close(model(random_batch()).means, model(changed).means)
    assert model.output.in_features == 2 * 8


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout_changes_training_and_not_evaluation(name: str) -> None:
    model, plain = small_model(**{name: 0.5}), small_model()
    plain.load_state_dict(model.state_dict())
    batch = random_batch()
    torch.manual_seed(1)
    first, second = model(batch).means, model(batch).means
    assert not torch.allclose(first, second)
    assert not torch.allclose(first, plain(batch).means)
    assert_same(model.eval()(batch), plain.eval()(batch), rtol=1e-10, atol=1e-12)


def test_dropout_between_layers_needs_two_layers_and_output_dropout_one() -> None:
    batch = random_batch()
    for name, changes in (("dropout", False), ("output_dropout", True)):
        model = small_model(num_layers=1, **{name: 0.5})
        assert torch.allclose(model(batch).means, model(batch).means) is not changes


def test_weights_move_between_fast_and_loop_layers() -> None:
    fast, loop = small_model(), small_model(recurrent_dropout=0.5)
    loop.load_state_dict(fast.state_dict())
    assert all(isinstance(layer, nn.LSTM) for layer in fast.layers)
    assert not any(isinstance(layer, nn.LSTM) for layer in loop.layers)
    batch = random_batch()
    assert_same(loop.eval()(batch), fast(batch), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_recomputing_changes_no_output_and_no_gradient(options: dict) -> None:
    whole, chunked = small_model(**options), small_model(recompute_steps=4, **options)
    batch, outputs = random_batch(), []
    for model in (whole, chunked):
        outputs.append(model(batch))
        MixtureNLL()(outputs[-1], batch)["loss"].backward()
    assert_same(*outputs)
    for ours, theirs in zip(chunked.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_recomputing_drops_the_same_units_again() -> None:
    gradients = []
    for recompute_steps in (12, None):
        model = small_model(recompute_steps=recompute_steps, dropout=0.5, output_dropout=0.5)
        torch.manual_seed(1)
        MixtureNLL()(model(random_batch()), random_batch())["loss"].backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_output_gradient_clip_bounds_the_outputs_derivative() -> None:
    """The output bias's gradient is the sum of these derivatives over lines and steps."""
    batch = random_batch((6, 6))
    gradients = []
    for bound in (None, 1e-3):
        model = small_model(output_gradient_clip=bound)
        (1e3 * MixtureNLL()(model(batch), batch)["loss"]).backward()
        gradients.append(model.output.bias.grad.abs().max())
    assert gradients[0] > 2 * 5 * 1e-3 >= gradients[1] / (1 + 1e-9)


@pytest.mark.parametrize("options", [{}, {"layer_norm": True, "recurrent_dropout": 0.1}])
def test_autocast_keeps_the_mixture_in_float32(options: dict, monkeypatch) -> None:
    # torch asks the processor whether oneDNN has an LSTM in bfloat16, and not oneDNN, which has
    # none when it is held to the instructions of an older one.
    if os.environ.get("DNNL_MAX_CPU_ISA", "AVX512").partition("_")[0] in ("SSE41", "AVX", "AVX2"):
        monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    model = small_model(**options).float().eval()
    batch = random_batch()
    batch = replace(batch, strokes=batch.strokes.float())
    with torch.autocast("cpu", torch.bfloat16):
        output = model(batch)
        losses = MixtureNLL()(output, batch)
    assert {getattr(output, name).dtype for name in vars(output)} == {torch.float32}
    assert losses["loss"].dtype == torch.float32
    exact = MixtureNLL()(model(batch), batch)["loss"]
    assert losses["loss"].item() == pytest.approx(exact.item(), rel=0.05)
    losses["loss"].backward()


def test_training_learns_a_line_by_heart() -> None:
    """The likelihood of lines by heart grows without bound, in steps that overshoot: the last may
    be one of these, so the best counts."""
    model = small_model(hidden_size=24, num_layers=2)
    batch = random_batch((15, 12))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    history = []
    for _ in range(120):
        loss = MixtureNLL()(model(batch), batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert min(history) < history[0] - 2


def test_a_small_step_down_the_gradient_lowers_the_loss() -> None:
    """To first order by the step's length times the gradient's squared norm."""
    model, batch, step = small_model(hidden_size=24, num_layers=2), random_batch((15, 12)), 1e-6
    before = MixtureNLL()(model(batch), batch)["loss"]
    before.backward()
    expected = step * sum(each.grad.square().sum().item() for each in model.parameters())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= step * parameter.grad
        after = MixtureNLL()(model(batch), batch)["loss"]
    assert (before - after).item() == pytest.approx(expected, rel=0.01)


def test_it_is_registered_and_tells_its_size() -> None:
    model = MODELS["UnconditionalHandwriting"](hidden_size=4, num_layers=1, num_mixtures=1)
    expected = 4 * 4 * (3 + 4 + 2) + 7 * 4 + 7
    assert model.num_parameters == expected
    assert f"trainable parameters: {expected}" in str(model)
    assert model.task == "unconditional"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_size", 0),
        ("num_layers", 0),
        ("num_mixtures", -1),
        ("dropout", 1.0),
        ("output_dropout", -0.1),
        ("recurrent_dropout", 2.0),
        ("output_gradient_clip", 0.0),
        ("lstm_gradient_clip", -10.0),
        ("recompute_steps", 0),
    ],
)
def test_a_config_cannot_ask_for_the_impossible(name: str, value: float) -> None:
    settings = arguments_type(UnconditionalHandwriting)
    assert getattr(settings.model_validate({}), name) is not value
    with pytest.raises(ValidationError, match=name):
        settings.model_validate({name: value})
