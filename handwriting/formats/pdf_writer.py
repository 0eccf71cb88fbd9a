"""Pages as one PDF document, vector by vector (the package ``fpdf2``)."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handwriting.errors import UserError
from handwriting.pages.options import WriteOptions
from handwriting.pages.page import RULE_COLOUR, RULE_WIDTH, Page

if TYPE_CHECKING:
    from fpdf import FPDF


def write_pdf(pages: Sequence[Page], path: Path, options: WriteOptions) -> None:
    """Write all pages as one document."""
    document = new_document()
    for page in pages:
        add_page(document, page)
    document.output(str(path))


def new_document() -> "FPDF":
    """Return an empty document whose unit is the mm.

    Raises:
        UserError: the package is not installed.
    """
    try:
        from fpdf import FPDF
    except ImportError:
        raise UserError(
            "format: pdf needs the package fpdf2, which is not installed (pip install fpdf2)"
        ) from None
    document = FPDF(unit="mm")
    document.set_auto_page_break(False)
    document.set_producer("handwriting")
    return document


def add_page(document: "FPDF", page: Page) -> None:
    """Add a page with its rules and its ink to a document."""
    document.add_page(format=(page.width, page.height))
    rules = [np.array([[0.0, y], [page.width, y]]) for y in page.rules]
    draw_strokes(document, rules, RULE_WIDTH, RULE_COLOUR)
    of_width = [(page.width_of(stroke), pen, stroke) for stroke, pen in page.penned_strokes()]
    for (width, pen), group in itertools.groupby(of_width, key=lambda ink: ink[:2]):
        draw_strokes(document, [stroke for *_, stroke in group], width, page.pens[pen])


def draw_strokes(
    document: "FPDF", strokes: Iterable[np.ndarray], width: float, colour: str
) -> None:
    """Draw strokes ``[n, 2]``, in mm from the top left corner, on the document's page."""
    strokes = list(strokes)
    if not strokes:
        return
    with document.new_path() as path:
        path.style.fill_color = None
        path.style.stroke_color = colour
        path.style.stroke_width = width
        path.style.stroke_cap_style = "round"
        path.style.stroke_join_style = "round"
        path.style.auto_close = False
        for stroke in strokes:
            first, *others = stroke.round(3).tolist()
            path.move_to(*first)
            for point in others or [first]:
                path.line_to(*point)
