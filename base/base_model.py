"""What every model has in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn

from base.batch import Batch


class BaseModel(nn.Module, ABC):
    """A model of a batch of lines.

    Attributes:
        task: what the model is for ("unconditional", ...); evaluation is chosen by it.
    """

    task: ClassVar[str]

    @abstractmethod
    def forward(self, batch: Batch) -> Any:
        """The model's output for a batch, as the losses and metrics of its task read it."""

    def vocabulary_dimensions(self) -> Mapping[str, tuple[int, int]]:
        """Return the weights that have a place for each character: by name in the ``state_dict``,
        the dimension of these places and the first of them. Empty where no weight depends on the
        vocabulary."""
        return {}

    @property
    def num_parameters(self) -> int:
        """How many numbers training changes."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def __str__(self) -> str:
        return f"{super().__str__()}\ntrainable parameters: {self.num_parameters:,}"
