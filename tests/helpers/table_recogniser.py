"""A recogniser made of tables, whose every probability a test can know."""

from typing import NamedTuple

import torch
from torch import Tensor

from handwriting.text.vocabulary import Vocabulary


class TableEncoded(NamedTuple):
    line: Tensor  # float [B, F], mixes the tables
    lengths: Tensor
    ctc_logits: Tensor | None


class TableState(NamedTuple):
    code: Tensor  # int64 [B], which characters came so far
    attention: Tensor
    coverage: Tensor


class TableRecogniser:
    """The logits of the next character depend on the line and on all characters so far.

    A line of ``N`` feature points has ``N`` frames.
    """

    CODES = 997

    def __init__(self, size: int, features: int = 3, scale: float = 2.0, ctc: bool = True) -> None:
        generator = torch.Generator().manual_seed(5)

        def table(*shape: int) -> Tensor:
            drawn = torch.randn(*shape, generator=generator, dtype=torch.float64)
            return drawn * scale

        self.size = size
        self.next = table(self.CODES, features, size)
        self.looks = table(self.CODES, features)
        self.frames = table(features, size) if ctc else None

    def encode(self, features: Tensor, feature_lengths: Tensor) -> TableEncoded:
        mask = torch.arange(features.shape[1]) < feature_lengths.unsqueeze(1)
        line = (features * mask.unsqueeze(2)).sum(1) / feature_lengths.sqrt().unsqueeze(1)
        logits = None if self.frames is None else features @ self.frames
        return TableEncoded(line, feature_lengths, logits)

    def ctc_logits(self, encoded: TableEncoded) -> Tensor | None:
        return encoded.ctc_logits

    def packed(self) -> "TableRecogniser":
        return self

    def initial_state(self, encoded: TableEncoded) -> TableState:
        frames = int(encoded.lengths.max())
        zeros = torch.zeros(len(encoded.lengths), frames, dtype=torch.float64)
        return TableState(torch.ones_like(encoded.lengths), zeros, zeros)

    def step(
        self, previous: Tensor, state: TableState, encoded: TableEncoded
    ) -> tuple[Tensor, TableState]:
        code = (state.code * 31 + previous * 17 + 5) % self.CODES
        logits = torch.einsum("bf,bfc->bc", encoded.line, self.next[code])
        logits[:, Vocabulary.eos] -= 2.0  # or else most texts would be empty
        width = state.attention.shape[1]
        places = torch.arange(width) * (encoded.line * self.looks[code]).sum(1, keepdim=True)
        beyond = torch.arange(width) >= encoded.lengths.unsqueeze(1)
        attention = places.sin().masked_fill(beyond, -torch.inf).softmax(1)
        return logits, TableState(code, attention, state.coverage + attention)


def table_lines(lengths: list[int], features: int = 3) -> tuple[Tensor, Tensor]:
    """Features ``[B, N, F]`` of random lines, and their lengths."""
    generator = torch.Generator().manual_seed(7)
    shape = (len(lengths), max(lengths), features)
    drawn = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return drawn, torch.tensor(lengths)
