"""Strokes at points of equal distance, so that every point stands for as much ink.

Shapes: ``S`` strokes, ``P`` points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from handwriting.ink.resampling import evenly_inked

SPACING = 0.25
"""From point to point, in x-heights."""

_Strokes = TypeVar("_Strokes", bound="SampledStrokes")


@dataclass(frozen=True)
class SampledStrokes:
    """Strokes, one after the other, in x-heights.

    Attributes:
        points: float64 ``[P, 2]``.
        starts: int64 ``[S]``, where each stroke begins in ``points``.
        counts: int64 ``[S]``.
    """

    points: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls: type[_Strokes], strokes: Sequence[np.ndarray]) -> _Strokes:
        """Return strokes ``[n, 2]``, at least one, at points of equal distance."""
        sampled = [evenly_inked(stroke, SPACING) for stroke in strokes]
        counts = np.array([len(stroke) for stroke in sampled])
        return cls(np.concatenate(sampled), np.cumsum(counts) - counts, counts)

    def of_strokes(self, is_in: np.ndarray) -> np.ndarray:
        """The points of the strokes for which ``is_in`` ``[S]`` is true."""
        points: np.ndarray = self.points[np.repeat(is_in, self.counts)]
        return points
