"""Pages as SVG, such as a pen plotter draws as it is: one path a stroke, and no fill anywhere."""

from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from handwriting.pages.options import WriteOptions
from handwriting.pages.page import (
    DOT_OF_PEN,
    INK_COLOUR,
    RULE_COLOUR,
    RULE_WIDTH,
    Page,
    PageLine,
    is_dot,
    number,
)


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
        f'<g id="ink" fill="none" stroke="{INK_COLOUR}" stroke-width="{number(page.pen_width)}"'
        ' stroke-linecap="round" stroke-linejoin="round">',
        *(element for line in page.lines for element in _line(line, page.pen_width)),
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


def _line(line: PageLine, pen_width: float) -> list[str]:
    title = f"<title>{escape(line.text)}</title>"
    return ["<g>", title, *(_path(stroke, pen_width) for stroke in line.strokes), "</g>"]


def _path(stroke: np.ndarray, pen_width: float) -> str:
    """A stroke; a dot is a line of no length, of which round caps make a disc."""
    points = [f"{number(x)} {number(y)}" for x, y in stroke]
    kept = [points[0], *(b for a, b in zip(points[:-1], points[1:], strict=True) if a != b)]
    if len(kept) == 1:
        kept *= 2
    dot = f' stroke-width="{number(DOT_OF_PEN * pen_width)}"' if is_dot(stroke) else ""
    return f'<path{dot} d="M{kept[0]}L{" ".join(kept[1:])}"/>'
