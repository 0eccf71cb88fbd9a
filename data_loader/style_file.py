"""A line of handwriting from a file of its own, such as one whose style is to be written in.

Shapes: ``T`` pen steps.
"""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data_loader.line import Line, strokes_from_points
from data_loader.normalisation import Normalisation
from data_loader.readers.inkml import InkmlReader
from utils.errors import DataError

# Lines of one corpus differ in size by less than this factor.
_SAME_UNITS = 2.5
_FORM = "[[end_of_stroke, dx, dy], ...], y upwards"


def read_style_file(path: Path) -> Line:
    """The line in a file; the first one where there are several.

    - ``.inkml``: see ``InkmlReader``.
    - ``.npy``: numbers ``[T, 3]`` as in ``Line.strokes``.
    - ``.json``: the same as a list of rows; or ``{"strokes": rows, "text": "..."}``; or pages as
      ``utils.pages`` writes them.

    Returns:
        the line, in the file's units; its text is empty where the file has none.

    Raises:
        DataError: one line naming the file and what is wrong with it.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        known = ", ".join(_READERS)
        raise DataError(f"{path}: a style is read from {known}, got {path.suffix or 'no suffix'!r}")
    try:
        return read(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def in_units_of(line: Line, normalisation: Normalisation) -> tuple[Line, float]:
    """A line of any size, in the units of the lines that ``normalisation`` was computed on.

    Returns:
        the line, and what it was multiplied by: 1 where it may well be in these units already,
        else what gives its offsets the same spread.
    """
    spread = math.sqrt(float(np.mean(np.square(line.strokes[1:, 1:], dtype=np.float64))))
    squares = np.square(normalisation.mean) + np.square(normalisation.std)  # means of squares
    usual = math.sqrt(float(squares.mean()))
    factor = usual / spread if spread > 0 else 1.0
    if 1 / _SAME_UNITS <= factor <= _SAME_UNITS:
        return line, 1.0
    scaled = line.strokes * np.array([1.0, factor, factor], dtype=np.float32)
    return replace(line, strokes=scaled.astype(np.float32)), factor


def _from_inkml(path: Path) -> Line:
    return next(iter(InkmlReader(data_dir=str(path), require_text=False).read()))


def _from_npy(path: Path) -> Line:
    try:
        rows = np.load(path, allow_pickle=False)
    except (ValueError, EOFError):
        raise DataError(f"{path}: not a NumPy array of numbers") from None
    return _line(rows, "", path)


def _from_json(path: Path) -> Line:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {' '.join(str(error).split())}") from None
    if isinstance(document, list):
        return _line(document, "", path)
    if not isinstance(document, dict):
        raise DataError(f"{path}: strokes are {_FORM}, got {type(document).__name__}")
    if "pages" in document:
        return _from_pages(document, path)
    return _line(document.get("strokes"), document.get("text", ""), path)


def _from_pages(document: dict[str, Any], path: Path) -> Line:
    """The first line of writing on pages of ``utils.pages.json_file``, whose y grows downwards."""
    try:
        line = next(line for page in document["pages"] for line in page["lines"])
        strokes = [np.array(stroke, dtype=np.float64) * [1.0, -1.0] for stroke in line["strokes"]]
        rows, text = strokes_from_points(strokes), line["text"]
    except (StopIteration, LookupError, TypeError, ValueError):
        raise DataError(f"{path}: no line of writing is on these pages") from None
    return _line(rows, text, path)


def _line(rows: Any, text: Any, path: Path) -> Line:
    """A line from rows of numbers, after checks of all that can be wrong with them."""
    try:
        strokes = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        strokes = np.empty(0)
    if strokes.ndim != 2 or strokes.shape[1] != 3 or len(strokes) < 2:
        shape = f"an array of shape {list(strokes.shape)}" if strokes.size else "something else"
        raise DataError(f"{path}: strokes are {_FORM} with two rows or more, got {shape}")
    if not isinstance(text, str):
        raise DataError(f"{path}: text must be text, got {text!r}")
    if not np.isfinite(strokes).all() or np.abs(strokes).max() > np.finfo(np.float32).max:
        raise DataError(f"{path}: strokes must be finite numbers")
    if not np.isin(strokes[:, 0], (0.0, 1.0)).all():
        raise DataError(f"{path}: end_of_stroke, a row's first number, must be 0 or 1")
    strokes[0, 1:] = 0.0
    strokes[-1, 0] = 1.0
    return Line(strokes.astype(np.float32), " ".join(text.split()), "", path.stem, "")


_READERS: dict[str, Callable[[Path], Line]] = {
    ".inkml": _from_inkml,
    ".npy": _from_npy,
    ".json": _from_json,
}
STYLE_SUFFIXES = tuple(_READERS)
