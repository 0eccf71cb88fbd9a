"""Ink in tables of text (CSV, TSV): a row a point, with x, y and, where it has them, its time,
whether the pen is down or the number of the stroke, pressure and page.

Columns are known by their names in the first row, in any of several spellings; without names they
are x, y, time and pen, in this order, or x, y and pen where the third has only 0 and 1. y grows
downwards, as on a screen. Between values are commas, semicolons, tabs or spaces.

Shapes: ``n`` points, ``m`` of one stroke.
"""

import math
import re
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handwriting.formats.canvas_reader import pen_runs, seconds
from handwriting.formats.document import InkDocument, InkPage, InkStroke
from handwriting.formats.ink_values import (
    BadInk,
    check_coordinates,
    decoded_text,
    read_document,
)
from handwriting.quoting import quoted

NAMES = {
    "x": ("x", "xpos", "posx", "positionx", "xposition", "xcoordinate", "coordx", "px", "xmm"),
    "y": ("y", "ypos", "posy", "positiony", "yposition", "ycoordinate", "coordy", "py", "ymm"),
    "time": ("t", "time", "timestamp", "ts", "timems", "tms", "times", "ms", "elapsed", "millis"),
    "stroke": ("stroke", "strokeid", "strokenumber", "strokeno", "strokenr", "strokeindex", "sid"),
    "pen": ("pen", "pendown", "penstate", "penstatus", "down", "isdown", "contact", "touch", "tip"),
    "end": ("end", "endofstroke", "eos"),
    "up": ("penup", "up", "isup", "lift"),
    "pressure": ("p", "pressure", "force", "f", "z", "penpressure"),
    "page": ("page", "pageid", "pagenumber", "pageno"),
}
"""What each column may be called; case, spaces and punctuation do not count."""

_BY_NAME = {name: column for column, names in NAMES.items() for name in names}
_PLAIN = (("x", "y"), ("x", "y", "time"), ("x", "y", "time", "pen"))
_DELIMITERS = (";", "\t", ",", "|")
_NOT_LETTERS = re.compile(r"[^a-z]")
_UNIT = re.compile(r"[\[(].*")
_TRUTHS = {"true": 1.0, "down": 1.0, "false": 0.0, "up": 0.0}
# Columns that say whether something is so; of a table without names, the third and the fourth.
_STATES = frozenset({"stroke", "pen", "end", "up", "2", "3"})
_MISSING = frozenset({"", "nan", "null", "none", "na"})
_MOST_COLUMNS = 64
# Share of points at which the pen is up that are ends of strokes; more are of its way in the air.
_MOST_LIFTS = 0.3


def read_csv(path: Path) -> InkDocument:
    """Return the ink of a table.

    Raises:
        DataError: it has no columns x and y, or a value in them that is no number; names the file
            and the row.
    """
    return read_document(path, _document)


def _document(data: bytes) -> InkDocument:
    lines = [line for line in decoded_text(data).splitlines() if line.strip()]
    if not lines:
        raise BadInk("no row is in it")
    delimiter = next((each for each in _DELIMITERS if each in lines[0]), None)
    first = _cells(lines[0], delimiter)
    names = _header(first)
    rows = lines[1:] if names else lines
    columns = _columns(rows, delimiter, names or ("",) * len(first), 2 if names else 1)
    if not names:
        columns = _unnamed(columns)
    pages = columns.pop("page", None)
    if pages is None or not np.isfinite(pages).all():
        return InkDocument((InkPage(tuple(_strokes(columns))),))
    found = [
        {name: values[pages == page] for name, values in columns.items()}
        for page in np.unique(pages)
    ]
    return InkDocument(tuple(InkPage(tuple(_strokes(part))) for part in found))


def _cells(line: str, delimiter: str | None) -> list[str]:
    return [cell.strip().strip("\"'").strip() for cell in line.split(delimiter)]


def _header(first: list[str]) -> tuple[str, ...]:
    """The columns that a row names, the empty string for those that are not used; none at all where
    it is a row of numbers."""
    if all(_number(cell, ";") is not None for cell in first):
        return ()
    found = [_BY_NAME.get(_NOT_LETTERS.sub("", _UNIT.sub("", cell.lower())), "") for cell in first]
    for column in ("x", "y"):
        if column not in found:
            raise BadInk(f"no column {column}, got {quoted(', '.join(first))}")
    return tuple(column if column not in found[:at] else "" for at, column in enumerate(found))


def _columns(
    lines: list[str], delimiter: str | None, names: tuple[str, ...], first_row: int
) -> dict[str, np.ndarray]:
    """The values ``[n]`` of each column that is used, NaN where one is missing; by number where the
    table has no names."""
    is_named = any(names)
    wanted = {at: name or str(at) for at, name in enumerate(names) if name or not is_named}
    if len(wanted) > _MOST_COLUMNS:
        raise BadInk(f"{len(wanted)} columns, a point has {_MOST_COLUMNS} at most")
    found = {name: array("d") for name in wanted.values()}
    for row, line in enumerate(lines, start=first_row):
        cells = _cells(line, delimiter)
        for at, name in wanted.items():
            value = _value(name, cells[at], delimiter) if at < len(cells) else math.nan
            if value is None:
                raise BadInk(f"row {row}: {name} is no number, got {quoted(cells[at])}")
            found[name].append(value)
    return {name: np.frombuffer(values) for name, values in found.items() if len(values)}


def _value(name: str, cell: str, delimiter: str | None) -> float | None:
    """The number in a cell of a column: ``_number``, and None for a truth that is no measure."""
    is_truth = cell.lower() in _TRUTHS
    return None if is_truth and name not in _STATES else _number(cell, delimiter)


def _number(cell: str, delimiter: str | None) -> float | None:
    """The number in a cell, NaN where it is empty, None where it has something else."""
    lower = cell.lower()
    if lower in _MISSING:
        return math.nan
    if lower in _TRUTHS:
        return _TRUTHS[lower]
    try:
        return float(cell.replace(",", ".") if delimiter == ";" else cell)
    except ValueError:
        return None


def _unnamed(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns of a table without names."""
    found = list(columns.values())
    if len(found) == 3 and np.isin(found[2], (0.0, 1.0)).all():
        return dict(zip(("x", "y", "pen"), found, strict=True))
    names = next((names for names in _PLAIN if len(names) == len(found)), None)
    if names is None:
        raise BadInk(
            f"{len(found)} columns without names: without a first row of names they are x, y,"
            " time and pen"
        )
    return dict(zip(names, found, strict=True))


def _strokes(columns: dict[str, np.ndarray]) -> Iterator[InkStroke]:
    if "x" not in columns or "y" not in columns:
        raise BadInk("no row of numbers is in it")
    points = np.column_stack([columns["x"], columns["y"]])
    is_there = np.isfinite(points).all(axis=1)
    check_coordinates(points[is_there])
    times, pressures = columns.get("time"), columns.get("pressure")
    if times is not None and np.isfinite(times).all():
        times = seconds(times)
    for run in _runs(columns, len(points)):
        part = run[is_there[run]]
        if len(part):
            yield InkStroke(points[part], _whole(times, part), _whole(pressures, part))


def _whole(values: np.ndarray | None, part: np.ndarray) -> np.ndarray | None:
    """The values of a stroke, None where one is missing."""
    if values is None or not np.isfinite(values[part]).all():
        return None
    found: np.ndarray = values[part]
    return found


def _runs(columns: dict[str, np.ndarray], count: int) -> list[np.ndarray]:
    """Which points are in each stroke."""
    if "stroke" in columns:
        numbers = np.nan_to_num(columns["stroke"], nan=-1.0)
        pens = columns.get("pen")
        is_down = np.ones(count, bool) if pens is None else pens > 0
        starts = np.flatnonzero((np.diff(numbers) != 0) | (np.diff(is_down.astype(int)) != 0)) + 1
        return [run for run in np.split(np.arange(count), starts) if is_down[run[0]]]
    pens, ends = columns.get("pen"), columns.get("end", columns.get("up"))
    if pens is None and ends is not None:
        if "up" in columns and np.mean(ends > 0) > _MOST_LIFTS:
            return pen_runs((ends <= 0).astype(np.float64), count)
        after = np.flatnonzero(ends > 0) + 1
        return [run for run in np.split(np.arange(count), after) if len(run)]
    return pen_runs(None if pens is None else np.nan_to_num(pens), count)
