"""The data loader of recognisers: batches with features of the ink.

Shapes: ``B`` lines, ``N`` feature points, ``F`` features.
"""

from dataclasses import fields
from typing import Annotated

import numpy as np
from pydantic import Field

from base.base_reader import BaseReader
from base.batch import RecognitionBatch, collate_features
from base.registry import DATA_LOADERS, READERS
from base.schema import Flattened
from data_loader.augmentation import Augmentation, line_generator
from data_loader.batches import collate
from data_loader.cleaning import Cleaning
from data_loader.corpus import Corpus
from data_loader.data_loaders import SPIKES_ONLY, BatchDataset, BatchSpec, HandwritingDataLoader
from data_loader.ink_augmentation import InkAugmentation
from data_loader.loader_settings import ALONE, DEFAULT_SETTINGS, LoaderContext, LoaderSettings
from handwriting.ink.features import InkFeatures
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary

NO_AUGMENTATION = InkAugmentation()
DEFAULT_FEATURES = InkFeatures()


class RecognitionDataset(BatchDataset):
    """Makes batches with features; the augmentation changes these alone, the strokes of a batch
    are as they were written."""

    def __init__(
        self,
        corpus: Corpus,
        normalisation: Normalisation,
        vocabulary: Vocabulary,
        augmentation: Augmentation,
        seed: int,
        features: InkFeatures,
    ) -> None:
        super().__init__(corpus, normalisation, vocabulary, augmentation, seed)
        self.features = features

    def __getitem__(self, key: BatchSpec) -> RecognitionBatch:
        pairs = list(zip(key.lines, key.partners, strict=True))
        generators = [line_generator(self.seed, key.epoch, line) for line in key.lines]
        ink = [self._joined(*pair, each) for pair, each in zip(pairs, generators, strict=True)]
        strokes = [self.normalisation.normalise(each) for each in ink]
        texts = [self._text(*pair) for pair in pairs]
        batch = collate(strokes, texts, key.lines, self.vocabulary)
        described = [self._features(*each) for each in zip(ink, generators, strict=True)]
        features, lengths = collate_features(described)
        values = {field.name: getattr(batch, field.name) for field in fields(batch)}
        return RecognitionBatch(**values, features=features, feature_lengths=lengths)

    def _features(self, strokes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """float32 ``[N, F]`` of the ink ``[T, 3]``, corrected, then augmented."""
        strokes = self.features.normalise(strokes)
        if self.augmentation.enabled:
            strokes = self.augmentation.apply(strokes, generator)
        return self.features.describe(strokes)


@DATA_LOADERS.register(provided=("context",))
class RecognitionDataLoader(HandwritingDataLoader):
    """Batches of handwriting with features for recognition, from any source, prepared once.

    Features are computed as batches are made, which takes less than a millisecond a line.

    Args:
        source: the reader; read only where its corpus is not prepared yet.
        features: what the recogniser sees of the ink.
        cleaning: what is done to each line as the corpus is prepared.
        augmentation: changes of the corrected ink in training, drawn anew in each epoch.
        concatenate_share: share of the training batches in which each line is followed by another
            one by the same writer, as one line: a recogniser that has seen short lines alone loses
            its place in long ones.
        settings, context: see ``HandwritingDataLoader``.

    Attributes:
        corpus: the prepared corpus.
        num_features: ``F``.

    Raises:
        DataError: where the source or its prepared corpus cannot be used, or a split has no lines.
    """

    features: InkFeatures

    def __init__(
        self,
        source: Annotated[BaseReader, READERS],
        features: InkFeatures = DEFAULT_FEATURES,
        cleaning: Cleaning = SPIKES_ONLY,
        augmentation: InkAugmentation = NO_AUGMENTATION,
        concatenate_share: Annotated[float, Field(ge=0, le=1)] = 0.0,
        settings: Annotated[LoaderSettings, Flattened()] = DEFAULT_SETTINGS,
        context: LoaderContext = ALONE,
    ) -> None:
        super().__init__(source, cleaning, augmentation, concatenate_share, settings, context)
        self.features = features
        self.num_features = features.size

    def _dataset(self, augmentation: Augmentation) -> RecognitionDataset:
        return RecognitionDataset(
            self.corpus,
            self.normalisation,
            self.vocabulary,
            augmentation,
            self.context.seed,
            self.features,
        )
