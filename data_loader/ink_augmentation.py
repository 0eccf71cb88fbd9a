"""Augmentation for recognition: the same words as another hand or another pen would give them.

Shapes: ``T`` pen steps.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from data_loader.augmentation import Augmentation

_WAVES = 3
_LIFT_MISSED = 0.5
# In core heights.
_SHORTEST_WAVE, _LONGEST_WAVE = 2.0, 8.0


@dataclass(frozen=True)
class InkAugmentation(Augmentation):
    """Limits for changing a training line of a recogniser; 0 everywhere changes nothing.

    It changes ink that ``InkFeatures.normalise`` has corrected: before that, the correction would
    take back what slant, rotation and scale had done, and the recogniser would never see it. So
    the amounts are those left over by a correction that errs, in ink that is upright and level:
    1 degree lifts the end of a line of 60 core heights by half a core height.

    After the stretch, slant and turn of ``Augmentation`` (about the middle of the line), it is
    bent and thinned. The order of strokes and of points stays, and the ends of strokes are kept.

    Args:
        scale: width and height are each multiplied by their own factor in 1 - scale to 1 + scale.
        slant: shear along x by an angle of up to this many degrees either way.
        rotation: turn by an angle of up to this many degrees either way.
        warp: local elastic bending: each point moves by a smooth random field (Simard, Steinkraus,
            Platt 2003, whose smoothed noise is replaced by a few waves of 2 to 8 core heights)
            whose standard deviation along each axis is this many core heights.
        drop: probability that a point inside a stroke is left out; the pen goes straight on.
        width: lines are made narrower or wider by a factor of up to this, as evenly drawn on a
            logarithmic scale; 1 for none.
        jitter: noise of each point along each axis, as of a coarse or trembling pen; its standard
            deviation in a line is up to this many core heights.
        lost_lifts: share of the lines in which a pen lift may be missed, each with even chance, as
            by a pen that touches too early: two strokes become one.
    """

    warp: Annotated[float, Field(ge=0, le=1)] = 0.0
    drop: Annotated[float, Field(ge=0, lt=1)] = 0.0
    width: Annotated[float, Field(ge=1, le=4)] = 1.0
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    lost_lifts: Annotated[float, Field(ge=0, le=1)] = 0.0

    @property
    def enabled(self) -> bool:
        """Whether any amount is above 0."""
        more = self.warp or self.drop or self.width > 1 or self.jitter or self.lost_lifts
        return bool(super().enabled or more)

    def apply(self, strokes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Strokes ``[T, 3]`` as ``InkFeatures.normalise`` returns them, changed: a new float64
        ``[T', 3]``, T' <= T."""
        points = np.cumsum(strokes[:, 1:].astype(np.float64), axis=0) @ self.draw(rng).T
        if self.warp:
            points = points + self.warp * _field(points, rng)
        kept = self._kept(strokes[:, 0] > 0.5, rng)
        ends = strokes[:, 0]
        # Drawn last and where they are on alone, so that ink without them stays as it was.
        if self.width > 1:
            points = points * (self.width ** rng.uniform(-1.0, 1.0), 1.0)
        if self.jitter:
            points = points + rng.uniform(0.0, self.jitter) * rng.normal(size=points.shape)
        if self.lost_lifts and rng.random() < self.lost_lifts:
            ends = _without_some_lifts(ends, rng)
        changed = np.empty((kept.sum(), 3))
        changed[:, 0] = ends[kept]
        changed[:, 1:] = np.diff(points[kept], axis=0, prepend=np.zeros((1, 2)))
        return changed

    def _kept(self, ends: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """bool ``[T]``: the ends and beginnings of strokes always, other points by chance."""
        kept = rng.uniform(size=len(ends)) >= self.drop
        kept |= ends
        kept[0] = kept[-1] = True
        kept[1:] |= ends[:-1]
        return kept


def _without_some_lifts(ends: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Half of the ends of strokes ``[T]``; the line's own stays."""
    missed = rng.random(len(ends)) < _LIFT_MISSED
    missed[-1] = False
    return np.where(missed, 0.0, ends)


def _field(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Displacements ``[T, 2]`` of mean 0 and variance 1 over the draws: for each axis the sum of
    waves of random length, direction, phase and size."""
    length = rng.uniform(_SHORTEST_WAVE, _LONGEST_WAVE, size=(2, _WAVES))
    angle, phase = rng.uniform(0.0, 2 * np.pi, size=(2, 2, _WAVES))
    size = rng.normal(size=(2, _WAVES)) * np.sqrt(2 / _WAVES)
    numbers = 2 * np.pi / length * np.stack([np.cos(angle), np.sin(angle)])  # [2, 2, _WAVES]
    phases = (points @ numbers.reshape(2, -1)).reshape(-1, 2, _WAVES) + phase
    displacements: np.ndarray = (size * np.sin(phases)).sum(axis=2)
    return displacements
