"""The angle that a page of writing is turned by, from its ink.

The axis that lines run along is the one for which ink, in strips across the page, lies in the
sharpest bands (after Postl 1986; in strips, since lines have slopes of their own and columns need
not be level with each other). Which way along it the writing goes is told from the order of the
strokes and from the way that pens go in them.

Shapes: ``S`` strokes, ``n`` points of one stroke, ``P`` points of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.levelling import turned_level
from handwriting.ink.measures import x_height
from handwriting.ink.mending import direction_odds
from handwriting.ink.resampling import evenly_inked
from handwriting.ink.sampled_strokes import SPACING

_MOST_POINTS = 20_000
_STRIP = 12.0
_BIN = 0.25
_SMOOTHING = 0.5
_COARSE, _FINE = 3.0, 0.5  # degrees
_NEARLY = 0.9  # of the sharpest: an axis may be that of the lines
_LEVEL = 15.0  # degrees: pages turned by less are taken to be turned by a little
_MUCH_SHARPER = 1.15
_LEAST_INK = 40.0  # of pen's way, to say that a page is turned
_NEXT = 5.0  # a stroke so near to the one before may go on with its line
_SURE = 12.0  # log-odds of the direction
_MOST_ODDS = 24.0  # of all strokes, by themselves
_STEP_ODDS = 5.0  # of one stroke that goes on to the right of the one before

_REACH = np.arange(-round(3 * _SMOOTHING / _BIN), round(3 * _SMOOTHING / _BIN) + 1) * _BIN
_KERNEL = np.exp(-np.square(_REACH / _SMOOTHING) / 2)


@dataclass(frozen=True)
class PageAngles:
    """Directions of writing that ink may have, in radians, counter-clockwise from that of x.

    Attributes:
        angles: the most likely one first.
        is_sure: whether the first is beyond doubt.
    """

    angles: tuple[float, ...]
    is_sure: bool


def size_at_any_angle(strokes: Sequence[np.ndarray]) -> float:
    """Return about the x-height of writing that may be turned, in its own unit; 0 for none."""
    sizes = [x_height([turned(stroke, angle) for stroke in strokes])
             for angle in np.radians([0.0, 45.0, 90.0, 135.0])]  # fmt: skip
    return float(np.median(sizes))


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Return points ``[n, 2]`` so turned that writing in the direction ``angle`` becomes level."""
    return turned_level(points, float(np.cos(angle)), float(np.sin(angle)))


def page_angles(strokes: Sequence[np.ndarray], timed: bool = True) -> PageAngles:
    """Return the directions that a page's writing may have.

    Args:
        strokes: ``S`` >= 1 arrays of points ``[n, 2]``, in x-heights.
        timed: whether they are in the order of writing.
    """
    points = np.concatenate([evenly_inked(stroke, SPACING) for stroke in strokes])
    if len(points) * SPACING < _LEAST_INK:
        return PageAngles((0.0,), True)
    points = points[:: -(-len(points) // _MOST_POINTS)]
    axes = _axes(points)
    directions = [axis + turn for axis in axes for turn in (0.0, 180.0)]
    odds = [_odds(strokes, np.radians(each), timed) for each in directions]
    order = np.argsort([-each for each in odds], kind="stable")
    ranked = [float(np.radians((directions[at] + 180.0) % 360.0 - 180.0)) for at in order]
    is_sure = len(order) < 2 or odds[order[0]] - odds[order[1]] > _SURE
    return PageAngles(tuple(ranked), is_sure)


def _axes(points: np.ndarray) -> list[float]:
    """Degrees, -90 to 90, of the axes that lines may run along; one where it is clear."""
    coarse = np.arange(-90.0, 90.0, _COARSE)
    sharp = np.array([_sharpness(points, degrees) for degrees in coarse])
    level = np.flatnonzero(np.abs(coarse) <= _LEVEL)
    best = int(sharp.argmax())
    nearest = int(level[sharp[level].argmax()])
    if sharp[best] < _MUCH_SHARPER * sharp[nearest]:
        best = nearest
    across = int(np.abs((coarse - coarse[best]) % 180.0 - 90.0).argmin())
    beside = [(across + step) % len(coarse) for step in (-2, -1, 0, 1, 2)]
    across = max(beside, key=lambda at: float(sharp[at]))
    chosen = [best] if sharp[across] < _NEARLY * sharp[best] else [best, across]
    return [_refined(points, float(coarse[at])) for at in chosen]


def _refined(points: np.ndarray, degrees: float) -> float:
    near = degrees + np.arange(-_COARSE, _COARSE + _FINE / 2, _FINE)
    return float(near[int(np.argmax([_sharpness(points, each) for each in near]))])


def _sharpness(points: np.ndarray, degrees: float) -> float:
    """Return how much the ink lies in bands along an axis: the sum of squares of its profiles."""
    along, across = turned(points, np.radians(degrees)).T
    strip = np.floor((along - along.min()) / _STRIP)
    bins = np.floor((across - across.min()) / _BIN)
    # Strips one after the other in one profile, with room for the kernel between them.
    places, counts = np.unique(strip * (bins.max() + len(_KERNEL)) + bins, return_counts=True)
    # Farther apart than the kernel reaches, it makes no difference how far, but to the memory.
    narrowed = np.minimum(np.diff(places, prepend=0.0), len(_KERNEL)).cumsum().astype(np.int64)
    profile = np.bincount(narrowed, weights=counts)
    return float(np.square(np.convolve(profile, _KERNEL)).sum())


def _odds(strokes: Sequence[np.ndarray], angle: float, timed: bool) -> float:
    """Log-odds, up to a constant, that writing goes in a direction."""
    upright = [turned(stroke, angle) for stroke in strokes]
    odds = float(direction_odds(upright).sum())
    if not timed:
        return odds
    middles = np.array([(stroke.min(axis=0) + stroke.max(axis=0)) / 2 for stroke in upright])
    steps = np.diff(middles, axis=0)
    steps = steps[np.hypot(*steps.T) < _NEXT]
    goes_on = np.sign(steps[:, 0]) * (np.abs(steps[:, 0]) > np.abs(steps[:, 1]))
    # Together they say more: strokes may all be stored backwards.
    return min(max(odds, -_MOST_ODDS), _MOST_ODDS) + _STEP_ODDS * float(goes_on.sum())
