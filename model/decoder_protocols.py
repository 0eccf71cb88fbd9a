"""Protocols of models that are decoded character by character, greedily or with a beam.

Shapes: ``B`` lines, ``R`` rows of a batch, ``N'`` encoder frames, ``C`` vocabulary.
"""

from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from handwriting.text.vocabulary import Vocabulary

Rows = TypeVar("Rows", bound=tuple[Any, ...])


class Decoder(Protocol):
    """One character after the other, for lines that are encoded.

    A state has ``attention`` and ``coverage`` (``[B, N']``: the weights of the latest step, and
    their sum so far). It is a named tuple of tensors whose first dimension is the batch.
    """

    def initial_state(self, encoded: Any) -> Any: ...

    def step(self, previous: Tensor, state: Any, encoded: Any) -> tuple[Tensor, Any]: ...


class Unpacked(Protocol):
    """A model with a decoder: ``packed`` gives it, with the model's weights of the moment laid out
    for many steps."""

    def packed(self) -> Decoder: ...


@runtime_checkable
class Recogniser(Unpacked, Protocol):
    """A model that can be decoded: it has an encoder, and decoders.

    An encoding has ``lengths`` (int64 ``[B]``, frames) and is a named tuple of tensors whose first
    dimension is the batch. ``ctc_logits`` are ``[B, N', C]``, or None where there is no CTC output.
    """

    def encode(self, features: Tensor, feature_lengths: Tensor) -> Any: ...

    def ctc_logits(self, encoded: Any) -> Tensor | None: ...


class LanguageScorer(Protocol):
    """A language model over the recogniser's own character indices."""

    def initial_state(self, batch_size: int) -> Any: ...

    def step(self, previous: Tensor, state: Any) -> tuple[Tensor, Any]: ...


@runtime_checkable
class LanguageModel(Protocol):
    """A language model, over whatever characters."""

    def for_vocabulary(self, vocabulary: Vocabulary) -> LanguageScorer: ...


def recogniser_of(model: object) -> Recogniser:
    """Return the model as decoding uses it; ``TypeError`` where it has not what that needs."""
    if not isinstance(model, Recogniser):
        raise TypeError(f"{type(model).__name__}: has no encode, packed or ctc_logits to read with")
    return model


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
