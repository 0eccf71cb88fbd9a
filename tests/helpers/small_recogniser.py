"""A recogniser and batches small enough that a test can compute with them many times."""

from typing import Any

import torch

from base.batch import RecognitionBatch
from handwriting.text.vocabulary import Vocabulary
from model.recognition import Seq2SeqRecognition

VOCABULARY = Vocabulary("abc ")
FEATURES = 3
LENGTHS = (21, 9, 1, 14)
TEXTS = ("ab ca", "b", "", "abc")


def small_model(vocabulary: Vocabulary = VOCABULARY, **options: Any) -> Seq2SeqRecognition:
    """In float64 and evaluation mode; without dropout unless asked for."""
    torch.manual_seed(0)
    sizes = {
        "channels": (4, 5),
        "kernel_size": 3,
        "encoder_size": 4,
        "encoder_layers": 2,
        "decoder_size": 5,
        "embedding_size": 3,
        "attention_size": 4,
        "location_width": 3,
        "dropout": 0.0,
        "decoder_dropout": 0.0,
    }
    model = Seq2SeqRecognition(vocabulary, FEATURES, **{**sizes, **options})
    return model.double().eval()


def random_batch(
    lengths: tuple[int, ...] = LENGTHS,
    texts: tuple[str, ...] = TEXTS,
    more_points: int = 0,
    more_characters: int = 0,
    filling: float = 0.0,
    vocabulary: Vocabulary = VOCABULARY,
) -> RecognitionBatch:
    """The same float64 lines however much padding there is and whatever ``filling`` it has."""
    count, longest = len(lengths), max(lengths)
    features = torch.full((count, longest + more_points, FEATURES), filling, dtype=torch.float64)
    size = max(map(len, texts)) + more_characters
    text = torch.full((count, size), vocabulary.pad)
    for row, (length, written) in enumerate(zip(lengths, texts, strict=True)):
        generator = torch.Generator().manual_seed(length)
        shape = (length, FEATURES)
        features[row, :length] = torch.randn(shape, generator=generator, dtype=torch.float64)
        text[row, : len(written)] = torch.tensor(vocabulary.encode(written), dtype=torch.int64)
    return RecognitionBatch(
        strokes=torch.zeros(count, 1, 3),
        stroke_lengths=torch.ones(count, dtype=torch.int64),
        text=text,
        text_lengths=torch.tensor([len(written) for written in texts]),
        line_indices=torch.arange(count),
        features=features,
        feature_lengths=torch.tensor(lengths),
    )
