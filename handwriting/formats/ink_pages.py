"""Ink of any size as a page that can be saved.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from handwriting.formats.ink_file import ink_in_file
from handwriting.formats.saving import SavablePages
from handwriting.ink.line import Line, points_from_strokes
from handwriting.ink.measures import x_height
from handwriting.pages.page import Page, PageLine

_X_HEIGHT = 2.5  # mm, of small letters on the page
_MARGIN = 10.0
_PEN_OF_X_HEIGHT = 0.16
_MOST_SIZE = 1000.0
_LINE_GAP = 0.5  # of a line's height, between lines that have no places on a page


@dataclass(frozen=True)
class InkPage(SavablePages):
    """Ink on a page: small letters 2.5 mm high, or what fits on a metre of paper.

    Attributes:
        ink: the strokes ``[n, 2]``, y upwards, in any unit.
        lines: the numbers of the strokes of each line, and its text.
    """

    ink: tuple[np.ndarray, ...]
    lines: tuple[tuple[tuple[int, ...], str], ...]

    @cached_property
    def pages(self) -> Sequence[Page]:
        """One page."""
        points = np.concatenate(self.ink)
        (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
        largest = max(right - left, top - bottom)
        size = x_height(self.ink) or largest or 1.0
        scale = float(min(_X_HEIGHT / size, (_MOST_SIZE - 2 * _MARGIN) / max(largest, size)))
        placed = [(stroke - (left, top)) * (scale, -scale) + _MARGIN for stroke in self.ink]
        lines = [_page_line(text, [placed[at] for at in numbers]) for numbers, text in self.lines]
        width, height = (
            float(scale * extent + 2 * _MARGIN) for extent in (right - left, top - bottom)
        )
        return (Page(width, height, _PEN_OF_X_HEIGHT * scale * size, tuple(lines), ()),)


def _page_line(text: str, strokes: Sequence[np.ndarray]) -> PageLine:
    lowest = max(float(stroke[:, 1].max()) for stroke in strokes)
    return PageLine(text, lowest, tuple(strokes))


def ink_page_of_file(path: Path) -> InkPage:
    """Return the ink of a file; ``DataError`` as for ``ink_in_file``."""
    lines = ink_in_file(path)
    ink, numbers = place_lines(lines)
    pairs = zip(numbers, (line.text for line in lines), strict=True)
    return InkPage(tuple(ink), tuple(pairs))


def place_lines(lines: Sequence[Line]) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
    """Put lines that have no places on a page one below the other.

    Returns:
        the strokes ``[n, 2]`` of all lines, and the numbers of those of each.
    """
    ink: list[np.ndarray] = []
    numbers: list[tuple[int, ...]] = []
    bottom = 0.0
    for line in lines:
        strokes = points_from_strokes(line.strokes)
        heights = np.concatenate(strokes)[:, 1]
        gap = _LINE_GAP * float(np.ptp(heights)) if ink else 0.0
        down = float(heights.max()) - (bottom - gap)
        numbers.append(tuple(range(len(ink), len(ink) + len(strokes))))
        ink += [stroke - (0.0, down) for stroke in strokes]
        bottom = float(heights.min()) - down
    return ink, numbers
