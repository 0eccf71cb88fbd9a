"""Texts of the window layer's tests."""

import torch
from torch import Tensor, nn


def padded_texts(
    lengths: tuple[int, ...], characters: int, dtype: torch.dtype = torch.float64
) -> Tensor:
    """One-hot ``[B, U, C]`` of texts of these lengths, the same for the same arguments; padding is
    all zero."""
    torch.manual_seed(1)
    indices = torch.randint(0, characters, (len(lengths), max(lengths)))
    text = nn.functional.one_hot(indices, characters).to(dtype)
    for row, length in zip(text, lengths, strict=True):
        row[length:] = 0
    return text
