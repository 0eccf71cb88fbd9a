"""Contact sheets as files: SVG with one path a stroke, and PNG."""

from pathlib import Path

from PIL import Image

from handwriting.files import whole_file
from handwriting.ink.drawing import (
    PAPER_COLOUR,
    ROUND,
    draw_picture,
    number,
    path_data,
    text_element,
)
from utils.figures.drawing import save_figure
from utils.figures.sheet import Sheet

_DECIMALS = 2
_PIXELS_PER_POINT = 2.0


def sheet_svg(sheet: Sheet) -> str:
    """The SVG document of a page. Stroke ends and joins are round; a dot is a subpath of no length,
    which round caps turn into a disc of the pen's width."""
    width, height = number(sheet.width, _DECIMALS), number(sheet.height, _DECIMALS)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}">',
        f'<rect width="100%" height="100%" fill="{PAPER_COLOUR}"/>',
        *(text_element(text, _DECIMALS) for text in sheet.texts),
        f'<g fill="none" stroke-width="{number(sheet.pen_width, _DECIMALS)}" {ROUND}>',
        *(
            f'<path stroke="{path.colour}" d="{path_data(path.points, _DECIMALS)}"/>'
            for path in sheet.paths
        ),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def save_sheet_svg(sheet: Sheet, path: Path) -> None:
    """Write ``sheet_svg(sheet)`` to ``path``, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(sheet_svg(sheet), encoding="utf-8")


def sheet_image(sheet: Sheet, scale: float = _PIXELS_PER_POINT) -> Image.Image:
    """The picture of a page, ``scale`` pixels to the typographic point."""
    strokes = [(path.points, sheet.pen_width, path.colour) for path in sheet.paths]
    return draw_picture((sheet.width, sheet.height), scale, strokes, sheet.texts)


def save_sheet(sheet: Sheet, path: Path) -> None:
    """Write a page as ``path`` with the suffixes ``.svg`` and ``.png``, each whole or not there."""
    save_sheet_svg(sheet, path.with_suffix(".svg"))
    save_figure(sheet_image(sheet), path.with_suffix(".png"))
