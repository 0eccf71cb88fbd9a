"""Pages of writing as documents of ink, for writers that take those."""

from collections.abc import Sequence

from handwriting.formats.document import InkDocument, InkLabel, InkPage, InkStroke
from handwriting.pages.page import Page


def document_of_pages(pages: Sequence[Page]) -> InkDocument:
    """Return pages in mm, each line of writing with its text; the ruled lines are left out."""
    return InkDocument(tuple(map(_page, pages)), units_per_mm=1.0)


def _page(page: Page) -> InkPage:
    strokes: list[InkStroke] = []
    labels: list[InkLabel] = []
    for line in page.lines:
        first = len(strokes)
        strokes += [InkStroke(stroke, width=page.width_of(stroke)) for stroke in line.strokes]
        labels.append(InkLabel(line.text, tuple(range(first, len(strokes)))))
    return InkPage(tuple(strokes), tuple(labels), width=page.width, height=page.height)
