"""Losses: called with a model's output and the batch, they return a dict of scalars.

Each dict has ``loss``, what training minimises, and ``weight``, how many units (pen steps, lines)
it is the mean over; means of parts of a batch join to the mean of the whole by these weights. The
other entries are terms for the log.

Shapes: ``B`` lines, ``T`` pen steps.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from base.registry import LOSSES
from data_loader.batch import Batch, mask_from_lengths
from model.mixture import BivariateMixture


@LOSSES.register(name="mixture_nll")
class MixtureNLL(nn.Module):
    """Negative log-likelihood of pen steps under predicted mixtures (Graves 2013, eq. 26).

    Args:
        reduction: "step": mean over all pen steps of the batch, nats per step; "line": mean over
            lines of each line's sum, nats per line (Graves's loss, where a long line counts more).
    """

    def __init__(self, reduction: Literal["step", "line"] = "step") -> None:
        super().__init__()
        if reduction not in ("step", "line"):
            raise ValueError(f"reduction must be 'step' or 'line', got {reduction!r}")
        self.reduction = reduction

    def forward(self, output: BivariateMixture, batch: Batch) -> dict[str, Tensor]:
        """Scalars ``loss``, ``weight``, ``nll_strokes``, ``nll_end_of_stroke`` (the loss's parts).

        Args:
            output: mixtures ``[B, T-1]`` of the pen steps 1 to T-1.
            batch: the lines; what lies past their lengths does not count.
        """
        target = batch.strokes[:, 1:]
        mask = predicted_mask(batch)
        weight = self.num_units(batch)
        offsets = _masked_sum(output.log_prob_offsets(target[..., 1:]), mask) / -weight
        ends = _masked_sum(output.log_prob_end_of_stroke(target[..., 0]), mask) / -weight
        return {
            "loss": offsets + ends,
            "weight": weight.to(offsets.dtype),
            "nll_strokes": offsets.detach(),
            "nll_end_of_stroke": ends.detach(),
        }

    def num_units(self, batch: Batch) -> Tensor:
        """How many pen steps or lines, a scalar, the loss of this batch is the mean over."""
        if self.reduction == "step":
            return predicted_mask(batch).sum()
        return torch.ones_like(batch.stroke_lengths).sum()


def predicted_mask(batch: Batch) -> Tensor:
    """bool ``[B, T-1]``, true on the predicted steps: all of a line's but its first."""
    return mask_from_lengths(batch.stroke_lengths - 1, batch.strokes.shape[1] - 1)


def _masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    return values.masked_fill(~mask, 0.0).sum()
