"""The data loader: batches of a prepared corpus, padded from the memory map."""

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch.utils.data import DataLoader, Dataset

import data_loader.readers  # noqa: F401  (registers the readers)
from base.base_data_loader import BaseBatches
from base.base_reader import BaseReader
from base.batch import Batch
from base.registry import DATA_LOADERS, READERS
from base.schema import Flattened
from data_loader import worker_signals
from data_loader.augmentation import Augmentation, line_generator
from data_loader.batches import BucketBatchSampler, collate
from data_loader.cleaning import Cleaning
from data_loader.concatenation import NO_PARTNER, SameWriterPairs, joined_strokes, joined_text
from data_loader.corpus import Corpus
from data_loader.corpus_loader import CorpusLoader, evenly_spread
from data_loader.loader_settings import ALONE, DEFAULT_SETTINGS, LoaderContext, LoaderSettings
from data_loader.shares import EpochLines
from handwriting.errors import DataError
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary


class BatchSpec(NamedTuple):
    """Specification of a batch: which lines, in which epoch.

    Attributes:
        epoch: decides the augmentation.
        lines: their numbers in the corpus, ``B``.
        partners: what each is followed by, ``B`` numbers or ``NO_PARTNER``.
    """

    epoch: int
    lines: list[int]
    partners: list[int]


SPIKES_ONLY = Cleaning()
NO_AUGMENTATION = Augmentation()

logger = logging.getLogger(__name__)


class BatchDataset(Dataset[Batch]):
    """Makes the batch of a key, in this or in a worker process; which one changes nothing."""

    def __init__(
        self,
        corpus: Corpus,
        normalisation: Normalisation,
        vocabulary: Vocabulary,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        self.corpus = corpus
        self.normalisation = normalisation
        self.vocabulary = vocabulary
        self.augmentation = augmentation
        self.seed = seed

    def __getitem__(self, key: BatchSpec) -> Batch:
        pairs = list(zip(key.lines, key.partners, strict=True))
        strokes = [self._strokes(key.epoch, *pair) for pair in pairs]
        texts = [self._text(*pair) for pair in pairs]
        return collate(strokes, texts, key.lines, self.vocabulary)

    def _strokes(self, epoch: int, line: int, partner: int) -> np.ndarray:
        """float32 ``[T, 3]``, joined and augmented, in normalised units."""
        return self.normalisation.normalise(self._augmented(epoch, line, partner))

    def _augmented(self, epoch: int, line: int, partner: int) -> np.ndarray:
        """float32 ``[T, 3]``, joined and augmented, in the corpus's units."""
        generator = line_generator(self.seed, epoch, line)
        strokes = self._joined(line, partner, generator)
        if self.augmentation.enabled:
            strokes = self.augmentation.apply(strokes, generator)
        return strokes

    def _joined(self, line: int, partner: int, generator: np.random.Generator) -> np.ndarray:
        """float32 ``[T, 3]``: the line, and its partner's ink where it has one."""
        strokes = self.corpus.strokes(line)
        if partner == NO_PARTNER:
            return strokes
        return joined_strokes(strokes, self.corpus.strokes(partner), generator)

    def _text(self, line: int, partner: int) -> str:
        text = self.corpus.text(line)
        return text if partner == NO_PARTNER else joined_text(text, self.corpus.text(partner))


class EpochSampler:
    """The keys of what remains of an epoch, as a sampler for torch's ``DataLoader``.

    It knows nothing of the loader that draws from it: a cycle of references would make the loader
    wait for its worker processes when it is collected.

    Args:
        lines: numbers of the lines in the corpus, ``[L]``.
        sampler: the order and the share of this process, as positions in ``lines``.
        partners: which lines are joined; None for none.
    """

    def __init__(
        self,
        lines: np.ndarray,
        sampler: BucketBatchSampler,
        partners: SameWriterPairs | None = None,
    ) -> None:
        self.lines = lines
        self.sampler = sampler
        self.partners = partners
        self.epoch = 0
        self.start = 0

    def __iter__(self) -> Iterator[BatchSpec]:
        # Fixed now, since worker processes draw keys while the epoch may be changed.
        batches = enumerate(self.sampler.batches(self.epoch))
        rest = islice(batches, self.start, None)
        epoch = self.epoch
        return (self._key(epoch, number, self.lines[rows].tolist()) for number, rows in rest)

    def _key(self, epoch: int, batch: int, lines: list[int]) -> BatchSpec:
        alone = [NO_PARTNER] * len(lines)
        partners = self.partners.of(epoch, batch, lines) if self.partners else alone
        return BatchSpec(epoch, lines, partners)


class SplitBatches(BaseBatches):
    """The batches of some lines of a corpus.

    Args:
        dataset: makes the batches.
        keys: which batches, and in which order.
        num_workers: processes that make batches ahead; 0 makes them here.
        pin_memory: put batches into page-locked memory, where there is a GPU.
    """

    def __init__(
        self, dataset: BatchDataset, keys: EpochSampler, num_workers: int, pin_memory: bool
    ) -> None:
        self.position = 0
        self.num_lines = len(keys.lines)
        self._keys = keys
        self._loader = DataLoader(
            dataset,
            sampler=keys,
            batch_size=None,
            collate_fn=_unchanged,
            num_workers=num_workers,
            pin_memory=pin_memory and torch.cuda.is_available(),
            persistent_workers=num_workers > 0,
            worker_init_fn=worker_signals.leave_process_group,
            # Its own generator: an iteration must not advance the global one, or a resumed run
            # would draw other random numbers than one that never stopped.
            generator=torch.Generator(),
        )

    @property
    def epoch(self) -> int:
        return self._keys.epoch

    def __len__(self) -> int:
        return len(self._keys.sampler)

    def __iter__(self) -> Iterator[Batch]:
        self.position = self._keys.start
        with worker_signals.held():
            batches = iter(self._loader)
        self._keys.start = 0
        for batch in batches:
            self.position += 1
            yield batch

    def set_epoch(self, epoch: int) -> None:
        self._keys.epoch = epoch
        self.position = self._keys.start = 0

    def start_at(self, position: int) -> None:
        if not 0 <= position <= len(self):
            raise ValueError(f"position in the epoch: 0 to {len(self)}, got {position}")
        self.position = self._keys.start = position


def _unchanged(batch: Any) -> Any:
    """Return a batch as it is; torch's types know only the joining of lists."""
    return batch


@DATA_LOADERS.register(provided=("context",))
class HandwritingDataLoader(CorpusLoader):
    """Batches of handwriting from any source, prepared once.

    Args:
        source: the reader; read only where its corpus is not prepared yet.
        cleaning: what is done to each line as the corpus is prepared.
        augmentation: changes of shape in training, drawn anew in each epoch.
        concatenate_share: share of the training batches in which each line is followed by another
            one by the same writer, as one line, where the writer is known: it teaches a model that
            writes to go on in a style (``data_loader.concatenation``).
        settings: which lines, and how they become batches.
        context: seed, processes, vocabulary and normalisation.

    Attributes:
        corpus: the prepared corpus.

    Raises:
        DataError: where the source or its prepared corpus cannot be used, or a split has no lines.
    """

    def __init__(
        self,
        source: Annotated[BaseReader, READERS],
        cleaning: Cleaning = SPIKES_ONLY,
        augmentation: Augmentation = NO_AUGMENTATION,
        concatenate_share: Annotated[float, Field(ge=0, le=1)] = 0.0,
        settings: Annotated[LoaderSettings, Flattened()] = DEFAULT_SETTINGS,
        context: LoaderContext = ALONE,
    ) -> None:
        super().__init__(source, cleaning, settings, context)
        self.augmentation = augmentation
        self.concatenate_share = concatenate_share

    @cached_property
    def train(self) -> SplitBatches:
        lines = self._short_enough(self._lines(self.train_split, self.settings.limit))
        try:
            return self._batches(lines, self.settings.batch_size, self.augmentation, shuffle=True)
        except ValueError as error:
            raise DataError(f"split {self.train_split!r}: {error}") from None

    @cached_property
    def validation(self) -> SplitBatches:
        return self.evaluation(self.validation_split, limit=self.settings.validation_limit)

    def evaluation(
        self, split: str, batch_size: int | None = None, limit: int | None = None
    ) -> SplitBatches:
        lines = self._lines(split, limit or self.settings.limit)
        return self._batches(
            lines, batch_size or self.settings.batch_size, NO_AUGMENTATION, shuffle=False
        )

    def _lines(self, split: str, limit: int | None) -> np.ndarray:
        """Numbers of the lines used of a split: with a limit, some of its beginning, middle and
        end, since lines that follow each other are mostly by the same writer."""
        lines = self.corpus.split(split)
        used = lines
        if limit is not None and limit < len(lines):
            used = np.concatenate([*self._limited(lines, limit)])
        logger.info("split %r: %d of %d lines", split, len(used), len(lines))
        return used

    def _limited(self, lines: np.ndarray, limit: int) -> Iterator[np.ndarray]:
        """Of each source, its part of ``limit`` lines, evenly spread over those there are."""
        sources = self.corpus.sources_of(lines)
        names = np.unique(sources)
        share = -(-limit // len(names))
        for name in names:
            own = lines[sources == name]
            yield evenly_spread(own, share)

    def _short_enough(self, lines: np.ndarray) -> np.ndarray:
        if self.settings.max_points is None:
            return lines
        kept: np.ndarray = lines[self.corpus.lengths[lines] <= self.settings.max_points]
        logger.info(
            "training leaves out %d lines of more than %d points",
            len(lines) - len(kept),
            self.settings.max_points,
        )
        if not len(kept):
            raise DataError(
                f"split {self.train_split!r}: no line has {self.settings.max_points} points or"
                " fewer (max_points)"
            )
        return kept

    def _batches(
        self, lines: np.ndarray, batch_size: int, augmentation: Augmentation, shuffle: bool
    ) -> SplitBatches:
        sampler = BucketBatchSampler(
            self.corpus.lengths[lines],
            batch_size,
            self.context.seed,
            shuffle,
            rank=self.context.rank,
            world_size=self.context.world_size,
            epoch_lines=self._epoch_lines(lines) if shuffle else None,
            groups=None if shuffle or not self.groups else self._group_numbers(lines),
            whole_batches=self.context.whole_batches and not shuffle,
        )
        dataset = self._dataset(augmentation)
        keys = EpochSampler(lines, sampler, self._partners(lines) if shuffle else None)
        return SplitBatches(dataset, keys, self.settings.num_workers, self.settings.pin_memory)

    @property
    def groups(self) -> Sequence[str]:
        """The sources, where there are several."""
        return self.corpus.sources if len(self.corpus.sources) > 1 else ()

    def group(self, index: int) -> str:
        """Return the source of a line."""
        return self.corpus.source(index)

    def _group_numbers(self, lines: np.ndarray) -> np.ndarray:
        return np.searchsorted(np.array(self.groups), self.corpus.sources_of(lines).astype(str))

    def _epoch_lines(self, lines: np.ndarray) -> EpochLines | None:
        """Which of the training lines each epoch has; None where each has all of them."""
        settings = self.settings
        if not self.shares and settings.epoch_lines is None and not settings.short_epochs:
            return None
        sources = self.corpus.sources_of(lines)
        is_short = self.corpus.lengths[lines] <= settings.short_points
        return EpochLines(
            sources, self.shares, settings.epoch_lines, self.context.seed, is_short,
            settings.short_epochs,
        )  # fmt: skip

    def _partners(self, lines: np.ndarray) -> SameWriterPairs | None:
        if not self.concatenate_share:
            return None
        return SameWriterPairs(
            self.corpus, lines, self.concatenate_share, self.context.seed, self.settings.max_points,
            self.settings.short_epochs,
        )  # fmt: skip

    def _dataset(self, augmentation: Augmentation) -> BatchDataset:
        return BatchDataset(
            self.corpus, self.normalisation, self.vocabulary, augmentation, self.context.seed
        )
