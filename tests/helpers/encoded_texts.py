"""Texts as a conditional model's steps read them."""

import torch
from torch import Tensor

from handwriting.text.vocabulary import Vocabulary
from model.models import ConditionalHandwriting


def encoded_texts(model: ConditionalHandwriting, vocabulary: Vocabulary, *lines: str) -> Tensor:
    """``[B, U+1, C]`` of texts of any lengths."""
    lengths = torch.tensor([len(line) for line in lines])
    padded = torch.zeros(len(lines), int(lengths.max()), dtype=torch.int64)
    for row, line in zip(padded, lines, strict=True):
        row[: len(line)] = torch.tensor(vocabulary.encode(line))
    return model.encode(padded, lengths)
