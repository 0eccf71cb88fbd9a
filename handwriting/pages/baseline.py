"""Baseline and size of a line of handwriting.

Shapes: ``n`` low points of the ink.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.levelling import Baseline, fit_baseline, trend, turned_level
from handwriting.ink.measures import x_height_of_letters
from handwriting.pages.aligned_text import TracedStroke

# Characters whose lowest point is not on the baseline: they hang below it or float above it.
_OFF_BASELINE = frozenset("gjpqyzfQJ,;:'\"`-^*~_()[]{}|/+=<>@çÇşŞţŢąĄęĘįĮ°²³¹€£")
_NEIGHBOURS = 3  # a low point is the lowest of so many pen steps before and after it
_ROUNDS = 12

# The baseline's wandering about its straight line is followed where it is slower than this and no
# further than that, in x-heights.
_WANDER_WIDTH = 3.0
_WANDER_REACH = 0.8
_KNOT_SPACING = 1.0

# How far one piece's x-height is believed against the page's: wholly for many letters.
_LETTERS_BELIEVED = 6.0
_SIZE_LIMITS = (0.6, 1.6)

# A word stands where most of its low points are, within a band; in x-heights.
_WORD_BAND = 0.35
_WORD_REACH = 3.0
_DEEP = 0.3
_DEEP_OF_SPREAD = 0.45  # the same, where the size is not known yet
_HELD_BY = 0.1  # low points that say that the word is level already


@dataclass(frozen=True)
class Size:
    """An x-height in the ink's units and the number of letters it was measured on."""

    x_height: float
    letters: int

    def among(self, usual: float) -> float:
        """Return the x-height that one piece of a page is taken to have.

        All pieces come from one hand, so a piece that shows few letters is taken to be of the size
        of the others, and one that shows many has its own.

        Args:
            usual: x-height of the page's pieces.
        """
        ratio = np.clip(self.x_height / usual, *_SIZE_LIMITS) if self.x_height > 0 else 1.0
        belief = self.letters / (self.letters + _LETTERS_BELIEVED)
        return float(usual * ratio**belief)


def usual_x_height(sizes: Sequence["Size"]) -> float | None:
    """Return the median x-height of some pieces by their letters; None where none is known."""
    known = [size for size in sizes if size.x_height > 0]
    if not known:
        return None
    letters = [max(size.letters, 1) for size in known]
    return float(np.median(np.repeat([size.x_height for size in known], letters)))


def find_baseline(strokes: Sequence[TracedStroke], text: str) -> Baseline:
    """Fit the line that the letters stand on: see ``fit_baseline``.

    Args:
        strokes: at least one.
        text: what their characters are indexes of; those that hang or float have no say.
    """
    points = np.concatenate([stroke.points for stroke in strokes])
    _, spread = trend(points)
    low = [point for _, point in _deep_lows(strokes, text, _DEEP_OF_SPREAD * spread)]
    return fit_baseline(points, np.array(low) if low else _low_points(strokes, text))


def level(strokes: Sequence[TracedStroke], baseline: Baseline) -> list[TracedStroke]:
    """Turn and shift the ink so that its baseline is y = 0; its shape is unchanged."""
    shift = np.array([0.0, baseline.intercept])
    return [
        TracedStroke(turned_level(s.points - shift, *baseline.turn), s.characters) for s in strokes
    ]


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


def word_offset(strokes: Sequence[TracedStroke], text: str, x_height: float) -> float:
    """Return how high one word stands over y = 0, in the ink's units; 0 where it cannot be told.

    Args:
        strokes: of the word, levelled with its line.
        text: the word; characters of the strokes are indexes in it.
        x_height: of the ink.
    """
    if x_height <= 0.0 or all(character in _OFF_BASELINE for character in text):
        return 0.0
    low = _bottoms(strokes, text, _DEEP * x_height) / x_height
    low = low[np.abs(low) < _WORD_REACH]
    if not len(low):
        return 0.0
    counts = np.searchsorted(low, low + _WORD_BAND, side="right") - np.arange(len(low))
    # Of bands as full, the one nearest to the line.
    at = int(np.argmax(counts - 0.1 * np.abs(low + _WORD_BAND / 2)))
    count = int(counts[at])
    middle = float(low[at : at + count].mean())
    return x_height * middle * count / (count + _HELD_BY)


def _deep_lows(
    strokes: Sequence[TracedStroke], text: str, depth: float
) -> Iterator[tuple[int, np.ndarray]]:
    """Characters that stand on the baseline, each with a point ``[2]`` at which the pen, writing
    it, has come down and goes up by at least ``depth``, or begins or ends its stroke."""
    for stroke in strokes:
        y = stroke.points[:, 1]
        at = _turns(y, depth)
        before, after = np.append(np.inf, y[at[:-1]]), np.append(y[at[1:]], np.inf)
        for index in at[(y[at] < before) & (y[at] < after)]:
            character = int(stroke.characters[index])
            if text[character] not in _OFF_BASELINE:
                yield character, stroke.points[index]


def _bottoms(strokes: Sequence[TracedStroke], text: str, depth: float) -> np.ndarray:
    """Heights ``[n]``, ascending: the lowest of each character among ``_deep_lows``."""
    lowest: dict[int, float] = {}
    for character, point in _deep_lows(strokes, text, depth):
        lowest[character] = min(float(point[1]), lowest.get(character, np.inf))
    return np.sort(list(lowest.values()))


def _turns(y: np.ndarray, depth: float) -> np.ndarray:
    """Indexes of the extremes of heights ``[n]`` between which the pen goes up or down by at least
    ``depth``, alternately low and high, from its first to its last."""
    turns, low, high, rising = [], 0, 0, 0
    for index, height in enumerate(y.tolist()):
        if height < y[low]:
            low = index
        if height > y[high]:
            high = index
        if rising <= 0 and height - y[low] >= depth:
            turns.append(low)
            rising, high = 1, index
        elif rising >= 0 and y[high] - height >= depth:
            turns.append(high)
            rising, low = -1, index
    turns.append(high if rising > 0 else low)
    return np.array(turns)


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
    """Measure levelled ink: see ``x_height_of_letters``."""
    tops = [(text[character], top) for character, top in _tops(strokes).items()]
    _, spread = trend(np.concatenate([stroke.points for stroke in strokes]))
    return Size(*x_height_of_letters(tops, spread))


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
