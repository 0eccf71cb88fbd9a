"""A line of handwriting from a file, to write in its style.

Shapes: ``T`` pen steps.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from handwriting.formats.ink_file import ink_in_file
from handwriting.ink.line import Line
from handwriting.ink.normalisation import Normalisation

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
