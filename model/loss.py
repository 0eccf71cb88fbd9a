"""The losses of generation and recognition.

Shapes: ``B`` lines, ``T`` pen steps, ``U`` characters, ``N'`` encoder frames, ``C`` vocabulary.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from base.base_loss import BaseLoss
from base.batch import Batch, RecognitionBatch, mask_from_lengths
from base.registry import LOSSES
from handwriting.errors import ConfigError
from handwriting.text.vocabulary import Vocabulary
from model.mixture import BivariateMixture
from model.recognition import RecognitionOutput

# Index of targets that do not count.
IGNORED = -100


@LOSSES.register(name="mixture_nll")
class MixtureNLL(BaseLoss[Batch]):
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
        """Return the number of pen steps or lines, a scalar, that the loss is the mean over."""
        if self.reduction == "step":
            return predicted_mask(batch).sum()
        return torch.ones_like(batch.stroke_lengths).sum()


@LOSSES.register(name="seq2seq_nll", provided=("vocabulary",))
class Seq2SeqNLL(BaseLoss[RecognitionBatch]):
    """Loss of a recogniser's decoder and of its CTC output, joined (Kim, Hori, Watanabe 2017,
    "Joint CTC-attention based end-to-end speech recognition using multi-task learning", eq. 15).

    Both are nats per character of the texts, the ends of text counted as characters.

    Args:
        vocabulary: the model's; its padding is CTC's blank.
        ctc_weight: share of the CTC loss, the decoder has the rest.
        label_smoothing: share of the decoder's targets that is spread over all characters
            (Szegedy et al. 2016, section 7).
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        ctc_weight: Annotated[float, Field(ge=0, le=1)] = 0.3,
        label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__()
        self.ctc_weight = ctc_weight
        self.label_smoothing = label_smoothing
        self._blank = vocabulary.pad
        self._end_of_text = vocabulary.eos

    def forward(self, output: RecognitionOutput, batch: RecognitionBatch) -> dict[str, Tensor]:
        """Scalars ``loss``, ``weight`` (characters), ``nll_attention`` and ``nll_ctc`` (its parts,
        the former with label smoothing).

        A line whose text needs more frames than the encoder gives has no CTC loss; it counts as 0.

        Raises:
            ConfigError: ``ctc_weight`` is above 0 and the model has no CTC output.
        """
        weight = self.num_units(batch).to(output.logits.dtype)
        attention = self._attention(output, batch) / weight
        terms = {"weight": weight, "nll_attention": attention.detach()}
        if output.ctc_logits is None:
            if self.ctc_weight > 0:
                rule = "should be 0 for a model without CTC output (arch.args.ctc)"
                raise ConfigError([f"loss.args.ctc_weight: {rule}, got {self.ctc_weight}"])
            return {"loss": attention, **terms}
        # With a weight of 0 too: processes that train together wait for all weights' gradients.
        ctc = self._ctc(output.ctc_logits, output.frame_lengths, batch) / weight
        loss = (1 - self.ctc_weight) * attention + self.ctc_weight * ctc
        return {"loss": loss, **terms, "nll_ctc": ctc.detach()}

    def num_units(self, batch: RecognitionBatch) -> Tensor:
        """Return the number of characters, a scalar, that the batch's loss is the mean over."""
        return (batch.text_lengths + 1).sum()

    def _attention(self, output: RecognitionOutput, batch: Batch) -> Tensor:
        positions = torch.arange(output.logits.shape[1], device=batch.text.device)
        ends = batch.text_lengths.unsqueeze(1)
        padded = F.pad(batch.text, (0, 1))
        targets = torch.where(positions == ends, self._end_of_text, padded)
        targets = targets.masked_fill(positions > ends, IGNORED)
        return F.cross_entropy(
            output.logits.float().flatten(0, 1),
            targets.flatten(),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=self.label_smoothing,
        )

    def _ctc(self, logits: Tensor, frame_lengths: Tensor, batch: Batch) -> Tensor:
        log_probs = logits.float().log_softmax(dim=2).transpose(0, 1)  # [N', B, C]
        if torch.are_deterministic_algorithms_enabled():
            log_probs = log_probs.cpu()  # torch's gradient on a GPU is not deterministic
        text, frames, characters = (
            each.to(log_probs.device) for each in (batch.text, frame_lengths, batch.text_lengths)
        )
        return F.ctc_loss(
            log_probs, text, frames, characters, self._blank, reduction="sum", zero_infinity=True
        ).to(logits.device)


def predicted_mask(batch: Batch) -> Tensor:
    """bool ``[B, T-1]``, true on the predicted steps: all of a line's but its first."""
    return mask_from_lengths(batch.stroke_lengths - 1, batch.strokes.shape[1] - 1)


def _masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    return values.masked_fill(~mask, 0.0).sum()
