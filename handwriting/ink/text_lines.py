"""Dividing a block of upright writing into its lines, each on a slope of its own.

The density of ink, smoothed along each of several slopes and the largest of them taken (steered
filters, Freeman and Adelson 1991), has a ridge along the small letters of every line (Bukhari et
al. 2009, "Script-independent handwritten textlines segmentation using active contours", find lines
by such ridges). Ridges are followed from the left to the right, pieces of one line are joined, and
each stroke goes to the line that it is nearest to. Lines that are closer than their letters are
high have no ridges of their own: there, the order of writing says where a line ends.

All lengths are in x-heights. Shapes: ``S`` strokes, ``n`` points of one stroke, ``P`` points of
all, ``X`` columns and ``Y`` rows of the density, ``K`` lines.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.sampled_strokes import SPACING, SampledStrokes

_COLUMN, _ROW = 1.0, 0.1
_ACROSS, _ALONG = 0.4, 4.0  # the filter's standard deviations
_SLOPES = np.linspace(-0.15, 0.15, 9)
_MOST_CELLS = 2_000_000
_MOST_RIDGES = 300
_LOWEST_PEAK = 0.06  # of the high peaks
_DEEP_VALLEY = 0.85  # of the lower of the peaks beside it
_FARTHEST_STEP = 0.6  # of a ridge from one column to the next, beyond its slope
_MISSED_COLUMNS = 4
_SHORTEST_RIDGE = 2
_GAP = 4.0  # without ink between the lines of one block; beyond it, blocks are divided alone
_ONE_LINE = 1.3  # ridges above each other, nearer than this
# From the end of one piece of a line to where the next one would begin, beyond a word's space and
# within it.
_OFF_LINE, _OFF_WORD = 1.2, 2.5
_SPACE = 5.0
_MOST_OVERLAP = 3.0
_BESIDE = 0.3  # of the way beyond a line's end counts as way across it
# What going on in another line costs, in x-heights that a stroke of little ink is off its line; and
# how much more a stroke of more ink counts, by its way.
_CHANGE = 1.0
_WEIGHTS = (1.0, 4.0)
_ROUNDS = 3
_WIDE = 8.0  # enough to tell a slope from
_SMOOTH_OVER = 12.0
_MOST_KNOTS = 100
# Ink of no more than this way, no farther from a line above or below, is its dots and accents.
_LITTLE_WAY, _NEAR = 5.0, 2.2

# From line to line, where the order of writing alone says what is a line.
_LEAST_DROP, _MOST_DROP = 0.7, 3.0
_SHARED = 0.5  # of the shorter one's width


@dataclass(frozen=True)
class Curve:
    """The middle of a line's small letters: y over x.

    Attributes:
        x, y: of its points, x growing; before and after them it goes on as ``slope`` says.
        slope: of the whole.
    """

    x: np.ndarray
    y: np.ndarray
    slope: float

    def at(self, x: np.ndarray) -> np.ndarray:
        """Heights at ``x``, any shape."""
        inside = np.clip(x, self.x[0], self.x[-1])
        heights: np.ndarray = np.interp(inside, self.x, self.y) + self.slope * (x - inside)
        return heights

    def beyond(self, x: np.ndarray) -> np.ndarray:
        """Return how far ``x`` lies before its beginning or after its end."""
        beyond: np.ndarray = np.maximum(self.x[0] - x, x - self.x[-1]).clip(0.0)
        return beyond


def divide_into_lines(strokes: Sequence[np.ndarray], timed: bool = True) -> list[list[int]]:
    """Return the numbers of the strokes of each line, from the top, in the order given.

    Args:
        strokes: ``S`` >= 1 arrays of points ``[n, 2]`` of upright writing in x-heights.
        timed: whether they are in the order of writing.
    """
    bands = list(_bands(strokes))
    if len(bands) == 1:
        return _lines_of_band(strokes, timed)
    lines = []
    for band in bands:
        found = _lines_of_band([strokes[at] for at in band], timed)
        lines += [[band[at] for at in line] for line in found]
    return lines


def _bands(strokes: Sequence[np.ndarray]) -> Iterator[list[int]]:
    """Numbers of strokes between levels without ink, from the top."""
    lows = np.array([stroke[:, 1].min() for stroke in strokes])
    highs = np.array([stroke[:, 1].max() for stroke in strokes])
    order = np.argsort(-highs)
    reached = np.minimum.accumulate(lows[order])
    begins = np.flatnonzero(np.append(True, highs[order][1:] < reached[:-1] - _GAP))
    for band in np.split(order, begins[1:]):
        yield sorted(int(at) for at in band)


def _lines_of_band(strokes: Sequence[np.ndarray], timed: bool) -> list[list[int]]:
    ink = SampledStrokes.of(strokes)
    density = _density(ink.points)
    curves = [] if density is None else _joined(_ridges(*density))
    runs = _close_runs(ink) if timed else []
    curves = runs or curves
    if len(curves) < 2:
        return [list(range(len(strokes)))]
    labels = _nearest(ink, curves, timed)
    for _ in range(_ROUNDS):
        curves = [
            _curve(ink.of_strokes(labels == k)) for k in range(len(curves)) if np.any(labels == k)
        ]
        curves = curves if runs else _joined(curves)
        before, labels = labels, _nearest(ink, curves, timed)
        if np.array_equal(labels, before):
            break
    return _from_the_top(_without_small(ink, labels), ink)


# Ridges


def _density(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The filtered density ``[X, Y]``, the slope of the largest filter at each place, and the place
    (x, y) of the first cell's middle; None where that takes too much memory."""
    margin = np.array([0.0, 3 * _ACROSS + _ROW])
    low = points.min(axis=0) - margin
    cells = np.array([_COLUMN, _ROW])
    extent = np.floor((points.max(axis=0) + margin - low) / cells) + 1
    if extent.prod() > _MOST_CELLS:
        return None
    size = extent.astype(np.int64)
    places = ((points - low) / cells).astype(np.int64)
    ink = np.bincount(places[:, 0] * size[1] + places[:, 1], minlength=size.prod())
    reach = np.arange(-round(3 * _ACROSS / _ROW), round(3 * _ACROSS / _ROW) + 1)
    kernel = np.exp(-0.5 * np.square(reach * _ROW / _ACROSS))
    grid = ink.reshape(size).astype(np.float32)
    across = sum(
        weight * _shifted(grid, 0, -int(at)) for at, weight in zip(reach, kernel, strict=True)
    )
    found = np.stack([_along(across, slope) for slope in _SLOPES])  # [slopes, X, Y]
    best = found.argmax(axis=0)
    return np.take_along_axis(found, best[None], axis=0)[0], _SLOPES[best], low + cells / 2


def _along(grid: np.ndarray, slope: float) -> np.ndarray:
    """The grid ``[X, Y]`` smoothed along a slope."""
    total = np.zeros_like(grid)
    for step in range(-int(2.5 * _ALONG), int(2.5 * _ALONG) + 1):
        weight = float(np.exp(-0.5 * (step * _COLUMN / _ALONG) ** 2))
        total += weight * _shifted(grid, step, round(slope * step * _COLUMN / _ROW))
    return total


def _shifted(grid: np.ndarray, columns: int, rows: int) -> np.ndarray:
    """The grid whose cell (x, y) is that at (x + columns, y + rows), 0 outside."""
    shifted = np.zeros_like(grid)
    (to_x, from_x), (to_y, from_y) = _overlap(len(grid), columns), _overlap(grid.shape[1], rows)
    shifted[to_x, to_y] = grid[from_x, from_y]
    return shifted


def _overlap(length: int, shift: int) -> tuple[slice, slice]:
    first, last = max(0, -shift), min(length, length - shift)
    last = max(last, first)
    return slice(first, last), slice(first + shift, last + shift)


def _ridges(density: np.ndarray, slopes: np.ndarray, origin: np.ndarray) -> list[Curve]:
    """Curves along the ridges of a filtered density."""
    highs = density.max(axis=1)
    least = _LOWEST_PEAK * float(np.percentile(highs[highs > 0], 90))
    going: list[list[tuple[int, int]]] = []
    done: list[list[tuple[int, int]]] = []
    for column in range(len(density)):
        peaks = _peaks(density[column], least)
        free = set(peaks)
        for ridge in list(going):
            at, row = ridge[-1]
            expected = row + slopes[at, row] * (column - at) * _COLUMN / _ROW
            near = min(free, key=lambda peak: abs(peak - expected), default=None)
            if near is not None and abs(near - expected) * _ROW < _FARTHEST_STEP:
                ridge.append((column, near))
                free.discard(near)
            elif column - at > _MISSED_COLUMNS:
                going.remove(ridge)
                done.append(ridge)
        going += [[(column, peak)] for peak in sorted(free)]
    long = [ridge for ridge in done + going if len(ridge) > _SHORTEST_RIDGE]
    long = sorted(long, key=len, reverse=True)[:_MOST_RIDGES]
    return [_curve(origin + np.array(ridge) * (_COLUMN, _ROW)) for ridge in long]


def _peaks(profile: np.ndarray, least: float) -> list[int]:
    """Rows of the peaks that have a deep valley between them; of two that have none, the higher."""
    is_peak = (profile[1:-1] > profile[:-2]) & (profile[1:-1] >= profile[2:])
    peaks = [int(row) for row in np.flatnonzero(is_peak & (profile[1:-1] > least)) + 1]
    kept: list[int] = []
    for peak in peaks:
        while kept:
            last = kept[-1]
            valley = profile[last : peak + 1].min()
            if valley <= _DEEP_VALLEY * min(profile[last], profile[peak]):
                kept.append(peak)
                break
            if profile[peak] <= profile[last]:
                break
            kept.pop()
        else:
            kept.append(peak)
    return kept


def _curve(points: np.ndarray) -> Curve:
    """The curve through the middle of points ``[P, 2]``: straight, with what is left of it averaged
    over a dozen x-heights."""
    order = np.argsort(points[:, 0], kind="stable")
    x, y = points[order].T
    width = x[-1] - x[0]
    slope = 0.0
    if width > _WIDE:
        slope = float(np.clip(np.polyfit(x - x.mean(), y, 1)[0], -0.3, 0.3))
    level = float(np.median(y - slope * x))
    knots = np.linspace(x[0], x[-1], min(max(int(width / _SMOOTH_OVER) + 1, 2), _MOST_KNOTS))
    if len(knots) < 4:
        return Curve(knots, level + slope * knots, slope)
    window = np.exp(-0.5 * np.square((x - knots[:, None]) / (_SMOOTH_OVER / 2)))
    rest = y - level - slope * x
    bend = (window @ rest) / (window.sum(axis=1) + 1.0)
    return Curve(knots, level + slope * knots + bend, slope)


# Lines


def _joined(curves: list[Curve]) -> list[Curve]:
    """Curves of which those that are one line are one: nearest first."""
    curves = list(curves)
    while True:
        pairs = [
            (distance, a, b)
            for a in range(len(curves))
            for b in range(a + 1, len(curves))
            if (distance := _apart(curves[a], curves[b])) is not None
        ]
        if not pairs:
            return curves
        _, a, b = min(pairs)
        one, other = curves[a], curves.pop(b)
        weights = [np.repeat(c.x, _weight(c)) for c in (one, other)]
        heights = [np.repeat(c.y, _weight(c)) for c in (one, other)]
        curves[a] = _curve(np.stack([np.concatenate(weights), np.concatenate(heights)], axis=1))


def _close_runs(ink: SampledStrokes) -> list[Curve]:
    """The lines that were written one below the other, from the order of writing alone, where they
    are so close that their ink is no sign of them; none where they are not.

    A line ends where the pen goes back by half of its width, to ink that lies below.
    """
    lefts = np.minimum.reduceat(ink.points[:, 0], ink.starts)
    rights = np.maximum.reduceat(ink.points[:, 0], ink.starts)
    edges = np.append(ink.starts, len(ink.points))
    begins = [0]
    curves: list[Curve] = []
    left, right = lefts[0], rights[0]
    for at in range(1, len(ink.starts) + 1):
        first = begins[-1]
        is_end = at == len(ink.starts)
        goes_back = not is_end and rights[at] < right - max(_WIDE, (right - left) / 2)
        if not (is_end or goes_back):
            left, right = min(left, lefts[at]), max(right, rights[at])
            continue
        if not is_end:
            left, right = lefts[at], rights[at]
        curve = _curve(ink.points[edges[first] : edges[at]])
        if curves and _drop(curves[-1], curve) < _LEAST_DROP:
            first = begins[-2]
            curves[-1] = _curve(ink.points[edges[first] : edges[at]])
            begins[-1] = at
            continue
        curves.append(curve)
        begins.append(at)
    drops = [_drop(*pair) for pair in zip(curves[:-1], curves[1:], strict=True)]
    return curves if drops and max(drops) < _MOST_DROP else []


def _drop(upper: Curve, lower: Curve) -> float:
    """Return how far a curve lies below another, where both are; 0 if they are side by side."""
    left, right = max(upper.x[0], lower.x[0]), min(upper.x[-1], lower.x[-1])
    if right - left < _SHARED * min(np.ptp(upper.x), np.ptp(lower.x)):
        return 0.0
    places = np.linspace(left, right, 5)
    return float(np.mean(upper.at(places) - lower.at(places)))


def _weight(curve: Curve) -> int:
    """Return how often each of a curve's points counts, so that curves count by their lengths."""
    return max(round(float(curve.x[-1] - curve.x[0]) / len(curve.x)), 1)


def _apart(one: Curve, other: Curve) -> float | None:
    """Return how far two curves of one line are apart; None where they are two lines."""
    left, right = max(one.x[0], other.x[0]), min(one.x[-1], other.x[-1])
    if right - left > min(_MOST_OVERLAP, 0.5 * min(np.ptp(one.x), np.ptp(other.x))):
        places = np.linspace(left, right, 5)
        off = float(np.mean(np.abs(one.at(places) - other.at(places))))
        return off if off < _ONE_LINE else None
    gap = np.array([(left + right) / 2])
    off = abs(float(one.at(gap)[0] - other.at(gap)[0]))
    ends = abs(float(np.interp(gap, one.x, one.y)[0] - np.interp(gap, other.x, other.y)[0]))
    off = min(off, ends)
    most = _OFF_WORD if left - right < _SPACE else _OFF_LINE
    return off + max(left - right, 0.0) if off < most else None


def _nearest(ink: SampledStrokes, curves: Sequence[Curve], timed: bool) -> np.ndarray:
    """The number of the curve that each stroke is nearest to, int64 ``[S]``."""
    x, y = ink.points.T
    # Curve by curve, since points times curves are far more than either.
    away = [
        np.add.reduceat(np.abs(y - curve.at(x)) + _BESIDE * curve.beyond(x), ink.starts)
        for curve in curves
    ]
    distances = np.stack(away, axis=1) / ink.counts[:, None]  # [S, K]
    if not timed:
        found: np.ndarray = distances.argmin(axis=1)
        return found
    return _cheapest(distances * np.clip(ink.counts * SPACING, *_WEIGHTS)[:, None], _CHANGE)


def _cheapest(costs: np.ndarray, change: float) -> np.ndarray:
    """The labels ``[S]`` of least cost ``[S, K]`` in all, where each change of the label costs, too
    (Viterbi 1967)."""
    total, came = costs[0], np.zeros(costs.shape, dtype=np.int64)
    for at in range(1, len(costs)):
        best = int(total.argmin())
        stays = total <= total[best] + change
        came[at] = np.where(stays, np.arange(len(total)), best)
        total = np.where(stays, total, total[best] + change) + costs[at]
    labels = np.empty(len(costs), dtype=np.int64)
    labels[-1] = total.argmin()
    for at in range(len(costs) - 1, 0, -1):
        labels[at - 1] = came[at, labels[at]]
    return labels


def _without_small(ink: SampledStrokes, labels: np.ndarray) -> np.ndarray:
    """Labels ``[S]`` with little ink above or below a line put into that line."""
    labels = labels.copy()
    ways = {int(label): ink.counts[labels == label].sum() * SPACING for label in set(labels)}
    for label in sorted(ways, key=lambda one: ways[one]):
        others = [one for one in ways if one != label and np.any(labels == one)]
        if ways[label] > _LITTLE_WAY or not others:
            continue
        points = ink.of_strokes(labels == label)
        curves = [_curve(ink.of_strokes(labels == one)) for one in others]
        x, y = points.T
        away = [float(np.mean(np.abs(y - c.at(x)) + _BESIDE * c.beyond(x))) for c in curves]
        nearest = int(np.argmin(away))
        if away[nearest] < _NEAR:
            labels[labels == label] = others[nearest]
    return labels


def _from_the_top(labels: np.ndarray, ink: SampledStrokes) -> list[list[int]]:
    lines = [np.flatnonzero(labels == label) for label in sorted(set(labels.tolist()))]
    groups = [
        (line, _curve(ink.of_strokes(np.isin(np.arange(len(labels)), line)))) for line in lines
    ]
    middle = np.array([(ink.points[:, 0].min() + ink.points[:, 0].max()) / 2])
    return [line.tolist() for line, _ in _sorted_down(groups, middle)]


def _sorted_down(
    groups: Iterable[tuple[np.ndarray, Curve]], middle: np.ndarray
) -> list[tuple[np.ndarray, Curve]]:
    """Lines from the top, by their heights in the middle of the block."""
    return sorted(groups, key=lambda group: -float(group[1].at(middle)[0]))
