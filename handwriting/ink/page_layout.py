"""The layout of a page of ink: which strokes are writing, in which blocks and lines, and how far
the page is turned.

Shapes: ``S`` strokes of the page, ``n`` points of one stroke, ``T`` points of a line.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handwriting.ink.columns import divide_into_blocks
from handwriting.ink.levelling import turning_lines
from handwriting.ink.line import strokes_from_points
from handwriting.ink.measures import spread_across, x_height
from handwriting.ink.mending import MendedInk, MendedStroke, directed, mend
from handwriting.ink.other_ink import InkKind, OtherInk, find_other_ink
from handwriting.ink.page_angle import page_angles, size_at_any_angle, turned
from handwriting.ink.stroke_order import reading_order
from handwriting.ink.text_lines import divide_into_lines

__all__ = [
    "Block",
    "Choice",
    "InkKind",
    "LineInk",
    "OtherInk",
    "PageLayout",
    "TextLine",
    "find_layout",
    "line_ink",
]

# Strokes that are no writing, whichever way the page is turned, in x-heights: straight ones that
# long, and those spread as far across their direction.
_LONG, _STRAIGHT, _WIDE_ACROSS = 8.0, 0.93, 2.5
# Radians. A page turned by less is taken as it is, and so is one line of less: a recogniser levels
# it.
_HARDLY, _LITTLE = math.radians(1.5), math.radians(20.0)
# In x-heights, the distance of the lines of small letters' feet and heads.
_APART = (0.5, 2.0)
_DOT = 1e-6


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
    strokes: Sequence[np.ndarray],
    timed: bool = True,
    choose: Choice | None = None,
    divide: bool = True,
) -> PageLayout:
    """Return the layout of a page.

    Args:
        strokes: ``S`` arrays of finite points ``[n, 2]`` (x, y), n >= 1, y upwards, any unit.
        timed: whether they are in the order in which they were written.
        choose: called with two or more layouts where the ink does not say how far its page is
            turned, the most likely one first; returns the number of the right one. None takes the
            first.
        divide: divide the ink into lines. Without, all of it is one line of writing that is not
            turned.
    """
    ink = mend(strokes)
    kept = [at for at in range(len(strokes)) if at not in ink.copies]
    points = [ink.strokes[at].points for at in kept]
    size = size_at_any_angle(points) if points else 0.0
    if size == 0 or not math.isfinite(size):
        return _one_line(ink, kept)
    if not divide:
        line = _ordered(ink, kept, 0.0, x_height(points) or size, timed)
        return _one_line(_with(ink, kept, directed([ink.strokes[at] for at in kept])), line)
    writing = [stroke / size for stroke in points]
    writing = [stroke for stroke in writing if not _is_drawn(stroke)] or writing
    found = page_angles(writing, timed)
    angles = found.angles if choose and not found.is_sure else found.angles[:1]
    layouts = [_layout(ink, kept, angle, timed) for angle in angles]
    return layouts[choose(layouts) if choose and len(layouts) > 1 else 0]


def _is_drawn(stroke: np.ndarray) -> bool:
    way = float(np.hypot(*np.diff(stroke, axis=0).T).sum())
    if way < _LONG:
        return False
    is_straight = float(np.hypot(*(stroke[-1] - stroke[0]))) > _STRAIGHT * way
    return is_straight or spread_across(stroke) > _WIDE_ACROSS


def _one_line(ink: MendedInk, kept: list[int]) -> PageLayout:
    """The layout of ink that is one line."""
    lines = (_text_line(ink, kept, 0.0, 0.0),) if kept else ()
    return PageLayout((Block(lines),) if lines else (), _copies(ink), 0.0, ink)


def _copies(ink: MendedInk) -> tuple[OtherInk, ...]:
    return tuple(OtherInk(InkKind.COPY, (at,), (of,)) for at, of in ink.copies.items())


def _layout(ink: MendedInk, kept: list[int], angle: float, timed: bool) -> PageLayout:
    """The layout of a page that is turned by an angle."""
    angle = 0.0 if abs(angle) < _HARDLY else angle
    others, text = _others_and_text(ink, kept, angle)
    upright = [turned(ink.strokes[at].points, angle) for at in text]
    size = x_height(upright) if upright else 0.0
    if size == 0:
        return replace(_one_line(ink, text), others=(*others, *_copies(ink)))
    ink = _with(ink, text, directed([ink.strokes[at] for at in text], angle))
    scaled = [stroke / size for stroke in upright]
    groups = []
    for block in divide_into_blocks(scaled):
        lines = divide_into_lines([scaled[at] for at in block], timed)
        groups.append([[text[block[at]] for at in line] for line in lines])
    is_one = len(groups) == 1 and len(groups[0]) == 1
    angle = 0.0 if is_one and abs(angle) < _LITTLE else angle
    blocks = tuple(
        Block(tuple(_text_line(ink, _ordered(ink, line, angle, size, timed), angle, size)
                    for line in lines))
        for lines in groups
    )  # fmt: skip
    return PageLayout(blocks, (*others, *_copies(ink)), angle, ink)


def _others_and_text(
    ink: MendedInk, kept: list[int], angle: float
) -> tuple[list[OtherInk], list[int]]:
    """What is no writing, and the numbers of the strokes that are."""
    upright = [turned(ink.strokes[at].points, angle) for at in kept]
    writing = (
        [stroke for stroke in upright if not _is_drawn(stroke / size)]
        if (size := x_height(upright))
        else []
    )
    size = (x_height(writing) if writing else 0.0) or size
    if size == 0:
        return [], kept
    others = [
        OtherInk(
            other.kind,
            tuple(kept[at] for at in other.strokes),
            tuple(kept[at] for at in other.marks),
        )
        for other in find_other_ink([stroke / size for stroke in upright])
    ]
    taken = {at for other in others for at in other.strokes}
    return others, [at for at in kept if at not in taken]


def _with(ink: MendedInk, numbers: list[int], strokes: Sequence[MendedStroke]) -> MendedInk:
    changed = list(ink.strokes)
    for at, stroke in zip(numbers, strokes, strict=True):
        changed[at] = stroke
    return MendedInk(tuple(changed), ink.copies)


def _ordered(
    ink: MendedInk, line: Sequence[int], angle: float, size: float, timed: bool
) -> list[int]:
    """The numbers of a line's strokes in the order in which they are read."""
    upright = [turned(ink.strokes[at].points, angle) for at in line]
    return [line[at] for at in reading_order(upright, size, timed)]


def _text_line(ink: MendedInk, line: Sequence[int], angle: float, size: float) -> TextLine:
    upright = [turned(ink.strokes[at].points, angle) for at in line]
    own = x_height(upright) or size
    left, right = _baseline(upright, own)
    begin, end = turned(np.array([left, right]), -angle).tolist()
    return TextLine(tuple(line), (tuple(begin), tuple(end)), own)


def _baseline(strokes: Sequence[np.ndarray], size: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the line that the small letters of upright writing stand on; the foot of the ink
    where it is too little to tell."""
    points = np.concatenate(strokes)
    (left, bottom), (right, _) = points.min(axis=0), points.max(axis=0)
    ends = np.zeros(len(points), dtype=bool)
    ends[np.cumsum([len(stroke) for stroke in strokes]) - 1] = True
    lines = turning_lines(points / size, ends, *_APART, _DOT) if size else None
    if lines is None:
        return np.array([left, bottom]), np.array([right, bottom])
    x = np.array([left, right]) / size
    rise = lines.rise * (x - lines.centre) / lines.half
    y = (lines.middle - lines.apart / 2 + rise) * size
    return np.array([left, y[0]]), np.array([right, y[1]])


def line_ink(layout: PageLayout, line: TextLine) -> LineInk:
    """Return the ink of one of a page's lines as a recogniser reads it."""
    strokes = [layout.ink.strokes[at] for at in line.strokes]
    origin = [
        np.stack([np.full(len(stroke.origin), at), stroke.origin], axis=1)
        for at, stroke in zip(line.strokes, strokes, strict=True)
    ]
    rows = strokes_from_points([turned(stroke.points, layout.angle) for stroke in strokes])
    return LineInk(rows, np.concatenate(origin))
