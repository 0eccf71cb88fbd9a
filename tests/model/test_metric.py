"""Metrics are exact means over lines or steps, however they are batched or distributed."""

import math

import pytest
import torch
from torch import Tensor

from base.batch import Batch
from base.registry import METRICS
from handwriting.ink.normalisation import Normalisation
from model.metric import line_scores
from model.mixture import BivariateMixture

NAMES = ("nll", "nll_per_step_raw", "sse")
LENGTHS = (7, 4, 2)
NORMALISATION = Normalisation(mean=(1.0, -2.0), std=(3.0, 0.5))


def random_raw() -> Tensor:
    return torch.randn(3, 6, 13, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def random_batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    strokes = torch.randn(3, 7, 3, generator=generator, dtype=torch.float64)
    strokes[..., 0] = (strokes[..., 0] > 0).double()
    return Batch(
        strokes=strokes,
        stroke_lengths=torch.tensor(LENGTHS),
        text=torch.zeros(3, 1, dtype=torch.int64),
        text_lengths=torch.ones(3, dtype=torch.int64),
        line_indices=torch.arange(3),
    )


def part(lines: slice) -> tuple[BivariateMixture, Batch]:
    batch = Batch(*(value[lines] for value in vars(random_batch()).values()))
    return BivariateMixture.from_output(random_raw()[lines]), batch


def steps_of(line: int) -> tuple[BivariateMixture, Tensor]:
    """The mixtures and targets of one line, without padding."""
    count = LENGTHS[line] - 1
    return (
        BivariateMixture.from_output(random_raw()[line, :count]),
        random_batch().strokes[line, 1 : count + 1],
    )


def test_line_scores_are_sums_over_each_line() -> None:
    scores = line_scores(*part(slice(3)))
    for line in range(3):
        output, target = steps_of(line)
        error = (target[:, 1:] - output.mean()).square().sum()
        torch.testing.assert_close(scores["nll"][line], -output.log_prob(target).sum())
        torch.testing.assert_close(scores["squared_error"][line], error)
    assert scores["steps"].tolist() == [6, 3, 1]
    assert {score.dtype for score in scores.values()} == {torch.float64}


def test_numbers_follow_their_definitions() -> None:
    metrics = {name: METRICS[name](normalisation=NORMALISATION) for name in NAMES}
    for metric in metrics.values():
        metric.update(*part(slice(3)))
    lines = [steps_of(line) for line in range(3)]
    nll = -sum(output.log_prob(target).sum().item() for output, target in lines)
    error = sum((target[:, 1:] - output.mean()).square().sum().item() for output, target in lines)
    assert metrics["nll"].compute() == pytest.approx(nll / 3)
    assert metrics["nll_per_step_raw"].compute() == pytest.approx(nll / 10 + math.log(1.5))
    assert metrics["sse"].compute() == pytest.approx(error / 10)


def test_nll_per_step_raw_survives_a_change_of_normalisation() -> None:
    """The same distribution over raw offsets, told in two units, has the same number."""
    _, batch = part(slice(3))
    raw = random_raw()
    scaled = raw.clone()
    factor = torch.tensor([2.0, 5.0]).double()  # the second unit is this much smaller
    scaled[..., 3:7] *= factor.repeat_interleave(2)  # means
    scaled[..., 7:11] += factor.log().repeat_interleave(2)  # log-sigmas
    strokes = batch.strokes.clone()
    strokes[..., 1:] *= factor
    scaled_batch = Batch(**{**vars(batch), "strokes": strokes})
    first = METRICS["nll_per_step_raw"](normalisation=Normalisation(std=(4.0, 10.0)))
    second = METRICS["nll_per_step_raw"](normalisation=Normalisation(std=(2.0, 2.0)))
    first.update(BivariateMixture.from_output(raw), batch)
    second.update(BivariateMixture.from_output(scaled), scaled_batch)
    assert first.compute() == pytest.approx(second.compute(), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_parts_add_up_over_batches_and_processes(name: str) -> None:
    whole, first, second, joined = (METRICS[name](normalisation=NORMALISATION) for _ in range(4))
    whole.update(*part(slice(3)))
    first.update(*part(slice(1)))
    second.update(*part(slice(1, 2)))
    second.update(*part(slice(2, 3)))
    sums = first.sums() + second.sums()
    assert sums.dtype == torch.float64 and sums.ndim == 1
    joined.load_sums(sums)
    assert joined.compute() == pytest.approx(whole.compute(), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_reset_forgets(name: str) -> None:
    metric = METRICS[name](normalisation=NORMALISATION)
    metric.update(*part(slice(1)))
    metric.reset()
    assert math.isnan(metric.compute())
    metric.update(*part(slice(1, 2)))
    fresh = METRICS[name](normalisation=NORMALISATION)
    fresh.update(*part(slice(1, 2)))
    assert metric.compute() == fresh.compute()


def test_sums_handed_out_are_a_copy() -> None:
    metric = METRICS["nll"](normalisation=NORMALISATION)
    metric.update(*part(slice(3)))
    before = metric.compute()
    metric.sums().mul_(2)[0].add_(1)
    assert metric.compute() == before
