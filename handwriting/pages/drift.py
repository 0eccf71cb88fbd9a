"""Imperfection of people's lines: they leave their height, their slope and their margin a little.

Shapes: ``n`` points of one stroke.
"""

from dataclasses import dataclass

import numpy as np

# Standard deviations for a drift of 1, in x-heights unless said otherwise.
_SLOPE = 0.006  # a rise to the right, in heights a width
_WANDER = 0.1
_MARGIN = 0.5
_WORD = 0.06
_SIZE = 0.02  # of a word against the page's
_WAVES = (60.0, 25.0)  # lengths, in x-heights


@dataclass(frozen=True)
class LineDrift:
    """Drift of one line of writing; lengths in mm.

    Attributes:
        margin: how far its beginning is from the margin.
        slope: of the line.
        waves: height, length and phase of each wave of its baseline.
        words: how high each of its words is over the line.
        sizes: what each of its words is multiplied by.
    """

    margin: float
    slope: float
    waves: tuple[tuple[float, float, float], ...]
    words: np.ndarray
    sizes: np.ndarray

    def height(self, x: np.ndarray) -> np.ndarray:
        """Return how high the baseline is ``[n]`` at places ``[n]`` from its beginning."""
        height: np.ndarray = self.slope * x
        for size, length, phase in self.waves:
            height = height + size * (np.sin(2 * np.pi * x / length + phase) - np.sin(phase))
        return height


def line_drift(
    amount: float, x_height: float, words: int, generator: np.random.Generator
) -> LineDrift:
    """Draw the drift of a line.

    Args:
        amount: 0 for none, about 1 for a person without ruled paper.
        x_height: in mm.
        words: on the line.
        generator: of what is drawn.
    """
    drawn = generator.normal(size=2 + len(_WAVES))
    phases = generator.uniform(0, 2 * np.pi, len(_WAVES))
    waves = tuple(
        (amount * _WANDER * x_height * float(size), length * x_height, float(phase))
        for size, length, phase in zip(drawn[2:], _WAVES, phases, strict=True)
    )
    return LineDrift(
        margin=amount * _MARGIN * x_height * abs(float(drawn[0])),
        slope=amount * _SLOPE * float(drawn[1]),
        waves=waves,
        words=amount * _WORD * x_height * generator.normal(size=words),
        sizes=np.exp(amount * _SIZE * generator.normal(size=words)),
    )
