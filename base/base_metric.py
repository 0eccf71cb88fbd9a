"""The base of metrics: a number over many batches, from sums that processes can add up."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from base.batch import Batch


class BaseMetric(ABC):
    """A rate over all lines: one sum divided by another.

    A metric is updated with a model's output and the batch. Its sums are float64, so that whole
    numbers stay exact; processes join by adding theirs.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._sums = torch.zeros(2, dtype=torch.float64)

    @torch.no_grad()
    def update(self, output: Any, batch: Batch) -> None:
        """Count a batch."""
        numerator, denominator = self._count(output, batch)
        counted = [torch.as_tensor(part, dtype=torch.float64) for part in (numerator, denominator)]
        self._sums = self._sums + torch.stack([part.cpu() for part in counted])

    @abstractmethod
    def _count(self, output: Any, batch: Batch) -> tuple[Tensor | float, Tensor | float]:
        """Return the numerator and the denominator of a batch."""

    def sums(self) -> Tensor:
        """Return the sums, float64 ``[2]``."""
        return self._sums.clone()

    def load_sums(self, sums: Tensor) -> None:
        """Continue from the given sums."""
        self._sums = sums.detach().cpu().double().clone()

    def compute(self) -> float:
        """Return the rate over all that was counted; nan where nothing was."""
        return (self._sums[0] / self._sums[1]).item()
