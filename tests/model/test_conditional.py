"""The conditional model: its text, its window, one truth for sequence and step.

Shapes: ``B`` = 3 lines, ``T`` pen steps, ``U`` characters.
"""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from base.batch import Batch
from handwriting.text.vocabulary import Vocabulary
from model.loss import MixtureNLL
from model.mixture import BivariateMixture
from model.models import ConditionalHandwriting

VOCABULARY = Vocabulary("abc ")
TEXTS = ("abc a", "cb", "a")
LENGTHS = (12, 9, 2)
VARIANTS = {
    "plain": {},
    "one layer": {"num_layers": 1},
    "layer norm": {"layer_norm": True},
    "clipped": {"lstm_gradient_clip": 10.0, "output_gradient_clip": 100.0},
}


def small_model(**options) -> ConditionalHandwriting:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_layers": 3, "num_mixtures": 2, "num_window_components": 3}
    return ConditionalHandwriting(VOCABULARY, **{**sizes, **options}).double()


def random_batch(seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    strokes = torch.randn(3, max(LENGTHS), 3, generator=generator, dtype=torch.float64)
    strokes[..., 0] = (strokes[..., 0] > 1).double()
    text = torch.full((3, max(map(len, TEXTS))), VOCABULARY.pad)
    for line, (length, characters) in enumerate(zip(LENGTHS, TEXTS, strict=True)):
        strokes[line, length:] = 0
        text[line, : len(characters)] = torch.tensor(VOCABULARY.encode(characters))
    return Batch(
        strokes=strokes,
        stroke_lengths=torch.tensor(LENGTHS),
        text=text,
        text_lengths=torch.tensor([len(characters) for characters in TEXTS]),
        line_indices=torch.arange(3),
    )


def single(batch: Batch, line: int) -> Batch:
    steps, characters = batch.stroke_lengths[line], batch.text_lengths[line]
    rows = {name: value[line : line + 1] for name, value in vars(batch).items()}
    rows["strokes"], rows["text"] = rows["strokes"][:, :steps], rows["text"][:, :characters]
    return Batch(**rows)


def parts(mixture: BivariateMixture) -> list[Tensor]:
    return list(vars(mixture).values())


def test_the_text_is_one_hot_with_an_end_and_empty_padding() -> None:
    batch = random_batch()
    text = small_model().encode(batch.text, batch.text_lengths)
    assert text.shape == (3, 6, len(VOCABULARY))
    for line, characters in enumerate(TEXTS):
        indices = [*VOCABULARY.encode(characters), VOCABULARY.eos]
        assert text[line].argmax(1)[: len(indices)].tolist() == indices
        assert text[line].sum(1).tolist() == [1.0] * len(indices) + [0.0] * (6 - len(indices))


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_steps_equal_the_sequence(options: dict) -> None:
    model, batch = small_model(**options), random_batch()
    whole, path = model.forward_with_window(batch)
    text = model.encode(batch.text, batch.text_lengths)
    state = model.initial_state(text)
    for step in range(batch.strokes.shape[1] - 1):
        mixture, phi, state = model.step(batch.strokes[:, step], text, state)
        torch.testing.assert_close(phi, path.phi[:, step])
        for ours, theirs in zip(parts(mixture), parts(whole), strict=True):
            torch.testing.assert_close(ours, theirs[:, step])


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_line_is_predicted_alone_as_in_a_batch(options: dict) -> None:
    model, batch = small_model(**options), random_batch()
    whole = model(batch)
    for line, length in enumerate(LENGTHS):
        alone = model(single(batch, line))
        for ours, theirs in zip(parts(alone), parts(whole), strict=True):
            torch.testing.assert_close(ours[0], theirs[line, : length - 1])


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_parameter_gets_a_gradient(options: dict) -> None:
    model, batch = small_model(**options), random_batch()
    MixtureNLL()(model(batch), batch)["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_the_text_changes_the_writing() -> None:
    model, batch = small_model(), random_batch()
    other = replace(batch, text=batch.text.flip(1))
    assert not torch.allclose(model(batch).means[0], model(other).means[0])


def test_the_window_feeds_every_layer() -> None:
    model = small_model(num_layers=2)
    batch = random_batch()
    model(batch).means.sum().backward()
    window_columns = slice(3, 3 + len(VOCABULARY))
    assert model.layers[0].weight_ih_l0.grad[:, window_columns].abs().sum() > 0


def test_a_clipped_gate_bounds_the_gradient_and_not_the_output() -> None:
    free, clipped, batch = small_model(), small_model(lstm_gradient_clip=1e-7), random_batch()
    clipped.load_state_dict(free.state_dict())
    for model in (free, clipped):
        (MixtureNLL()(model(batch), batch)["loss"] * 1e3).backward()
    torch.testing.assert_close(free(batch).means, clipped(batch).means)
    bound = 1e-7 * sum(LENGTHS)
    assert clipped.attention.bias.grad.abs().max() <= bound < free.attention.bias.grad.abs().max()


@pytest.mark.parametrize("raw_end", [-1e4, 1e4])
def test_saturated_outputs_give_finite_loss_and_gradients(raw_end: float) -> None:
    """An end of stroke that is certain, and a mixture weight that vanishes."""
    model, batch = small_model(), random_batch()
    with torch.no_grad():
        model.output.bias[0] = raw_end
        model.output.bias[1] = -1e4
    loss = MixtureNLL()(model(batch), batch)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize("steps", [1, 4, 100])
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_recomputing_changes_no_output_and_no_gradient(options: dict, steps: int) -> None:
    whole, chunked = small_model(**options), small_model(recompute_steps=steps, **options)
    batch, paths = random_batch(), []
    for model in (whole, chunked):
        mixture, path = model.forward_with_window(batch)
        MixtureNLL()(mixture, batch)["loss"].backward()
        paths.append([*parts(mixture), path.phi, path.kappa])
    torch.testing.assert_close(paths[1], paths[0])
    for ours, theirs in zip(chunked.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
