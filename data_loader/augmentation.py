"""Augmentation: small changes of shape, drawn anew for each line in each epoch.

Shapes: ``T`` pen steps.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field


@dataclass(frozen=True)
class Augmentation:
    """Limits for stretching, slanting and turning a training line; 0 everywhere changes nothing.

    Each amount is drawn uniformly and the changes are made in the order given, in the corpus's own
    units, before normalisation.

    Args:
        scale: width and height are each multiplied by their own factor in 1 - scale to 1 + scale.
        slant: shear along x by an angle of up to this many degrees either way.
        rotation: turn by an angle of up to this many degrees either way.
    """

    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    slant: Annotated[float, Field(ge=0, le=60)] = 0.0
    rotation: Annotated[float, Field(ge=0, le=45)] = 0.0

    @property
    def enabled(self) -> bool:
        """Whether any amount is above 0."""
        return bool(self.scale or self.slant or self.rotation)

    def apply(self, strokes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Strokes ``[T, 3]`` in the corpus's units, changed: a new float32 ``[T, 3]``."""
        matrix = self.draw(rng)
        offsets = strokes[:, 1:].astype(np.float64) @ matrix.T
        return np.concatenate([strokes[:, :1], offsets.astype(np.float32)], axis=1)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """A linear map ``[2, 2]`` of offsets (dx, dy); any two lines differ in it."""
        width, height = 1.0 + self.scale * rng.uniform(-1.0, 1.0, size=2)
        slant, turn = np.deg2rad((self.slant, self.rotation)) * rng.uniform(-1.0, 1.0, size=2)
        shear = np.array([[1.0, np.tan(slant)], [0.0, 1.0]])
        rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        combined: np.ndarray = rotate @ shear @ np.diag([width, height])
        return combined


def line_generator(seed: int, epoch: int, line_index: int) -> np.random.Generator:
    """The random numbers of one line in one epoch.

    They depend on nothing else, so that worker processes, the number of ranks and a resume in the
    middle of an epoch change no line.
    """
    return np.random.default_rng((seed, epoch, line_index))
