"""Reading a page of ink: its layout, and the text of each of its lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.page_layout import LineInk, PageLayout, find_layout, line_ink
from handwriting.readings.document_reader import best_read
from handwriting.readings.line_reading import Reading
from reading.line_reader import LineReader


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
