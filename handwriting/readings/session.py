"""Reading while somebody writes: after each stroke, only what changed is read again."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from handwriting.errors import DataError
from handwriting.readings.document_reader import (
    DocumentReader,
    LaidPage,
    LineResult,
    struck_strokes,
)
from handwriting.readings.page_ink import KnownLine, PageInk
from handwriting.readings.result import ReadPage

_MOST_KEPT = 1000


class Session:
    """A page that grows stroke by stroke.

    ::

        session = Session(reader)
        for stroke in pen:
            print(session.add_stroke(stroke))

    Args:
        reader: of pages.
        one_line: take all ink for one line, which needs no layout.
        strokes: what is on the page already.

    Raises:
        DataError: as ``add_stroke``.
    """

    def __init__(
        self,
        reader: DocumentReader[Any],
        one_line: bool = False,
        strokes: Sequence[np.ndarray] = (),
    ) -> None:
        self.reader = reader
        self.one_line = one_line
        self.lines_read = 0
        """Number of lines that were read so far, those that were read again included."""
        self._strokes = [_checked(stroke) for stroke in strokes]
        self._kept: OrderedDict[tuple[object, ...], LineResult] = OrderedDict()
        self._page = ReadPage((), ())
        self._read()

    @property
    def page(self) -> ReadPage:
        """The page as it was read last."""
        return self._page

    def add_stroke(self, points: np.ndarray) -> str:
        """Add a stroke ``[n, 2]`` (x, y), y upwards, in any unit, and return the text so far.

        Raises:
            DataError: it is no stroke: not that shape, no points, or numbers that are not finite.
        """
        self._strokes.append(_checked(points))
        return self._read()

    def remove_stroke(self) -> str:
        """Take the latest stroke back, and return the text without it."""
        if self._strokes:
            self._strokes.pop()
        return self._read()

    def _read(self) -> str:
        strokes = tuple(self._strokes)
        if not strokes or not any(np.ptp(stroke, axis=0).any() for stroke in strokes):
            self._page = ReadPage(strokes, ())
            return ""
        page = PageInk(strokes) if not self.one_line else _one_line(strokes)
        laid = self.reader.laid_out(page)
        self._page = self.reader.assembled(page, laid, self._results(page, laid))
        return self._page.text

    def _results(self, page: PageInk, laid: LaidPage) -> list[LineResult]:
        """Outcomes of all lines; those that are as they were are not read again."""
        struck = struck_strokes(laid.layout)
        keys = [
            # All that the reading of a line depends on.
            (line, ink.strokes.tobytes(), ink.origin.tobytes(), struck.intersection(line.strokes))
            for line, ink in zip(laid.layout.lines, laid.rows, strict=True)
        ]
        new = [at for at, key in enumerate(keys) if key not in self._kept]
        read = self.reader.read_lines(page, laid, new)
        self.lines_read += len(new)
        self._kept.update((keys[at], result) for at, result in zip(new, read, strict=True))
        results = [self._kept[key] for key in keys]
        while len(self._kept) > max(_MOST_KEPT, len(keys)):
            self._kept.popitem(last=False)
        return results


def _checked(points: np.ndarray) -> np.ndarray:
    stroke = np.asarray(points, np.float64)
    if stroke.ndim != 2 or stroke.shape[1:] != (2,) or not len(stroke):
        raise DataError(f"stroke: should be an array [n, 2], n >= 1, got {stroke.shape}")
    if not np.isfinite(stroke).all():
        raise DataError("stroke: should have finite numbers alone")
    return stroke


def _one_line(strokes: tuple[np.ndarray, ...]) -> PageInk:
    return PageInk(strokes, (KnownLine(tuple(range(len(strokes)))),))
