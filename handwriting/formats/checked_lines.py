"""Lines from the numbers that a file holds, after checks of all that can be wrong with them.

Shapes: ``T`` pen steps, ``n`` points of a stroke.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.errors import DataError
from handwriting.formats.unpickling import REAL_KINDS
from handwriting.ink.line import Line, strokes_from_points
from handwriting.ink.measures import MOST_STEP, longest_step
from handwriting.quoting import MOST_SHOWN, printable, quoted

SURROGATE = re.compile("[\ud800-\udfff]")
ROWS = "[[end_of_stroke, dx, dy], ...], y upwards"


def lines_of_points(inks: list[tuple[list[np.ndarray], Any]], path: Path) -> list[Line]:
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
        lines.append(line_of_rows(rows, text, where, source_id, least=1))
    return lines


def line_of_rows(rows: Any, text: Any, where: str, source_id: str, least: int = 2) -> Line:
    """A line from rows of numbers, after checks of all that can be wrong with them."""
    try:
        strokes = real_numbers(rows)
    except (TypeError, ValueError, OverflowError):
        strokes = np.empty(0)
    if strokes.ndim != 2 or strokes.shape[1] != 3 or len(strokes) < least:
        raise DataError(
            f"{where}: strokes are {ROWS} with two rows or more, got {shape_of(strokes)}"
        )
    if not isinstance(text, str):
        raise DataError(f"{where}: text must be text, got {printable(repr(text)[:MOST_SHOWN])}")
    half = SURROGATE.search(text)
    if half:
        raise DataError(
            f"{where}: character {half.start() + 1} of its text is half a surrogate pair:"
            f" {quoted(half[0])}"
        )
    if not np.isfinite(strokes).all() or np.abs(strokes).max() > np.finfo(np.float32).max:
        raise DataError(f"{where}: strokes must be finite numbers")
    if not np.isin(strokes[:, 0], (0.0, 1.0)).all():
        raise DataError(f"{where}: end_of_stroke, a row's first number, must be 0 or 1")
    check_steps(strokes, where)
    strokes[0, 1:] = 0.0
    strokes[-1, 0] = 1.0
    return Line(strokes.astype(np.float32), " ".join(text.split()), "", source_id, "")


def check_steps(strokes: np.ndarray, where: str) -> None:
    """``DataError`` where the pen of ``strokes [T, 3]`` steps farther than it can."""
    step = longest_step(strokes)
    if step > MOST_STEP:
        raise DataError(
            f"{where}: the pen steps {step:.3g} letters' heights at once, more than"
            f" {MOST_STEP:,.0f} is a fault in the file"
        )


def widened(numbers: np.ndarray) -> np.ndarray:
    """Return numbers of a file as float64. A NaN of the signalling kind becomes one without the
    processor's alarm; points that are not finite are refused where all points are."""
    with np.errstate(invalid="ignore"):
        return numbers.astype(np.float64)


def real_numbers(rows: Any) -> np.ndarray:
    """Return rows of real numbers as a new array of float64.

    Args:
        rows: an array, or a list of rows, each a list or an array.

    Raises:
        TypeError, ValueError, OverflowError: something in them is no real number (truth values,
            texts and null are none), or the rows are of different lengths.
    """
    if isinstance(rows, np.ndarray):
        if rows.dtype != object:
            return widened(_real(rows))
        rows = rows.tolist()
    for row in rows:
        if isinstance(row, np.ndarray) and row.dtype != object:
            _real(row)
        elif not all(type(value) in (int, float) for value in row):
            raise TypeError("a row has something that is no number")
    return np.array(rows, dtype=np.float64)


def _real(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in REAL_KINDS:
        raise TypeError(f"an array of type {array.dtype} has no real numbers")
    return array


def shape_of(array: np.ndarray) -> str:
    return f"an array of shape {list(array.shape)}" if array.size else "something else"
