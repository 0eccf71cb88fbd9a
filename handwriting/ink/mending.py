"""Mending of ink that a file or a pen has spoilt: copies, points twice, strokes drawn backwards,
noise.

Shapes: ``S`` strokes, ``n`` points of one stroke, ``m`` points of it that are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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
        copies: strokes that only repeat another one, by the one that they repeat.
    """

    strokes: tuple[MendedStroke, ...]
    copies: dict[int, int]


def mend(strokes: Sequence[np.ndarray]) -> MendedInk:
    """Return strokes as they are read; those that need no mending are as they were given.

    Args:
        strokes: ``S`` arrays of finite points ``[n, 2]``, n >= 1, y upwards, any unit.
    """
    return MendedInk(
        tuple(MendedStroke(stroke.astype(float), np.arange(len(stroke))) for stroke in strokes), {}
    )
