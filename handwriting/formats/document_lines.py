"""Lines of writing of a document of ink: those that its labels are, and the rest of each page.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handwriting.errors import DataError
from handwriting.formats.document import (
    DRAWING,
    LINE,
    InkDocument,
    InkLabel,
    InkPage,
    InkStroke,
    PlacedText,
    box_of,
)
from handwriting.formats.inkml_contexts import Affine
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points

# Which labels are lines: those of the first of these that the page has.
_LEVELS = (LINE, "phrase", "sentence", "word", "character")
# Parts of a text's height that a line of ink has to share, and of its own width that the text has
# to be left of.
_SHARED = 0.5


@dataclass(frozen=True)
class FileInk:
    """Ink of a page that is a line, or that is to be divided into lines.

    Attributes:
        line: its strokes, and its text where the file says which ink that is of.
        is_line: whether the file says that it is one.
        texts: typed text on the page, which may be what lines of it say; in the line's coordinates,
            which start at its first point, but with y downwards.
    """

    line: Line
    is_line: bool
    texts: tuple[PlacedText, ...] = ()


def inks_of(document: InkDocument, path: Path) -> list[FileInk]:
    """Return the ink of a document, page by page, in the order of its labels; what is in none is at
    the end of its page. Ink of highlighters and erasers, and what the file says is a drawing, is
    left out; ink that is turned is turned back.

    Raises:
        DataError: there is none; names the file.
    """
    found = [ink for page in document.pages for ink in _inks(page)]
    if not found:
        raise DataError(f"{path}: no ink: no stroke of a pen is in it")
    inks = []
    for number, (strokes, label, texts) in enumerate(found, start=1):
        rows = strokes_from_points([points * [1.0, -1.0] for points in strokes])
        source_id = path.stem if len(found) == 1 else f"{path.stem}#{number}"
        text, writer = (label.text, label.writer) if label is not None else ("", "")
        line = Line(rows, " ".join(text.split()), writer or document.writer, source_id, "")
        inks.append(FileInk(line, label is not None, texts))
    return inks


_Ink = tuple[list[np.ndarray], InkLabel | None, tuple[PlacedText, ...]]


def _inks(page: InkPage) -> Iterator[_Ink]:
    """The points of the strokes of each line or rest, its label, and the texts about it."""
    labels = line_labels(page)
    drawings = (label for label in page.labels if label.level == DRAWING)
    used = {at for label in (*labels, *drawings) for at in label.strokes}
    for label in labels:
        own = [page.strokes[at] for at in label.strokes]
        points = _upright(own, label.rotation)
        if points:
            yield points, label, ()
    rest = [stroke for at, stroke in enumerate(page.strokes) if at not in used]
    points = _upright(rest, page.rotation)
    if points:
        texts = () if page.rotation else _moved(page.texts, points[0][0])
        yield points, None, texts


def line_labels(page: InkPage) -> list[InkLabel]:
    """Return the labels that are lines: of the first of ``_LEVELS`` that there is, or of any other;
    none where the page is to be divided."""
    there = [label for label in page.labels if label.strokes and label.level != DRAWING]
    names = (*_LEVELS, *(label.level for label in there))
    level = next((name for name in names if any(label.level == name for label in there)), None)
    return [label for label in there if label.level == level]


def _upright(strokes: Sequence[InkStroke], rotation: float) -> list[np.ndarray]:
    turn = Affine.rotation(-rotation)
    return [turn.of_points(stroke.points) for stroke in strokes if stroke.is_writing]


def _moved(texts: Sequence[PlacedText], origin: np.ndarray) -> tuple[PlacedText, ...]:
    """A text for each line of texts, with places from the origin."""
    return tuple(
        PlacedText(
            " ".join(line.split()),
            text.left - float(origin[0]),
            text.top + number * text.line_height - float(origin[1]),
            text.size,
            text.line_height,
        )
        for text in texts
        for number, line in enumerate(text.text.split("\n"))
        if line.strip()
    )


def texts_of_lines(lines: Sequence[Sequence[np.ndarray]], texts: Sequence[PlacedText]) -> list[str]:
    """Return what typed text says of each line of ink: that which stands over it, so that most of
    its height is in that of the ink, and which begins left of the ink's end.

    Args:
        lines: the strokes of each, points ``[n, 2]`` with y upwards.
        texts: of one line each, with y downwards.

    Returns:
        a text for each line, empty where there is none.
    """
    boxes = [box_of([stroke * [1.0, -1.0] for stroke in line]) for line in lines]
    found: list[list[PlacedText]] = [[] for _ in lines]
    for text in texts:
        shares = [_share(box, text) for box in boxes]
        best = int(np.argmax(shares))
        if shares[best] >= _SHARED:
            found[best].append(text)
    return [" ".join(text.text for text in sorted(each, key=lambda t: t.left)) for each in found]


def _share(box: tuple[float, float, float, float], text: PlacedText) -> float:
    """The share of the lower of both heights that a text and the box of a line have together."""
    left, top, right, bottom = box
    width = text.size * len(text.text) / 2
    if text.left > right or text.left + width < left or text.line_height <= 0:
        return 0.0
    together = min(bottom, text.top + text.line_height) - max(top, text.top)
    return together / min(text.line_height, max(bottom - top, 1e-9))


def document_of_lines(lines: Sequence[Line]) -> InkDocument:
    """Return lines that a file has without places as a document, each of its own on one page; those
    of several lie on top of one another, as their places are not known."""
    strokes: list[InkStroke] = []
    labels: list[InkLabel] = []
    for line in lines:
        first = len(strokes)
        strokes += [InkStroke(points * [1.0, -1.0]) for points in points_from_strokes(line.strokes)]
        labels.append(InkLabel(line.text, tuple(range(first, len(strokes))), writer=line.writer))
    is_division = len(labels) > 1 or any(label.text for label in labels)
    return InkDocument((InkPage(tuple(strokes), tuple(labels) if is_division else ()),))
