"""The data loader of language models: the texts of a prepared corpus, without their ink."""

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated

import numpy as np
from pydantic import Field

import data_loader.readers  # noqa: F401  (registers the readers)
from base.base_data_loader import BaseBatches
from base.base_reader import BaseReader
from base.batch import Batch
from base.registry import DATA_LOADERS, READERS
from base.schema import Flattened
from data_loader.batches import BucketBatchSampler, collate
from data_loader.cleaning import Cleaning
from data_loader.corpus_loader import CorpusLoader, evenly_spread
from data_loader.loader_settings import ALONE, DEFAULT_SETTINGS, LoaderContext, LoaderSettings
from data_loader.readers.composed import DEFAULT_SHARES
from data_loader.readers.composed_grammar import draw_text
from data_loader.readers.synthetic_text import english_vocabulary
from data_loader.text_file import text_file_lines
from data_loader.text_overlap import shared_lines
from handwriting.errors import DataError
from handwriting.text.vocabulary import Vocabulary

SPIKES_ONLY = Cleaning()
# Words of the composed lines, and characters that these have at most.
_LEXICON_SIZE, _LONGEST_COMPOSED = 50_000, 80
# What stands for the ink of a line: its first point alone.
NO_INK = np.zeros((1, 3), dtype=np.float32)

logger = logging.getLogger(__name__)


class TextBatches(BaseBatches):
    """The batches of some texts.

    Args:
        texts: all of them.
        numbers: of each text, as ``Batch.line_indices`` gives them.
        sampler: the order and the share of this process, as positions in ``texts``.
        vocabulary: encodes the texts.
    """

    def __init__(
        self,
        texts: Sequence[str],
        numbers: Sequence[int],
        sampler: BucketBatchSampler,
        vocabulary: Vocabulary,
    ) -> None:
        self.position = 0
        self.num_lines = len(texts)
        self._texts = texts
        self._numbers = numbers
        self._sampler = sampler
        self._vocabulary = vocabulary
        self._epoch = self._start = 0

    @property
    def epoch(self) -> int:
        return self._epoch

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[Batch]:
        self.position, self._start = self._start, 0
        rest = list(self._sampler.batches(self._epoch))[self.position :]
        for rows in rest:
            self.position += 1
            yield self._batch(rows)

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        self.position = self._start = 0

    def start_at(self, position: int) -> None:
        if not 0 <= position <= len(self):
            raise ValueError(f"position in the epoch: 0 to {len(self)}, got {position}")
        self.position = self._start = position

    def _batch(self, rows: Sequence[int]) -> Batch:
        texts = [self._texts[row] for row in rows]
        numbers = [self._numbers[row] for row in rows]
        return collate([NO_INK] * len(rows), texts, numbers, self._vocabulary)


@DATA_LOADERS.register(provided=("context",))
class TextDataLoader(CorpusLoader):
    """Texts of any source's lines, and of text files, for a language model.

    The vocabulary is that of the whole training split, as recognisers of the same source have it.

    Args:
        source: the reader; read only where its corpus is not prepared yet.
        cleaning: as for the recogniser that the model is for, so that the corpus is shared.
        texts: paths of UTF-8 text files to train on too, broken into lines as long as the corpus's.
        composed_texts: lines to train on too that nobody wrote: numbers, dates, addresses, prose
            and more (``data_loader.readers.composed_grammar``), of the most frequent English words
            of ``wordfreq``, each as often. They teach a lexicon and the shapes of what is no
            prose, and forbid nothing.
        exclude_splits: training leaves out texts that also stand in these splits (see
            ``data_loader.text_overlap``), those of the text files too, or the model would know by
            heart what a recogniser is tested on. Splits that the corpus does not have are passed
            over.
        settings: which lines, and how they become batches; of these, ``max_points``,
            ``num_workers`` and ``pin_memory`` change nothing.
        context: seed, processes, vocabulary and normalisation (of the source's ink, which stands
            in checkpoints and is used for nothing).

    Attributes:
        corpus: the prepared corpus.

    Raises:
        DataError: where the source, its prepared corpus or a text file cannot be used, or a split
            has no lines.
    """

    def __init__(
        self,
        source: Annotated[BaseReader, READERS],
        cleaning: Cleaning = SPIKES_ONLY,
        texts: tuple[str, ...] = (),
        composed_texts: Annotated[int, Field(ge=0, le=10_000_000)] = 0,
        exclude_splits: tuple[str, ...] = ("testset_v", "testset_t"),
        settings: Annotated[LoaderSettings, Flattened()] = DEFAULT_SETTINGS,
        context: LoaderContext = ALONE,
    ) -> None:
        super().__init__(source, cleaning, settings, context)
        self.texts = texts
        self.composed_texts = composed_texts
        self.exclude_splits = exclude_splits

    @cached_property
    def train(self) -> TextBatches:
        numbers = self._lines(self.train_split, self.settings.limit)
        texts = [self.corpus.text(number) for number in numbers]
        kept = self._allowed(texts, f"split {self.train_split!r}")
        numbers = [number for number, keep in zip(numbers, kept, strict=True) if keep]
        texts = [text for text, keep in zip(texts, kept, strict=True) if keep]
        added = self._file_lines([len(text) for text in texts] or [1]) + self._composed_lines()
        # Lines of files have no number in the corpus; theirs follow on.
        numbers += range(len(self.corpus), len(self.corpus) + len(added))
        try:
            return self._batches(texts + added, numbers, self.settings.batch_size, shuffle=True)
        except ValueError as error:
            raise DataError(f"split {self.train_split!r}: {error}") from None

    @cached_property
    def validation(self) -> TextBatches:
        return self.evaluation(self.validation_split, limit=self.settings.validation_limit)

    def evaluation(
        self, split: str, batch_size: int | None = None, limit: int | None = None
    ) -> TextBatches:
        numbers = self._lines(split, limit or self.settings.limit)
        texts = [self.corpus.text(number) for number in numbers]
        return self._batches(texts, numbers, batch_size or self.settings.batch_size, shuffle=False)

    def line_id(self, index: int) -> str:
        if index < len(self.corpus):
            return super().line_id(index)
        return f"line {index - len(self.corpus) + 1} of the added texts"

    def _lines(self, split: str, limit: int | None) -> list[int]:
        """Numbers of the lines that are used of a split."""
        lines = self.corpus.split(split)
        used = lines if limit is None else evenly_spread(lines, limit)
        logger.info("split %r: texts of %d of %d lines", split, len(used), len(lines))
        return [int(number) for number in used]

    def _allowed(self, texts: Sequence[str], name: str) -> np.ndarray:
        """bool, true for the texts that stand in none of the excluded splits."""
        shared = shared_lines(texts, self._excluded)
        if shared.any():
            splits = ", ".join(map(repr, self.exclude_splits))
            logger.info(
                "%s: training leaves out %d of %d lines, whose words also stand in %s",
                name, int(shared.sum()), len(texts), splits,
            )  # fmt: skip
        return ~shared

    @cached_property
    def _excluded(self) -> list[list[str]]:
        """The texts of each excluded split."""
        splits = [name for name in self.exclude_splits if name in self.corpus.splits]
        return [list(map(self.corpus.text, self.corpus.split(name))) for name in splits]

    def _file_lines(self, widths: Sequence[int]) -> list[str]:
        """The lines of the text files that training may see."""
        lines: list[str] = []
        for path in self.texts:
            found = text_file_lines(path, widths, self.context.seed)
            kept = self._allowed(found, path)
            lines += [line for line, keep in zip(found, kept, strict=True) if keep]
            unknown = self.vocabulary.unknown("".join(found))
            if unknown:
                listed = " ".join(unknown[:20])
                logger.info("%s: characters that the corpus does not have: %s", path, listed)
        return lines

    def _composed_lines(self) -> list[str]:
        if not self.composed_texts:
            return []
        random = np.random.default_rng(self.context.seed)
        words = english_vocabulary(_LEXICON_SIZE)
        return [
            draw_text(random, words, DEFAULT_SHARES)[:_LONGEST_COMPOSED]
            for _ in range(self.composed_texts)
        ]

    def _batches(
        self, texts: Sequence[str], numbers: Sequence[int], batch_size: int, shuffle: bool
    ) -> TextBatches:
        sampler = BucketBatchSampler(
            [len(text) for text in texts],
            batch_size,
            self.context.seed,
            shuffle,
            rank=self.context.rank,
            world_size=self.context.world_size,
            whole_batches=self.context.whole_batches and not shuffle,
        )
        return TextBatches(texts, numbers, sampler, self.vocabulary)
