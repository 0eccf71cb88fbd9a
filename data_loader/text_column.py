"""A text for each line of a corpus, in two files that are mapped and never read whole: ``NAME.bin``
has the texts one after the other (UTF-8, halves of surrogate pairs included), ``NAME.offsets.bin``
the byte at which each begins, and the end (int64 ``[L + 1]``).

Shapes: ``L`` lines.
"""

from pathlib import Path

import numpy as np

_ROWS = 1 << 20  # looked at at once


def file_names(name: str) -> tuple[str, str]:
    """Return the names of a column's files: the texts, and where each begins."""
    return f"{name}.bin", f"{name}.offsets.bin"


def encoded(text: str) -> bytes:
    """Return a text as it stands in a column."""
    return text.encode("utf-8", "surrogatepass")


class TextColumn:
    """The texts of the lines, opened for reading.

    Args:
        folder: of the files.
        name: of the column.
        lines: ``L``.

    Raises:
        ValueError: the files do not fit each other.
        OSError: one cannot be read.
    """

    def __init__(self, folder: Path, name: str, lines: int) -> None:
        texts, offsets = file_names(name)
        self._name = name
        self._texts = mapped(folder / texts, np.uint8, ((folder / texts).stat().st_size,))
        self._offsets = mapped(folder / offsets, np.int64, (lines + 1,))
        check_ascending(self._offsets, len(self._texts), offsets, least=0)

    def __getitem__(self, index: int) -> str:
        """Return the text of a line; ``ValueError`` where it is none."""
        start, stop = self._offsets[index], self._offsets[index + 1]
        try:
            return self._texts[start:stop].tobytes().decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise ValueError(f"{self._name}: line {index}: is no text") from None


def mapped(path: Path, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    """Return the array of a file that has its values alone, in the machine's byte order, mapped.

    Raises:
        ValueError: the file has another size.
        OSError: it cannot be read.
    """
    count = 1
    for size in shape:
        count *= size
    expected, found = count * np.dtype(dtype).itemsize, path.stat().st_size
    if found != expected:
        raise ValueError(f"bytes of {path.name}: {found}, expected {expected}")
    if not count:
        return np.zeros(shape, dtype)  # nothing cannot be mapped
    return np.asarray(np.memmap(path, dtype=dtype, mode="r", shape=shape))


def check_ascending(offsets: np.ndarray, end: int, name: str, least: int) -> None:
    """Check places ``[L + 1]`` from 0 to ``end``, a part at a time.

    Raises:
        ValueError: they begin or end elsewhere, or one is not at least ``least`` after the one
            before.
    """
    if offsets[0] != 0 or offsets[-1] != end:
        raise ValueError(
            f"{name}: offsets are from {offsets[0]} to {offsets[-1]}, expected 0 to {end}"
        )
    for start in range(0, len(offsets) - 1, _ROWS):
        part = offsets[start : start + _ROWS + 1]
        if (np.diff(part) < least).any():
            raise ValueError(f"{name}: offsets do not ascend")
