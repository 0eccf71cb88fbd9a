"""Writing a text of any length with a model that writes lines: piece by piece, in one hand."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from handwriting.pages.aligned_text import AlignedLine, split_text
from handwriting.runtime.noise import line_seed
from handwriting.runtime.synthesis import Prime
from handwriting.runtime.synthesised_line import SynthesisedLine


class LineWriter(Protocol):
    """Writes lines with some model, in the style of a line or of none, each as the best of several
    draws; the same seed gives the same line."""

    def __call__(
        self, texts: Sequence[str], style: Prime | None, best_of: int, seeds: Sequence[int]
    ) -> list[SynthesisedLine]: ...


@dataclass(frozen=True)
class Pieces:
    """How a long text is cut, and how its pieces get one hand.

    Attributes:
        longest: characters of a piece. Of 95 % of IAM-OnDB's lines, no more than 41 characters;
            their mean is 29. What is longer than what a model was trained on, it writes less well.
        candidates: the piece that shows the others what to look like is the best of so many.
        shortest_example: it wants some letters.
        attempts: a piece with flaws is written so often at most.
    """

    longest: int = 36
    candidates: int = 8
    shortest_example: int = 15
    attempts: int = 3


@dataclass(frozen=True)
class WrittenText:
    """A text in ink.

    Attributes:
        lines: its pieces, all in one hand, in the text's order.
        reached_step_limit: the pieces that the model did not end by itself, which may end in
            scribble.
    """

    lines: list[AlignedLine]
    reached_step_limit: list[str]


class TextWriter:
    """Writes texts of any length. The same seed gives the same strokes.

    Args:
        write_lines: writes lines.
        seed: of all that is drawn.
        best_of: each piece is written so often, and the best is kept.
        pieces: see there.
    """

    def __init__(
        self, write_lines: LineWriter, seed: int = 1, best_of: int = 1, pieces: Pieces | None = None
    ) -> None:
        self.write_lines = write_lines
        self.seed = seed
        self.best_of = best_of
        self.pieces = pieces or Pieces()
        self._num_drawn = 0

    def write(self, text: str, style: Prime | None = None) -> WrittenText:
        """Write ``text``; newlines in it stay in the texts of the pieces.

        Args:
            text: any text of characters that the model knows.
            style: a line, in the units that the model was trained on, whose hand to write in.
                Without one, the model makes a hand up: one piece of the text, of several the
                best, is the example that the others are written like.

        Raises:
            UserError: a character is not in the vocabulary, the style's text included.
        """
        pieces = split_text(text, self.pieces.longest)
        texts = [piece.strip("\n") for piece in pieces]
        written: dict[int, SynthesisedLine] = {}
        if style is None:
            written, style = self._example(texts)
        missing = [at for at, piece in enumerate(texts) if piece and at not in written]
        written.update(self._write_all(texts, missing, style))
        return WrittenText(
            [_line(piece, written.get(at)) for at, piece in enumerate(pieces)],
            [texts[at] for at, ink in sorted(written.items()) if ink.reached_step_limit],
        )

    def _example(self, texts: Sequence[str]) -> tuple[dict[int, SynthesisedLine], Prime | None]:
        """The first piece that shows enough of a hand (or the longest), as the model writes it at
        its best, and a style made of it; no style if the model cannot even end it."""
        lengths = [len(text) for text in texts]
        enough = [at for at, length in enumerate(lengths) if length >= self.pieces.shortest_example]
        chosen = enough[0] if enough else int(np.argmax(lengths))
        (best,) = self._write([texts[chosen]], None, max(self.best_of, self.pieces.candidates))
        style = None if best.reached_step_limit else Prime(best.strokes, best.text)
        return {chosen: best}, style

    def _write_all(
        self, texts: Sequence[str], missing: Sequence[int], style: Prime | None
    ) -> dict[int, SynthesisedLine]:
        """The pieces at the places ``missing``. Those with flaws are tried again, a few times."""
        best: dict[int, SynthesisedLine] = {}
        for _ in range(self.pieces.attempts):
            inks = self._write([texts[at] for at in missing], style, self.best_of)
            for at, ink in zip(missing, inks, strict=True):
                best[at] = min(best.get(at, ink), ink, key=flaws)
            missing = [at for at in missing if flaws(best[at]) > 0]
        return best

    def _write(
        self, texts: Sequence[str], style: Prime | None, best_of: int
    ) -> list[SynthesisedLine]:
        numbers = range(self._num_drawn, self._num_drawn + len(texts))
        self._num_drawn += len(texts)
        seeds = [line_seed(self.seed, number) for number in numbers]
        return self.write_lines(texts, style, best_of, seeds) if texts else []


def flaws(written: SynthesisedLine) -> int:
    """Count the words without ink, plus, for a line that the model did not end by itself, more than
    there are words."""
    words = list(re.finditer(r"\S+", written.text))
    steps = written.character_of_step
    bare = sum(not np.any((steps >= word.start()) & (steps < word.end())) for word in words)
    return bare + (len(words) + 1) * written.reached_step_limit


def _line(piece: str, ink: SynthesisedLine | None) -> AlignedLine:
    if ink is None:
        return AlignedLine(np.zeros((0, 3), np.float32), piece, np.zeros(0, np.int64))
    return AlignedLine(ink.strokes, piece, ink.character_of_step)
