"""Mending of ink that a file or a pen has spoilt: strokes and points that come twice, strokes whose
points are stored backwards, and noise.

Ink that has none of this is left as it is, to the bit.

- A stroke is a *copy* where another one before it goes the same way (or back) at the same place.
- A stroke is *backwards* by what a pen does: it goes to the right, downwards first, and around to
  the left. A weighted sum of these (``direction_evidence``), which changes its sign with the
  direction, is the log-odds of the direction that it has. All strokes are turned around where most
  of their evidence says so, else each for which it is beyond doubt.
- *Noise* is what is left of the points after a smooth path. Its size is estimated from third
  differences, which are near zero on a smooth path (Gasser et al. 1986, "Residual variance and
  residual pattern in nonlinear regression", use the second). Noisy ink is smoothed by local
  quadratic regression (Cleveland 1979) as widely as Stein's unbiased estimate of the risk (Stein
  1981) is least for.

Shapes: ``S`` strokes, ``n`` points of one stroke, ``m`` points of it that are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from handwriting.ink.levelling import turned_level
from handwriting.ink.measures import x_height
from handwriting.ink.resampling import resample_to

# In x-heights, a stroke and its copy are nowhere farther apart; nor is a stroke that is so short of
# any direction.
_SAME = 0.05
_COMPARED = 16
# More strokes are not compared with each other, nor are strokes of more points smoothed.
_MOST_STROKES, _MOST_POINTS = 20_000, 20_000
# The share of points that repeat the one before, beyond which a file has them all twice.
_REPEATED = 0.4
# In x-heights; 99 of 100 lines of IAM-OnDB have less than 0.022.
_NOISY = 0.035
_WIDTHS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)  # of the window's Gaussian, in points
_REACH = 3.0
_PER_MEDIAN = 0.6745  # the median of a Gaussian's absolute value
_THIRD_DIFFERENCE = 20.0  # variance of one of white noise of variance 1

# Weights of the evidence, from a logistic regression on 672 lines of IAM-OnDB's testset_v and 800
# of UNIPEN.
_EVIDENCE = np.array([3.71, -3.99, -1.95, 0.5, 0.53])
_SURE = 6.0  # log-odds of one stroke, and of all together; 1 in 800 strokes of IAM-OnDB has it


@dataclass(frozen=True)
class MendedStroke:
    """A stroke as it is read.

    Attributes:
        points: float64 ``[m, 2]`` (x, y), in the order in which the pen went.
        origin: int64 ``[m]``, which of the stroke's own points each one was.
    """

    points: np.ndarray
    origin: np.ndarray


@dataclass(frozen=True)
class MendedInk:
    """Strokes as they are read.

    Attributes:
        strokes: ``S``, one for each stroke that was given.
        copies: strokes that only repeat another one, by the number of the one that they repeat.
    """

    strokes: tuple[MendedStroke, ...]
    copies: dict[int, int]


def mend(strokes: Sequence[np.ndarray]) -> MendedInk:
    """Return strokes as they are read; those that need no mending are as they were given.

    Args:
        strokes: ``S`` arrays of finite points ``[n, 2]``, n >= 1, y upwards, any unit.
    """
    kept = [MendedStroke(stroke.astype(np.float64), np.arange(len(stroke))) for stroke in strokes]
    kept = _without_repeats(kept)
    smooth = smoothed([stroke.points for stroke in kept])
    mended = [replace(old, points=new) for old, new in zip(kept, smooth, strict=True)]
    return MendedInk(tuple(mended), _copies(smooth))


def directed(strokes: Sequence[MendedStroke], angle: float = 0.0) -> tuple[MendedStroke, ...]:
    """Return strokes of writing in the direction ``angle`` (radians), those that are stored
    backwards turned around."""
    cosine, sine = np.cos(angle), np.sin(angle)
    upright = [turned_level(stroke.points, cosine, sine) for stroke in strokes]
    size = x_height(upright)
    if size == 0:
        return tuple(strokes)
    odds = direction_odds([stroke / size for stroke in upright])
    if odds.sum() < -_SURE:
        odds = -odds
        strokes = [_backwards(stroke) for stroke in strokes]
    pairs = zip(strokes, odds < -_SURE, strict=True)
    return tuple(_backwards(stroke) if is_one else stroke for stroke, is_one in pairs)


def _backwards(stroke: MendedStroke) -> MendedStroke:
    return MendedStroke(stroke.points[::-1], stroke.origin[::-1])


def direction_odds(strokes: Sequence[np.ndarray]) -> np.ndarray:
    """Return the log-odds ``[S]`` that a pen went along each stroke as its points are, and not the
    other way; arguments as for ``direction_evidence``."""
    evidence = [direction_evidence(stroke) for stroke in strokes]
    odds: np.ndarray = np.array(evidence).reshape(-1, len(_EVIDENCE)) @ _EVIDENCE
    return odds


def direction_evidence(stroke: np.ndarray) -> np.ndarray:
    """Return numbers that say which way a stroke goes; those of the same stroke backwards are their
    negatives.

    Args:
        stroke: ``[n, 2]``, in x-heights, the writing upright.

    Returns:
        ``[5]``: how far it goes to the right and up, each within limits; the same of its start and
        its end together; the half turns that it makes to the left.
    """
    steps = np.diff(stroke, axis=0)
    if np.hypot(*steps.T).sum() < _SAME * 4:
        return np.zeros(5)
    path = resample_to(stroke, _COMPARED)
    steps = np.diff(path, axis=0)
    right, up = path[-1] - path[0]
    begin, end = path[4] - path[0], path[-1] - path[-5]
    angles = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    turning = np.clip((angles[-1] - angles[0]) / np.pi, -2.0, 2.0)
    along, upward = np.clip(begin + end, -1.0, 1.0)
    net = np.clip(right, -2.0, 2.0), np.clip(up, -1.5, 1.5)
    return np.array([*net, along, upward, turning])


# Points and strokes that come twice


def _without_repeats(strokes: list[MendedStroke]) -> list[MendedStroke]:
    """The strokes without points that repeat the one before, where so many do that it is the file's
    doing, not a pen that rests."""
    new = [
        np.concatenate([[True], np.any(np.diff(stroke.points, axis=0) != 0, axis=1)])
        for stroke in strokes
    ]
    total = sum(map(len, new))
    if total - sum(int(is_new.sum()) for is_new in new) <= _REPEATED * total:
        return strokes
    return [
        MendedStroke(stroke.points[is_new], stroke.origin[is_new])
        for stroke, is_new in zip(strokes, new, strict=True)
    ]


def _copies(strokes: Sequence[np.ndarray]) -> dict[int, int]:
    """Which strokes repeat an earlier one, and which one."""
    size = x_height(strokes)
    if size == 0 or not 2 <= len(strokes) <= _MOST_STROKES:
        return {}
    near = _SAME * size
    boxes = np.array([[*stroke.min(axis=0), *stroke.max(axis=0)] for stroke in strokes])  # [S, 4]
    order = np.argsort(boxes[:, 0], kind="stable")
    lefts = boxes[order, 0]
    copies: dict[int, int] = {}
    for at in range(len(strokes)):
        first, last = np.searchsorted(lefts, (boxes[at, 0] - near, boxes[at, 0] + near))
        beside = order[first : last + 1]
        beside = beside[beside < at]
        beside = beside[np.all(np.abs(boxes[beside] - boxes[at]) <= near, axis=1)]
        same = (int(one) for one in np.sort(beside) if int(one) not in copies)
        found = next((one for one in same if _is_same(strokes[one], strokes[at], near)), None)
        if found is not None:
            copies[at] = found
    return copies


def _is_same(one: np.ndarray, other: np.ndarray, near: float) -> bool:
    """Whether two strokes go the same way, in either direction."""
    a, b = resample_to(one, _COMPARED), resample_to(other, _COMPARED)
    return bool(min(np.abs(a - b).max(), np.abs(a - b[::-1]).max()) <= near)


# Noise


def noise_of(strokes: Sequence[np.ndarray]) -> float:
    """Return the standard deviation of the noise of each coordinate, in the strokes' unit; 0 where
    no stroke has four points."""
    thirds = [np.diff(stroke, n=3, axis=0).ravel() for stroke in strokes if len(stroke) > 3]
    if not thirds:
        return 0.0
    middle = float(np.median(np.abs(np.concatenate(thirds))))
    return middle / _PER_MEDIAN / float(np.sqrt(_THIRD_DIFFERENCE))


def smoothed(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return strokes ``[n, 2]`` with the noise taken out of them; as they are where they have
    little."""
    noise = noise_of(strokes)
    if noise <= _NOISY * x_height(strokes):  # which is too small where there is noise
        return list(strokes)
    risks = []
    for width in _WIDTHS:
        errors, freedom = 0.0, 0.0
        for stroke in strokes:
            new, weight = _smooth(stroke, width)
            errors += float(np.square(new - stroke).sum())
            freedom += 2 * float(weight.sum())
        risks.append(errors + 2 * noise**2 * freedom)
    best = _WIDTHS[int(np.argmin(risks))]
    found = [_smooth(stroke, best)[0] for stroke in strokes]
    return found if noise > _NOISY * x_height(found) else list(strokes)


def _smooth(stroke: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """The value at each point of the parabola through the points around it, ``[n, 2]``, and the
    point's own weight in it, ``[n]``."""
    number = len(stroke)
    if not 4 <= number <= _MOST_POINTS:
        return stroke, np.ones(number)
    reach = min(int(np.ceil(_REACH * width)), number - 1)
    away = np.arange(-reach, reach + 1)
    window = np.exp(-0.5 * np.square(away / width))
    near = np.arange(number)[:, None] + away  # [n, 2 reach + 1]
    weights = window * ((near >= 0) & (near < number))
    powers = np.stack([np.ones(len(away)), away / width, np.square(away / width)])  # [3, R]
    normal = np.einsum("nr,ar,br->nab", weights, powers, powers)
    values = stroke[np.clip(near, 0, number - 1)]  # [n, R, 2]
    right = np.einsum("nr,ar,nrc->nac", weights, powers, values)
    first = np.zeros((number, 3, 1))
    first[:, 0] = 1.0
    solved = np.linalg.solve(normal, first)[:, :, 0]  # symmetric: the row that gives the value
    return np.einsum("na,nac->nc", solved, right), solved[:, 0]
