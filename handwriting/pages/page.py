"""A page of handwriting, the same for every file format.

Coordinates are in mm, x to the right and y downwards from the page's top left corner.
Shapes: ``n`` points of one stroke.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

INK_COLOUR = "#16213a"
RULE_COLOUR = "#b9c7dc"
PAPER_COLOUR = "#ffffff"
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


def is_dot(stroke: np.ndarray) -> bool:
    """Whether the pen touched the paper at one point only."""
    return bool(np.all(stroke == stroke[0]))


def number(value: float) -> str:
    """``value`` to 1/1000 mm, without trailing zeros or a negative zero."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
