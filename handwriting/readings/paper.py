"""Ink on paper: pages of results in mm, y downwards from the top left corner.

Ink has a unit of its own and no paper; it is scaled so that its small letters are of a usual size,
and has a margin around it.
"""

from dataclasses import dataclass

import numpy as np

from handwriting.ink.measures import x_height
from handwriting.readings.result import Box, Point, ReadPage

X_HEIGHT = 2.5
"""Of small letters, in mm."""

MARGIN = 10.0
LONGEST = 5000.0
"""Side of a page at most; the longest in a PDF file is 5,080 mm."""


@dataclass(frozen=True)
class Paper:
    """A page's paper.

    Attributes:
        width, height: in mm.
        scale: mm per unit of the ink.
        left, top: of the ink, in its own unit.
    """

    width: float
    height: float
    scale: float
    left: float
    top: float

    @classmethod
    def of(cls, page: ReadPage) -> "Paper":
        """The paper of a page."""
        box = page.box
        size = x_height(page.ink) if page.ink else 0.0
        longest = max(box.width, box.height, 1e-9)
        scale = min(X_HEIGHT / size if size > 0 else np.inf, (LONGEST - 2 * MARGIN) / longest)
        width, height = (side * scale + 2 * MARGIN for side in (box.width, box.height))
        return cls(width, height, scale, box.left, box.top)

    def point(self, point: Point) -> Point:
        """A point in mm."""
        x, y = point
        return MARGIN + (x - self.left) * self.scale, MARGIN + (self.top - y) * self.scale

    def points(self, points: np.ndarray) -> np.ndarray:
        """Points ``[n, 2]`` in mm."""
        placed: np.ndarray = (points - (self.left, self.top)) * (self.scale, -self.scale) + MARGIN
        return placed

    def sides(self, box: Box) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a box, in mm."""
        left, top = self.point((box.left, box.top))
        right, bottom = self.point((box.right, box.bottom))
        return left, top, right, bottom
