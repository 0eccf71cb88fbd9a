"""A page of handwriting, the same for every file format.

Coordinates are in mm, x to the right and y downwards from the page's top left corner.
Shapes: ``n`` points of one stroke.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from handwriting.ink.drawing import INK_COLOUR, is_dot

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
        pens: of each stroke, an index in the page's pens; empty where all are of the first.
    """

    text: str
    baseline: float
    strokes: tuple[np.ndarray, ...]
    pens: tuple[int, ...] = ()

    def penned_strokes(self) -> Iterator[tuple[np.ndarray, int]]:
        """The strokes, each with the index of its pen."""
        yield from zip(self.strokes, self.pens or (0,) * len(self.strokes), strict=True)


@dataclass(frozen=True)
class Page:
    """A page. All points are on it.

    Attributes:
        width, height: of the paper.
        pen_width: of all its pens.
        lines: of writing.
        rules: the y of each line printed on the paper.
        pens: colours of the pens, such as ``#16213a``.
    """

    width: float
    height: float
    pen_width: float
    lines: tuple[PageLine, ...]
    rules: tuple[float, ...]
    pens: tuple[str, ...] = (INK_COLOUR,)

    def strokes(self) -> Iterator[np.ndarray]:
        """The strokes of all lines, in the order they are written."""
        for line in self.lines:
            yield from line.strokes

    def penned_strokes(self) -> Iterator[tuple[np.ndarray, int]]:
        """The strokes of all lines, each with the index of its pen."""
        for line in self.lines:
            yield from line.penned_strokes()

    def width_of(self, stroke: np.ndarray) -> float:
        """The pen's width on the paper as it draws a stroke ``[n, 2]``."""
        return self.pen_width * (DOT_OF_PEN if is_dot(stroke) else 1.0)
