"""Metrics of predicted pen steps.

Shapes: ``B`` lines, ``T`` pen steps.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from base.base_metric import BaseMetric
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


class LineMetric(BaseMetric):
    """A mean over lines or pen steps.

    Args:
        normalisation: of the strokes that the model sees.
    """

    def __init__(self, normalisation: Normalisation | None = None) -> None:
        super().__init__()
        self.normalisation = normalisation or Normalisation()

    def _count(self, output: BivariateMixture, batch: Batch) -> tuple[Tensor, Tensor]:
        return self._totals(line_scores(output, batch))

    @abstractmethod
    def _totals(self, scores: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return numerator and denominator, scalars, from the ``line_scores`` of a batch."""


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
