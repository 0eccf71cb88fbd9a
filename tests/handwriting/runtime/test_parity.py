"""The runtime computes what the exported vectors say, which torch computed in float64."""

from pathlib import Path

import numpy as np
import pytest
from exported_models import export_shipped

from handwriting.runtime.line_reader import LineReader
from handwriting.runtime.model_file import ModelFile, read_model_file
from handwriting.runtime.noise import pen_noise
from handwriting.runtime.pen_steps import PenSteps, pack
from handwriting.runtime.reading_settings import ReadingSettings
from handwriting.runtime.recogniser import LanguageModel, Recogniser
from handwriting.runtime.synthesis import Limits, Prime, request
from handwriting.runtime.synthesis_loop import SynthesisLoop
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.vocabulary import Vocabulary

SETTINGS = {
    "greedy": ReadingSettings(),
    "beam": ReadingSettings(8),
    "beam_ctc": ReadingSettings(8, ctc_weight=0.5),
}


@pytest.fixture(scope="module", params=["tiny", "shipped"])
def weights(
    request: pytest.FixtureRequest, exported: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    if request.param == "tiny":
        return exported
    names = ("conditional", "recognition", "language_model")
    return export_shipped(tmp_path_factory.mktemp("shipped"), *names)


def files(weights: Path, name: str) -> tuple[ModelFile, ModelFile]:
    """A model and its vectors."""
    model, vectors = (
        read_model_file(weights / f"{name}{kind}.safetensors") for kind in ("", ".parity")
    )
    assert model.about["weights"] == vectors.about["weights"]
    return model, vectors


def written(weights: Path) -> list[tuple[SynthesisedLine, dict, dict[str, np.ndarray]]]:
    """Each case's line with what is said of it."""
    model, vectors = files(weights, "writer")
    packed = pack(model.about, model.tensors)
    vocabulary = Vocabulary.from_symbols(model.about["symbols"])
    found = []
    for number, case in enumerate(vectors.about["cases"]):
        mine = {
            name.partition(".")[2]: value
            for name, value in vectors.tensors.items()
            if name.startswith(f"{number}.")
        }
        prime = None
        if case["style"] is not None:
            text = vectors.about["cases"][case["style"]]["text"]
            prime = Prime(vectors.tensors[f"{case['style']}.strokes"], text)
        limits = Limits(**model.about["limits"])
        wish = request(vocabulary, case["text"], prime, case["bias"], case["seed"], limits)
        loop = SynthesisLoop(model.about, lambda texts: PenSteps(packed, texts), [wish])
        found.append((loop.write()[0], case, mine))
    return found


def test_lines_are_written_with_the_same_pen_steps(weights: Path) -> None:
    std = files(weights, "writer")[0].about["normalisation"]["std"]
    for line, case, mine in written(weights):
        assert line.strokes.shape == mine["strokes"].shape
        assert np.array_equal(line.strokes[:, 0], mine["strokes"][:, 0])
        # In normalised units, over whole lines that go on with their own steps.
        assert np.abs((line.strokes - mine["strokes"])[:, 1:] / std).max() < 1e-4
        assert np.array_equal(line.character_of_step, mine["character_of_step"])
        assert line.reached_step_limit == case["reached_step_limit"]
        assert line.log_prob == pytest.approx(case["log_prob"], rel=1e-5, abs=1e-2)


def test_single_steps_give_the_same_outputs(weights: Path) -> None:
    model, vectors = files(weights, "writer")
    vocabulary = Vocabulary.from_symbols(model.about["symbols"])
    case = vectors.about["cases"][0]
    text = [*vocabulary.encode(case["text"]), vocabulary.eos]
    steps = PenSteps(pack(model.about, model.tensors), [text])
    assert np.array_equal(
        vectors.tensors["0.noise"], pen_noise(case["seed"], len(vectors.tensors["0.noise"]))
    )
    for at, pen in enumerate(vectors.tensors["0.pen"]):
        raw = steps.step(pen[None])[0]
        assert np.abs(raw - vectors.tensors["0.raw"][at]).max() < 1e-4
        assert np.abs(steps.phi[0] - vectors.tensors["0.phi"][at]).max() < 1e-4
        assert np.abs(steps.kappa[0] - vectors.tensors["0.kappa"][at]).max() < 1e-4


def test_lines_are_encoded_and_read_the_same(weights: Path) -> None:
    model, vectors = files(weights, "recogniser")
    recogniser = Recogniser(model.about, model.tensors)
    cases, tensors = vectors.about["cases"], vectors.tensors
    inks = [tensors[f"{number}.strokes"] for number in range(len(cases))]
    reader = LineReader(recogniser, SETTINGS["greedy"])
    features = [reader.features.compute(ink) for ink in inks]
    encoded = recogniser.encode(features)
    ctc = recogniser.ctc_log_probs(encoded)
    for number, length in enumerate(encoded.lengths):
        assert np.abs(features[number] - tensors[f"{number}.features"]).max() < 1e-6
        assert np.abs(encoded.memory[number, :length] - tensors[f"{number}.frames"]).max() < 1e-4
        assert np.abs(ctc[number, :length] - tensors[f"{number}.ctc_log_probs"]).max() < 1e-3
    for name, settings in SETTINGS.items():
        for reading, case in zip(LineReader(recogniser, settings).read(inks), cases, strict=True):
            assert reading.text == case[name]["text"]
            assert reading.ctc_text == case["ctc"]
            assert reading.rank == pytest.approx(case[name]["rank"], abs=1e-4)
            assert reading.scores == pytest.approx(case[name]["scores"], abs=1e-3)


def test_texts_are_as_likely(weights: Path) -> None:
    model, vectors = files(weights, "language_model")
    vocabulary = Vocabulary.from_symbols(model.about["symbols"])
    language = LanguageModel(model.about, model.tensors, vocabulary)
    for number, case in enumerate(vectors.about["cases"]):
        state = language.initial_state(2)
        for at, index in enumerate([vocabulary.sos, *case["indices"]]):
            log_probs, state = language.step(np.array([index, index]), state)
            expected = vectors.tensors[f"{number}.log_probs"][at]
            assert np.abs(log_probs - expected).max() < 1e-4
