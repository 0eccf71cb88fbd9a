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
from data_loader.augmentation import line_generator
from data_loader.batches import collate
from data_loader.cleaning import Cleaning
from data_loader.corpus import TRAIN_SPLIT, VALIDATION_SPLIT, Corpus
from data_loader.data_loaders import SPIKES_ONLY, BatchDataset, HandwritingDataLoader, Key
from data_loader.ink_augmentation import InkAugmentation
from handwriting.ink.features import InkFeatures
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary

NO_AUGMENTATION = InkAugmentation()
DEFAULT_FEATURES = InkFeatures()


class RecognitionDataset(BatchDataset):
    """Makes batches with features; the augmentation changes these alone, the strokes of a batch
    are as they were written."""

    augmentation: InkAugmentation

    def __init__(
        self,
        corpus: Corpus,
        normalisation: Normalisation,
        vocabulary: Vocabulary,
        augmentation: InkAugmentation,
        seed: int,
        features: InkFeatures,
    ) -> None:
        super().__init__(corpus, normalisation, vocabulary, augmentation, seed)
        self.features = features

    def __getitem__(self, key: Key) -> RecognitionBatch:
        lines = key.lines
        strokes = [self.normalisation.normalise(self.corpus.strokes(line)) for line in lines]
        texts = [self.corpus.text(line) for line in lines]
        batch = collate(strokes, texts, lines, self.vocabulary)
        features, lengths = collate_features([self._features(key.epoch, line) for line in lines])
        values = {field.name: getattr(batch, field.name) for field in fields(batch)}
        return RecognitionBatch(**values, features=features, feature_lengths=lengths)

    def _features(self, epoch: int, line: int) -> np.ndarray:
        """float32 ``[N, F]`` of the ink, corrected, then augmented."""
        strokes = self.features.normalise(self.corpus.strokes(line))
        if self.augmentation.enabled:
            strokes = self.augmentation.apply(strokes, line_generator(self.seed, epoch, line))
        return self.features.describe(strokes)


@DATA_LOADERS.register(provided=("seed", "rank", "world_size", "vocabulary", "normalisation"))
class RecognitionDataLoader(HandwritingDataLoader):
    """Batches of handwriting with features for recognition, from any source, prepared once.

    Features are computed as batches are made, which takes less than a millisecond a line.

    Args:
        source: the reader; read only where its corpus is not prepared yet.
        features: what the recogniser sees of the ink.
        cleaning: what is done to each line as the corpus is prepared.
        augmentation: changes of the corrected ink in training, drawn anew in each epoch.
        batch_size, max_points, limit, validation_limit, cache_dir, train_split, validation_split,
        num_workers, pin_memory, seed, rank, world_size, vocabulary, normalisation: see
            ``HandwritingDataLoader``.

    Attributes:
        corpus: the prepared corpus.
        num_features: ``F``.

    Raises:
        DataError: where the source or its prepared corpus cannot be used, or a split has no lines.
    """

    def __init__(
        self,
        source: Annotated[BaseReader, READERS],
        features: InkFeatures = DEFAULT_FEATURES,
        cleaning: Cleaning = SPIKES_ONLY,
        augmentation: InkAugmentation = NO_AUGMENTATION,
        batch_size: Annotated[int, Field(gt=0)] = 32,
        max_points: Annotated[int, Field(ge=2)] | None = None,
        limit: Annotated[int, Field(gt=0)] | None = None,
        validation_limit: Annotated[int, Field(gt=0)] | None = None,
        cache_dir: str = "data/prepared",
        train_split: str = TRAIN_SPLIT,
        validation_split: str = VALIDATION_SPLIT,
        num_workers: Annotated[int, Field(ge=0)] = 0,
        pin_memory: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        vocabulary: Vocabulary | None = None,
        normalisation: Normalisation | None = None,
    ) -> None:
        super().__init__(
            source, cleaning, augmentation, batch_size, max_points, limit=limit,
            validation_limit=validation_limit, cache_dir=cache_dir, train_split=train_split,
            validation_split=validation_split, num_workers=num_workers, pin_memory=pin_memory,
            seed=seed, rank=rank, world_size=world_size, vocabulary=vocabulary,
            normalisation=normalisation,
        )  # fmt: skip
        self.features = features
        self.num_features = features.size

    def _dataset(self, augmentation: InkAugmentation) -> RecognitionDataset:
        return RecognitionDataset(
            self.corpus, self.normalisation, self.vocabulary, augmentation, self.seed, self.features
        )
