"""UNIPEN files as documents of ink, with the times and pressures that they have."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handwriting.errors import DataError
from handwriting.formats.document import InkDocument, InkLabel, InkPage, InkStroke
from handwriting.formats.unipen_reader import UnipenInk, read_unipen_ink

_TIME, _PRESSURE = "T", "P"
_SECONDS = 1e-3


def read_unipen_document(path: Path) -> InkDocument:
    """Return the ink of a UNIPEN file and of those it includes: a stroke for each component with
    the pen down, a label for each segment. A stroke is in a label where any of it is in the
    segment.

    Raises:
        DataError: a file is malformed, or no ink is in it; names the file and the line.
    """
    ink = read_unipen_ink(path)
    down = [at for at, is_down in enumerate(ink.is_down) if is_down]
    if not down:
        raise DataError(f"{path}: no ink: no .PEN_DOWN with a point is in it")
    strokes = tuple(_stroke(ink.components[at], ink.others[at]) for at in down)
    number_of = {at: number for number, at in enumerate(down)}
    page = InkPage(strokes, tuple(_labels(ink, number_of)))
    return InkDocument((page,), ink.points_per_mm, ink.writer)


def _stroke(points: np.ndarray, columns: dict[str, np.ndarray]) -> InkStroke:
    whole = {name: values for name, values in columns.items() if np.isfinite(values).all()}
    times, pressures = whole.pop(_TIME, None), whole.pop(_PRESSURE, None)
    return InkStroke(
        points * [1.0, -1.0], None if times is None else times * _SECONDS, pressures, others=whole
    )


def _labels(ink: UnipenInk, number_of: dict[int, int]) -> Iterator[InkLabel]:
    for segment in ink.segments:
        components = (
            at for span in ink.spans_of(segment) for at in range(span.first, span.last + 1)
        )
        numbers = tuple(dict.fromkeys(number_of[at] for at in components if at in number_of))
        if numbers:
            yield InkLabel(segment.label, numbers, segment.level.lower())
