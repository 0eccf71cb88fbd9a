"""Writing a text of any length with a model that writes lines: piece by piece, in one hand."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from handwriting.pages.aligned_text import AlignedLine, split_text
from handwriting.pages.completion import complete
from handwriting.pages.flaws import ink_flaws
from handwriting.runtime.noise import line_seed
from handwriting.runtime.synthesis import Prime
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.spelling import spell
from handwriting.text.vocabulary import Vocabulary

Critic = Callable[[Sequence[SynthesisedLine]], Sequence[list[str]]]
"""Names what is wrong with each line, in words."""


class LineWriter(Protocol):
    """Writes lines with some model, in the style of a line or of none, each as the best of several
    draws; the same seed gives the same line."""

    def __call__(
        self, texts: Sequence[str], style: Prime | None, best_of: int, seeds: Sequence[int]
    ) -> list[SynthesisedLine]: ...


@dataclass(frozen=True)
class Pieces:
    """Rules by which a long text is cut, and its pieces get one hand.

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
        flaws: what else is wrong with pieces that were drawn several times, such as ``'a piece'
            leaves its line``.
    """

    lines: list[AlignedLine]
    reached_step_limit: list[str]
    flaws: list[str]


class TextWriter:
    """Writes texts of any length. The same seed gives the same strokes.

    Args:
        write_lines: writes lines.
        vocabulary: of the model that they are written with.
        seed: of all that is drawn.
        best_of: each piece is written so often, and the best is kept.
        pieces: see there.
        critic: names what is wrong with lines; one with flaws is written again, a few times. None
            finds what shows without reading.
    """

    def __init__(
        self,
        write_lines: LineWriter,
        vocabulary: Vocabulary,
        seed: int = 1,
        best_of: int = 1,
        pieces: Pieces | None = None,
        critic: Critic | None = None,
    ) -> None:
        self.write_lines = write_lines
        self.vocabulary = vocabulary
        self.seed = seed
        self.best_of = best_of
        self.pieces = pieces or Pieces()
        self.critic = critic or flaws_of_ink
        self._num_drawn = 0

    def write(self, text: str, style: Prime | None = None) -> WrittenText:
        """Write ``text``; newlines in it stay in the texts of the pieces.

        Args:
            text: any that ``handwriting.text.spelling.writable_text`` returns.
            style: a line, in the units that the model was trained on, whose hand to write in.
                Without one, the model makes a hand up: one piece of the text, of several the
                best, is the example that the others are written like.

        Raises:
            UserError: a character cannot be written, or one of the style's text is not in the
                vocabulary.
        """
        (written,) = self.write_all([text], style)
        return written

    def write_all(self, texts: Sequence[str], style: Prime | None = None) -> list[WrittenText]:
        """Write several texts, all in one hand; see ``write``. It takes less time than one by
        one."""
        of_texts = [
            [spell(piece, self.vocabulary) for piece in split_text(text, self.pieces.longest)]
            for text in texts
        ]
        drawn = self._drawn([piece.written for pieces in of_texts for piece in pieces], style)
        all_spellings = [piece for pieces in of_texts for piece in pieces]
        # The hand is measured over all of them.
        lines = complete([_line(ink) for ink, _ in drawn], all_spellings)
        written, start = [], 0
        for pieces in of_texts:
            part = slice(start, start + len(pieces))
            start = part.stop
            inks = [(ink, flaws) for ink, flaws in drawn[part] if ink is not None]
            written.append(
                WrittenText(
                    lines[part],
                    [ink.text for ink, _ in inks if ink.reached_step_limit],
                    [f"{ink.text!r} {flaw}" for ink, flaws in inks for flaw in flaws],
                )
            )
        return written

    def _drawn(
        self, texts: Sequence[str], style: Prime | None
    ) -> list[tuple[SynthesisedLine | None, list[str]]]:
        """The ink of each text and what is wrong with it; None for a text without characters."""
        written: dict[int, _Drawn] = {}
        if style is None and any(texts):
            written, style = self._example(texts)
        missing = [at for at, piece in enumerate(texts) if piece and at not in written]
        written.update(self._write_all(texts, missing, style))
        return [
            (written[at].ink, written[at].flaws) if at in written else (None, [])
            for at in range(len(texts))
        ]

    def _example(self, texts: Sequence[str]) -> tuple[dict[int, "_Drawn"], Prime | None]:
        """The first piece that shows enough of a hand (or the longest), as the model writes it at
        its best, and a style made of it; no style if the model cannot even end it."""
        lengths = [len(text) for text in texts]
        enough = [at for at, length in enumerate(lengths) if length >= self.pieces.shortest_example]
        chosen = enough[0] if enough else int(np.argmax(lengths))
        best = self._write_all(texts, [chosen], None, max(self.best_of, self.pieces.candidates))[
            chosen
        ]
        line = best.ink
        style = None if line.reached_step_limit else Prime(line.strokes, line.text)
        return {chosen: best}, style

    def _write_all(
        self,
        texts: Sequence[str],
        missing: Sequence[int],
        style: Prime | None,
        best_of: int | None = None,
    ) -> dict[int, "_Drawn"]:
        """The pieces at the places ``missing``. Those with flaws are tried again, a few times."""
        best: dict[int, _Drawn] = {}
        for _ in range(self.pieces.attempts):
            inks = self._write([texts[at] for at in missing], style, best_of or self.best_of)
            for at, ink, found in zip(missing, inks, self.critic(inks), strict=True):
                drawn = _Drawn(ink, found)
                best[at] = min(best.get(at, drawn), drawn, key=_Drawn.severity)
            missing = [at for at in missing if best[at].severity() > 0]
        return best

    def _write(
        self, texts: Sequence[str], style: Prime | None, best_of: int
    ) -> list[SynthesisedLine]:
        numbers = range(self._num_drawn, self._num_drawn + len(texts))
        self._num_drawn += len(texts)
        seeds = [line_seed(self.seed, number) for number in numbers]
        return self.write_lines(texts, style, best_of, seeds) if texts else []


@dataclass(frozen=True)
class _Drawn:
    """A line and what the critic says of it."""

    ink: SynthesisedLine
    flaws: list[str]

    def severity(self) -> int:
        """Number of its flaws; a line that did not end has more than any other."""
        return flaws(self.ink) + len(self.flaws)


def flaws_of_ink(lines: Sequence[SynthesisedLine]) -> list[list[str]]:
    """Return what is wrong with the ink of each line, in words, as far as it shows unread."""
    return [
        ink_flaws(AlignedLine(line.strokes, line.text, line.character_of_step)) for line in lines
    ]


def flaws(written: SynthesisedLine) -> int:
    """Count the words without ink, plus, for a line that the model did not end by itself, more than
    there are words."""
    words = list(re.finditer(r"\S+", written.text))
    steps = written.character_of_step
    bare = sum(not np.any((steps >= word.start()) & (steps < word.end())) for word in words)
    return bare + (len(words) + 1) * written.reached_step_limit


def _line(ink: SynthesisedLine | None) -> AlignedLine:
    if ink is None:
        return AlignedLine(np.zeros((0, 3), np.float32), "", np.zeros(0, np.int64))
    return AlignedLine(ink.strokes, ink.text, ink.character_of_step)
