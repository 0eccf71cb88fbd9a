"""What decoding one character after the other needs, greedy or with a beam.

Shapes: ``B`` lines, ``R`` rows of a batch, ``N'`` encoder frames, ``C`` vocabulary.
"""

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from torch import Tensor

from handwriting.errors import UserError
from handwriting.text.vocabulary import Vocabulary

Rows = TypeVar("Rows", bound=tuple)


class Decoder(Protocol):
    """One character after the other, for lines that are encoded.

    A state has ``attention`` and ``coverage`` (``[B, N']``: the weights of the latest step, and
    their sum so far). It is a named tuple of tensors whose first dimension is the batch.
    """

    def initial_state(self, encoded: Any) -> Any: ...

    def step(self, previous: Tensor, state: Any, encoded: Any) -> tuple[Tensor, Any]: ...


class Recogniser(Protocol):
    """What decoding needs of a model: an encoder, and decoders.

    An encoding has ``lengths`` (int64 ``[B]``, frames) and is a named tuple of tensors whose first
    dimension is the batch. ``packed`` gives the decoder with the model's weights of the moment laid
    out for many steps. ``ctc_logits`` are ``[B, N', C]``, or None of a model without CTC output.
    """

    def encode(self, features: Tensor, feature_lengths: Tensor) -> Any: ...

    def packed(self) -> Decoder: ...

    def ctc_logits(self, encoded: Any) -> Tensor | None: ...


class LanguageScorer(Protocol):
    """A language model over the recogniser's own character indices."""

    def initial_state(self, batch_size: int) -> Any: ...

    def step(self, previous: Tensor, state: Any) -> tuple[Tensor, Any]: ...


class LanguageModel(Protocol):
    """A language model, over whatever characters."""

    def for_vocabulary(self, vocabulary: Vocabulary) -> LanguageScorer: ...


@dataclass(frozen=True)
class DecodingSettings:
    """How texts are searched and scored; see ``reading.decoding``.

    Args:
        beam: hypotheses kept for each line; 1 follows the best character each time.
        length_normalisation: exponent alpha of the length that a finished text's score is divided
            by, 0 for none.
        coverage: weight of the coverage term (Wu et al. 2016, eq. 14), 0 for none.
        ctc_weight: weight lambda of the CTC score, 0 to 1; the attention decoder has the rest.
        language_weight: weight beta of the language model.

    Raises:
        UserError: for a number out of its range.
    """

    beam: int = 1
    length_normalisation: float = 1.0
    coverage: float = 0.0
    ctc_weight: float = 0.0
    language_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.beam < 1:
            raise UserError(f"beam: should be at least 1, got {self.beam}")
        for name in ("length_normalisation", "coverage", "language_weight"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise UserError(f"{name}: should be 0 or more, got {value}")
        if not 0 <= self.ctc_weight <= 1:
            raise UserError(f"ctc_weight: should be 0 to 1, got {self.ctc_weight}")


def max_characters(frame_lengths: Tensor) -> Tensor:
    """Longest text of each line, int64 ``[B]``: a character for each encoder frame.

    Connectionist temporal classification can write no longer one, and a frame is a small part of a
    written character.
    """
    return frame_lengths


def take_rows(value: Rows, rows: Tensor) -> Rows:
    """The rows ``[R]`` of a named tuple of tensors whose first dimension is the batch."""
    return type(value)(*(take_part(part, rows) for part in value))


def take_part(value: Any, rows: Tensor) -> Any:
    """``take_rows`` of a tensor, a named tuple of them, or None."""
    if isinstance(value, Tensor):
        return value.index_select(0, rows)
    return None if value is None else take_rows(value, rows)
