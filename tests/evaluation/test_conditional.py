"""What evaluation measures and draws for a model that writes a text."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from data_loader.batches import collate
from evaluation import SampleSettings, evaluate, evaluator_of, sample_figures
from evaluation.conditional import ConditionalEvaluator, compare, ink_width
from handwriting.errors import UserError
from handwriting.ink.drawing import INK_COLOUR
from handwriting.ink.line import Line
from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.vocabulary import Vocabulary
from model.metric import line_scores
from model.models import ConditionalHandwriting
from utils.figures.sheet import PRIME_COLOUR, Sheet

NORMALISATION = Normalisation(mean=(8.0, 0.5), std=(40.0, 30.0))
VOCABULARY = Vocabulary("abe ")
SETTINGS = SampleSettings(samples=2, biases=(0.0, 1.5), sentences=("abba", "a be"))


@pytest.fixture
def model() -> ConditionalHandwriting:
    torch.manual_seed(0)
    return ConditionalHandwriting(
        VOCABULARY, hidden_size=8, num_layers=2, num_mixtures=3, num_window_components=2
    )


@pytest.fixture
def evaluator(model: ConditionalHandwriting) -> ConditionalEvaluator:
    return evaluator_of(model, NORMALISATION, VOCABULARY)


def make_line(text: str, length: int = 12) -> Line:
    generator = np.random.default_rng(len(text))
    strokes = np.zeros((length, 3), dtype=np.float32)
    strokes[1:, 1:] = generator.normal(NORMALISATION.mean, NORMALISATION.std, (length - 1, 2))
    strokes[-1, 0] = 1
    return Line(strokes, text, "", "", "")


def make_synthesised(steps: int, width: float, reached_step_limit: bool) -> SynthesisedLine:
    strokes = np.zeros((steps, 3), dtype=np.float32)
    strokes[1, 1], strokes[2, 1] = width, -width / 2
    return SynthesisedLine(
        strokes, "a", np.ones((steps, 2)), np.zeros(steps, int), reached_step_limit, 0.0, 1
    )


def test_numbers_are_of_the_text_and_the_strokes(
    model: ConditionalHandwriting, evaluator: ConditionalEvaluator
) -> None:
    lines = [make_line("ab", 9), make_line("a be", 14)]
    strokes = [NORMALISATION.normalise(line.strokes) for line in lines]
    batch = collate(strokes, [line.text for line in lines], [0, 1], VOCABULARY)
    numbers, rows = evaluate(evaluator, [batch])
    scores = line_scores(model(batch), batch)
    assert numbers["nll"] == pytest.approx(scores["nll"].mean().item(), rel=1e-5)
    assert [row["steps"] for row in rows] == [8, 13]
    other = collate(strokes, ["ba", "e ba"], [0, 1], VOCABULARY)
    assert evaluate(evaluator_of(model, NORMALISATION, VOCABULARY), [other])[0] != numbers


def test_each_sentence_is_drawn_at_each_bias_and_some_with_the_window(
    evaluator: ConditionalEvaluator,
) -> None:
    samples = evaluator.samples(SETTINGS, lines=())
    sheet, window = samples.pictures["samples"], samples.pictures["window"]
    assert isinstance(sheet, Sheet) and isinstance(window, Figure)
    labels = [text.words.replace(" (ended by the step limit)", "") for text in sheet.texts]
    assert labels == ["bias 0: abba", "bias 0: a be", "bias 1.5: abba", "bias 1.5: a be"]
    assert len(window.axes) == 2 * 2  # ink and map of two lines
    assert not samples.rows


def test_styles_of_its_own_and_of_real_lines_are_gone_on_in(
    evaluator: ConditionalEvaluator,
) -> None:
    lines = [make_line(text, 40) for text in ("ab", "abe", "?", "be be")]
    pictures = evaluator.samples(SETTINGS, lines).pictures
    for name in ("styles", "primed"):
        sheet = pictures[name]
        assert isinstance(sheet, Sheet)
        assert {path.colour for path in sheet.paths} == {PRIME_COLOUR, INK_COLOUR}
        assert sheet.texts[-1].words.endswith(SETTINGS.sentences[-1])
    assert "primed" not in evaluator.samples(SETTINGS, lines=()).pictures


def test_sentences_are_written_in_the_characters_that_the_model_knows(
    evaluator: ConditionalEvaluator,
) -> None:
    settings = SampleSettings(biases=(0.0,), sentences=("Zébra? A", "2 + 2"))
    sheet = evaluator.samples(settings, lines=()).pictures["samples"]
    assert [text.words.replace(" (ended by the step limit)", "") for text in sheet.texts] == [
        "bias 0: eba a"
    ]
    nothing = SampleSettings(sentences=("2 + 2",))
    assert not evaluator.samples(nothing, lines=()).pictures


def test_real_lines_are_written_again_at_each_bias(evaluator: ConditionalEvaluator) -> None:
    lines = [make_line(text, 30) for text in ("ab", "abe", "?", "be be")]
    settings = SampleSettings(samples=4, biases=(0.0, 1.0), sentences=("ab",))
    rows = evaluator.samples(settings, lines).rows
    assert [row["bias"] for row in rows] == [0.0, 1.0]
    for row in rows:
        assert row["lines"] == 3  # one has no character that the model knows
        assert 0 <= row["reached_step_limit"] <= 3 and row["seconds_per_line"] > 0
        if row["reached_step_limit"] < 3:
            assert row["steps_real"] == 30
            assert row["steps_ratio"] == pytest.approx(row["steps"] / 30)


def test_texts_are_written_in_the_styles_of_other_lines_when_asked(
    evaluator: ConditionalEvaluator,
) -> None:
    lines = [make_line(text, 40 + 5 * at) for at, text in enumerate(("ab", "abe", "be be", "ba"))]
    alone = SampleSettings(samples=4, biases=(0.0, 1.0), sentences=("ab",))
    settings = replace(alone, in_hands=True)
    plain, primed = (evaluator.samples(each, lines) for each in (alone, settings))
    assert not plain.styles
    assert [(row["ink"], row["bias"]) for row in primed.styles] == [
        ("real", None),
        ("written", 0.0),
        ("written", 1.0),
    ]
    for row in primed.styles:
        assert row["lines"] == 4 and -1 <= row["height"] <= 1
    for left, right in zip(plain.written[0.0], primed.written[0.0], strict=True):
        assert left.text == right.text and not np.array_equal(left.strokes, right.strokes)
    with pytest.raises(UserError, match="two lines"):
        evaluator.samples(settings, lines[:1])


def test_lines_that_ended_by_the_cap_are_counted_and_left_out_of_the_lengths() -> None:
    real = [make_synthesised(steps, 50.0, False).strokes for steps in (10, 30, 99)]
    written = [
        make_synthesised(20, 100.0, False),
        make_synthesised(40, 20.0, False),
        make_synthesised(500, 1e6, True),
    ]
    row = compare(written, real)
    assert (row["lines"], row["reached_step_limit"]) == (3, 1)
    assert (row["steps"], row["steps_real"], row["steps_ratio"]) == (30, 20, 1.5)
    assert (row["width"], row["width_real"]) == (60, 50)
    assert row["width_ratio"] == pytest.approx(1.2)
    nothing = compare(written[2:], real[2:])
    assert nothing["reached_step_limit"] == 1 and nothing["steps"] is nothing["width_ratio"] is None


def test_the_width_of_ink_is_between_its_outermost_points() -> None:
    strokes = np.array([[0, 0, 0], [0, 5, 9], [0, -12, 3], [1, 1, 0]], dtype=np.float32)
    assert ink_width(strokes) == 12


def test_pictures_during_training_are_the_same_for_the_same_weights(
    model: ConditionalHandwriting,
) -> None:
    model.train()
    state = torch.get_rng_state()

    def ink() -> np.ndarray:
        figures = sample_figures(model, NORMALISATION, VOCABULARY, SETTINGS)
        assert list(figures) == ["samples", "window", "styles", "density"]
        return np.asarray(figures["samples"])

    first = ink()
    assert np.array_equal(first, ink())
    assert model.training and torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():
        model.output.bias.add_(0.3)
    again = ink()
    assert first.shape != again.shape or not np.allclose(first, again)
