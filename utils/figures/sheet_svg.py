"""Pages of handwriting as SVG: one path a stroke, as a person would write it by hand."""

from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from handwriting.files import whole_file
from utils.figures.sheet import Ink, PenPath, Sheet, Text, single_sheet


def sheet_svg(sheet: Sheet) -> str:
    """The SVG document of a page. Stroke ends and joins are round; a dot is a subpath of no length,
    which round caps turn into a disc of the pen's width."""
    width, height = _number(sheet.width), _number(sheet.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        *(_text_element(text) for text in sheet.texts),
        f'<g fill="none" stroke-width="{_number(sheet.pen_width)}"'
        ' stroke-linecap="round" stroke-linejoin="round">',
        *(_path_element(path) for path in sheet.paths),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def save_sheet_svg(sheet: Sheet, path: Path) -> None:
    """Write ``sheet_svg(sheet)`` to ``path``, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(sheet_svg(sheet), encoding="utf-8")


def save_svg(strokes: np.ndarray, path: Path) -> None:
    """Write one line of strokes ``[T, 3]`` (y upwards) as an SVG picture that fits the ink."""
    save_sheet_svg(single_sheet(Ink(strokes)), path)


def _path_element(path: PenPath) -> str:
    points = [f"{_number(x)} {_number(y)}" for x, y in path.points]
    kept = [points[0], *(b for a, b in zip(points[:-1], points[1:], strict=True) if a != b)]
    if len(kept) == 1:
        kept *= 2
    return f'<path stroke="{path.colour}" d="M{kept[0]}L{" ".join(kept[1:])}"/>'


def _text_element(text: Text) -> str:
    return (
        f'<text x="{_number(text.x)}" y="{_number(text.y)}" font-family="sans-serif"'
        f' font-size="{_number(text.size)}" fill="{text.colour}">{escape(text.words)}</text>'
    )


def _number(value: float) -> str:
    """At most two decimals, without trailing zeros or a negative zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
