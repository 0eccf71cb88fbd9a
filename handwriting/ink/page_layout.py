"""The layout of a page of ink: which strokes are writing, in which blocks and lines, and how far the
page is turned.

Shapes: ``S`` strokes of the page, ``n`` points of one stroke, ``T`` points of a line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from handwriting.ink.line import strokes_from_points
from handwriting.ink.line_segmentation import split_lines
from handwriting.ink.mending import MendedInk, mend


class InkKind(str, Enum):
    """Ink that is no writing."""

    UNDERLINE = "underline"
    STRIKE_OUT = "strike-out"
    FRAME = "frame"
    RULE = "rule"  # a straight line between, beside or under writing: a ruled or a dividing line
    DRAWING = "drawing"
    COPY = "copy"  # a stroke that only repeats another one


@dataclass(frozen=True)
class OtherInk:
    """Strokes that are no writing.

    Attributes:
        kind: of what.
        strokes: their numbers on the page.
        marks: numbers of the strokes of writing that they underline, strike out or enclose; of a
            copy, the stroke that it repeats.
    """

    kind: InkKind
    strokes: tuple[int, ...]
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class TextLine:
    """A line of writing.

    Attributes:
        strokes: numbers of its strokes on the page, in the order in which they are read.
        baseline: where the line begins and where it ends, (x, y) each, on the page as it was
            given; the small letters stand on it, and it points in the direction of writing.
        x_height: of its small letters, in the page's unit.
    """

    strokes: tuple[int, ...]
    baseline: tuple[tuple[float, float], tuple[float, float]]
    x_height: float


@dataclass(frozen=True)
class Block:
    """Lines below each other, from the top: a paragraph, a column, a label."""

    lines: tuple[TextLine, ...]


@dataclass(frozen=True)
class PageLayout:
    """What is where on a page.

    Attributes:
        blocks: in the order in which they are read.
        others: ink that is no writing.
        angle: direction of writing in radians, counter-clockwise from the direction of x.
        ink: the page's strokes as they are read, on the page as it was given.
    """

    blocks: tuple[Block, ...]
    others: tuple[OtherInk, ...]
    angle: float
    ink: MendedInk

    @property
    def lines(self) -> tuple[TextLine, ...]:
        """All lines in the order in which they are read."""
        return tuple(line for block in self.blocks for line in block.lines)


@dataclass(frozen=True)
class LineInk:
    """A line's ink as a recogniser reads it.

    Attributes:
        strokes: float32 ``[T, 3]`` as in ``handwriting.ink.line.Line``, the page turned upright.
        origin: int64 ``[T, 2]``, of each row the number of the stroke on the page and that of the
            point in the stroke, as they were given.
    """

    strokes: np.ndarray
    origin: np.ndarray


# Which of several layouts of the same ink, its page turned in different ways, reads best.
Choice = Callable[[Sequence[PageLayout]], int]


def find_layout(
    strokes: Sequence[np.ndarray], timed: bool = True, choose: Choice | None = None
) -> PageLayout:
    """Return the layout of a page.

    Args:
        strokes: ``S`` arrays of finite points ``[n, 2]`` (x, y), n >= 1, y upwards, any unit.
        timed: whether they are in the order in which they were written.
        choose: called with two or more layouts where the ink does not say how far its page is
            turned, the most likely one first; returns the number of the right one. None takes the
            first.
    """
    ink = mend(strokes)
    groups = split_lines([stroke.points for stroke in ink.strokes])
    lines = [_line(ink, group) for group in groups if group]
    return PageLayout((Block(tuple(lines)),), (), 0.0, ink)


def _line(ink: MendedInk, group: Sequence[int]) -> TextLine:
    points = np.concatenate([ink.strokes[at].points for at in group])
    (left, bottom), (right, _) = points.min(axis=0), points.max(axis=0)
    baseline = (float(left), float(bottom)), (float(right), float(bottom))
    return TextLine(tuple(group), baseline, 1.0)


def line_ink(layout: PageLayout, line: TextLine) -> LineInk:
    """Return the ink of one of a page's lines as a recogniser reads it."""
    strokes = [layout.ink.strokes[at] for at in line.strokes]
    cosine, sine = np.cos(layout.angle), np.sin(layout.angle)
    upright = np.array([[cosine, -sine], [sine, cosine]])
    origin = [
        np.stack([np.full(len(stroke.origin), at), stroke.origin], axis=1)
        for at, stroke in zip(line.strokes, strokes, strict=True)
    ]
    rows = strokes_from_points([stroke.points @ upright for stroke in strokes])
    return LineInk(rows, np.concatenate(origin))
