"""Lines from the numbers that a file holds, after checks of all that can be wrong with them.

Shapes: ``T`` pen steps, ``n`` points of a stroke.
"""

from pathlib import Path
from typing import Any

import numpy as np

from handwriting.errors import DataError
from handwriting.ink.line import Line, strokes_from_points

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
        strokes = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        strokes = np.empty(0)
    if strokes.ndim != 2 or strokes.shape[1] != 3 or len(strokes) < least:
        raise DataError(
            f"{where}: strokes are {ROWS} with two rows or more, got {shape_of(strokes)}"
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


def shape_of(array: np.ndarray) -> str:
    return f"an array of shape {list(array.shape)}" if array.size else "something else"
