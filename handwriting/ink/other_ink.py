"""Ink on a page of upright writing that is no writing: underlines, frames, ruled lines,
strike-outs, drawings.

Straight strokes are told apart by where the ink beside them is: above an underline, on both sides
of a strike-out, below the bar of a t. Large strokes that go around writing are frames, others are
drawings. Thresholds are in x-heights and were set by hand.

Shapes: ``S`` strokes, ``n`` points of one stroke, ``P`` points of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from handwriting.ink.measures import spread_across
from handwriting.ink.resampling import evenly_inked
from handwriting.ink.sampled_strokes import SPACING

_STRAIGHT = 0.93  # of the pen's way is the way from a stroke's start to its end
_LEVEL, _STEEP = 0.25, 4.0  # slopes
_BAR, _LONG_BAR, _RULE = 3.2, 5.0, 30.0
_STRUCK = 4.5
_UPRIGHT = 5.0
_SHAFT = 7.0
_OVER, _UNDER = 2.2, 1.0  # from a bar to the ink that it may belong to
_ON_WRITING = 0.5  # of a bar's length has ink above, or across
_ABOVE, _BELOW = 0.8, 0.3  # share of the ink beside a bar that is above an underline, a bar of a t
_HIGH, _WIDE_ACROSS = 6.0, 1.8
_FRAME_HIGH, _FRAME_WIDE = 3.0, 4.0
_CLOSED = 0.2  # from the start to the end, of width and height together
_AROUND = (1.4, 2.6)  # a frame's way, of the same
_SCRIBBLE, _PASSES = 2.0, 3.5
_COVERED = 3.0
_TOUCHES = 1.0
_HEAD = 3.0


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


def find_other_ink(strokes: Sequence[np.ndarray]) -> list[OtherInk]:
    """Return what is no writing.

    Args:
        strokes: ``S`` arrays of points ``[n, 2]``, the writing upright, in x-heights.
    """
    shapes = [_Shape.of(stroke) for stroke in strokes]
    large = {at for at, shape in enumerate(shapes) if shape.may_be_other}
    asked = [at for at, shape in enumerate(shapes) if at in large or shape.is_scribble]
    if not asked:
        return []
    others = _Others(strokes, large)
    found = [other for at in asked if (other := _other(at, shapes[at], others)) is not None]
    return _with_heads(found, strokes, shapes)


@dataclass(frozen=True)
class _Shape:
    """A stroke's measures.

    Attributes:
        low, high: of its box.
        way: of the pen.
        straight: share of it that is the way from start to end.
        slope: from start to end.
        across: spread across the line that it lies along.
        passes: how often the pen goes over its width.
        closed: from start to end, of the box's width and height together.
    """

    low: np.ndarray
    high: np.ndarray
    way: float
    straight: float
    slope: float
    across: float
    passes: float
    closed: float

    @classmethod
    def of(cls, stroke: np.ndarray) -> "_Shape":
        low, high = stroke.min(axis=0), stroke.max(axis=0)
        steps = np.diff(stroke, axis=0)
        way = float(np.hypot(*steps.T).sum())
        right, up = stroke[-1] - stroke[0]
        chord = float(np.hypot(right, up))
        slope = float(abs(up) / max(abs(right), 1e-9))
        passes = float(np.abs(steps[:, 0]).sum() / max(high[0] - low[0], 1e-9))
        across = spread_across(stroke) if len(stroke) > 1 else 0.0
        straight = chord / way if way else 0.0
        return cls(
            low, high, way, straight, slope, across, passes, chord / (sum(high - low) or 1.0)
        )

    @property
    def width(self) -> float:
        return float(self.high[0] - self.low[0])

    @property
    def height(self) -> float:
        return float(self.high[1] - self.low[1])

    @property
    def is_straight(self) -> bool:
        return self.straight > _STRAIGHT

    @property
    def is_bar(self) -> bool:
        return self.is_straight and self.slope < _LEVEL and self.way > _BAR

    @property
    def is_large(self) -> bool:
        return self.height > _HIGH and self.across > _WIDE_ACROSS

    @property
    def goes_around(self) -> bool:
        """Whether it is closed, as a frame or a ring."""
        shortest, longest = _AROUND
        around = self.width + self.height
        is_closed = self.closed < _CLOSED and shortest * around < self.way < longest * around
        return is_closed and self.height > _FRAME_HIGH and self.width > _FRAME_WIDE

    @property
    def is_scribble(self) -> bool:
        return self.passes > _PASSES and self.width > _SCRIBBLE

    @property
    def may_be_other(self) -> bool:
        is_shaft = self.is_straight and self.way > _UPRIGHT
        return self.is_bar or is_shaft or self.is_large or self.goes_around


class _Others:
    """The strokes that may be told by what is beside them, and the ink of all others.

    Args:
        strokes: all.
        large: numbers of the former.
    """

    def __init__(self, strokes: Sequence[np.ndarray], large: set[int]) -> None:
        self.numbers = np.array([at for at in range(len(strokes)) if at not in large], np.int64)
        sampled = [evenly_inked(strokes[at], SPACING) for at in self.numbers]
        self.points = np.concatenate([np.zeros((0, 2)), *sampled])
        self.owners = np.repeat(self.numbers, [len(points) for points in sampled])
        boxes = [[*strokes[at].min(axis=0), *strokes[at].max(axis=0)] for at in self.numbers]
        self.boxes = np.array(boxes).reshape(-1, 4)

    def inside(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Which points lie in a box."""
        is_in: np.ndarray = np.all((self.points >= low) & (self.points <= high), axis=1)
        return is_in

    def within(self, low: np.ndarray, high: np.ndarray) -> tuple[int, ...]:
        """Numbers of the strokes whose boxes have most of theirs in a box."""
        middle = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        is_in = np.all((middle >= low) & (middle <= high), axis=1)
        return tuple(int(at) for at in self.numbers[is_in])


def _other(at: int, shape: _Shape, others: _Others) -> OtherInk | None:
    """The kind of a stroke; None for writing."""
    if shape.is_bar:
        return _bar(at, shape, others)
    if shape.goes_around:
        inside = others.within(shape.low, shape.high)
        if inside:
            return OtherInk(InkKind.FRAME, (at,), inside)
    if shape.is_straight and shape.slope > _STEEP and shape.way > _UPRIGHT:
        return OtherInk(InkKind.RULE, (at,))
    if shape.is_large or (shape.is_straight and shape.way > _SHAFT):
        return OtherInk(InkKind.DRAWING, (at,))
    return _scribble(at, shape, others)


def _bar(at: int, shape: _Shape, others: _Others) -> OtherInk | None:
    """A level straight stroke: an underline, a strike-out, a rule, or else writing."""
    if shape.way > _RULE:
        return OtherInk(InkKind.RULE, (at,))
    beside = others.inside(shape.low - (0.0, _UNDER), shape.high + (0.0, _OVER))
    x, y = others.points[beside].T
    owners = others.owners[beside]
    up = y - (shape.low[1] + shape.high[1]) / 2
    covered = len(np.unique(np.floor(x / 0.5))) * 0.5 / shape.way
    if covered < _ON_WRITING:
        return OtherInk(InkKind.RULE, (at,)) if shape.way > _LONG_BAR else None
    above = float(np.mean(up > 0))
    if above > _ABOVE:
        # Ink above with none across: the foot of letters, not the bar of a z.
        near = float(np.mean(np.abs(up) < 0.15))
        kind = InkKind.UNDERLINE if near < 0.2 else None
    elif above < _BELOW:
        kind = InkKind.RULE if shape.way > _LONG_BAR else None
    else:
        across = len(np.unique(np.floor(x[np.abs(up) < 0.3] / 0.5))) * 0.5 / shape.way
        is_out = across > _ON_WRITING and shape.way > _STRUCK
        kind = InkKind.STRIKE_OUT if is_out else None
    marks = tuple(int(one) for one in np.unique(owners))
    return None if kind is None else OtherInk(kind, (at,), marks if kind != InkKind.RULE else ())


def _scribble(at: int, shape: _Shape, others: _Others) -> OtherInk | None:
    """A stroke to and fro over writing that was there before."""
    if not shape.is_scribble:
        return None
    under = tuple(one for one in others.within(shape.low, shape.high) if one < at)
    if not under:
        return None
    covered = np.isin(others.owners, under).sum() * SPACING
    return OtherInk(InkKind.STRIKE_OUT, (at,), under) if covered > _COVERED else None


def _with_heads(
    found: list[OtherInk], strokes: Sequence[np.ndarray], shapes: Sequence[_Shape]
) -> list[OtherInk]:
    """Return what was found, arrows with their heads: small strokes at a straight one's end."""
    taken = {at for other in found for at in other.strokes}
    whole = []
    for other in found:
        at = other.strokes[0]
        heads: list[int] = []
        if other.kind in (InkKind.DRAWING, InkKind.RULE) and shapes[at].is_straight:
            ends = strokes[at][[0, -1]]
            heads = [
                one
                for one in range(len(strokes))
                if one not in taken and shapes[one].way < 2 * _HEAD and _touches(strokes[one], ends)
            ]
        taken.update(heads)
        kind = InkKind.DRAWING if heads else other.kind
        whole.append(OtherInk(kind, (*other.strokes, *heads), other.marks))
    return whole


def _touches(stroke: np.ndarray, ends: np.ndarray) -> bool:
    """Whether a stroke begins, ends or turns at one of two points, all of it near."""
    away = np.hypot(*(stroke[:, None] - ends).transpose(2, 0, 1))  # [n, 2]
    return bool(np.any((away.min(axis=0) < _TOUCHES / 2) & (away.max(axis=0) < _HEAD)))
