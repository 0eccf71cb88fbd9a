"""Pages as PNG pictures."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from handwriting.ink.drawing import draw_picture
from handwriting.pages.options import WriteOptions, check_pixels
from handwriting.pages.page import MM_PER_INCH, RULE_COLOUR, RULE_WIDTH, Page


def write_png(page: Page, path: Path, options: WriteOptions) -> None:
    """Write one page at ``options.dpi``."""
    page_image(page, options.dpi).save(path, format="PNG", dpi=(options.dpi, options.dpi))


def page_image(page: Page, dpi: float) -> Image.Image:
    """Return the picture of a page of its size on paper."""
    check_pixels(page.width, page.height, dpi)
    return draw_picture((page.width, page.height), dpi / MM_PER_INCH, _strokes(page))


def _strokes(page: Page) -> Iterator[tuple[np.ndarray, float, str]]:
    for y in page.rules:
        yield np.array([[0.0, y], [page.width, y]]), RULE_WIDTH, RULE_COLOUR
    for stroke, pen in page.penned_strokes():
        yield stroke, page.width_of(stroke), page.pens[pen]
