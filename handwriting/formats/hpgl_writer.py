"""Pages as HPGL for pen plotters: units of 1/40 mm, the origin at the page's lower left corner, y
upwards. Pens are numbered from 1. Rules are not drawn, since they are part of the paper."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handwriting.formats.travel import plotted_lines
from handwriting.pages.options import WriteOptions
from handwriting.pages.page import Page

UNITS_PER_MM = 40


def write_hpgl(page: Page, path: Path, options: WriteOptions) -> None:
    """Write the program that draws one page."""
    path.write_text("\n".join(page_hpgl(page, options)) + "\n", encoding="ascii")


def page_hpgl(page: Page, options: WriteOptions) -> Iterator[str]:
    """Yield the program's lines. The pen is up whenever it travels, and put away at the end."""
    yield "IN;"
    held = -1
    for line in plotted_lines(page, options.short_travel):
        for stroke, pen in line.penned_strokes():
            if pen != held:
                yield f"SP{pen + 1};"
                held = pen
            places = _places(stroke, page.height)
            # A dot is the pen put down where it is.
            moves = ",".join(f"{x},{y}" for x, y in places[1:])
            yield f"PU{places[0][0]},{places[0][1]};PD{moves};PU;"
    yield "PU0,0;"
    yield "SP0;"


def _places(stroke: np.ndarray, height: float) -> list[tuple[int, int]]:
    """The points in units, less those that are where the one before is."""
    whole = np.rint((stroke * [1.0, -1.0] + [0.0, height]) * UNITS_PER_MM).astype(np.int64)
    kept = np.concatenate([[True], np.any(np.diff(whole, axis=0) != 0, axis=1)])
    return [(int(x), int(y)) for x, y in whole[kept]]
