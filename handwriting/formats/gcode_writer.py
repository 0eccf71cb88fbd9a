"""Pages as G-code for pen plotters: absolute mm, the origin at the page's lower left corner, y
upwards. Rules are not drawn, since they are part of the paper."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handwriting.formats.travel import plotted_lines
from handwriting.ink.drawing import number
from handwriting.pages.options import GcodeOptions, WriteOptions
from handwriting.pages.page import Page, PageLine


def write_gcode(page: Page, path: Path, options: WriteOptions) -> None:
    """Write the program that draws one page."""
    path.write_text("\n".join(page_gcode(page, options)) + "\n", encoding="ascii")


def page_gcode(page: Page, write_options: WriteOptions) -> Iterator[str]:
    """The program's lines. The pen is up whenever it travels, and at the end, at the origin."""
    options = write_options.gcode
    yield f"; {number(page.width)} x {number(page.height)} mm, origin at the lower left corner"
    yield "G21 ; mm"
    yield "G90 ; absolute coordinates"
    yield from _command(options.pen_up)
    pen = 0
    for line in plotted_lines(page, write_options.short_travel):
        yield from _line(line, page.height, options, pen)
        pen = line.pens[-1] if line.pens else (pen if not line.strokes else 0)
    yield f"G0 X0 Y0 F{number(options.travel_rate)}"
    yield "M2"


def _line(line: PageLine, height: float, options: GcodeOptions, held: int) -> Iterator[str]:
    """Draw a line, beginning with the pen ``held``."""
    yield f"; {_comment(line.text)}"
    for stroke, pen in line.penned_strokes():
        if pen != held:
            yield from _command(options.pen_change.replace("{pen}", str(pen + 1)))
            held = pen
        places = [_place(point, height) for point in stroke]
        yield f"G0 {places[0]} F{number(options.travel_rate)}"
        yield from _command(options.pen_down)
        # A dot is a move to where the pen already is. The rate is given anew for each stroke, as
        # the pen's own command may have set another.
        moves = [b for a, b in zip(places[:-1], places[1:], strict=True) if a != b] or places[:1]
        yield f"G1 {moves[0]} F{number(options.feed_rate)}"
        yield from (f"G1 {move}" for move in moves[1:])
        yield from _command(options.pen_up)


def _command(text: str) -> Iterator[str]:
    yield from (line.strip() for line in text.splitlines() if line.strip())


def _place(point: np.ndarray, height: float) -> str:
    return f"X{number(point[0])} Y{number(height - point[1])}"


def _comment(text: str) -> str:
    """``text`` as plain ASCII, since controllers know nothing else."""
    return text.encode("ascii", errors="replace").decode("ascii")
