"""The runtime beside torch, for models of other shapes than the shipped ones, and for batches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evaluation.runtime_export import write_export
from handwriting.errors import UserError
from handwriting.ink.features import InkFeatures
from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.beam_search import BeamSearch
from handwriting.runtime.drawing import MixtureBounds, draw_many, draw_one, log_prob
from handwriting.runtime.onnx_steps import OnnxSteps, open_session
from handwriting.runtime.pen_steps import PenSteps, pack
from handwriting.runtime.reading_settings import ReadingSettings
from handwriting.runtime.recogniser import LanguageModel, Recogniser
from handwriting.runtime.synthesis import Limits, Prime, request
from handwriting.runtime.synthesis_loop import SynthesisLoop
from handwriting.runtime.text_writer import TextWriter
from handwriting.runtime.writer import Writer
from handwriting.text.vocabulary import Vocabulary
from model.exported_weights import for_export, tensors_of
from model.language_model import CharacterLanguageModel
from model.mixture import BivariateMixture
from model.models import ConditionalHandwriting
from model.recognition import Seq2SeqRecognition
from reading.decoding import decode
from reading.runtime_export import about_language_model, about_recogniser
from trainer.loaded_model import LoadedModel, load_model
from utils.shipped import checkpoint_path
from writing.line_writer import line_writer
from writing.pen_steps.onnx_export import write_step
from writing.runtime_export import about
from writing.synthesis import write

VOCABULARY = Vocabulary("abcde ")
NORMALISATION = Normalisation(mean=(8.0, 0.5), std=(40.0, 30.0))


def loaded(model: ConditionalHandwriting, **loader: Any) -> LoadedModel:
    config = {"data_loader": {"args": loader}}
    return LoadedModel(model.eval(), NORMALISATION, VOCABULARY, config, {})


@pytest.fixture(scope="module", params=[(1, False), (2, True), (3, False)])
def writer(request: pytest.FixtureRequest) -> ConditionalHandwriting:
    layers, layer_norm = request.param
    torch.manual_seed(layers)
    return ConditionalHandwriting(
        VOCABULARY, 12, layers, num_mixtures=3, num_window_components=2, layer_norm=layer_norm
    ).eval()


def test_an_export_says_which_measure_the_lines_of_its_model_had(
    writer: ConditionalHandwriting,
) -> None:
    path = {"smooth": 0.05, "step": 0.5, "turn": 0.6}
    cleaning = {"x_height": 1.0, "path": path}
    measured = about(loaded(writer, cleaning=cleaning), writer, VOCABULARY)
    assert measured["measure"] == {"x_height": 1.0, "path": path}
    assert about(loaded(writer), writer, VOCABULARY)["measure"] is None


@pytest.mark.parametrize("lines", [1, 3, 8])
def test_lines_are_those_of_torch_however_many(writer: ConditionalHandwriting, lines: int) -> None:
    """Of different lengths, with styles and without, until each ends."""
    torch_lines = {
        "texts": ["abc de", "b", "dead ace", "cab", "ab", "ebb", "add a bed", "e"][:lines],
        "seeds": list(range(lines)),
        "biases": [0.3 * at for at in range(lines)],
    }
    style = Prime(np.cumsum(np.ones((9, 3), np.float32), axis=0) % 3, "ace")
    primes = [style if at % 2 else None for at in range(lines)]
    expected = write(
        writer, NORMALISATION, VOCABULARY, torch_lines["texts"], torch_lines["biases"],
        primes=primes, seeds=torch_lines["seeds"],
    )  # fmt: skip
    rules = about(loaded(writer), writer, VOCABULARY)
    packed = pack(rules, tensors_of(for_export(writer)))
    wishes = [
        request(VOCABULARY, text, prime, bias, seed, Limits())
        for text, prime, bias, seed in zip(
            torch_lines["texts"], primes, torch_lines["biases"], torch_lines["seeds"], strict=True
        )
    ]
    found = SynthesisLoop(rules, lambda texts: PenSteps(packed, texts), wishes).write()
    for line, theirs in zip(found, expected, strict=True):
        assert line.strokes.shape == theirs.strokes.shape
        assert np.abs(line.strokes - theirs.strokes).max() < 0.05  # of a spread of 40
        assert line.reached_step_limit == theirs.reached_step_limit
        assert np.array_equal(line.character_of_step, theirs.character_of_step)
        assert line.log_prob == pytest.approx(theirs.log_prob, rel=1e-4, abs=0.05)


def test_pen_steps_are_drawn_and_weighed_as_the_mixture_does() -> None:
    generator = torch.Generator().manual_seed(1)
    raw = 2 * torch.randn(50, 19, generator=generator)
    raw[0, 7:] = 100.0  # beyond the bounds
    bias = torch.rand(50, generator=generator)
    noise = torch.rand(50, 4, generator=generator)
    mixture = BivariateMixture.from_output(raw)
    expected = mixture.with_bias(bias).sample_from_noise(noise)
    found = draw_many(raw.numpy(), bias.numpy(), noise.numpy(), MixtureBounds())
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4)
    one = [
        draw_one(*(part[at].tolist() for part in (raw, bias, noise)), MixtureBounds())
        for at in range(50)
    ]
    assert np.allclose(one, expected, rtol=1e-4, atol=1e-4)
    steps = torch.randn(50, 3, generator=generator)
    steps[:, 0] = (steps[:, 0] > 0).float()
    densities = log_prob(raw.numpy(), steps.numpy(), MixtureBounds())
    assert np.allclose(densities, mixture.log_prob(steps), rtol=1e-4, atol=1e-3)


def test_a_page_is_the_same_by_both(tmp_path: Path) -> None:
    """The shipped writer, from the seed of a text to the ink of its pieces."""
    trained = load_model(checkpoint_path("conditional"), "cpu")
    _, rounded = write_export(trained, tmp_path)
    lines = line_writer(rounded.float(), trained.normalisation, trained.vocabulary)
    text = "Dear Anna,\nit rains."
    expected = TextWriter(lines, trained.vocabulary, 3).write(text).lines
    found = Writer(tmp_path).write(text, seed=3).lines
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.text == theirs.text
        assert mine.strokes.shape == theirs.strokes.shape
        assert np.abs(mine.strokes - theirs.strokes).max() < 0.02  # of a spread of 40


RECOGNISERS = {
    "additive": {"attention": "additive", "encoder_layers": 2},
    "normalised": {"layer_norm": True, "num_halvings": 1, "kernel_size": 5},
    "without CTC": {"ctc": False, "channels": (4,), "num_halvings": 0},
}


@pytest.mark.parametrize("name", RECOGNISERS)
def test_lines_are_read_as_by_torch_in_any_company(name: str) -> None:
    torch.manual_seed(len(name))
    sizes = {
        "channels": (4, 6), "kernel_size": 3, "encoder_size": 5, "encoder_layers": 1,
        "decoder_size": 6, "embedding_size": 3, "attention_size": 4, "location_width": 3,
    }  # fmt: skip
    features = InkFeatures()
    model = Seq2SeqRecognition(VOCABULARY, features.size, **(sizes | RECOGNISERS[name])).eval()
    generator = torch.Generator().manual_seed(2)
    lengths = torch.tensor([13, 7, 20, 1])
    values = 3 * torch.randn(4, 20, features.size, generator=generator)
    double = for_export(model)
    rules = about_recogniser(model, VOCABULARY, features)
    recogniser = Recogniser(rules, tensors_of(double))
    encoded = recogniser.encode(
        [row[:length].numpy() for row, length in zip(values, lengths, strict=True)]
    )
    ctc_weight = 0.4 if rules["ctc"] else 0.0
    plain = [ReadingSettings(1), ReadingSettings(3, ctc_weight=ctc_weight, coverage=0.2)]
    for settings in plain:
        expected = decode(double, values.double(), lengths, VOCABULARY, settings)
        found = BeamSearch(recogniser, encoded, settings).run()
        for (mine, *_), theirs in zip(found, expected, strict=True):
            assert VOCABULARY.decode(mine.characters.tolist()) == theirs.text
            assert mine.rank == pytest.approx(theirs.rank, abs=1e-4)
            assert mine.scores == pytest.approx(theirs.scores, abs=1e-3)
            assert np.abs(mine.attention - theirs.attention).max() < 1e-4


def test_a_language_model_over_other_characters_counts_as_in_torch() -> None:
    torch.manual_seed(3)
    other = Vocabulary("edcba fgh")
    model = CharacterLanguageModel(other, 4, 7, num_layers=2).eval()
    double = for_export(model)
    language = LanguageModel(about_language_model(model), tensors_of(double), VOCABULARY)
    scorer = double.for_vocabulary(VOCABULARY)
    state, torch_state = language.initial_state(3), scorer.initial_state(3)
    for previous in ([1, 1, 1], [4, 5, 6], [7, 4, 2]):
        found, state = language.step(np.array(previous), state)
        expected, torch_state = scorer.step(torch.tensor(previous), torch_state)
        assert np.abs(found - expected.detach().numpy()).max() < 1e-5
    with pytest.raises(UserError, match="language model: it should know all characters .* not x"):
        LanguageModel(about_language_model(model), tensors_of(double), Vocabulary("ax"))


def test_fast_pen_steps_are_near_the_exact_ones(tmp_path: Path) -> None:
    """In ONNX float32 the numbers are the same; int8 is as far off as its rounding."""
    pytest.importorskip("onnxruntime")
    torch.manual_seed(4)
    model = ConditionalHandwriting(VOCABULARY, 12, 2, num_mixtures=3, num_window_components=2)
    write_step(model, NORMALISATION, VOCABULARY, tmp_path)
    packed = pack(about(loaded(model), model, VOCABULARY), tensors_of(for_export(model)))
    texts = [[*VOCABULARY.encode(text), VOCABULARY.eos] for text in ("abc de", "b", "cab")]
    for file, most in (("step.onnx", 1e-4), ("step.int8.onnx", 0.3)):
        fast, exact = OnnxSteps(open_session(tmp_path / file), texts), PenSteps(packed, texts)
        rng = np.random.default_rng(1)
        for step in range(12):
            pens = rng.normal(size=(len(fast.phi), 3)).astype(np.float32)
            assert np.abs(fast.step(pens) - exact.step(pens)).max() < most
            assert np.abs(fast.phi - exact.phi).max() < most
            if step == 6:
                for steps in (fast, exact):
                    steps.keep(np.array([0, 2]))
    with pytest.raises(UserError, match="none.onnx: is not there"):
        open_session(tmp_path / "none.onnx")
    (tmp_path / "wrong.onnx").write_bytes(b"x")
    with pytest.raises(UserError, match="wrong.onnx: not a pen step in ONNX"):
        open_session(tmp_path / "wrong.onnx")
