"""Pages as SVG, such as a pen plotter draws as it is: one path a stroke, and no fill anywhere."""

from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from handwriting.ink.drawing import ROUND, number, path_data
from handwriting.pages.options import WriteOptions
from handwriting.pages.page import RULE_COLOUR, RULE_WIDTH, Page, PageLine


def write_svg(page: Page, path: Path, options: WriteOptions) -> None:
    """Write one page. See ``page_svg``."""
    path.write_text(page_svg(page), encoding="utf-8")


def page_svg(page: Page) -> str:
    """The SVG document of a page. Its units are mm.

    The ink is the group with id ``ink``, with one group a line of writing; the rules, where the
    page has them, are the group ``rules`` before it, so that they can be left out.
    """
    width, height = number(page.width), number(page.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm"'
        f' viewBox="0 0 {width} {height}">',
        *_rules(page),
        f'<g id="ink" fill="none" stroke="{page.pens[0]}" stroke-width="{number(page.pen_width)}"'
        f" {ROUND}>",
        *(element for line in page.lines for element in _line(line, page)),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _rules(page: Page) -> list[str]:
    if not page.rules:
        return []
    paths = [f'<path d="M0 {number(y)}H{number(page.width)}"/>' for y in page.rules]
    style = f'fill="none" stroke="{RULE_COLOUR}" stroke-width="{RULE_WIDTH}"'
    return [f'<g id="rules" {style}>', *paths, "</g>"]


def _line(line: PageLine, page: Page) -> list[str]:
    title = f"<title>{escape(line.text)}</title>"
    return ["<g>", title, *(_path(*stroke, page) for stroke in line.penned_strokes()), "</g>"]


def _path(stroke: np.ndarray, pen: int, page: Page) -> str:
    width = page.width_of(stroke)
    dot = f' stroke-width="{number(width)}"' if width != page.pen_width else ""
    colour = f' stroke="{page.pens[pen]}"' if pen else ""
    return f'<path{colour}{dot} d="{path_data(stroke)}"/>'
