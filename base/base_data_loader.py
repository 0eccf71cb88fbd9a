"""The base of data loaders: training, validation and evaluation batches of one corpus."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from base.batch import Batch
from handwriting.ink.features import InkFeatures
from handwriting.ink.line import Line
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary


class LineCorpus(Protocol):
    """The lines that a data loader makes batches of, as training and evaluation use them.

    Attributes:
        folder: where it lies; names it in messages.
    """

    folder: Path

    @property
    def lengths(self) -> np.ndarray:
        """Pen steps of each of its ``L`` lines, int64 ``[L]``."""

    def __len__(self) -> int: ...

    def split(self, name: str) -> np.ndarray:
        """Return the indices of the lines in a split, int64; ``DataError`` where there is none."""

    def line(self, index: int) -> Line:
        """Return one line."""

    def text(self, index: int) -> str:
        """Return the text of a line."""

    def writer(self, index: int) -> str:
        """Return the writer's id; empty where it is not known."""

    def source_id(self, index: int) -> str:
        """Return the id that the source has for a line."""


class BaseBatches(ABC):
    """The batches of one split, epoch after epoch.

    Iterating gives the batches of the current epoch that this process works on, from the position
    set by ``start_at`` (the beginning, where it was not called since the last time).

    Attributes:
        position: batches of the current epoch given out so far, those before the start included.
        num_lines: lines in the split, over all processes.
    """

    position: int
    num_lines: int

    @property
    @abstractmethod
    def epoch(self) -> int:
        """The current epoch."""

    @abstractmethod
    def __len__(self) -> int:
        """Batches that this process gets in a whole epoch, wherever it starts."""

    @abstractmethod
    def __iter__(self) -> Iterator[Batch]: ...

    @abstractmethod
    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, which decides the order and the augmentation, from its beginning."""

    @abstractmethod
    def start_at(self, position: int) -> None:
        """Begin the next iteration after ``position`` batches; ``ValueError`` outside 0 to len."""


class BaseDataLoader(ABC):
    """Makes batches from a corpus.

    Attributes:
        corpus: the prepared corpus.
        vocabulary: the characters that texts are encoded with.
        normalisation: of the pen's offsets in the batches.
        num_features: numbers for each point of what the model sees of a line.
        features: what these are, where they are not pen offsets.
        validation_split: name of the split that is validated on.
    """

    corpus: LineCorpus
    vocabulary: Vocabulary
    normalisation: Normalisation
    num_features: int = 3
    features: InkFeatures | None = None
    validation_split: str

    @property
    @abstractmethod
    def train(self) -> BaseBatches:
        """The training lines, shuffled anew in each epoch."""

    @property
    @abstractmethod
    def validation(self) -> BaseBatches:
        """The validation lines, always in the same order."""

    @abstractmethod
    def evaluation(
        self, split: str, batch_size: int | None = None, limit: int | None = None
    ) -> BaseBatches:
        """The lines of any split, each once, always in the same order, which need not be the
        corpus's: ``Batch.line_indices`` says which lines they are.

        Args:
            split: name of the split.
            batch_size: lines in a batch, over all processes; the loader's own if None.
            limit: lines used, at most; the loader's own limit if None.

        Raises:
            DataError: where no line is in the split.
        """

    @property
    def groups(self) -> Sequence[str]:
        """Names of the groups of lines that have validation numbers of their own; each validation
        batch is of one group. Empty where there is one group alone."""
        return ()

    def group(self, index: int) -> str:
        """Return the group of a line, by its number in ``Batch.line_indices``."""
        return ""

    def line_id(self, index: int) -> str:
        """Return the id of a line, by its number in ``Batch.line_indices``, in messages."""
        return self.corpus.source_id(index)
