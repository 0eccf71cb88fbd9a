"""Ink in NumPy files: one line, or the ``strokes.npy`` of a corpus."""

from pathlib import Path

from handwriting.errors import DataError
from handwriting.formats.checked_lines import ROWS, line_of_rows, shape_of
from handwriting.formats.unpickling import load_object_array
from handwriting.ink.line import Line


def read_npy(path: Path) -> list[Line]:
    """Return the lines of an array ``[T, 3]`` as in ``Line.strokes``, or of an array of such.

    Raises:
        DataError: it holds anything else.
    """
    array = load_object_array(path)
    if array.ndim == 2 and array.dtype.kind != "O":
        return [line_of_rows(array, "", f"{path}", path.stem)]
    if array.ndim not in (1, 3) or not len(array):
        raise DataError(f"{path}: strokes are {ROWS}, or an array of such, got {shape_of(array)}")
    return [
        line_of_rows(rows, "", f"{path}: line {index}", f"{path.stem}#{index}")
        for index, rows in enumerate(array)
    ]
