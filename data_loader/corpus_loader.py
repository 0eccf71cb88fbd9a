"""The base of data loaders that prepare a corpus and read its splits."""

from functools import partial

import numpy as np

from base.base_data_loader import BaseDataLoader
from base.base_reader import BaseReader
from data_loader.cleaning import Cleaning
from data_loader.corpus import Corpus, prepare_corpus
from data_loader.loader_settings import LoaderContext, LoaderSettings


class CorpusLoader(BaseDataLoader):
    """A corpus with its vocabulary and normalisation; a subclass makes batches of it.

    Args:
        source: the reader; read only where its corpus is not prepared yet.
        cleaning: what is done to each line as the corpus is prepared.
        settings: which lines, and how they become batches.
        context: seed, processes, vocabulary and normalisation.

    Attributes:
        corpus: the prepared corpus.
        shares: weights of the sources in an epoch, see ``BaseReader.shares``.

    Raises:
        DataError: where the source or its prepared corpus cannot be used.
    """

    corpus: Corpus

    def __init__(
        self,
        source: BaseReader,
        cleaning: Cleaning,
        settings: LoaderSettings,
        context: LoaderContext,
    ) -> None:
        self.corpus = prepare_corpus(source, cleaning, context.cache_dir or settings.cache_dir)
        self.shares = source.shares
        self.settings = settings
        self.context = context
        self.train_split = settings.train_split
        self.validation_split = settings.validation_split
        self.vocabulary = context.vocabulary_for(
            partial(self.corpus.vocabulary_of, self.train_split)
        )
        self.normalisation = context.normalisation or self.corpus.normalisation_of(self.train_split)


def evenly_spread(lines: np.ndarray, number: int) -> np.ndarray:
    """Return ``number`` of the line indices, or all of fewer: some of the beginning, the middle
    and the end, since lines that follow each other are mostly by the same writer."""
    number = min(number, len(lines))
    spread: np.ndarray = lines[np.linspace(0, len(lines) - 1, number).round().astype(np.int64)]
    return spread
