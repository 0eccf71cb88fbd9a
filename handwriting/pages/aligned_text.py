"""Handwriting that knows its text: which character each pen step writes.

Shapes: ``T`` pen steps, ``n`` points of one stroke, ``U`` characters of the text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.curves import curved
from handwriting.ink.line import points_from_strokes
from handwriting.ink.measures import x_height

# Points that lie farther apart, in heights of small letters, are joined by curves.
_DENSE = 0.2


@dataclass(frozen=True)
class AlignedLine:
    """A piece of text as it was written in one go.

    Attributes:
        strokes: float32 ``[T, 3]`` as in ``handwriting.ink.line.Line``; T = 0 for a piece that
            holds nothing but newlines.
        text: the text. A newline in it (at its end, when ``split_text`` made it) starts a new line
            on the page; the pen steps of the pieces around it are not affected.
        character_of_step: int64 ``[T]``, the index in ``text`` of the character that each pen step
            writes. Indexes outside the text (a window past its end) count as its nearest end.
    """

    strokes: np.ndarray
    text: str
    character_of_step: np.ndarray

    def __post_init__(self) -> None:
        if self.strokes.ndim != 2 or self.strokes.shape[1] != 3:
            raise ValueError(f"strokes must be [T, 3], got {list(self.strokes.shape)}")
        if self.character_of_step.shape != self.strokes.shape[:1]:
            raise ValueError(
                f"character_of_step must be [{len(self.strokes)}],"
                f" got {list(self.character_of_step.shape)}"
            )


@dataclass(frozen=True)
class TracedStroke:
    """One stroke: its points and the character that each of them writes.

    Attributes:
        points: float64 ``[n, 2]`` (x, y), n >= 1.
        characters: int64 ``[n]``, indexes in a text.
    """

    points: np.ndarray
    characters: np.ndarray

    def part(self, start: int, stop: int) -> "TracedStroke":
        """Points ``start`` to ``stop - 1``."""
        return TracedStroke(self.points[start:stop], self.characters[start:stop])


def traced_strokes(line: AlignedLine) -> list[TracedStroke]:
    """The strokes of ``line`` at absolute points, y upwards, with curves where its points are far
    apart; nothing past a value that is not finite, since no pen can go on from there."""
    finite = np.isfinite(line.strokes).all(axis=1)
    length = len(finite) if finite.all() else int(np.argmin(finite))
    characters = np.clip(line.character_of_step[:length], 0, max(len(line.text) - 1, 0))
    inked = points_from_strokes(line.strokes[:length]) if length else []
    spacing = _DENSE * x_height(inked, line.text) if inked else 0.0
    strokes, start = [], 0
    for points in inked:
        own = characters[start : start + len(points)]
        start += len(points)
        if spacing > 0:
            points, owners = curved(points, spacing)
            own = own[owners]
        strokes.append(TracedStroke(points, own))
    return strokes


def extent(strokes: Sequence[TracedStroke]) -> tuple[float, float]:
    """The least and the greatest x of the strokes, of which there must be one."""
    points = np.concatenate([stroke.points[:, 0] for stroke in strokes])
    return float(points.min()), float(points.max())


def split_text(text: str, longest: int = 50) -> list[str]:
    """Cut a text between words into pieces that a model writes one at a time.

    Args:
        text: any text. Runs of spaces count as one, but those that begin a line are its indent;
            where there are tabs among them, they are these tabs.
        longest: the most characters of a piece, its newlines and its indent not counted; a longer
            word is a piece of its own. The pieces of a paragraph are about equally long, since a
            model writes very short ones less well.

    Returns:
        Pieces that joined by spaces give the text back. The newlines that follow a piece are at its
        end; newlines before the first word are a piece of their own. A piece may begin with an
        indent, or with tabs.
    """
    pieces: list[str] = []
    for paragraph, newlines in re.findall(r"([^\n]*)(\n*)", text):
        pieces += _balanced(_spaced_words(paragraph), longest)
        if newlines and pieces:
            pieces[-1] += newlines
        elif newlines:
            pieces.append(newlines)
    return pieces


def _spaced_words(paragraph: str) -> list[tuple[str, str]]:
    """The words, each with the white space before it: an indent, tabs, or one space."""
    words: list[tuple[str, str]] = []
    for space, word in re.findall(r"(\s*)(\S+)", paragraph):
        tabs = "\t" * space.count("\t")
        words.append((tabs or (" " if words else space), word))
    return words


def _balanced(words: Sequence[tuple[str, str]], longest: int) -> list[str]:
    """Words joined into the fewest pieces, with the last not much shorter than the others."""
    fewest = len(list(_filled(words, longest)))
    limits = range(max((len(word) for _, word in words), default=1), longest)
    for limit in limits:
        pieces = list(_filled(words, limit))
        if len(pieces) <= fewest:
            return pieces
    return list(_filled(words, longest))


def _filled(words: Sequence[tuple[str, str]], limit: int) -> Iterator[str]:
    """Words joined into pieces of at most ``limit`` characters, each as long as it can be."""
    piece, is_first = "", True
    for space, word in words:
        if piece and len(piece.strip()) + len(space) + len(word) > limit:
            yield piece
            piece = ""
        keeps_space = piece or is_first or "\t" in space
        piece, is_first = piece + (space if keeps_space else "") + word, False
    if piece:
        yield piece
