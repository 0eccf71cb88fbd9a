"""Results of reading as files of ink that have its text in them: InkML and Xournal++.

Coordinates are mm on paper as ``handwriting.readings.paper`` lays it out. Lines and words are
labels of their strokes; a stroke that two words share is in the labels of both. What was no text
is a label of the level ``drawing``. Times, pressures and colours are not in a result: a program
that wants to keep them adds these texts to the ``InkDocument`` that it read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from handwriting.formats.document import DRAWING, LINE, InkDocument, InkLabel, InkPage, InkStroke
from handwriting.formats.inkml_ink_writer import write_inkml_document
from handwriting.formats.xopp_writer import write_xopp
from handwriting.ink.drawing import INK_COLOUR
from handwriting.readings.paper import Paper
from handwriting.readings.result import ReadDocument, ReadPage, StrokePart

_PEN_WIDTH = 0.4  # mm
_WORD = "word"


def write_inkml(document: ReadDocument, path: Path) -> None:
    """Write what was read as InkML, with its text as labels of lines and words."""
    write_inkml_document(ink_document(document), path)


def write_xournal(document: ReadDocument, path: Path) -> None:
    """Write what was read for Xournal++, with its lines as text that can be searched for; words
    beside them would be found twice."""
    pages = ink_document(document).pages
    lines = (tuple(label for label in page.labels if label.level == LINE) for page in pages)
    found = (replace(page, labels=labels) for page, labels in zip(pages, lines, strict=True))
    write_xopp(InkDocument(tuple(found), units_per_mm=1.0), path)


def ink_document(document: ReadDocument) -> InkDocument:
    """Return the ink of a result, in mm, with labels that say what it is."""
    return InkDocument(tuple(map(_page, document.pages)), units_per_mm=1.0)


def _page(page: ReadPage) -> InkPage:
    paper = Paper.of(page)
    strokes = tuple(
        InkStroke(paper.points(points), colour=INK_COLOUR, width=_PEN_WIDTH) for points in page.ink
    )
    return InkPage(strokes, tuple(_labels(page)), width=paper.width, height=paper.height)


def _labels(page: ReadPage) -> Iterator[InkLabel]:
    for line in page.lines:
        yield InkLabel(line.text, _numbers(line.strokes))
        for word in line.words:
            if word.strokes:
                yield InkLabel(word.text, _numbers(word.strokes), _WORD)
    for other in page.others:
        yield InkLabel("", _numbers(other.strokes), DRAWING)


def _numbers(parts: Sequence[StrokePart]) -> tuple[int, ...]:
    """The strokes that parts are of, each once, in their order."""
    return tuple(dict.fromkeys(part.stroke for part in parts))
