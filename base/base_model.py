"""The base of models."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from torch import nn

from base.batch import BatchT

Kind = TypeVar("Kind", bound=nn.Module)


class BaseModel(nn.Module, ABC, Generic[BatchT]):
    """A model of a batch of lines, ``BaseModel[RecognitionBatch]`` if it needs those of that kind.

    Attributes:
        task: what the model is for ("unconditional", ...); evaluation is chosen by it.
    """

    task: ClassVar[str]

    @abstractmethod
    def forward(self, batch: BatchT) -> Any:
        """The model's output for a batch, as the losses and metrics of its task read it."""

    def vocabulary_dimensions(self) -> Mapping[str, tuple[int, int]]:
        """Return the weights that have a place for each character: by name in the ``state_dict``,
        the dimension of these places and the first of them. Empty where no weight depends on the
        vocabulary."""
        return {}

    @property
    def num_parameters(self) -> int:
        """Number of weights that training changes."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def __str__(self) -> str:
        return f"{super().__str__()}\ntrainable parameters: {self.num_parameters:,}"


def model_as(model: nn.Module, kind: type[Kind]) -> Kind:
    """Return the model, which is one of ``kind``; ``TypeError`` where it is none."""
    if not isinstance(model, kind):
        raise TypeError(f"should be a {kind.__name__}, got a {type(model).__name__}")
    return model
