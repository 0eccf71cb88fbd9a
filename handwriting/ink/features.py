"""Features of a line for the recogniser: its ink made level, upright and of one height, at points
of equal distance.

Shapes: ``T`` pen steps of a line, ``N`` points after resampling, ``F`` features.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from handwriting.ink.levelling import levelled, turning_lines, upright
from handwriting.ink.measures import height_spread, ink_weights
from handwriting.ink.resampling import resample_line

# A flat line, such as a dash, is as high as this share of its width.
_FLATTEST = 0.01
# Offsets are cut to this, in spacings: a jump to a far word says no more than a far jump does.
_LARGEST_OFFSET = 8.0
_LARGEST_HEIGHT = 4.0
# In core heights: what is shorter has no direction, it is what sums of floats leave of nothing.
_NOTHING = 1e-6
# Twice the spread of the ink about its middle is near the height of the small letters.
_SPREADS_PER_HEIGHT = 2.0
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
    """Features of ink, the same for ink of any size and at any place.

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
        """Names of the columns."""
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
            points = upright(points, ~ends[:-1])
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
        """Return the place of each of the ``N`` points among the rows of strokes ``[T, 3]`` in any
        units: float64 ``[N]``, growing, 2.5 for halfway between the rows 2 and 3."""
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
        return resample_line(points, _ends(normalised), self.spacing, _NOTHING)


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


def _scaled(points: np.ndarray, pen_down: np.ndarray) -> np.ndarray:
    """Moved and scaled: y from the mean of the ink, in twice its standard deviation."""
    weights = ink_weights(points, pen_down)
    low, high = points.min(axis=0), points.max(axis=0)
    centred: np.ndarray = points - ((low[0] + high[0]) / 2, weights @ points[:, 1])
    height = _SPREADS_PER_HEIGHT * height_spread(centred, pen_down)
    centred /= max(height, _FLATTEST * (high - low).max(), np.finfo(np.float64).tiny)
    return centred


def _between_lines(points: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Sheared along y, moved and scaled by two parallel lines through the pen's lower and upper
    turns.

    The points given are ``_scaled``; where the pen turns too seldom, they stay as they are. The
    core height is the geometric mean of what the lines and the spread say: it varies less among the
    lines of one writer on one day than either.
    """
    least, usual, most = _LINES_APART
    lines = turning_lines(points, ends, least, most, _NOTHING)
    if lines is None:
        return points
    # Turning would slant what stands upright.
    level = np.stack([points[:, 0], lines.heights_over(points)], axis=1)
    return level / math.sqrt(lines.apart / usual)
