"""Results as a PDF file that can be searched: the ink as vector strokes, and under each word its
text, which is not drawn. Needs the package ``fpdf2``.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handwriting.errors import UserError
from handwriting.readings.paper import Paper
from handwriting.readings.result import Point, ReadDocument, ReadPage, ReadWord

if TYPE_CHECKING:
    from fpdf import FPDF

_PEN = 0.35  # mm
_INK = "#16213a"
_FONT, _FONT_SIZE = "Helvetica", 12.0
_POINTS_PER_MM = 72 / 25.4
# Of a font's size, how high its capitals are.
_CAPITALS = 0.72
_LEAST_SIZE, _LARGEST_SIZE = 2.0, 400.0
_LEAST_STRETCH, _LARGEST_STRETCH = 5.0, 2000.0


def write_pdf(document: ReadDocument, path: Path) -> None:
    """Write all pages to a file.

    Raises:
        UserError: ``fpdf2`` is not installed.
    """
    pdf = _new_pdf(document)
    for page in document.pages:
        paper = Paper.of(page)
        pdf.add_page(format=(paper.width, paper.height))
        _draw_ink(pdf, page, paper)
        _write_words(pdf, page, paper)
    pdf.output(str(path))


def _new_pdf(document: ReadDocument) -> "FPDF":
    try:
        from fpdf import FPDF
    except ImportError:
        raise UserError(
            "--format pdf: needs the package fpdf2; install it with: pip install fpdf2"
        ) from None
    pdf = FPDF(unit="mm")
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.set_title(document.source)
    pdf.set_creator("handwriting")
    return pdf


def _draw_ink(pdf: "FPDF", page: ReadPage, paper: Paper) -> None:
    """Draw all strokes; a dot is a short line, which its round ends make a dot."""
    with pdf.new_path() as path:
        path.style.fill_color = None
        path.style.stroke_color = _INK
        path.style.stroke_width = _PEN
        path.style.stroke_cap_style = "round"
        path.style.stroke_join_style = "round"
        for stroke in page.ink:
            points = paper.points(stroke)
            path.move_to(*points[0])
            for x, y in points[1:] if len(points) > 1 else points:
                path.line_to(x, y)


def _write_words(pdf: "FPDF", page: ReadPage, paper: Paper) -> None:
    from fpdf.enums import TextMode

    pdf.text_mode = TextMode.INVISIBLE
    for line in page.lines:
        height = _capital_height(paper, page, line.x_height)
        for at, word in enumerate(line.words):
            last = at == len(line.words) - 1
            _write_word(pdf, word, paper, height, word.text if last else f"{word.text} ")
    pdf.text_mode = TextMode.FILL


def _capital_height(paper: Paper, page: ReadPage, x_height: float) -> float:
    """Height of capitals in mm, from that of small letters."""
    from handwriting.ink.measures import x_height as measured

    return 1.6 * paper.scale * (x_height or measured(page.ink))


def _write_word(pdf: "FPDF", word: ReadWord, paper: Paper, capitals: float, text: str) -> None:
    """Write a word along its baseline, as wide as its ink; the space after it takes no part."""
    if word.box is None:
        return
    start, end = (np.array(paper.point(point)) for point in word.baseline)
    width = max(float(np.hypot(*(end - start))), 0.5)
    shown = _choose_font(pdf, text)
    size = np.clip(capitals / _CAPITALS * _POINTS_PER_MM, _LEAST_SIZE, _LARGEST_SIZE)
    pdf.set_font_size(float(size))
    pdf.set_stretching(100)
    natural = max(pdf.get_string_width(shown.rstrip()), 0.1)
    stretch = float(np.clip(100 * width / natural, _LEAST_STRETCH, _LARGEST_STRETCH))
    pdf.set_stretching(stretch)
    _put(pdf, shown, (float(start[0]), float(start[1])), end - start)
    pdf.set_stretching(100)


def _put(pdf: "FPDF", text: str, place: Point, direction: np.ndarray) -> None:
    x, y = place
    angle = -math.degrees(math.atan2(direction[1], direction[0]))
    if abs(angle) < 0.05:
        pdf.text(x, y, text)
        return
    with pdf.rotation(angle, x, y):
        pdf.text(x, y, text)


def _choose_font(pdf: "FPDF", text: str) -> str:
    """Choose a font that has the text, and return what can be written of it: every PDF reader has
    fonts for western Europe; others are embedded, where there is one on this machine."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        font = _unicode_font()
        if font is None:
            text = text.encode("latin-1", "replace").decode("latin-1")
        else:
            family = font.stem.lower()
            if family not in pdf.fonts:
                pdf.add_font(family, fname=str(font))
            pdf.set_font(family, size=_FONT_SIZE)
            return text
    pdf.set_font(_FONT, size=_FONT_SIZE)
    return text


def _unicode_font() -> Path | None:
    """A font file with many scripts: matplotlib has one."""
    try:
        import matplotlib
    except ImportError:
        return None
    found: Any = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return found if found.is_file() else None
