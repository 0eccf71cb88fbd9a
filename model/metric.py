"""Metrics of predicted pen steps, summed exactly over batches and processes.

A metric is updated with a model's output and the batch. What it sums is a float64 vector, so that
processes join by adding their vectors; ``compute`` turns the sums into the number.

Shapes: ``B`` lines, ``T`` pen steps.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from base.batch import Batch
from base.registry import METRICS
from handwriting.ink.normalisation import Normalisation
from model.loss import predicted_mask
from model.mixture import BivariateMixture


def line_scores(output: BivariateMixture, batch: Batch) -> dict[str, Tensor]:
    """Scores of each line, float64 ``[B]``.

    Returns:
        ``nll``: -log p(line), nats in normalised units, the sum over its predicted steps;
        ``steps``: predicted pen steps, the line's length less one;
        ``squared_error``: sum over steps of the squared distance between the offset and the mean
        of its (unbiased) mixture, in normalised units.
    """
    mask = predicted_mask(batch)
    target = batch.strokes[:, 1:]
    distance = (target[..., 1:] - output.mean()).double().square().sum(dim=-1)  # [B, T-1]
    nll = -output.log_prob(target).double()  # [B, T-1]
    return {
        "nll": nll.masked_fill(~mask, 0.0).sum(dim=1),
        "steps": mask.sum(dim=1).double(),
        "squared_error": distance.masked_fill(~mask, 0.0).sum(dim=1),
    }


class LineMetric(ABC):
    """A mean over lines or pen steps: one sum divided by another.

    Args:
        normalisation: of the strokes that the model sees.
    """

    def __init__(self, normalisation: Normalisation | None = None) -> None:
        self.normalisation = normalisation or Normalisation()
        self.reset()

    @abstractmethod
    def _totals(self, scores: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Numerator and denominator, scalars, from the ``line_scores`` of a batch."""

    def reset(self) -> None:
        """Forget all batches."""
        self._sums = torch.zeros(2, dtype=torch.float64)

    @torch.no_grad()
    def update(self, output: BivariateMixture, batch: Batch) -> None:
        """Count a batch."""
        self._sums = self._sums + torch.stack(self._totals(line_scores(output, batch))).cpu()

    def sums(self) -> Tensor:
        """float64 ``[2]``; those of several processes add up."""
        return self._sums.clone()

    def load_sums(self, sums: Tensor) -> None:
        """Continue from the given sums."""
        self._sums = sums.detach().cpu().double().clone()

    def compute(self) -> float:
        """The number over all that was counted; nan where nothing was."""
        return (self._sums[0] / self._sums[1]).item()


@METRICS.register(name="nll", provided=("normalisation",))
class NLL(LineMetric):
    """Mean over lines of -log p(line): nats per line, in normalised units."""

    def _totals(self, scores: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        nll = scores["nll"]
        return nll.sum(), torch.ones_like(nll).sum()


@METRICS.register(name="nll_per_step_raw", provided=("normalisation",))
class NLLPerStepRaw(LineMetric):
    """Mean over pen steps of -log p(step): nats per step, in the corpus's own units.

    A density per normalised unit is one per raw unit times both standard deviations, so the log of
    these is added; the number survives a change of normalisation.
    """

    def _totals(self, scores: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        return scores["nll"].sum(), scores["steps"].sum()

    def compute(self) -> float:
        """The number over all that was counted; nan where nothing was."""
        return super().compute() + self.normalisation.log_scale


@METRICS.register(name="sse", provided=("normalisation",))
class SSE(LineMetric):
    """Mean over pen steps of the squared distance between the offset and the mixture's mean, in
    normalised units (Graves 2013, tables 3 and 4, whose units are those of his normalised data)."""

    def _totals(self, scores: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        return scores["squared_error"].sum(), scores["steps"].sum()
