"""Slope and slant of a line of writing, and how they are taken out of it.

A slope is found in four ways, since ink says more or less of itself: ``ink_slope`` by regression
over the ink, which recognisers were trained with; ``axis_slope`` by the principal axis, which does
not mind how the points are spread; ``turning_lines`` by two lines through the pen's turns, which
long letters at one end of the line do not tilt; ``fit_baseline`` by the low points, for ink whose
letters are known. ``turned_level`` applies any of them.

Shapes: ``T`` points of a line, ``n`` low points.
"""

import math
from dataclasses import dataclass

import numpy as np

from handwriting.ink.measures import ink_weights
from handwriting.ink.resampling import resample_line

# A line is this many times as wide as high at least; the slope of anything shorter is its letters'.
_WIDE = 3.0
_WIDE_FOR_AXIS = 2.0
_WIDE_FOR_TREND = 3.0
_STEEPEST_SLOPE = math.radians(30)
_STRONGEST_SLANT = math.tan(math.radians(50))

# Turns are looked for between points at this distance, since a trembling hand turns at every
# sample; one that is a core height off its line has a quarter of the weight; and a line that is
# level counts as much as this many turns at its ends.
_TURN_SPACING = 0.3
_LEVEL_TURNS = 4.0
_FEWEST_TURNS = 3
_REWEIGHTINGS = 3

_STEEPEST = 0.35  # baselines are looked for this far (20 degrees) from the slope of all ink
_SLOPES = 71
_BAND = 0.4  # of the spread: low points in a band of this height are taken to be on one line
_ROUNDS = 12


@dataclass(frozen=True)
class Baseline:
    """The line y = intercept + slope * x that writing sits on."""

    slope: float
    intercept: float

    @property
    def turn(self) -> tuple[float, float]:
        """Cosine and sine of its angle."""
        length = np.hypot(1.0, self.slope)
        return 1.0 / length, self.slope / length


def turned_level(points: np.ndarray, cosine: float, sine: float) -> np.ndarray:
    """Return points ``[T, 2]`` turned about the origin so that a line at the angle of ``cosine``
    and ``sine`` becomes level."""
    turned: np.ndarray = points @ np.array([[cosine, -sine], [sine, cosine]])
    return turned


def levelled(points: np.ndarray, pen_down: np.ndarray) -> np.ndarray:
    """Return points ``[T, 2]`` turned by the slope of their ink, where it is wide as a line.

    Args:
        points: ``[T, 2]``.
        pen_down: bool ``[T-1]``, which of the segments between them are ink.
    """
    angle = ink_slope(points, pen_down)
    return points if angle is None else turned_level(points, math.cos(angle), math.sin(angle))


def ink_slope(points: np.ndarray, pen_down: np.ndarray) -> float | None:
    """Return the angle of the regression of y on x over the ink, 30 degrees at most; None for ink
    that is not wide. Arguments as for ``levelled``."""
    width, height = np.ptp(points, axis=0)
    if width <= _WIDE * height / 2:
        return None
    weights = ink_weights(points, pen_down)
    x, y = (points - weights @ points).T
    slope = (weights @ (x * y)) / (weights @ (x * x))
    return float(np.clip(math.atan(slope), -_STEEPEST_SLOPE, _STEEPEST_SLOPE))


def axis_slope(points: np.ndarray) -> float | None:
    """Return the angle of the principal axis of points ``[T, 2]``; None where they are less than
    twice as wide as high, since such ink has no direction of its own."""
    width, height = np.ptp(points, axis=0)
    if width < _WIDE_FOR_AXIS * height:
        return None
    x, y = (points - points.mean(axis=0)).T
    return float(0.5 * np.arctan2(2 * (x @ y), x @ x - y @ y))


def trend(points: np.ndarray) -> tuple[float, float]:
    """Return the slope of the least-squares line through points ``[T, 2]``, 0 where they are not
    much wider than high, and the spread of the points about it."""
    x, y = (points - points.mean(axis=0)).T
    is_wide = float(x @ x) > _WIDE_FOR_TREND**2 * float(y @ y)
    slope = float(x @ y) / float(x @ x) if is_wide else 0.0
    return slope, float(np.std(y - slope * x))


def upright(points: np.ndarray, pen_down: np.ndarray) -> np.ndarray:
    """Return points sheared so that the steep segments stand upright in the mean, weighted by their
    height. Arguments as for ``levelled``."""
    slant = float(np.clip(slant_of(points, pen_down), -_STRONGEST_SLANT, _STRONGEST_SLANT))
    sheared: np.ndarray = points @ np.array([[1.0, 0.0], [-slant, 1.0]])
    return sheared


def slant_of(points: np.ndarray, pen_down: np.ndarray) -> float:
    """Return how far the steep segments lean to the right, in widths a height: their mean, weighted
    by their height. Arguments as for ``levelled``; 0 where no segment is steep."""
    dx, dy = np.diff(points, axis=0)[pen_down].T
    steep = np.abs(dy) > np.abs(dx) / 2
    total = np.abs(dy[steep]).sum()
    return float((dx[steep] * np.sign(dy[steep])).sum() / total) if total else 0.0


@dataclass(frozen=True)
class TurningLines:
    """Two parallel lines through the pen's lower and upper turns.

    Attributes:
        centre, half: the x that ``middle`` is at, and how far from it ``rise`` is.
        middle: height halfway between the lines at ``centre``.
        apart: from the lower to the upper line.
        rise: how much higher both are at ``centre + half``.
    """

    centre: float
    half: float
    middle: float
    apart: float
    rise: float

    def heights_over(self, points: np.ndarray) -> np.ndarray:
        """Heights ``[T]`` of points ``[T, 2]`` over the middle of the two lines."""
        rise: np.ndarray = self.rise * (points[:, 0] - self.centre) / self.half
        over: np.ndarray = points[:, 1] - self.middle - rise
        return over


def turning_lines(
    points: np.ndarray, ends: np.ndarray, least_apart: float, most_apart: float, dot: float = 0.0
) -> TurningLines | None:
    """Fit two lines to the pen's turns, by least squares with falling weights for those far off.

    Args:
        points: ``[T, 2]``, in core heights.
        ends: bool ``[T]``, true on the last point of each stroke.
        least_apart, most_apart: limits of the distance of the lines.
        dot: no stroke of this length or less has a direction.

    Returns:
        the lines; None where the pen turns too seldom.
    """
    coarse, starts, _ = resample_line(points, ends, _TURN_SPACING, dot)
    lower, upper = _turns(coarse[:, 1], starts)
    if min(len(lower), len(upper)) < _FEWEST_TURNS:
        return None
    x, y = coarse[np.concatenate([lower, upper])].T
    centre, half = x.mean(), max(np.ptp(x) / 2, 1.0)
    side = np.repeat([-0.5, 0.5], [len(lower), len(upper)])
    terms = np.stack([np.ones(len(x)), side, (x - centre) / half])
    level = np.diag([0.0, 0.0, _LEVEL_TURNS])
    middle, apart, rise = 0.0, 1.0, 0.0
    for _ in range(_REWEIGHTINGS):
        off = (y - (middle, apart, rise) @ terms) / apart
        weighted = terms / np.square(1 + off * off)
        middle, apart, rise = np.linalg.solve(weighted @ terms.T + level, weighted @ y)
        apart = min(max(apart, least_apart), most_apart)
    return TurningLines(centre, half, middle, apart, rise)


def _turns(heights: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the points where the pen turns upwards and downwards, the ends of strokes among
    them, given the heights ``[N]`` and whether each point starts a stroke ``[N]``."""
    rises = np.sign(np.diff(heights))
    rises[starts[1:]] = 0.0  # a pen-up move is no part of a stroke
    turns = np.append(rises, 0.0) - np.append(0.0, rises)
    return np.flatnonzero(turns > 0), np.flatnonzero(turns < 0)


def fit_baseline(points: np.ndarray, low: np.ndarray) -> Baseline:
    """Fit the line that most low points lie on.

    The band that holds most of them is found first, over all slopes, so that a few hanging strokes
    or dots have no say at all; the line through that band is then fitted with Tukey's biweight.

    Args:
        points: ``[T, 2]``, all of the ink.
        low: ``[n, 2]``, n >= 1, where the pen turns upwards, without letters known to hang or
            float.
    """
    slope, spread = trend(points)
    if spread == 0.0:
        return Baseline(slope, float(points[0, 1] - slope * points[0, 0]))
    return _refined(low, _densest_band(low, slope, _BAND * spread), spread)


def _densest_band(low: np.ndarray, middle: float, height: float) -> Baseline:
    """The band of ``height``, sloping up to 20 degrees off ``middle``, with most low points."""
    best, most = Baseline(middle, float(np.median(low[:, 1] - middle * low[:, 0]))), -1.0
    reach = _STEEPEST * _certainty(low, height)
    for slope in np.linspace(middle - reach, middle + reach, _SLOPES):
        rest = np.sort(low[:, 1] - slope * low[:, 0])
        counts = np.searchsorted(rest, rest + height, side="right") - np.arange(len(rest))
        # Among bands as full, the flattest.
        score = counts.max() - 1e-3 * abs(slope)
        if score > most:
            at = int(np.argmax(counts))
            inside = rest[at : at + counts[at]]
            best, most = Baseline(float(slope), float(np.median(inside))), score
    return best


def _certainty(low: np.ndarray, height: float) -> float:
    """From 0 for ink too short to show a slope to 1 for ink that is a line of writing."""
    width = float(np.ptp(low[:, 0]))
    return min(width / (50.0 * height), 1.0) if len(low) > 3 else 0.0


def _refined(low: np.ndarray, first: Baseline, spread: float) -> Baseline:
    """Least squares with Tukey's biweight, from ``first``. A prior on the slope, with the weight of
    one point at the spread's distance, keeps short ink from tilting."""
    slope, intercept = first.slope, first.intercept
    reach = _BAND * spread
    for _ in range(_ROUNDS):
        rest = low[:, 1] - intercept - slope * low[:, 0]
        weights = np.clip(1.0 - (rest / reach) ** 2, 0.0, None) ** 2
        total = weights.sum()
        if total == 0.0:
            break
        x_mean, y_mean = (weights @ low) / total
        x, y = low[:, 0] - x_mean, low[:, 1] - y_mean
        slope = float((weights * x) @ y + first.slope * spread**2) / float(
            (weights * x) @ x + spread**2
        )
        intercept = float(y_mean - slope * x_mean)
    return Baseline(slope, intercept)
