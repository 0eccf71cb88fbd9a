"""A page of handwriting, the same for every file format.

Coordinates are in mm, x to the right and y downwards from the page's top left corner.
Shapes: ``n`` points of one stroke.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from handwriting.ink.drawing import is_dot

RULE_COLOUR = "#b9c7dc"
RULE_WIDTH = 0.2
DOT_OF_PEN = 1.5  # a pen that rests leaves more ink than one that moves
MM_PER_INCH = 25.4


@dataclass(frozen=True)
class PageLine:
    """One line of writing.

    Attributes:
        text: its words, as far as they have ink, with one space between.
        baseline: its y.
        strokes: float64 ``[n, 2]`` each, in the order they are written; n = 1 for a dot.
    """

    text: str
    baseline: float
    strokes: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Page:
    """A page: its size, its pen, its lines of writing, and the y of the rules printed on it.
    All points are on the page."""

    width: float
    height: float
    pen_width: float
    lines: tuple[PageLine, ...]
    rules: tuple[float, ...]

    def strokes(self) -> Iterator[np.ndarray]:
        """The strokes of all lines, in the order they are written."""
        for line in self.lines:
            yield from line.strokes

    def width_of(self, stroke: np.ndarray) -> float:
        """The pen's width on the paper as it draws a stroke ``[n, 2]``."""
        return self.pen_width * (DOT_OF_PEN if is_dot(stroke) else 1.0)
