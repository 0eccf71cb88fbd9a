"""Reading a page of ink: its layout, and the text of each of its lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.page_layout import LineInk, PageLayout, find_layout, line_ink
from reading.decoding import Reading
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
    layout = find_layout(strokes, timed)
    inks = tuple(line_ink(layout, line) for line in layout.lines)
    readings = reader.read([ink.strokes for ink in inks])
    return PageReading(layout, inks, tuple(readings))
