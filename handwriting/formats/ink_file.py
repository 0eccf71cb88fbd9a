"""Lines of handwriting from a file of their own: InkML, SVG, JSON or NumPy.

Shapes: ``T`` pen steps, ``L`` lines.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data_loader.readers.inkml import InkmlReader
from handwriting.errors import DataError
from handwriting.formats.svg_reader import read_svg
from handwriting.formats.unpickling import load_object_array
from handwriting.formats.xml_safe import BadXml
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points
from handwriting.ink.line_segmentation import split_lines, writing_size

MOST_POINTS = 10_000
"""Of a line; the most in IAM-OnDB is 1,623."""

MOST_WAY = 1000.0
"""Of the pen on paper and of the line's width, in units of ``writing_size``; in IAM-OnDB 189."""

MOST_HEIGHT = 40.0
"""In the same units; in IAM-OnDB 11. A line of a slope that can be read has less."""

# In the same units, how wide ink counts as that goes neither up nor down.
_DASH = 20.0
_FORM = "[[end_of_stroke, dx, dy], ...], y upwards"


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
    if divide and len(lines) == 1 and not lines[0].text:
        lines = _divided(lines[0])
    lines = [line for line in lines if np.any(line.strokes[1:, 1:])]
    if not lines:
        raise DataError(f"{path}: no ink to read: nothing in it is more than a dot")
    for number, line in enumerate(lines, start=1):
        which = f"{path}: line {number} of {len(lines)}" if len(lines) > 1 else f"{path}"
        _refuse_huge(line, which, divide)
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
    read = _READERS.get(path.suffix.lower())
    if read is None:
        known = ", ".join(_READERS)
        raise DataError(f"{path}: ink is read from {known}, got {path.suffix or 'no suffix'!r}")
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path}: is empty")
        return read(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


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


def _refuse_huge(line: Line, which: str, divide: bool) -> None:
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
    way = sum(float(np.hypot(*np.diff(stroke, axis=0).T).sum()) for stroke in strokes)
    size = writing_size(strokes) or width / _DASH
    if max(way, width) > MOST_WAY * size or height > MOST_HEIGHT * size:
        raise DataError(
            f"{which}: is no line of writing: {width / size:,.0f} letters' heights wide,"
            f" {height / size:,.0f} high, {way / size:,.0f} of pen's way; {remedy}"
        )


def _from_inkml(path: Path) -> list[Line]:
    return list(InkmlReader(data_dir=str(path), require_text=False).read())


def _from_svg(path: Path) -> list[Line]:
    try:
        found = read_svg(path.read_bytes())
    except BadXml as error:
        raise DataError(f"{path}: {error}") from None
    inks = [line for line in found if line.strokes]
    if not inks:
        raise DataError(f"{path}: no ink: no path, polyline, polygon or line is drawn in it")
    return _lines_of_points([(ink.strokes, ink.text) for ink in inks], path)


def _from_npy(path: Path) -> list[Line]:
    array = load_object_array(path)
    if array.ndim == 2 and array.dtype.kind != "O":
        return [_line(array, "", f"{path}", path.stem)]
    if array.ndim not in (1, 3) or not len(array):
        raise DataError(f"{path}: strokes are {_FORM}, or an array of such, got {_shape(array)}")
    return [
        _line(rows, "", f"{path}: line {index}", f"{path.stem}#{index}")
        for index, rows in enumerate(array)
    ]


def _from_json(path: Path) -> list[Line]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {' '.join(str(error).split())}") from None
    if isinstance(document, list):
        return [_line(document, "", f"{path}", path.stem)]
    if not isinstance(document, dict):
        raise DataError(f"{path}: strokes are {_FORM}, got {type(document).__name__}")
    if "pages" in document:
        return _from_pages(document, path)
    return [_line(document.get("strokes"), document.get("text", ""), f"{path}", path.stem)]


def _from_pages(document: dict[str, Any], path: Path) -> list[Line]:
    """The lines of writing on pages of ``handwriting.formats.json_writer``."""
    try:
        found = [line for page in document["pages"] for line in page["lines"] if line["strokes"]]
        inks = [
            ([np.array(stroke, dtype=np.float64) for stroke in line["strokes"]], line["text"])
            for line in found
        ]
    except (LookupError, TypeError, ValueError):
        raise DataError(f"{path}: its pages are not as this program writes them") from None
    if not inks:
        raise DataError(f"{path}: no line of writing is on these pages")
    return _lines_of_points(inks, path)


def _lines_of_points(inks: list[tuple[list[np.ndarray], Any]], path: Path) -> list[Line]:
    """Lines from the points ``[n, 2]`` of their strokes, y downwards, and their texts."""
    lines = []
    for number, (strokes, text) in enumerate(inks, start=1):
        is_only = len(inks) == 1
        where = f"{path}" if is_only else f"{path}: line {number}"
        if any(stroke.ndim != 2 or stroke.shape[1] != 2 or not len(stroke) for stroke in strokes):
            raise DataError(f"{where}: a stroke is a list of points [x, y]")
        with np.errstate(over="ignore", invalid="ignore"):
            rows = strokes_from_points([stroke * [1.0, -1.0] for stroke in strokes])
        source_id = path.stem if is_only else f"{path.stem}#{number}"
        lines.append(_line(rows, text, where, source_id, least=1))
    return lines


def _line(rows: Any, text: Any, where: str, source_id: str, least: int = 2) -> Line:
    """A line from rows of numbers, after checks of all that can be wrong with them."""
    try:
        strokes = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        strokes = np.empty(0)
    if strokes.ndim != 2 or strokes.shape[1] != 3 or len(strokes) < least:
        raise DataError(
            f"{where}: strokes are {_FORM} with two rows or more, got {_shape(strokes)}"
        )
    if not isinstance(text, str):
        raise DataError(f"{where}: text must be text, got {text!r}")
    if not np.isfinite(strokes).all() or np.abs(strokes).max() > np.finfo(np.float32).max:
        raise DataError(f"{where}: strokes must be finite numbers")
    if not np.isin(strokes[:, 0], (0.0, 1.0)).all():
        raise DataError(f"{where}: end_of_stroke, a row's first number, must be 0 or 1")
    strokes[0, 1:] = 0.0
    strokes[-1, 0] = 1.0
    return Line(strokes.astype(np.float32), " ".join(text.split()), "", source_id, "")


def _shape(array: np.ndarray) -> str:
    return f"an array of shape {list(array.shape)}" if array.size else "something else"


_READERS: dict[str, Callable[[Path], list[Line]]] = {
    ".inkml": _from_inkml,
    ".svg": _from_svg,
    ".npy": _from_npy,
    ".json": _from_json,
}
INK_SUFFIXES = tuple(_READERS)
