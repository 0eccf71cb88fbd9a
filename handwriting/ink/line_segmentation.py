"""Dividing a page of ink into its lines of writing.

The page's slope is the one along which the profile of its ink is sharpest (Postl, "Detection of
linear oblique structures and skew scan in digitized documents", ICPR 1986). The peaks of that
profile are lines; each is then a straight line of its own slope, fitted to the strokes nearest to
it, and a stroke between two lines goes with those written before and after it.

Shapes: ``S`` strokes, ``n`` points of one stroke, ``P`` points of all strokes, ``K`` lines.
"""

from collections.abc import Sequence

import numpy as np

from handwriting.ink.measures import x_height
from handwriting.ink.sampled_strokes import SPACING, SampledStrokes

# Lengths are in x-heights; lines are about 3.8 apart.
_BIN = 0.1
_SMOOTHING = 0.45
_SLOPES = np.linspace(-0.18, 0.18, 73)
_MOST_BINS = 20_000
_MOST_PAIRS = 20_000_000  # of a stroke and a line
_LOWEST_PEAK = 0.02  # of the highest
_DEEP_VALLEY = 0.8  # of the lower of the peaks beside it
_SMALLEST_PITCH = 1.5
_BESIDE = 2.5  # ink to the left and right of each other, no farther apart than this, is one line
_OVERLAP = 0.1  # of the narrower of two lines
_WIDE = 15.0  # enough to tell a slope from
_SLOPE_CHANGE = 0.1  # of a line against the page
_COMPANY = 0.4  # how much nearer a line seems that the stroke before or after is in
_ROUNDS = 3

_REACH = np.arange(-round(3 * _SMOOTHING / _BIN), round(3 * _SMOOTHING / _BIN) + 1) * _BIN
_KERNEL = np.exp(-np.square(_REACH / _SMOOTHING) / 2)


def split_lines(strokes: Sequence[np.ndarray]) -> list[list[int]]:
    """The lines of writing that strokes form.

    Args:
        strokes: ``S`` arrays of finite points ``[n, 2]`` (x, y), n >= 1, y upwards, any unit, in
            the order they were written as far as that is known.

    Returns:
        for each line, from the top, the indices of its strokes in the order they were given. One
        line where nothing says that there are more.
    """
    everything = [list(range(len(strokes)))]
    size = x_height(strokes)
    if size == 0 or not np.isfinite(size):
        return everything
    page = _Page.of([stroke / size for stroke in strokes])
    found = _peaks(page)
    if found is None:
        return everything
    slope, levels = found
    if len(strokes) * len(levels) > _MOST_PAIRS:
        return everything
    lines = np.stack([levels, np.full(len(levels), slope)], axis=1)
    labels = page.nearest(lines)
    for _ in range(_ROUNDS):
        lines = np.array([page.fit(labels == k, slope, lines[k]) for k in range(len(lines))])
        labels, before = page.nearest(lines), labels
        if np.array_equal(labels, before):
            break
    return [np.flatnonzero(is_in).tolist() for is_in in _joined(page, labels, lines, slope)]


class _Page(SampledStrokes):
    """A page, in x-heights."""

    def nearest(self, lines: np.ndarray) -> np.ndarray:
        """The number of the line of ``lines`` ``[K, 2]`` (level, slope) that each stroke is in."""
        x, y = self.points.T
        # Line by line, since points times lines are far more than either.
        away = [
            np.add.reduceat(np.abs(y - level - x * slope), self.starts) for level, slope in lines
        ]
        distances = np.stack(away, axis=1) / self.counts[:, None]  # [S, K]
        labels: np.ndarray = distances.argmin(axis=1)
        rows = np.arange(len(labels))
        for _ in range(2):
            seeming = distances.copy()
            seeming[rows[1:], labels[:-1]] -= _COMPANY
            seeming[rows[:-1], labels[1:]] -= _COMPANY
            labels = seeming.argmin(axis=1)
        return labels

    def fit(self, is_in: np.ndarray, slope: float, line: np.ndarray) -> np.ndarray:
        """(level, slope) of the line that strokes form; ``line`` where there are none of them, with
        its slope where they are not wide enough to tell."""
        if not is_in.any():
            return line
        x, y = self.of_strokes(is_in).T
        own = line[1]
        if np.ptp(x) > _WIDE:
            fitted = np.polyfit(x - x.mean(), y, 1)[0]
            own = np.clip(fitted, slope - _SLOPE_CHANGE, slope + _SLOPE_CHANGE)
        return np.array([np.mean(y - own * x), own])


def _peaks(page: _Page) -> tuple[float, np.ndarray] | None:
    """The page's slope, and the levels ``[K]`` of the lines, from the bottom; None for one line."""
    x, y = page.points.T
    if np.ptp(y) + np.abs(_SLOPES).max() * np.ptp(x) > _MOST_BINS * _BIN:
        return None
    profiles = [_profile(y - slope * x) for slope in _SLOPES]
    best = int(np.argmax([np.square(profile).sum() for profile in profiles]))
    profile, slope = profiles[best], float(_SLOPES[best])
    is_peak = (profile[1:-1] > profile[:-2]) & (profile[1:-1] >= profile[2:])
    peaks = np.flatnonzero(is_peak) + 1
    places = _distinct(profile, list(peaks[profile[peaks] > _LOWEST_PEAK * profile.max()]))
    if len(places) < 2:
        return None
    return slope, (y - slope * x).min() + (np.array(places) - len(_KERNEL) // 2 + 0.5) * _BIN


def _profile(levels: np.ndarray) -> np.ndarray:
    """Return the amount of ink at each level, smoothed; its first bin is half a kernel below the
    lowest."""
    ink = np.bincount(((levels - levels.min()) / _BIN).astype(np.int64)).astype(np.float64)
    return np.convolve(ink, _KERNEL, mode="full")


def _distinct(profile: np.ndarray, places: list[int]) -> list[int]:
    """The peaks that have a deep valley between them; of two that have none, the higher."""
    depths = [_depth(profile, *pair) for pair in zip(places[:-1], places[1:], strict=True)]
    while depths:
        at = int(np.argmax(depths))
        if depths[at] <= _DEEP_VALLEY:
            break
        gone = at if profile[places[at]] < profile[places[at + 1]] else at + 1
        del places[gone]
        beside = places[max(gone - 1, 0) : gone + 1]  # one where the first or the last is gone
        joined = [_depth(profile, *beside)] if len(beside) == 2 else []
        depths[max(gone - 1, 0) : gone + 1] = joined
    return places


def _depth(profile: np.ndarray, a: int, b: int) -> float:
    """Lowest point between two peaks as a share of the lower of them."""
    return float(profile[a : b + 1].min() / min(profile[a], profile[b]))


def _joined(page: _Page, labels: np.ndarray, lines: np.ndarray, slope: float) -> list[np.ndarray]:
    """Which strokes ``[S]`` are in each line, from the top, after joining what is one line: parts
    closer than lines are, or beside each other."""
    middle = page.points[:, 0].mean()
    order = np.argsort(-(lines[:, 0] + lines[:, 1] * middle))
    parts = [(labels == k, lines[k]) for k in order if np.any(labels == k)]
    at = 0
    while at + 1 < len(parts):
        (upper, line), (lower, _) = parts[at : at + 2]
        if _is_one_line(page, *parts[at : at + 2]):
            both = upper | lower
            parts[at : at + 2] = [(both, page.fit(both, slope, line))]
            at = max(at - 1, 0)
        else:
            at += 1
    return [is_in for is_in, _ in parts]


def _is_one_line(
    page: _Page, upper: tuple[np.ndarray, np.ndarray], lower: tuple[np.ndarray, np.ndarray]
) -> bool:
    (a, line_a), (b, line_b) = upper, lower
    x_a, x_b = page.of_strokes(a)[:, 0], page.of_strokes(b)[:, 0]
    left, right = max(x_a.min(), x_b.min()), min(x_a.max(), x_b.max())
    level, change = line_a - line_b
    pitch = abs(level + change * (left + right) / 2)
    shared = (right - left) / max(min(np.ptp(x_a), np.ptp(x_b)), SPACING)
    return bool(pitch < _SMALLEST_PITCH or (shared < _OVERLAP and pitch < _BESIDE))
