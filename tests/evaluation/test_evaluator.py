"""What evaluation measures, and what it draws for an unconditional model."""

import math

import numpy as np
import pytest
import torch

from base.batch import Batch
from base.registry import METRICS, MODELS
from data_loader.batches import collate
from evaluation import (
    EVALUATORS,
    NUMBERS,
    SampleSettings,
    evaluate,
    evaluator_of,
    sample_figures,
)
from evaluation.unconditional import choose_primes
from handwriting.errors import UserError
from handwriting.ink.drawing import INK_COLOUR
from handwriting.ink.line import Line
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary
from model.models import UnconditionalHandwriting
from utils.figures.sheet import PRIME_COLOUR, Sheet

NORMALISATION = Normalisation(mean=(8.0, 0.5), std=(40.0, 30.0))
SETTINGS = SampleSettings(samples=2, steps=30, biases=(0.0, 1.5))


@pytest.fixture
def model() -> UnconditionalHandwriting:
    torch.manual_seed(0)
    return UnconditionalHandwriting(hidden_size=8, num_layers=2, num_mixtures=3)


def make_lines(lengths: tuple[int, ...] = (9, 2, 25, 14, 6)) -> list[np.ndarray]:
    """Random strokes ``[T, 3]`` in raw units."""
    generator = np.random.default_rng(3)
    lines = []
    for length in lengths:
        line = np.zeros((length, 3), dtype=np.float32)
        line[:, 0] = generator.random(length) < 0.1
        line[1:, 1:] = generator.normal(NORMALISATION.mean, NORMALISATION.std, (length - 1, 2))
        line[-1, 0] = 1
        lines.append(line)
    return lines


def make_batches(lines: list[np.ndarray], size: int) -> list[Batch]:
    """Batches that go through the lines from the last to the first."""
    order = list(range(len(lines)))[::-1]
    return [
        collate(
            [NORMALISATION.normalise(lines[i]) for i in order[start : start + size]],
            [""] * len(order[start : start + size]),
            order[start : start + size],
            Vocabulary(""),
        )
        for start in range(0, len(order), size)
    ]


def pictures(
    model: UnconditionalHandwriting, settings: SampleSettings, strokes: list[np.ndarray] = ()
) -> dict[str, Sheet]:
    lines = [Line(line, "", "", "", "") for line in strokes]
    return evaluator_of(model, NORMALISATION).samples(settings, lines).pictures


def points_of(sheet: Sheet, colour: str) -> int:
    return sum(len(path.points) for path in sheet.paths if path.colour == colour)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_numbers_are_those_of_the_metrics_and_do_not_depend_on_the_batches(
    model: UnconditionalHandwriting, size: int
) -> None:
    lines = make_lines()
    numbers, rows = evaluate(evaluator_of(model, NORMALISATION), make_batches(lines, size))
    (whole,) = make_batches(lines, len(lines))
    for name in NUMBERS:
        metric = METRICS[name](normalisation=NORMALISATION)
        metric.update(model.eval()(whole), whole)
        assert numbers[name] == pytest.approx(metric.compute(), rel=1e-5)
    assert [row["line_index"] for row in rows] == list(range(len(lines)))
    assert [row["steps"] for row in rows] == [len(line) - 1 for line in lines]


def test_rows_of_lines_join_to_the_numbers(model: UnconditionalHandwriting) -> None:
    numbers, rows = evaluate(evaluator_of(model, NORMALISATION), make_batches(make_lines(), 2))
    steps = np.array([row["steps"] for row in rows])
    nll = np.array([row["nll"] for row in rows])
    # float32, in another order.
    assert numbers["nll"] == pytest.approx(nll.mean(), rel=1e-5)
    assert numbers["nll_per_step_raw"] == pytest.approx(
        nll.sum() / steps.sum() + math.log(NORMALISATION.std[0] * NORMALISATION.std[1]), rel=1e-5
    )
    for name in ("nll_per_step_raw", "sse"):
        per_line = np.array([row[name] for row in rows])
        assert numbers[name] == pytest.approx((per_line * steps).sum() / steps.sum(), rel=1e-5)


def test_dropout_is_off_and_the_mode_of_training_comes_back() -> None:
    torch.manual_seed(0)
    model = UnconditionalHandwriting(8, 2, 3, dropout=0.5, output_dropout=0.5).train()
    batches = make_batches(make_lines(), 2)
    first, _ = evaluate(evaluator_of(model, NORMALISATION), batches)
    again, _ = evaluate(evaluator_of(model, NORMALISATION), batches)
    assert first == again
    model.train()
    state = torch.get_rng_state()
    sample_figures(model, NORMALISATION, settings=SETTINGS)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_no_lines_give_no_numbers(model: UnconditionalHandwriting) -> None:
    numbers, rows = evaluate(evaluator_of(model, NORMALISATION), [])
    assert rows == [] and math.isnan(numbers["nll"])


def test_samples_have_a_row_for_each_bias_and_all_their_steps(
    model: UnconditionalHandwriting,
) -> None:
    sheets = pictures(model, SETTINGS)
    assert list(sheets) == ["samples", "density"]
    assert [text.words for text in sheets["samples"].texts] == ["bias 0", "bias 1.5"]
    assert points_of(sheets["samples"], INK_COLOUR) == 2 * 2 * 30


def test_the_seed_decides_the_samples(model: UnconditionalHandwriting) -> None:
    def points(seed: int) -> np.ndarray:
        settings = SampleSettings(seed=seed, samples=1, steps=20, biases=(0.0,))
        sheet = pictures(model, settings)["samples"]
        return np.concatenate([path.points for path in sheet.paths])

    assert np.array_equal(points(1), points(1))
    assert not np.array_equal(points(1), points(2))


def test_primed_lines_begin_with_real_ones(model: UnconditionalHandwriting) -> None:
    lines = make_lines((40, 50))
    primed = pictures(model, SETTINGS, lines)["primed"]
    assert points_of(primed, PRIME_COLOUR) == 2 * 10
    # Where a stroke goes on from the prime, its last point is drawn in both colours.
    primes = choose_primes(lines, SETTINGS)
    shared = sum(prime[-1, 0] == 0 for prime in primes)
    assert points_of(primed, INK_COLOUR) == 2 * 20 + shared


def test_primes_are_beginnings_of_different_lines() -> None:
    lines = make_lines((40, 5, 60, 2, 50))
    primes = choose_primes(lines, SampleSettings(samples=9, steps=30))
    assert sorted(len(prime) for prime in primes) == [1, 2, 10, 10, 10]
    starts = {
        number
        for prime in primes
        for number, line in enumerate(lines)
        if np.array_equal(line[: len(prime)], prime) and len(prime) > 1
    }
    assert starts == {0, 1, 2, 4}
    again = choose_primes(lines, SampleSettings(samples=2, steps=30, seed=5))
    assert len(again) == 2


def test_primed_lines_of_very_short_real_ones(model: UnconditionalHandwriting) -> None:
    settings = SampleSettings(samples=2, steps=2, biases=(0.0,))
    primed = pictures(model, settings, make_lines((2, 2)))["primed"]
    assert points_of(primed, PRIME_COLOUR) == 2


def test_every_task_of_a_model_has_an_evaluator() -> None:
    tasks = {MODELS[name].task for name in MODELS}
    assert tasks <= set(EVALUATORS)


def test_a_task_without_an_evaluator_is_named(model: UnconditionalHandwriting) -> None:
    model.task = "juggling"
    with pytest.raises(
        UserError, match="no evaluator for the task 'juggling', known: conditional, language, rec"
    ):
        evaluator_of(model, NORMALISATION)
