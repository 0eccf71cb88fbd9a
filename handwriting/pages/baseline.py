"""Where a line of handwriting sits and how large it is.

Shapes: ``n`` low points of the ink.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.pages.aligned_text import TracedStroke

# Characters whose lowest point is not on the baseline: they hang below it or float above it.
_OFF_BASELINE = frozenset("gjpqyzfQJ,;'\"`-^*~_()[]{}|/+=<>@")
_X_HEIGHT_LETTERS = frozenset("acemnorsuvwxz")
_TALL_LETTERS = frozenset("bdhklABCDEFGHIJKLMNOPRSTUVWXYZ0123456789")
# A usual hand's small letters beside its tall ones, for ink that has no small letters.
_X_HEIGHT_OF_TALL = 0.52
# And beside the spread of its ink about the line it is written along, for ink without letters.
_X_HEIGHT_OF_SPREAD = 1.5

_NEIGHBOURS = 3  # a low point is the lowest of so many pen steps before and after it
_STEEPEST = 0.35  # slopes are looked for this far (20 degrees) from that of the ink as a whole
_SLOPES = 71
_BAND = 0.4  # of the spread: low points in a band of this height are taken to be on one line
_ROUNDS = 12

# The baseline's wandering about its straight line is followed where it is slower than this and no
# further than that, in x-heights.
_WANDER_WIDTH = 3.0
_WANDER_REACH = 0.8
_KNOT_SPACING = 1.0


@dataclass(frozen=True)
class Baseline:
    """The line y = intercept + slope * x that writing sits on."""

    slope: float
    intercept: float


@dataclass(frozen=True)
class Size:
    """An x-height in the ink's units and the number of letters it was measured on."""

    x_height: float
    letters: int


def find_baseline(strokes: Sequence[TracedStroke], text: str) -> Baseline:
    """Fit the line that the letters stand on.

    The low points of the ink, less those of characters that hang or float, mostly lie on it. The
    band that holds most of them is found first, over all slopes, so that a few hanging strokes or
    dots have no say at all; the line through that band is then fitted with Tukey's biweight.

    Args:
        strokes: at least one.
        text: what their characters are indexes of.
    """
    points = np.concatenate([stroke.points for stroke in strokes])
    trend, spread = _trend(points)
    low = _low_points(strokes, text)
    if spread == 0.0:
        return Baseline(trend, float(points[0, 1] - trend * points[0, 0]))
    first = _densest_band(low, trend, _BAND * spread)
    return _refine(low, first, spread)


def level(strokes: Sequence[TracedStroke], baseline: Baseline) -> list[TracedStroke]:
    """Turn and shift the ink so that its baseline is y = 0; its shape is unchanged."""
    length = np.hypot(1.0, baseline.slope)
    cos, sin = 1.0 / length, baseline.slope / length
    turn = np.array([[cos, -sin], [sin, cos]])
    shift = np.array([0.0, baseline.intercept])
    return [TracedStroke((s.points - shift) @ turn, s.characters) for s in strokes]


def unbend(strokes: Sequence[TracedStroke], text: str, x_height: float) -> list[TracedStroke]:
    """Take out of levelled ink how its baseline wanders about y = 0.

    Only what is slow against a letter is taken out, so letters keep their shape and their own place
    about the baseline.
    """
    if x_height <= 0.0:
        return list(strokes)
    low = _low_points(strokes, text) / x_height
    knots = np.arange(low[:, 0].min(), low[:, 0].max() + _KNOT_SPACING, _KNOT_SPACING)
    heights = _wander(low, knots)
    bent = []
    for stroke in strokes:
        points = stroke.points.copy()
        points[:, 1] -= x_height * np.interp(points[:, 0] / x_height, knots, heights)
        bent.append(TracedStroke(points, stroke.characters))
    return bent


def _wander(low: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Height of the baseline at each of ``knots``, all in x-heights: a local mean of the low points
    with Tukey's biweight, held to 0 by as much as one point at the knot."""
    near = np.exp(-0.5 * ((low[:, 0] - knots[:, None]) / _WANDER_WIDTH) ** 2)
    heights = np.zeros(len(knots))
    for _ in range(_ROUNDS):
        rest = (low[:, 1] - heights[:, None]) / _WANDER_REACH
        weights = near * np.clip(1.0 - rest**2, 0.0, None) ** 2
        heights = (weights @ low[:, 1]) / (weights.sum(axis=1) + 1.0)
    return heights


def find_size(strokes: Sequence[TracedStroke], text: str) -> Size:
    """Measure the x-height of levelled ink: the median height of its small letters; where there
    are fewer than three, what tall letters or at last the spread of the ink suggest."""
    tops = _tops(strokes)
    heights = {
        kind: [top for character, top in tops.items() if text[character] in letters and top > 0]
        for kind, letters in (("small", _X_HEIGHT_LETTERS), ("tall", _TALL_LETTERS))
    }
    if len(heights["small"]) >= 3:
        return Size(float(np.median(heights["small"])), len(heights["small"]))
    rough = heights["small"] + [_X_HEIGHT_OF_TALL * height for height in heights["tall"]]
    if rough:
        return Size(float(np.median(rough)), 1)
    _, spread = _trend(np.concatenate([stroke.points for stroke in strokes]))
    return Size(_X_HEIGHT_OF_SPREAD * spread, 0)


def _trend(points: np.ndarray) -> tuple[float, float]:
    """Slope of the least-squares line through the ink, and the spread of the ink about it."""
    x, y = (points - points.mean(axis=0)).T
    # Ink that is not much wider than high has no slope to speak of.
    slope = float(x @ y) / float(x @ x) if float(x @ x) > 9.0 * float(y @ y) else 0.0
    return slope, float(np.std(y - slope * x))


def _low_points(strokes: Sequence[TracedStroke], text: str) -> np.ndarray:
    """Points ``[n, 2]`` where the pen turns upwards, of characters that stand on the baseline; of
    all characters if that leaves none."""
    off = np.array([character in _OFF_BASELINE for character in text] or [False])
    points = np.concatenate([stroke.points for stroke in strokes])
    at = _lowest_around(points[:, 1], [len(stroke.points) for stroke in strokes])
    standing = ~off[np.concatenate([stroke.characters for stroke in strokes])[at]]
    lowest: np.ndarray = points[at[standing]] if standing.any() else points[at]
    return lowest


def _lowest_around(y: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
    """Indexes of the local minima of each stroke, the first of each plateau.

    Args:
        y: of the points of all strokes.
        lengths: of the strokes.
    """
    # Infinite values between the strokes keep them from seeing each other.
    own = np.arange(len(y)) + _NEIGHBOURS * (1 + np.repeat(np.arange(len(lengths)), lengths))
    padded = np.full(len(y) + _NEIGHBOURS * (len(lengths) + 1), np.inf)
    padded[own] = y
    before, after = (
        np.minimum.reduce([padded[own + sign * shift] for shift in range(1, _NEIGHBOURS + 1)])
        for sign in (-1, 1)
    )
    return np.flatnonzero((y < before) & (y <= after))


def _densest_band(low: np.ndarray, trend: float, height: float) -> Baseline:
    """The band of ``height``, sloping up to 20 degrees off the trend, with most low points."""
    best, most = Baseline(trend, float(np.median(low[:, 1] - trend * low[:, 0]))), -1.0
    reach = _STEEPEST * _certainty(low, height)
    for slope in np.linspace(trend - reach, trend + reach, _SLOPES):
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


def _refine(low: np.ndarray, first: Baseline, spread: float) -> Baseline:
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


def _tops(strokes: Sequence[TracedStroke]) -> dict[int, float]:
    """The greatest y of each character's ink."""
    tops: dict[int, float] = {}
    for character, top in _runs(strokes):
        tops[character] = max(top, tops.get(character, -np.inf))
    return tops


def _runs(strokes: Sequence[TracedStroke]) -> Iterator[tuple[int, float]]:
    """Character and greatest y of each run of points with one character."""
    for stroke in strokes:
        starts = np.concatenate([[0], np.flatnonzero(np.diff(stroke.characters)) + 1])
        tops = np.maximum.reduceat(stroke.points[:, 1], starts)
        yield from zip(stroke.characters[starts].tolist(), tops.tolist(), strict=True)
