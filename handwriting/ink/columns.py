"""Dividing a page of upright writing into blocks: columns, and what stands above and below them.

Blocks are beside each other where a strip without ink runs between them (whitespace as the
boundary of columns: Breuel 2002, "Two geometric algorithms for layout analysis") that the gaps
between words would not make by chance: where a share p of the places in a line has a gap as wide,
n lines have one at the same place with p^n. The strip's top and bottom divide the page, too, so
that a title over two columns is a block of its own.

Lengths are in x-heights. Shapes: ``S`` strokes, ``n`` points of one stroke, ``X`` and ``Y`` cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.resampling import evenly_inked
from handwriting.ink.sampled_strokes import SPACING

_CELL = 0.5
_MOST_CELLS = 2_000_000
_MOST_ROWS = 10_000
_MOST_PARTS = 200
_LINE = 3.8  # from one line to the next, usually
_WIDTHS = (1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 12.0, 30.0)
_CHANCE = 0.002  # of a strip that is none between columns, on a page
_LEAST_SHARE, _MOST_SHARE = 1e-3, 0.3
_LETTER = 1.0
_INKED = 2.2  # rows of a line that have ink
_MORE_THAN_A_TAIL = 2  # cells
# Lines of a column begin below each other: log-odds for each line that does, beside lines of which
# the strip only meets a gap, and for each that does not.
_IF_ALIGNED, _IF_NOT = 1.0, -1.5
_INDENT = 1.5
_FEW = 3.0  # lines that may begin below each other by chance
# A strip as wide and past as many lines is one between columns in any case.
_SURELY = ((30.0, 1.3), (12.0, 2.0), (8.0, 3.5))


@dataclass(frozen=True)
class _Strip:
    """A strip without ink.

    Attributes:
        middle: its x.
        bottom, top: how far it goes.
        passed: rows of ink on both sides that it passes.
        surprise: minus the logarithm of its chance, if it were none.
    """

    middle: float
    bottom: float
    top: float
    passed: float
    surprise: float


def divide_into_blocks(strokes: Sequence[np.ndarray]) -> list[list[int]]:
    """Return the numbers of the strokes of each block, in the order given, blocks in the order in
    which they are read.

    Args:
        strokes: ``S`` >= 1 arrays of points ``[n, 2]`` of upright writing.
    """
    sampled = [evenly_inked(stroke, SPACING) for stroke in strokes]
    middles = np.array([(s.min(axis=0) + s.max(axis=0)) / 2 for s in strokes])  # [S, 2]
    waiting = [np.arange(len(strokes))]
    blocks: list[list[int]] = []
    while waiting:
        part = waiting.pop()
        is_last = len(blocks) + len(waiting) >= _MOST_PARTS
        strip = None if is_last else _strip([sampled[at] for at in part])
        pieces = [part] if strip is None else _divided(part, middles[part], strip)
        if len(pieces) == 1:
            blocks.append(part.tolist())
        else:
            waiting += pieces[::-1]
    return blocks


def _divided(part: np.ndarray, middles: np.ndarray, strip: _Strip) -> list[np.ndarray]:
    """Return what is above a strip, left of it, right of it, and below it."""
    x, y = middles.T
    above, below = y > strip.top, y < strip.bottom
    beside = ~(above | below)
    left, right = beside & (x < strip.middle), beside & (x >= strip.middle)
    if not left.any() or not right.any():
        return [part]
    return [part[piece] for piece in (above, left, right, below) if piece.any()]


def _strip(sampled: Sequence[np.ndarray]) -> _Strip | None:
    """The longest strip between columns, the surest of several, of strokes given at points of
    equal distance."""
    points = np.concatenate(sampled)
    low = points.min(axis=0)
    extent = np.floor((points.max(axis=0) - low) / _CELL) + 1
    if extent.prod() > _MOST_CELLS or extent[1] > _MOST_ROWS:
        return None
    size = extent.astype(np.int64)
    ink = np.zeros(size, dtype=bool)
    ink[tuple(((points - low) / _CELL).astype(np.int64).T)] = True
    found = [strip for width in _WIDTHS if (strip := _longest(ink, width, low)) is not None]
    return max(found, key=lambda strip: (strip.passed, strip.surprise), default=None)


def _longest(ink: np.ndarray, width: float, low: np.ndarray) -> _Strip | None:
    """The strip of a width that passes most lines, of those that pass enough."""
    cells = round(width / _CELL)
    if len(ink) <= cells:
        return None
    is_free = _is_free(ink, cells)
    beside = _near_ink(ink, _LINE / 2)
    to_left = np.maximum.accumulate(beside, axis=0)
    to_right = np.maximum.accumulate(beside[::-1], axis=0)[::-1]
    number = len(is_free)
    between = to_left[:number] & to_right[-number:]
    # Running along y: how many rows that are between ink each strip that is free here has passed.
    passed = np.zeros(number)
    begun = np.zeros(number, dtype=np.int64)
    best, place = 0.0, (0, 0)
    for row in range(ink.shape[1]):
        free = is_free[:, row]
        passed = np.where(free, passed + between[:, row], 0)
        begun = np.where(free, begun, row + 1)
        at = _middle_of_best(passed)
        if passed[at] > best:
            best, place = float(passed[at]), (at, int(begun[at]))
    at, first = place
    blocked = np.flatnonzero(~is_free[at, first:])
    last = first + int(blocked[0]) if len(blocked) else ink.shape[1]
    beside_it = [part[:, first:last] for part in (ink[:at], ink[at + cells :])]
    lines = min(best * _CELL / _LINE, *map(_lines_of, beside_it))
    aligned = _aligned(ink[at + cells :, first:last], between[at, first:last])
    gain = aligned * _IF_ALIGNED + (1 - aligned) * _IF_NOT
    gain = min(gain, 0.0) if lines < _FEW else gain
    surprise = lines * (gain - np.log(_share(ink, cells, between)))
    is_sure = any(width >= wide and lines >= many for wide, many in _SURELY)
    if not is_sure and surprise < np.log(number / _CHANCE):
        return None
    bottom = -np.inf if first == 0 else float(low[1] + first * _CELL)
    top = np.inf if last == ink.shape[1] else float(low[1] + last * _CELL)
    return _Strip(float(low[0] + (at + cells / 2) * _CELL), bottom, top, best, float(surprise))


def _lines_of(ink: np.ndarray) -> float:
    """About how many lines ink ``[X, Y]`` has, by the rows that have more than a tail."""
    return float(np.sum(ink.sum(axis=0) >= _MORE_THAN_A_TAIL)) * _CELL / _INKED


def _aligned(right: np.ndarray, between: np.ndarray) -> float:
    """The share of the rows of ink ``[X, Y]`` right of a strip that begin at the same place."""
    band = _near_ink(right, _LETTER)[:, between]
    if not band.any():
        return 0.0
    begins = band.argmax(axis=0)[band.any(axis=0)]
    return float(np.mean(begins <= np.percentile(begins, 10) + _INDENT / _CELL))


def _is_free(ink: np.ndarray, cells: int) -> np.ndarray:
    """Return where so many cells to the right of each have no ink: ``[X - cells + 1, Y]``."""
    filled = np.concatenate([np.zeros((1, ink.shape[1]), np.int64), ink.cumsum(axis=0)])
    is_free: np.ndarray = filled[cells:] == filled[:-cells]
    return is_free


def _share(ink: np.ndarray, cells: int, between: np.ndarray) -> float:
    """The share of places within lines that have a gap as wide: rows count by their ink."""
    weights = ink.sum(axis=0)[None] * between
    is_free = _is_free(_near_ink(ink, _LETTER), cells)
    share = float((weights * is_free).sum() / max(weights.sum(), 1.0))
    return min(max(share, _LEAST_SHARE), _MOST_SHARE)


def _middle_of_best(values: np.ndarray) -> int:
    """The middle of the first run of the largest of values."""
    first = int(values.argmax())
    others = np.flatnonzero(values[first:] != values[first])
    length = int(others[0]) if len(others) else len(values) - first
    return first + length // 2


def _near_ink(ink: np.ndarray, reach: float) -> np.ndarray:
    """Cells with ink, and those as near above or below."""
    near: np.ndarray = ink.copy()
    for step in range(1, round(reach / _CELL) + 1):
        near[:, step:] |= ink[:, :-step]
        near[:, :-step] |= ink[:, step:]
    return near
