"""Reading a page of ink: its layout, and the text of each of its lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.page_layout import LineInk, PageLayout, find_layout, line_ink
from reading.decoding import Reading
from reading.line_reader import LineReader, confidence

_LINES_TRIED = 4


@dataclass(frozen=True)
class PageReading:
    """A page as it was read.

    Attributes:
        layout: its blocks and lines.
        inks: the ink of each line, in the order of ``layout.lines``.
        readings: the text of each.
    """

    layout: PageLayout
    inks: tuple[LineInk, ...]
    readings: tuple[Reading, ...]


def read_page(reader: LineReader, strokes: Sequence[np.ndarray], timed: bool = True) -> PageReading:
    """Read all writing on a page.

    Args:
        reader: of its lines.
        strokes: arrays of finite points ``[n, 2]``, y upwards, any unit.
        timed: whether they are in the order in which they were written.
    """
    return read_pages(reader, [strokes], timed)[0]


def read_pages(
    reader: LineReader, pages: Sequence[Sequence[np.ndarray]], timed: bool = True
) -> list[PageReading]:
    """Read all writing on several pages, their lines together; arguments as for ``read_page``."""
    layouts = [
        find_layout(strokes, timed, lambda layouts: best_read(reader, layouts)) for strokes in pages
    ]
    inks = [tuple(line_ink(layout, line) for line in layout.lines) for layout in layouts]
    readings = iter(reader.read([ink.strokes for of_page in inks for ink in of_page]))
    return [
        PageReading(layout, of_page, tuple(next(readings) for _ in of_page))
        for layout, of_page in zip(layouts, inks, strict=True)
    ]


def best_read(reader: LineReader, layouts: Sequence[PageLayout]) -> int:
    """Return the number of the layout whose lines are read with the most confidence: a ``Choice``
    for ``find_layout``.

    A few long lines of each are read.
    """
    inks, owners = [], []
    for number, layout in enumerate(layouts):
        longest = sorted(layout.lines, key=lambda line: -len(line.strokes))[:_LINES_TRIED]
        inks += [line_ink(layout, line).strokes for line in longest]
        owners += [number] * len(longest)
    sure = [-math.inf] * len(layouts)
    for number, reading in zip(owners, reader.read(inks), strict=True):
        value = confidence(reading)
        sure[number] = max(sure[number], 0.0) + (0.0 if math.isnan(value) else value)
    means = [total / max(owners.count(number), 1) for number, total in enumerate(sure)]
    return max(range(len(layouts)), key=lambda number: means[number])
