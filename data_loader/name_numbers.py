"""Names that many lines share, as a split's, in a file of numbers: uint16 ``[L]``, each the place
of a name in a list.

Shapes: ``L`` lines.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_loader.text_column import mapped
from handwriting.errors import DataError

MOST_NAMES = 2**16
_ROWS = 1 << 20  # looked at at once


class NameNumbers:
    """The names of the lines, opened for reading.

    Args:
        path: of the file.
        names: each is of one line at least.
        lines: ``L``.

    Raises:
        ValueError: the file does not fit the names.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path, names: Sequence[str], lines: int) -> None:
        self.names = list(names)
        self._numbers = mapped(path, np.uint16, (lines,))
        counts = np.zeros(MOST_NAMES, np.int64)
        for start in range(0, lines, _ROWS):
            counts += np.bincount(self._numbers[start : start + _ROWS], minlength=MOST_NAMES)
        used = np.flatnonzero(counts).tolist()
        if used != list(range(len(self.names))) or len(set(self.names)) != len(self.names):
            raise ValueError(f"{path.name}: numbers are not those of the names")

    def __getitem__(self, index: int) -> str:
        return self.names[int(self._numbers[index])]

    def of(self, lines: np.ndarray) -> np.ndarray:
        """Return the names of many lines: an array of texts, each of which is there once."""
        names = np.array(self.names, dtype=object)
        found: np.ndarray = names[self._numbers[lines]]
        return found

    def lines_of(self, name: str) -> np.ndarray:
        """Return the numbers of the lines that have a name, int64, ascending."""
        return np.flatnonzero(self._numbers == self.names.index(name)).astype(np.int64)


class NameNumbering:
    """Numbers for names, in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        """The names, each at the place of its number."""
        return list(self._numbers)

    def number(self, name: str) -> bytes:
        """Return a name's number as it stands in the file.

        Raises:
            DataError: there are too many names.
        """
        number = self._numbers.setdefault(name, len(self._numbers))
        if number >= MOST_NAMES:
            raise DataError(f"a corpus has at most {MOST_NAMES:,} splits, and as many sources")
        return number.to_bytes(2, sys.byteorder)
