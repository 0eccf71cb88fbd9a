"""Pages of reMarkable tablets with software before 3: versions 3 and 5 of ``.rm``.

After the head come the number of layers, for each the number of its strokes, and for each of those
its pen, its colour, its width and its points; all numbers have 32 bits, the lowest byte first.

Shapes: ``n`` points of one stroke.
"""

import numpy as np

from handwriting.formats.checked_lines import widened
from handwriting.formats.document import InkDocument, InkPage, InkStroke
from handwriting.formats.ink_values import BadInk, check_coordinates

OLD_HEAD = 43
"""Bytes before the number of layers."""

UNITS_PER_MM = 226 / 25.4
WIDTH, HEIGHT = 1404.0, 1872.0
OLD_VERSIONS = {"3": 5, "5": 6}
"""Numbers before the points of a stroke, the last of which is how many points there are."""

_POINT = 6  # x, y, speed, direction, width, pressure
_COLOURS = {0: "#000000", 1: "#7d7d7d", 2: "#ffffff"}
_TOOLS = {5: "highlighter", 18: "highlighter", 6: "eraser", 8: "eraser"}


def old_rm_document(data: bytes, version: str) -> InkDocument:
    """Return the ink of a page.

    Args:
        data: what follows the head.
        version: of ``OLD_VERSIONS``.

    Raises:
        BadInk: it is cut off.
    """
    numbers = _Numbers(data)
    strokes: list[InkStroke] = []
    for layer in range(numbers.count()):
        for _ in range(numbers.count()):
            pen, colour, *_, count = numbers.take(OLD_VERSIONS[version], "<i4").tolist()
            points = widened(numbers.take(_POINT * count, "<f4")).reshape(-1, _POINT)
            if len(points):
                strokes.append(_stroke(points, pen, colour, layer))
    return InkDocument((InkPage(tuple(strokes), width=WIDTH, height=HEIGHT),), UNITS_PER_MM)


class _Numbers:
    """Numbers of 32 bits, taken one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int, kind: str) -> np.ndarray:
        """Return the next numbers; ``BadInk`` where there are fewer."""
        if not 0 <= 4 * count <= len(self._data) - self._at:
            raise BadInk("no whole page of a reMarkable tablet: it is damaged or cut off")
        found = np.frombuffer(self._data, kind, count, self._at)
        self._at += 4 * count
        return found

    def count(self) -> int:
        """Return the next number, of things that each have a number at least."""
        count = int(self.take(1, "<i4")[0])
        if not 0 <= 4 * count <= len(self._data) - self._at:
            raise BadInk("no whole page of a reMarkable tablet: it is damaged or cut off")
        return count


def _stroke(points: np.ndarray, pen: int, colour: int, layer: int) -> InkStroke:
    check_coordinates(points)
    return InkStroke(
        points[:, :2],
        pressures=points[:, 5],
        colour=_COLOURS.get(colour, ""),
        width=float(np.median(points[:, 4])),
        tool=_TOOLS.get(pen, ""),
        layer=layer,
    )
