"""Lines of handwriting from a file of their own: InkML, SVG, JSON or NumPy.

Shapes: ``T`` pen steps, ``L`` lines.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from handwriting.environment import reason
from handwriting.errors import DataError
from handwriting.files import open_regular_file
from handwriting.formats.checked_lines import check_steps
from handwriting.formats.registry import READ_SUFFIXES, reader_of
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points
from handwriting.ink.line_segmentation import split_lines
from handwriting.ink.measures import x_height
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


def read_ink_file(path: Path, divide: bool = True) -> list[Line]:
    """The lines of writing in a file, checked to be such as can be read.

    Args:
        path: see ``ink_in_file``.
        divide: divide ink into lines by where its strokes are, where the file does not say which
            lines there are (see ``handwriting.ink.line_segmentation``). Ink that has a text, or is
            one of several lines in the file, is a line already.

    Returns:
        at least one line, in the file's units.

    Raises:
        DataError: one line naming the file and what is wrong with it.
    """
    lines = ink_in_file(path)
    for line in lines:
        _check_way(line, path)
    if divide and len(lines) == 1 and not lines[0].text:
        lines = _divided(lines[0])
    lines = [line for line in lines if np.any(line.strokes[1:, 1:])]
    if not lines:
        raise DataError(f"{path}: no ink to read: nothing in it is more than a dot")
    for number, line in enumerate(lines, start=1):
        which = f"{path}: line {number} of {len(lines)}" if len(lines) > 1 else f"{path}"
        _check_is_line(line, which, divide)
    return lines


def ink_in_file(path: Path) -> list[Line]:
    """The ink in a file, as the file divides it.

    - ``.inkml``: see ``InkmlReader``.
    - ``.svg``: see ``handwriting.formats.svg_reader``.
    - ``.npy``: numbers ``[T, 3]`` as in ``Line.strokes``; or a ``strokes.npy`` of ``L`` of these.
    - ``.json``: the same as a list of rows; or ``{"strokes": rows, "text": "..."}``; or pages as
      ``handwriting.pages`` writes them.

    Returns:
        at least one line, in the file's units; its text is empty where the file has none.

    Raises:
        DataError: one line naming the file and what is wrong with it.
    """
    read = reader_of(path)
    if read is None:
        known = ", ".join(READ_SUFFIXES)
        raise DataError(f"{path}: ink is read from {known}, got {path.suffix or 'no suffix'!r}")
    try:
        with open_regular_file(path) as file:
            if not file.read(1):
                raise DataError(f"{path}: is empty")
        lines = read(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None
    for line in lines:
        check_steps(line.strokes, f"{path}")
    # A file's name is part of its lines' ids, which go into documents and to terminals.
    return [replace(line, source_id=printable(line.source_id)) for line in lines]


def _check_way(ink: Line, path: Path) -> None:
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


def _divided(ink: Line) -> list[Line]:
    strokes = points_from_strokes(ink.strokes)
    groups = split_lines(strokes)
    if len(groups) == 1:
        return [ink]
    return [
        replace(
            ink,
            strokes=strokes_from_points([strokes[at] for at in group]),
            source_id=f"{ink.source_id}#{number}",
        )
        for number, group in enumerate(groups, start=1)
    ]


def _check_is_line(line: Line, which: str, divide: bool) -> None:
    """``DataError`` for what no line of writing is, such as a page or a drawing."""
    number = len(line.strokes)
    remedy = (
        "give one line of writing, or a page with room between its lines"
        if divide
        else "leave --ink-lines one out, to have it divided into lines"
    )
    if number > MOST_POINTS:
        raise DataError(
            f"{which}: {number:,} points, a line of writing has {MOST_POINTS:,} at most; {remedy}"
        )
    strokes = points_from_strokes(line.strokes)
    points = np.concatenate(strokes)
    width, height = np.ptp(points, axis=0)
    way = _way(strokes)
    size = x_height(strokes) or width / _DASH
    if max(way, width) > MOST_WAY * size or height > MOST_HEIGHT * size:
        raise DataError(
            f"{which}: is no line of writing: {width / size:,.0f} letters' heights wide,"
            f" {height / size:,.0f} high, {way / size:,.0f} of pen's way; {remedy}"
        )
