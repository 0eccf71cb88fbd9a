"""A line of handwriting from a file, to write in its style.

Shapes: ``T`` pen steps.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from handwriting.errors import DataError
from handwriting.formats.ink_file import ink_in_file
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points
from handwriting.ink.normalisation import Normalisation
from handwriting.ink.pen_path import PathSampling, in_one_measure

# Lines of one corpus differ in size by less than this factor.
_SAME_UNITS = 2.5


def read_style_file(path: Path) -> Line:
    """The line in a file; the first one where there are several. See ``ink_in_file``.

    Returns:
        the line, in the file's units; its text is empty where the file has none.

    Raises:
        DataError: one line naming the file and what is wrong with it.
    """
    return ink_in_file(path)[0]


def in_measure_of(line: Line, height: float | None, sampling: PathSampling | None) -> Line:
    """A line of any size, from any device, in the size and with the points of a model's lines.

    Args:
        line: its text, where it has one, tells its size more exactly.
        height: of small letters in the model's lines; None for that of the source.
        sampling: of the points along their strokes; None for those of the source.

    Raises:
        DataError: the line has no letters whose height could be measured.
    """
    measured = in_one_measure(points_from_strokes(line.strokes), line.text, height, sampling)
    if measured is None:
        raise DataError("the style has no letters whose height could be measured")
    return replace(line, strokes=strokes_from_points(measured))


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
