"""The settings that all data loaders share, and the circumstances that they are given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from data_loader.corpus import TRAIN_SPLIT, VALIDATION_SPLIT
from handwriting.ink.normalisation import Normalisation
from handwriting.limits import MOST_WORKERS
from handwriting.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class LoaderSettings:
    """Which lines of a corpus are used, and how they become batches.

    Attributes:
        batch_size: lines in a batch, over all processes.
        max_points: training leaves out lines with more points than this; null keeps all.
        epoch_lines: lines in an epoch of training; null for as many as there are.
        short_epochs: first epochs of training that have short lines alone, of up to
            ``short_points`` points, none of them joined: the window of a model that writes finds
            its way along short texts within minutes, and along long ones hardly ever.
        short_points: the most points of a line in these epochs.
        limit: lines used of each split, evenly spread over it; null uses all.
        validation_limit: same as ``limit``, for the validation after each epoch.
        cache_dir: where prepared corpora are kept.
        train_split: name of the split to train on, and to take vocabulary and normalisation from.
        validation_split: name of the split to validate on.
        num_workers: processes that make batches ahead of the model; 0 is fast already.
        pin_memory: page-locked batches, for asynchronous copies to a GPU.
    """

    batch_size: Annotated[int, Field(gt=0)] = 32
    max_points: Annotated[int, Field(ge=2)] | None = None
    epoch_lines: Annotated[int, Field(gt=0)] | None = None
    short_epochs: Annotated[int, Field(ge=0)] = 0
    short_points: Annotated[int, Field(ge=2)] = 160
    limit: Annotated[int, Field(gt=0)] | None = None
    validation_limit: Annotated[int, Field(gt=0)] | None = None
    cache_dir: str = "data/prepared"
    train_split: str = TRAIN_SPLIT
    validation_split: str = VALIDATION_SPLIT
    num_workers: Annotated[int, Field(ge=0, le=MOST_WORKERS)] = 0
    pin_memory: bool = False


@dataclass(frozen=True)
class LoaderContext:
    """The circumstances of a data loader, which no config says.

    Attributes:
        seed: of the order of lines and of all that is drawn.
        rank: number of this process.
        world_size: number of processes.
        vocabulary: instead of the training split's, such as that of a checkpoint.
        normalisation: likewise.
        grow_vocabulary: whether characters of the training split that ``vocabulary`` does not have
            are added to it.
        cache_dir: where prepared corpora are kept, instead of the settings' folder.
        whole_batches: whether processes divide whole batches of an evaluation, not the lines of
            each, so that every batch is what one process would see.
    """

    seed: int = 0
    rank: int = 0
    world_size: int = 1
    vocabulary: Vocabulary | None = None
    normalisation: Normalisation | None = None
    grow_vocabulary: bool = False
    cache_dir: str | None = None
    whole_batches: bool = False

    def vocabulary_for(self, training: Callable[[], Vocabulary]) -> Vocabulary:
        """Return the vocabulary to use; ``training`` gives that of the training split, and is
        called only where it matters."""
        if self.vocabulary is None:
            return training()
        if not self.grow_vocabulary:
            return self.vocabulary
        return self.vocabulary.extended(training().characters)


DEFAULT_SETTINGS = LoaderSettings()
ALONE = LoaderContext()
