"""One line of online handwriting, the unit that every reader yields.

Shapes: ``T`` pen steps (points of the line).
"""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Line:
    """A line of handwriting with what is known about it.

    Attributes:
        strokes: float32 ``[T, 3]``, rows ``(end_of_stroke, dx, dy)``. Each row is the pen's offset
            from the point before, in the source's own units, y growing upwards; the first row is
            the first point, with offset (0, 0). ``end_of_stroke`` is 1 on the last point of a
            stroke (a dot is a stroke of one point), else 0; the last row's is always 1.
        text: the transcription; empty where there is none.
        writer: the writer's id, empty where it is not known.
        source_id: what names the line in its source, such as ``a01-000u-01``.
        split: name of the split the line belongs to, such as ``trainset``; empty for none.
        source: which of several mixed sources the line is from; empty where there is one alone.
    """

    strokes: np.ndarray
    text: str
    writer: str
    source_id: str
    split: str
    source: str = ""


def strokes_from_points(points_of_strokes: list[np.ndarray]) -> np.ndarray:
    """Offsets from absolute points.

    Args:
        points_of_strokes: for each stroke the points ``[n, 2]`` (x, y), n >= 1, y upwards.

    Returns:
        float32 ``[T, 3]`` as in ``Line.strokes``.
    """
    points = np.concatenate(points_of_strokes).astype(np.float64)
    strokes = np.zeros((len(points), 3), dtype=np.float32)
    strokes[1:, 1:] = np.diff(points, axis=0)
    ends = np.cumsum([len(stroke) for stroke in points_of_strokes]) - 1
    strokes[ends, 0] = 1.0
    return strokes


def points_from_strokes(strokes: np.ndarray) -> list[np.ndarray]:
    """Absolute points ``[n, 2]`` float64 of each stroke; the first point of the line is (0, 0) plus
    its own offset. Points after the last end of stroke form a stroke of their own."""
    points = np.cumsum(strokes[:, 1:].astype(np.float64), axis=0)
    ends = np.flatnonzero(strokes[:, 0] > 0.5) + 1
    return [stroke for stroke in np.split(points, ends) if len(stroke)]


def content_digest(line: Line) -> str:
    """Return 16 hexadecimal digits that are the same for the same text and ink, whatever reader it
    is from and wherever on the page it is: the beginning of a SHA-256."""
    ink = (line.strokes[1:].astype("<f4") + 0.0).tobytes()  # + 0: no zero has a sign
    return hashlib.sha256(line.text.encode() + b"\0" + ink).hexdigest()[:16]
