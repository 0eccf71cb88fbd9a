"""What the recogniser sees of a line: its ink made level, upright and of one height, at points of
equal distance.

Shapes: ``T`` pen steps of a line, ``N`` points after resampling, ``F`` features.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

# A line is this many times as wide as high at least; the slope of anything shorter is its letters'.
_WIDE = 3.0
_STEEPEST_SLOPE = math.radians(30)
_STRONGEST_SLANT = math.tan(math.radians(50))
# A flat line, such as a dash, is as high as this share of its width.
_FLATTEST = 0.01
# Offsets are cut to this, in spacings: a jump to a far word says no more than a far jump does.
_LARGEST_OFFSET = 8.0
_LARGEST_HEIGHT = 4.0
# In core heights: what is shorter has no direction, it is what sums of floats leave of nothing.
_NOTHING = 1e-6
# Twice the spread of the ink about its middle is near the height of the small letters.
_SPREADS_PER_HEIGHT = 2.0
# Of the lines through the pen's turns. Turns are looked for between points at this distance, since
# a trembling hand turns at every sample; one that is a core height off its line has a quarter of
# the weight; and a line that is level counts as much as this many turns at its ends.
_TURN_SPACING = 0.3
_LEVEL_TURNS = 4.0
_FEWEST_TURNS = 3
_REWEIGHTINGS = 3
# The lines are this many spreads apart, at least, on the average of IAM-OnDB, and at most.
_LINES_APART = (0.4, 0.64, 2.0)
# The ink around a point is measured in cells of this many core heights, made of whole pixels.
_CELL = 0.5
_CELL_PIXELS = 2
_CELLS_ACROSS, _CELLS_UP = 3, 7
_MOST_INK = 2.0
_NAMES = (
    "dx", "dy", "height", "direction_cos", "direction_sin", "curvature_cos", "curvature_sin",
    "starts_stroke", "ends_stroke",
)  # fmt: skip


@dataclass(frozen=True)
class InkFeatures:
    """How ink becomes numbers; the same for ink of any size and at any place.

    Each point has the offset from the point before (in spacings, halved), its height over the
    middle of the line (in core heights), the cosine and sine of the pen's direction and of its
    change at the point (as Jaeger et al. 2001, "Online handwriting recognition: the NPen++
    recogniser", section 3), and whether it starts or ends a stroke. A pen-up move is one step.

    Args:
        correct_slope: turn the line so that its ink runs level.
        correct_slant: shear it so that its steep strokes stand upright.
        fit_lines: fit two parallel lines through the points where the pen turns up and down, which
            correct what is left of the slope, lie about the middle of the small letters, and have
            their say in the core height. Without, tall letters and loops move both.
        spacing: distance of neighbouring points along a stroke, in core heights (about the height
            of small letters).
        surroundings: add how much ink lies around the point, whenever it was written, in 7 rows of
            3 cells of half a core height: the dot over an i, the bar across a t (as Liwicki and
            Bunke 2006, "HMM-based on-line recognition of handwritten whiteboard notes", have a map
            of 3 x 3). It is the length of the ink in cells' widths, at most 2, halved.
        time: add the number of sensor samples since the point before, which is the time where the
            sensor samples evenly.
    """

    correct_slope: bool = True
    correct_slant: bool = True
    fit_lines: bool = False
    spacing: Annotated[float, Field(gt=0, le=2)] = 0.3
    surroundings: bool = False
    time: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What each column is."""
        cells = itertools.product(range(_CELLS_UP), range(_CELLS_ACROSS))
        around = [f"ink_{row}_{column}" for row, column in cells] if self.surroundings else []
        return (*_NAMES, *around, *(["time"] if self.time else []))

    @property
    def size(self) -> int:
        """``F``."""
        return len(self.names)

    def compute(self, strokes: np.ndarray) -> np.ndarray:
        """The features float32 ``[N, F]`` of strokes ``[T, 3]``, T >= 1, rows as in
        ``Line.strokes`` in any units; every value is finite for finite strokes."""
        return self.describe(self.normalise(strokes))

    def normalise(self, strokes: np.ndarray) -> np.ndarray:
        """Strokes ``[T, 3]`` in any units: float64 ``[T, 3]``, level, upright, with a core height
        of 1. The sum of the offsets, the first one included, is each point's place: x from the
        middle of the ink's width, y from the middle of the line."""
        points = np.cumsum(strokes[:, 1:].astype(np.float64), axis=0)
        points -= points[0]  # or a dot far from 0 would be as high as a mean of it is rounded
        largest = np.abs(points).max(initial=0.0)
        points /= largest if largest > 0 else 1.0
        ends = _ends(strokes)
        if self.correct_slope:
            points = levelled(points, ~ends[:-1])
        if self.correct_slant:
            points = _upright(points, ~ends[:-1])
        points = _scaled(points, ~ends[:-1])
        if self.fit_lines:
            points = _between_lines(points, ends)
        normalised = np.empty((len(points), 3))
        normalised[:, 0] = ends
        normalised[0, 1:] = points[0]
        normalised[1:, 1:] = np.diff(points, axis=0)
        return normalised

    def points(self, normalised: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The points ``[N, 2]`` that features are computed of, from strokes as ``normalise``
        returns them, and whether each starts a stroke, bool ``[N]``."""
        found, starts, _ = self._resampled(normalised)
        return found, starts

    def positions(self, strokes: np.ndarray) -> np.ndarray:
        """Where each of the ``N`` points lies among the rows of strokes ``[T, 3]`` in any units:
        float64 ``[N]``, growing, 2.5 for halfway between the rows 2 and 3."""
        return self._resampled(self.normalise(strokes))[2]

    def describe(self, normalised: np.ndarray) -> np.ndarray:
        """The features float32 ``[N, F]`` of strokes as ``normalise`` returns them."""
        points, starts, samples = self._resampled(normalised)
        offsets = np.diff(points, axis=0, prepend=points[:1])
        lengths = np.hypot(offsets[:, 0], offsets[:, 1])
        moved = lengths > _NOTHING
        directions = np.zeros_like(offsets)
        directions[moved] = offsets[moved] / lengths[moved, None]
        cosine, sine = directions.T
        turning = np.zeros_like(offsets)  # at a point, from the step to it to the step from it
        turning[:-1, 0] = cosine[1:] * cosine[:-1] + sine[1:] * sine[:-1]
        turning[:-1, 1] = sine[1:] * cosine[:-1] - cosine[1:] * sine[:-1]
        bound = _LARGEST_OFFSET * self.spacing
        columns = [
            np.clip(offsets, -bound, bound) / (2 * self.spacing),
            np.clip(points[:, 1:], -_LARGEST_HEIGHT, _LARGEST_HEIGHT),
            directions,
            turning,
            starts[:, None],
            np.append(starts[1:], True)[:, None],
        ]
        if self.surroundings:
            columns.append(_ink_around(points, self.spacing))
        if self.time:
            passed = np.diff(samples, prepend=samples[:1])
            columns.append(np.log1p(np.maximum(passed, 0.0))[:, None])
        described: np.ndarray = np.concatenate(columns, axis=1).astype(np.float32)
        return described

    def _resampled(self, normalised: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        points = np.cumsum(normalised[:, 1:], axis=0)
        return _resampled(points, _ends(normalised), self.spacing)


def _ends(strokes: np.ndarray) -> np.ndarray:
    """bool ``[T]``, true on the last point of each stroke, the line's last point included."""
    ends = strokes[:, 0] > 0.5
    ends[-1] = True
    return ends


def _ink_around(points: np.ndarray, spacing: float) -> np.ndarray:
    """``[N, 21]``, the ink in the cells around each point ``[N, 2]``, each point being ``spacing``
    of ink; cells from the lowest row up, in a row from the left."""
    x, y = points.T * (_CELL_PIXELS / _CELL)
    highest = _LARGEST_HEIGHT * _CELL_PIXELS / _CELL
    y = np.floor(np.clip(y, -highest, highest) + highest).astype(np.int64)
    x = _without_wide_gaps(np.floor(x - x.min()), _CELLS_ACROSS * _CELL_PIXELS)
    reach_x, reach_y = _CELLS_ACROSS * _CELL_PIXELS // 2, _CELLS_UP * _CELL_PIXELS // 2
    sums = np.zeros((x.max() + 2 * reach_x + 2, y.max() + 2 * reach_y + 2))
    np.add.at(sums, (x + reach_x + 1, y + reach_y + 1), spacing / (2 * _CELL))
    sums = sums.cumsum(axis=0).cumsum(axis=1)  # of the ink left of and below each pixel's corner
    edges_x = x[:, None] + _CELL_PIXELS * np.arange(_CELLS_ACROSS + 1)
    edges_y = y[:, None] + _CELL_PIXELS * np.arange(_CELLS_UP + 1)
    corners = sums[edges_x[:, None, :], edges_y[:, :, None]]  # [N, 8, 4]
    ink = np.diff(np.diff(corners, axis=1), axis=2).reshape(len(points), -1)
    clipped: np.ndarray = np.clip(ink, 0.0, _MOST_INK / 2)
    return clipped


def _without_wide_gaps(places: np.ndarray, widest: int) -> np.ndarray:
    """Whole places ``[N]`` from 0 on, int64, none further than ``widest`` from the next one."""
    occupied, inverse = np.unique(places, return_inverse=True)
    narrowed: np.ndarray = np.minimum(np.diff(occupied, prepend=0), widest).cumsum()
    return narrowed.astype(np.int64)[inverse]


def _ink_weights(points: np.ndarray, pen_down: np.ndarray) -> np.ndarray:
    """``[T]``, sum 1: how much ink is at each point, half of each segment's at both its ends."""
    lengths = np.where(pen_down, np.hypot(*np.diff(points, axis=0).T), 0.0)
    weights = np.full(len(points), 1e-12)  # all the same where there are dots alone
    weights[1:] += lengths
    weights[:-1] += lengths
    shares: np.ndarray = weights / weights.sum()
    return shares


def levelled(points: np.ndarray, pen_down: np.ndarray) -> np.ndarray:
    """Points ``[T, 2]`` turned by the slope of the regression of y on x over the ink, where it is
    wide as a line; ``pen_down`` ``[T-1]`` says which of the segments between them are ink."""
    width, height = np.ptp(points, axis=0)
    if width <= _WIDE * height / 2:
        return points
    weights = _ink_weights(points, pen_down)
    x, y = (points - weights @ points).T
    slope = (weights @ (x * y)) / (weights @ (x * x))
    angle = -np.clip(math.atan(slope), -_STEEPEST_SLOPE, _STEEPEST_SLOPE)
    cosine, sine = math.cos(angle), math.sin(angle)
    turned: np.ndarray = points @ np.array([[cosine, sine], [-sine, cosine]])
    return turned


def _upright(points: np.ndarray, pen_down: np.ndarray) -> np.ndarray:
    """Sheared so that the steep segments stand upright in the mean, weighted by their height."""
    slant = float(np.clip(slant_of(points, pen_down), -_STRONGEST_SLANT, _STRONGEST_SLANT))
    sheared: np.ndarray = points @ np.array([[1.0, 0.0], [-slant, 1.0]])
    return sheared


def slant_of(points: np.ndarray, pen_down: np.ndarray) -> float:
    """How far the steep segments lean to the right, in widths a height: their mean, weighted by
    their height. Arguments as for ``levelled``; 0 where no segment is steep."""
    dx, dy = np.diff(points, axis=0)[pen_down].T
    steep = np.abs(dy) > np.abs(dx) / 2
    total = np.abs(dy[steep]).sum()
    return float((dx[steep] * np.sign(dy[steep])).sum() / total) if total else 0.0


def spread_of(points: np.ndarray, pen_down: np.ndarray) -> float:
    """The standard deviation of the ink's heights; arguments as for ``levelled``."""
    weights = _ink_weights(points, pen_down)
    return math.sqrt(weights @ np.square(points[:, 1] - weights @ points[:, 1]))


def _scaled(points: np.ndarray, pen_down: np.ndarray) -> np.ndarray:
    """Moved and scaled: y from the mean of the ink, in twice its standard deviation."""
    weights = _ink_weights(points, pen_down)
    low, high = points.min(axis=0), points.max(axis=0)
    centred: np.ndarray = points - ((low[0] + high[0]) / 2, weights @ points[:, 1])
    height = _SPREADS_PER_HEIGHT * spread_of(centred, pen_down)
    centred /= max(height, _FLATTEST * (high - low).max(), np.finfo(np.float64).tiny)
    return centred


def _between_lines(points: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Sheared along y, moved and scaled by two parallel lines through the pen's lower and upper
    turns, fitted by least squares with falling weights for those far off.

    The points given are ``_scaled``; where the pen turns too seldom, they stay as they are. The
    core height is the geometric mean of what the lines and the spread say: it varies less among the
    lines of one writer on one day than either.
    """
    coarse, starts, _ = _resampled(points, ends, _TURN_SPACING)
    lower, upper = _turns(coarse[:, 1], starts)
    if min(len(lower), len(upper)) < _FEWEST_TURNS:
        return points
    x, y = coarse[np.concatenate([lower, upper])].T
    centre, half = x.mean(), max(np.ptp(x) / 2, 1.0)
    side = np.repeat([-0.5, 0.5], [len(lower), len(upper)])
    terms = np.stack([np.ones(len(x)), side, (x - centre) / half])
    level = np.diag([0.0, 0.0, _LEVEL_TURNS])
    least, usual, most = _LINES_APART
    middle, apart, rise = 0.0, 1.0, 0.0
    for _ in range(_REWEIGHTINGS):
        off = (y - (middle, apart, rise) @ terms) / apart
        weighted = terms / np.square(1 + off * off)
        middle, apart, rise = np.linalg.solve(weighted @ terms.T + level, weighted @ y)
        apart = min(max(apart, least), most)
    # Turning would slant what stands upright.
    y_level = points[:, 1] - middle - rise * (points[:, 0] - centre) / half
    return np.stack([points[:, 0], y_level], axis=1) / math.sqrt(apart / usual)


def _turns(heights: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the points where the pen turns upwards and downwards, the ends of strokes among
    them, given the heights ``[N]`` and whether each point starts a stroke ``[N]``."""
    rises = np.sign(np.diff(heights))
    rises[starts[1:]] = 0.0  # a pen-up move is no part of a stroke
    turns = np.append(rises, 0.0) - np.append(0.0, rises)
    return np.flatnonzero(turns > 0), np.flatnonzero(turns < 0)


def _resampled(
    points: np.ndarray, ends: np.ndarray, spacing: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points at equal distances along each stroke, both its ends among them; a dot stays a point.

    Returns:
        points ``[N, 2]``, whether each starts a stroke ``[N]``, and the position ``[N]`` of each
        among the ``T`` samples.
    """
    segments = np.where(ends[:-1], 1.0, np.hypot(*np.diff(points, axis=0).T))
    # Along the ink; a pen-up move counts 1, so that a stroke begins where none ends.
    positions = np.concatenate([[0.0], np.cumsum(segments)])
    last = np.flatnonzero(ends)
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = positions[last] - positions[first]
    steps = np.where(lengths > _NOTHING, np.maximum(np.rint(lengths / spacing), 1), 0)
    counts = steps.astype(np.int64) + 1
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    step = lengths / np.maximum(steps, 1)
    wanted = np.repeat(positions[first], counts) + within * np.repeat(step, counts)
    # Exactly: where the pen rests at the end, its last sample must not hang on a rounding.
    wanted[np.cumsum(counts) - 1] = positions[last]
    values = (*points.T, np.arange(len(points), dtype=np.float64))
    x, y, samples = (np.interp(wanted, positions, value) for value in values)
    return np.stack([x, y], axis=1), within == 0, samples
