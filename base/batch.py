"""A batch of lines, padded.

Shapes: ``B`` lines, ``T`` pen steps, ``U`` characters, ``N`` feature points, ``F`` features.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

BatchT = TypeVar("BatchT", bound="Batch")


@dataclass(frozen=True)
class Batch:
    """Padded lines. Masks come from the lengths; padding never changes a result.

    Attributes:
        strokes: float32 ``[B, T, 3]``, rows ``(end_of_stroke, dx, dy)`` in normalised units; rows
            past a line's length are 0.
        stroke_lengths: int64 ``[B]``, pen steps of each line.
        text: int64 ``[B, U]``, character indices; past a text's length the vocabulary's padding.
        text_lengths: int64 ``[B]``, characters of each line.
        line_indices: int64 ``[B]``, each line's number in its corpus.
    """

    strokes: Tensor
    stroke_lengths: Tensor
    text: Tensor
    text_lengths: Tensor
    line_indices: Tensor

    def __len__(self) -> int:
        return self.strokes.shape[0]

    def to(self: BatchT, device: torch.device | str, non_blocking: bool = False) -> BatchT:
        """The same batch on ``device``."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self: BatchT) -> BatchT:
        """The same batch in page-locked memory, for asynchronous copies to a GPU."""
        return self._map(lambda tensor: tensor.pin_memory())

    @property
    def stroke_mask(self) -> Tensor:
        """bool ``[B, T]``, true on real pen steps."""
        return mask_from_lengths(self.stroke_lengths, self.strokes.shape[1])

    @property
    def text_mask(self) -> Tensor:
        """bool ``[B, U]``, true on real characters."""
        return mask_from_lengths(self.text_lengths, self.text.shape[1])

    def _map(self: BatchT, function: Callable[[Tensor], Tensor]) -> BatchT:
        return type(self)(
            **{field.name: function(getattr(self, field.name)) for field in fields(self)}
        )


@dataclass(frozen=True)
class RecognitionBatch(Batch):
    """A batch with what a recogniser sees of the ink.

    Attributes:
        features: float32 ``[B, N, F]``, see ``handwriting.ink.features``; rows past a line's length
            are 0.
        feature_lengths: int64 ``[B]``, feature points of each line.
    """

    features: Tensor
    feature_lengths: Tensor


def collate_features(features: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Lines ``[N, F]`` of different lengths as float32 ``[B, N, F]``, padded with zeros, and their
    lengths int64 ``[B]``."""
    lengths = [len(line) for line in features]
    padded = np.zeros((len(features), max(lengths), features[0].shape[1]), dtype=np.float32)
    for row, line in zip(padded, features, strict=True):
        row[: len(line)] = line
    return torch.from_numpy(padded), torch.tensor(lengths, dtype=torch.int64)


def mask_from_lengths(lengths: Tensor, size: int) -> Tensor:
    """bool ``[B, size]``, true where the position is under the length ``[B]``."""
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)
