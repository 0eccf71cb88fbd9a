"""One measure for the ink of all devices: a smooth path, with points as dense as it bends.

A tablet gives a point each so many milliseconds, on a grid of its own. A network that learns from
several devices learns each one's rate and noise, and draws neither well. Here a stroke's path is
smoothed, and gets a point where it has gone on by ``step``, turned by ``turn``, or some of both:
the same shape gives the same points, whatever drew it. Nothing is interpolated between the points
of the result, which lie on the smooth path itself.

Shapes: ``n`` points of one stroke, ``N`` points of the result.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from handwriting.ink.measures import x_height
from handwriting.ink.resampling import gaussian_along, resample_to

# Smoothing and turning are computed on points that lie this many times closer than `smooth`.
_FINER = 3
_MOST_POINTS = 20_000


@dataclass(frozen=True)
class PathSampling:
    """Settings of how a path becomes points; lengths are in heights of small letters.

    Args:
        smooth: standard deviation, along the path, of the Gaussian that smooths it; a stroke's two
            ends stay where they are.
        step: longest distance along a straight path from point to point.
        turn: most that the path turns from point to point, in radians, where it goes nowhere.
    """

    smooth: Annotated[float, Field(gt=0, le=1)] = 0.06
    step: Annotated[float, Field(gt=0, le=10)] = 0.6
    turn: Annotated[float, Field(gt=0, le=3)] = 0.7


def in_one_measure(
    strokes: list[np.ndarray], text: str, height: float | None, sampling: PathSampling | None
) -> list[np.ndarray] | None:
    """Return a line's strokes in the size, and with the points, that a model was trained on.

    Args:
        strokes: arrays of points ``[n, 2]``, in any units.
        text: what they say, which tells their x-height more exactly; empty where it is not known.
        height: of small letters in the result; None for the size that they have.
        sampling: how paths become points; None for the points that they have.

    Returns:
        arrays ``[N, 2]``; None where the height of small letters cannot be measured.
    """
    measured = x_height(strokes, text)
    if measured <= 0:
        return None
    if sampling is not None:
        strokes = [sampled_path(stroke, measured, sampling) for stroke in strokes]
    factor = 1.0 if height is None else height / measured
    return [stroke * factor for stroke in strokes]


def sampled_path(stroke: np.ndarray, height: float, sampling: PathSampling) -> np.ndarray:
    """Return points on the smooth path of a stroke ``[n, 2]``: ``[N, 2]``, its ends among them.

    Args:
        stroke: in any units; points that repeat one another count once.
        height: of small letters in these units, above 0.
        sampling: see there.

    Returns:
        a stroke shorter than ``smooth`` as one point, else at least two; never more points than
        ``stroke`` has.
    """
    length = float(np.hypot(*np.diff(stroke, axis=0).T).sum())
    smooth = sampling.smooth * height
    if length <= smooth:
        middle: np.ndarray = stroke.mean(axis=0, keepdims=True)
        return middle
    fine = min(int(np.ceil(length / smooth * _FINER)) + 1, _MOST_POINTS)
    even = resample_to(stroke, max(fine, 3))
    # No farther than the stroke has points, or a short one would be averaged with its reflections.
    path = gaussian_along(even, _FINER, min(3 * _FINER, len(even) - 1))
    progress = _progress(path, sampling.step * height, sampling.turn)
    count = min(max(int(round(progress[-1])), 1), max(len(stroke) - 1, 1)) + 1
    wanted = np.linspace(0.0, progress[-1], count)
    return np.stack([np.interp(wanted, progress, axis) for axis in path.T], axis=1)


def _progress(path: np.ndarray, step: float, turn: float) -> np.ndarray:
    """Return the number of points that a path has used up at each of its own, growing from 0."""
    moves = np.diff(path, axis=0)
    lengths = np.hypot(*moves.T)
    directions = np.arctan2(moves[:, 1], moves[:, 0])
    turns = np.abs((np.diff(directions) + np.pi) % (2 * np.pi) - np.pi)
    # Half of the turn at a point belongs to the move before it, half to the one after.
    turned = np.zeros(len(moves))
    turned[:-1] += turns / 2
    turned[1:] += turns / 2
    return np.concatenate([[0.0], np.cumsum(np.hypot(lengths / step, turned / turn))])
