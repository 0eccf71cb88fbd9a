"""Results of reading: pages, blocks, lines, words and characters, each with its place and its ink.

Coordinates are in the ink's own unit, x to the right and y upwards. Strokes are numbered as they
were given. A confidence is the probability that all of a text is right, and None where nothing
says it.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

Point = tuple[float, float]

TEXT = "text"


@dataclass(frozen=True)
class Box:
    """The smallest upright rectangle around some ink."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, points: np.ndarray) -> "Box":
        """The box of points ``[n, 2]``, n >= 1."""
        (left, bottom), (right, top) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return cls(left, bottom, right, top)

    def joined(self, other: "Box") -> "Box":
        """The box around both."""
        return Box(
            min(self.left, other.left),
            min(self.bottom, other.bottom),
            max(self.right, other.right),
            max(self.top, other.top),
        )

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom


@dataclass(frozen=True)
class StrokePart:
    """Points of one stroke.

    Attributes:
        stroke: its number on the page.
        begin, end: the points ``begin`` to ``end - 1``.
        whole: whether these are all points of the stroke.
    """

    stroke: int
    begin: int
    end: int
    whole: bool = True


@dataclass(frozen=True)
class Alternative:
    """Another reading of the same ink.

    Attributes:
        text: of a line or of a word.
        share: its probability as a share of that of all readings that were found; those of the
            reading itself and its alternatives sum to 1.
    """

    text: str
    share: float


@dataclass(frozen=True)
class ReadCharacter:
    """A character that was read.

    Attributes:
        text: one character.
        confidence: that it is right.
        box: around its ink; None where no ink is its own.
        strokes: its ink.
    """

    text: str
    confidence: float | None
    box: Box | None = None
    strokes: tuple[StrokePart, ...] = ()


@dataclass(frozen=True)
class ReadWord:
    """A word: what stands between spaces.

    Attributes:
        text: without spaces.
        confidence: that all of it is right.
        box: around its ink; None where no ink is its own.
        baseline: the part of the line's baseline that is below it, its left end first.
        strokes: its ink, in the order of the line's.
        characters: those of ``text``.
        alternatives: other readings of it, the best first.
        struck_out: whether its writer crossed it out.
    """

    text: str
    confidence: float | None
    box: Box | None
    baseline: tuple[Point, Point]
    strokes: tuple[StrokePart, ...]
    characters: tuple[ReadCharacter, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    struck_out: bool = False


@dataclass(frozen=True)
class ReadLine:
    """A line of text.

    Attributes:
        text: as it was read, struck-out words included.
        confidence: that all of it is right.
        box: around its ink.
        baseline: where the small letters stand, in the direction of writing.
        x_height: of its small letters; 0 where unknown.
        words: those of ``text``.
        strokes: its ink, in the order in which it was read.
        alternatives: other readings of it, the best first.
        characters: of the whole text, spaces included; words have the same ones.
        score: the log-probability that the search gave to the text.
        doubt: how much the recogniser's two outputs differ, the edit distance of their texts as a
            share of the longer one's length; above 0.3 hardly any of it is right.
        name: of the line in its file, empty where there is none.
        truth: what its file says it reads, None where it says nothing.
    """

    text: str
    confidence: float | None
    box: Box
    baseline: tuple[Point, Point]
    words: tuple[ReadWord, ...]
    strokes: tuple[StrokePart, ...]
    x_height: float = 0.0
    alternatives: tuple[Alternative, ...] = ()
    characters: tuple[ReadCharacter, ...] = ()
    score: float = 0.0
    doubt: float = 0.0
    name: str = ""
    truth: str | None = None

    @property
    def kept_text(self) -> str:
        """The text without the words that are struck out."""
        if not any(word.struck_out for word in self.words):
            return self.text
        return " ".join(word.text for word in self.words if not word.struck_out)


@dataclass(frozen=True)
class ReadBlock:
    """Lines below each other: a paragraph, a column, a label.

    Attributes:
        box: around them.
        lines: from the top.
    """

    box: Box
    lines: tuple[ReadLine, ...]


@dataclass(frozen=True)
class OtherInk:
    """Ink that is no text.

    Attributes:
        kind: such as ``drawing``, ``frame`` or ``underline``.
        box: around it.
        strokes: its ink.
        confidence: that it is no text.
    """

    kind: str
    box: Box
    strokes: tuple[StrokePart, ...]
    confidence: float | None = None


@dataclass(frozen=True)
class ReadPage:
    """A page.

    Attributes:
        ink: all of its strokes ``[n, 2]``, as they were given.
        blocks: in the order in which they are read.
        others: ink that is no text.
        angle: direction of writing in radians, counter-clockwise from the direction of x.
        notes: what a reader should know about the page as a whole, a sentence each.
    """

    ink: tuple[np.ndarray, ...]
    blocks: tuple[ReadBlock, ...]
    others: tuple[OtherInk, ...] = ()
    angle: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[ReadLine, ...]:
        """All lines in the order in which they are read."""
        return tuple(line for block in self.blocks for line in block.lines)

    @property
    def box(self) -> Box:
        """The box around all ink, which is that of the page: ink has no paper."""
        return Box.around(np.concatenate(self.ink)) if self.ink else Box(0.0, 0.0, 0.0, 0.0)

    @property
    def text(self) -> str:
        """The lines, with an empty line between blocks; struck-out words are left out."""
        return "\n\n".join(
            "\n".join(line.kept_text for line in block.lines) for block in self.blocks
        )


@dataclass(frozen=True)
class ReadDocument:
    """All pages of a file.

    Attributes:
        pages: at least one.
        source: what names the file, empty for ink from elsewhere.
        recogniser: what names the model.
    """

    pages: tuple[ReadPage, ...]
    source: str = ""
    recogniser: str = ""

    def lines(self) -> Iterator[ReadLine]:
        """The lines of all pages."""
        for page in self.pages:
            yield from page.lines

    @property
    def text(self) -> str:
        """The text of all pages, with an empty line between them."""
        return "\n\n".join(page.text for page in self.pages if page.text)


def whole_strokes(numbers: Iterable[int], ink: tuple[np.ndarray, ...]) -> tuple[StrokePart, ...]:
    """Return strokes of a page, by their numbers, each with all of its points."""
    return tuple(StrokePart(number, 0, len(ink[number])) for number in numbers)


def points_of(parts: Iterable[StrokePart], ink: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return the points ``[n, 2]`` of some ink of a page, one part after the other."""
    found = [ink[part.stroke][part.begin : part.end] for part in parts]
    return np.concatenate(found) if found else np.zeros((0, 2))
