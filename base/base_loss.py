"""The base of losses: called with a model's output and the batch, they return scalars."""

from abc import ABC, abstractmethod
from typing import Any, Generic

from torch import Tensor, nn

from base.batch import BatchT


class BaseLoss(nn.Module, ABC, Generic[BatchT]):
    """A loss of a batch, ``BaseLoss[RecognitionBatch]`` if it needs batches of that kind.

    Its dict of scalars has ``loss``, which training minimises, and ``weight``, how many units (pen
    steps, lines, characters) it is the mean over; means of parts of a batch join to the mean of the
    whole by these weights. The other entries are terms for the log.
    """

    @abstractmethod
    def forward(self, output: Any, batch: BatchT) -> dict[str, Tensor]:
        """Return the dict of scalars, from the model's output for the batch."""

    @abstractmethod
    def num_units(self, batch: BatchT) -> Tensor:
        """Return how many units, a scalar, the loss of this batch is the mean over."""
