"""Measures of how large writing is; every one that the project has is here.

``x_height`` is the measure for anything new: it needs no alignment of text and ink, is the same for
ink at any slant and grows with the ink. The others stay for what depends on them:
``x_height_of_letters`` for ink that knows its letters, which is more exact; ``height_spread`` since
recognisers were trained on features divided by it; ``height_without_extremes`` since corpora were
cleaned and lines joined by it; ``spread_across`` for ink that need not be writing at all.

Shapes: ``T`` points of a line, ``n`` points of one stroke.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

# How far the pen goes up and down in capitals and in digits beside small letters, in 40 synthetic
# hands.
_CAPITALS, _DIGITS = 1.75, 1.6

_SMALL_LETTERS = frozenset("acemnorsuvwxz")
_TALL_LETTERS = frozenset("bdhklABCDEFGHIJKLMNOPRSTUVWXYZ0123456789")
_FEWEST_LETTERS = 3
# A usual hand's small letters beside its tall ones, for ink that has no small letters.
_X_HEIGHT_OF_TALL = 0.52
# And beside the spread of its ink about the line it is written along, for ink without letters.
_X_HEIGHT_OF_SPREAD = 1.5

MOST_STEP = 500.0
"""Steps of the pen in letters' heights; the longest in IAM-OnDB is 19. A longer one is a
fault, and would take memory without end where ink is put at even distances."""

_USUAL_RUN = 90

# Heights are taken between these percentiles, since single capitals and loops reach beyond.
_LOW, _HIGH = 5, 95


def x_height(strokes: Sequence[np.ndarray], text: str = "") -> float:
    """Return about the height of small letters, joined or not: how far the pen goes up or down
    before it turns.

    Half of all its vertical way is in such runs that are longer. In capitals and digits the pen
    goes further, which is taken out where the text is known.

    Args:
        strokes: arrays of points ``[n, 2]``, n >= 1, in any units; of one line or of a page.
        text: what they say; empty where it is not known, and taken to be in small letters.

    Returns:
        the height in the strokes' units; 0 where nothing moves up or down, as in a dot.
    """
    runs = np.sort(np.concatenate([np.zeros(1), *map(_vertical_runs, strokes)]))
    way = np.cumsum(runs)
    middle = float(runs[np.searchsorted(way, way[-1] / 2)])
    return middle / _run_in_x_heights(text)


def _vertical_runs(stroke: np.ndarray) -> np.ndarray:
    """Length of each maximal part of a stroke that goes only up or only down."""
    steps: np.ndarray = np.diff(stroke[:, 1])
    steps = steps[steps != 0]
    if not len(steps):
        return steps
    turns = np.flatnonzero(np.diff(np.sign(steps))) + 1
    runs: np.ndarray = np.abs(np.add.reduceat(steps, np.concatenate([[0], turns])))
    return runs


def _run_in_x_heights(text: str) -> float:
    """Length of the middle run by the share of capitals and digits in the text."""
    letters = sum(character.isalnum() for character in text)
    if not letters:
        return 1.0
    capitals = sum(character.isupper() for character in text) / letters
    digits = sum(character.isdigit() for character in text) / letters
    return float(_CAPITALS**capitals * _DIGITS**digits)


def longest_step(strokes: np.ndarray) -> float:
    """Return the longest of the pen's steps, on the paper and above it, in letters' heights.

    The height is the ninth tenth of the lengths that the pen goes up or down before it turns: it
    stays what it is where a few points are far away, which ``x_height`` does not.

    Args:
        strokes: ``[T, 3]`` as in ``Line.strokes``.

    Returns:
        the length of the step; 0 where nothing moves up or down.
    """
    steps = np.hypot(*strokes[:, 1:].astype(np.float64).T)
    ends = np.flatnonzero(strokes[:, 0] > 0.5) + 1
    heights = np.cumsum(strokes[:, 1:].astype(np.float64), axis=0)
    runs = [_vertical_runs(stroke) for stroke in np.split(heights, ends) if len(stroke) > 1]
    height = np.percentile(np.concatenate(runs), _USUAL_RUN) if any(map(len, runs)) else 0.0
    return float(steps.max() / height) if height > 0 else 0.0


def x_height_of_letters(tops: Iterable[tuple[str, float]], spread: float) -> tuple[float, int]:
    """Return the x-height of ink that knows which letters it has.

    The median height of its small letters; where there are fewer than three, what tall letters, or
    at last the spread of the ink, suggest.

    Args:
        tops: a character and the height of its ink above the baseline, for each.
        spread: standard deviation of the ink about the line it is written along.

    Returns:
        the height in the ink's units, and the number of letters that it was measured on: 1 for tall
        letters, 0 for none.
    """
    tops = [(character, top) for character, top in tops if top > 0]
    small = [top for character, top in tops if character in _SMALL_LETTERS]
    tall = [top for character, top in tops if character in _TALL_LETTERS]
    if len(small) >= _FEWEST_LETTERS:
        return float(np.median(small)), len(small)
    rough = small + [_X_HEIGHT_OF_TALL * top for top in tall]
    if rough:
        return float(np.median(rough)), 1
    return _X_HEIGHT_OF_SPREAD * spread, 0


def ink_weights(points: np.ndarray, pen_down: np.ndarray) -> np.ndarray:
    """Return ``[T]``, sum 1: how much ink is at each point, half of each segment's at both ends.

    Args:
        points: ``[T, 2]``.
        pen_down: bool ``[T-1]``, which of the segments between them are ink.
    """
    lengths = np.where(pen_down, np.hypot(*np.diff(points, axis=0).T), 0.0)
    weights = np.full(len(points), 1e-12)  # all the same where there are dots alone
    weights[1:] += lengths
    weights[:-1] += lengths
    shares: np.ndarray = weights / weights.sum()
    return shares


def height_spread(points: np.ndarray, pen_down: np.ndarray) -> float:
    """Return the standard deviation of the ink's heights; twice it is near the x-height of prose.

    Arguments as for ``ink_weights``.
    """
    weights = ink_weights(points, pen_down)
    return math.sqrt(weights @ np.square(points[:, 1] - weights @ points[:, 1]))


def height_without_extremes(heights: np.ndarray) -> float:
    """Return the range of heights ``[T]`` without its outer twentieths: about two x-heights."""
    low, high = np.percentile(heights, (_LOW, _HIGH))
    return float(high - low)


def spread_across(points: np.ndarray) -> float:
    """Return the standard deviation of points ``[T, 2]`` across the straight line that they lie
    along; it does not grow with the line's length or slope."""
    variances = np.linalg.eigvalsh(np.cov(points, rowvar=False, ddof=0))  # across, along the line
    return math.sqrt(max(float(variances[0]), 0.0))
