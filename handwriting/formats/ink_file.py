"""Lines of handwriting from a file of their own, of any format that is read.

Shapes: ``T`` pen steps, ``L`` lines.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from handwriting.environment import reason
from handwriting.errors import DataError
from handwriting.files import open_regular_file
from handwriting.formats.checked_lines import check_steps
from handwriting.formats.document import InkDocument
from handwriting.formats.document_lines import (
    FileInk,
    document_of_lines,
    inks_of,
    texts_of_lines,
)
from handwriting.formats.registry import (
    READ_SUFFIXES,
    Reader,
    document_reader_of,
    reader_of,
)
from handwriting.ink.line import Line, points_from_strokes
from handwriting.ink.measures import x_height
from handwriting.ink.page_layout import Choice, find_layout, line_ink
from handwriting.quoting import printable

MOST_POINTS = 10_000
"""Of a line; the most in IAM-OnDB is 1,623."""

MOST_WAY = 1000.0
"""Of the pen on paper and of the line's width, in x-heights; in IAM-OnDB 189."""

MOST_HEIGHT = 40.0
"""In the same units; in IAM-OnDB 11. A line of a slope that can be read has less."""

# In the same units, the pen's way on a page: of any page, and more for each of its points.
_SURE_WAY, _WAY_OF_POINT = 20_000.0, 20.0

# In the same units, how wide ink counts as that goes neither up nor down.
_DASH = 20.0


def read_ink_file(path: Path, divide: bool = True, choose: Choice | None = None) -> list[Line]:
    """The lines of writing in a file, checked to be such as can be read, and mended.

    Args:
        path: see ``ink_in_file``.
        divide: divide ink into lines by where its strokes are, where the file does not say which
            lines there are (see ``handwriting.ink.page_layout``). Ink that has a text, or is one
            of several lines in the file, is a line already.
        choose: see ``find_layout``.

    Returns:
        at least one line, in the file's units.

    Raises:
        DataError: one line naming the file and what is wrong with it.
    """
    inks = inks_in_file(path)
    for ink in inks:
        check_way(ink.line, path)
    inks = [ink for ink in inks if np.any(ink.line.strokes[1:, 1:])]
    if not inks:
        raise DataError(f"{path}: no ink to read: nothing in it is more than a dot")
    lines = [line for ink in inks for line in _lines_of(ink, divide, choose)]
    lines = [line for line in lines if np.any(line.strokes[1:, 1:])]
    if not lines:
        raise DataError(f"{path}: no writing to read: its ink looks like a drawing")
    for number, line in enumerate(lines, start=1):
        which = f"{path}: line {number} of {len(lines)}" if len(lines) > 1 else f"{path}"
        _check_is_line(line, which, divide)
    return lines


def ink_in_file(path: Path) -> list[Line]:
    """The ink in a file, as the file divides it: the lines it tells of, and the rest of each page.
    The formats and their readers are in ``handwriting.formats.registry``.

    Returns:
        at least one line, in the file's units; its text is empty where the file has none.

    Raises:
        DataError: one line naming the file and what is wrong with it.
    """
    return [ink.line for ink in inks_in_file(path)]


def document_in_file(path: Path) -> InkDocument:
    """Return all that a file has of ink: its pages, strokes with times, pressures and colours,
    labels and typed text; as a document of lines where its format has no more than those.

    Raises:
        DataError: one line naming the file and what is wrong with it.
    """
    content = _content(path, document_reader_of(path))
    return content if isinstance(content, InkDocument) else document_of_lines(content)


def inks_in_file(path: Path) -> list[FileInk]:
    """Return the ink in a file as ``ink_in_file`` does, and what its pages have typed text for.

    Raises:
        DataError: one line naming the file and what is wrong with it.
    """
    content = _content(path, reader_of(path))
    if isinstance(content, InkDocument):
        inks = inks_of(content, path)
    else:
        is_divided = len(content) > 1
        inks = [FileInk(line, is_divided or bool(line.text)) for line in content]
    for ink in inks:
        check_steps(ink.line.strokes, f"{path}")
    # A file's name is part of its lines' ids, which go into documents and to terminals.
    return [
        replace(ink, line=replace(ink.line, source_id=printable(ink.line.source_id)))
        for ink in inks
    ]


def _content(path: Path, read: Reader | None) -> list[Line] | InkDocument:
    if read is None:
        known = ", ".join(READ_SUFFIXES)
        raise DataError(f"{path}: ink is read from {known}, got {path.suffix or 'no suffix'!r}")
    try:
        with open_regular_file(path) as file:
            if not file.read(1):
                raise DataError(f"{path}: is empty")
        return read(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None


def check_way(ink: Line, path: Path) -> None:
    """``DataError`` where ink is far longer than its points can tell: it is put at even distances
    to be divided, which takes memory by its length."""
    strokes = points_from_strokes(ink.strokes)
    size = x_height(strokes)
    way = _way(strokes)
    if size > 0 and way > size * (_SURE_WAY + _WAY_OF_POINT * len(ink.strokes)):
        raise DataError(
            f"{path}: is no writing: {way / size:,.0f} letters' heights of pen's way through"
            f" {len(ink.strokes):,} points"
        )


def _way(strokes: list[np.ndarray]) -> float:
    """Length of the pen's way on the paper."""
    return sum(float(np.hypot(*np.diff(stroke, axis=0).T).sum()) for stroke in strokes)


def _lines_of(ink: FileInk, divide: bool, choose: Choice | None) -> list[Line]:
    """The lines of a page, or the one that ink is, mended and in the order in which it is read,
    with the texts typed over them."""
    strokes = points_from_strokes(ink.line.strokes)
    layout = find_layout(strokes, choose=choose, divide=divide and not ink.is_line)
    found = [line_ink(layout, line).strokes for line in layout.lines]
    names = [f"{ink.line.source_id}#{number}" for number in range(1, len(found) + 1)]
    names = [ink.line.source_id] if len(found) == 1 else names
    texts = [ink.line.text] * len(found)
    if ink.texts:
        parts = [[strokes[at] for at in line.strokes] for line in layout.lines]
        texts = texts_of_lines(parts, ink.texts)
    return [
        replace(ink.line, strokes=rows, source_id=name, text=text)
        for rows, name, text in zip(found, names, texts, strict=True)
    ]


def _check_is_line(line: Line, which: str, divide: bool) -> None:
    """``DataError`` for what no line of writing is, such as a page or a drawing."""
    fault = line_fault(line.strokes)
    if fault is not None:
        remedy = (
            "give one line of writing, or a page with room between its lines"
            if divide
            else "leave --ink-lines one out, to have it divided into lines"
        )
        raise DataError(f"{which}: {fault}; {remedy}")


def line_fault(rows: np.ndarray) -> str | None:
    """Return why strokes ``[T, 3]`` are no line of writing, as a page or a drawing is none; None
    where they may be one."""
    number = len(rows)
    if number > MOST_POINTS:
        return f"{number:,} points, a line of writing has {MOST_POINTS:,} at most"
    strokes = points_from_strokes(rows)
    points = np.concatenate(strokes)
    width, height = np.ptp(points, axis=0)
    way = _way(strokes)
    size = x_height(strokes) or width / _DASH
    if max(way, width) > MOST_WAY * size or height > MOST_HEIGHT * size:
        return (
            f"is no line of writing: {width / size:,.0f} letters' heights wide,"
            f" {height / size:,.0f} high, {way / size:,.0f} of pen's way"
        )
    return None
