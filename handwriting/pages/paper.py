"""The paper of a page: its size, its margins, and how many lines of what size go on it."""

import re
from dataclasses import replace

from handwriting.errors import UserError
from handwriting.pages.options import (
    MOST_HEIGHT,
    PAGE_WIDTH,
    PageOptions,
    check_options,
)

SIZES = {
    "a3": (297.0, 420.0),
    "a4": (210.0, 297.0),
    "a5": (148.0, 210.0),
    "a6": (105.0, 148.0),
    "letter": (215.9, 279.4),
    "legal": (215.9, 355.6),
    "card": (148.0, 105.0),
}
"""Width and height in mm of papers by name; a card is a postcard."""

LINE_SPACING = 10.0
X_HEIGHT_OF_SPACING = 0.27
_A4 = 297.0 / 210.0
_ROUNDING = 1e-6  # mm


def paper_size(text: str, is_landscape: bool = False) -> tuple[float, float]:
    """Return width and height of a paper in mm.

    Args:
        text: a name of ``SIZES``, or width and height in mm, such as ``90x55``.
        is_landscape: the longer side is the width.

    Raises:
        UserError: it is neither, or has no size that paper can have.
    """
    name = text.strip().lower()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*[x×]\s*(\d+(?:\.\d+)?)(?:\s*mm)?", name)
    if name not in SIZES and found is None:
        raise UserError(f"page: one of {', '.join(SIZES)}, or such as 90x55 in mm, got {text!r}")
    width, height = SIZES[name] if found is None else (float(found[1]), float(found[2]))
    if not (PAGE_WIDTH[0] <= width <= PAGE_WIDTH[1] and PAGE_WIDTH[0] <= height <= MOST_HEIGHT):
        raise UserError(
            f"page: from {PAGE_WIDTH[0]:g} to {PAGE_WIDTH[1]:,g} mm wide and {MOST_HEIGHT:,g} mm"
            f" high, got {text!r}"
        )
    return (max(width, height), min(width, height)) if is_landscape else (width, height)


def check_page(options: PageOptions) -> None:
    """Raise ``UserError``, before anything is written, where an option is out of range or nothing
    fits on such a page."""
    check_options(options)
    height = paper_height(options)
    if height > MOST_HEIGHT:
        raise UserError(
            f"page_height: must be at most {MOST_HEIGHT:,g} mm, got {height:,g} mm, which"
            f" {options.lines_per_page} lines with their margins take"
        )
    if options.fit:
        if options.page_width <= 2 * options.margin or height <= 2 * options.margin:
            raise UserError(
                f"margin: must leave room on a page of {options.page_width:g} x {height:g} mm,"
                f" got {options.margin:g} mm"
            )
        return
    text_width(options)
    rows_per_page(options)


def line_spacing(options: PageOptions) -> float:
    """Return the distance of the baselines in mm."""
    if options.line_spacing is not None:
        return options.line_spacing
    return LINE_SPACING if options.x_height is None else options.x_height / X_HEIGHT_OF_SPACING


def x_height(options: PageOptions) -> float:
    """Return the height of small letters in mm."""
    return options.x_height or X_HEIGHT_OF_SPACING * line_spacing(options)


def of_size(options: PageOptions, height: float) -> PageOptions:
    """Return the options with small letters of ``height`` mm, and the spacing in proportion."""
    spacing = line_spacing(options) / x_height(options) * height
    return replace(options, x_height=height, line_spacing=spacing)


def text_width(options: PageOptions) -> float:
    """Return how long a line of writing may be, in mm; ``UserError`` if nothing goes on it."""
    width = options.page_width - 2 * options.margin
    if width < 4 * x_height(options):
        raise UserError(
            f"page_width: must leave room for a few letters between its margins,"
            f" got {options.page_width:g} mm with a margin of {options.margin:g} mm"
        )
    return width


def rows_per_page(options: PageOptions) -> int:
    """Return how many lines a page takes; ``UserError`` if the paper is too small for them."""
    if options.page_height is None and options.lines_per_page is not None:
        return options.lines_per_page
    height = paper_height(options)
    fitting = int((height - 2 * options.margin) / line_spacing(options) + _ROUNDING)
    wanted = options.lines_per_page or 1
    if fitting < wanted:
        raise UserError(
            f"page_height: must be at least {height_of(wanted, options):g} mm for"
            f" {wanted} lines with their margins, got {height:g} mm"
        )
    return options.lines_per_page or fitting


def paper_height(options: PageOptions) -> float:
    """Return the height of the paper in mm."""
    if options.page_height is not None:
        return options.page_height
    if options.lines_per_page is not None:
        return height_of(options.lines_per_page, options)
    return options.page_width * _A4


def height_of(rows: int, options: PageOptions) -> float:
    """Return the height of a paper that takes so many lines, in mm."""
    return rows * line_spacing(options) + 2 * options.margin
