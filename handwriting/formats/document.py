"""Ink with all that its file says of it: what readers keep, and writers write back.

Coordinates are in the file's units, x to the right and y downwards, as on a page.
Shapes: ``n`` points of one stroke.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

_COLOUR = re.compile("#[0-9a-f]{6}(?:[0-9a-f]{2})?")
_SHORT = re.compile("#[0-9a-f]{3,4}")
NOT_WRITING = frozenset({"highlighter", "eraser"})
"""Tools whose strokes are no handwriting; what a file calls its pen is kept as it is."""

LINE = "line"

DRAWING = "drawing"
"""Level of strokes that a file says are no writing."""


@dataclass(frozen=True)
class InkStroke:
    """The pen's way from where it is put down to where it is lifted.

    Attributes:
        points: float64 ``[n, 2]`` (x, y), n >= 1, finite.
        times: float64 ``[n]`` seconds, from any moment that is the same for the document; None
            where the file has none.
        pressures: float64 ``[n]``, from 0 to 1 where the file says which is the greatest, else as
            the file has it; None where it has none.
        colour: ``#rrggbb`` or, where it can be seen through, ``#rrggbbaa``; empty where unknown.
        width: of the pen, in the units of the points; 0 where unknown.
        tool: of ``NOT_WRITING``, or how the file calls a pen; empty where it says nothing.
        layer: number of the page's layer, from 0, the lowest.
        others: further values ``[n]`` by their channel's name in InkML, such as ``OTx`` for tilt;
            NaN where a point has none.
        attributes: further properties by the names that the file's format has for them.
    """

    points: np.ndarray
    times: np.ndarray | None = None
    pressures: np.ndarray | None = None
    colour: str = ""
    width: float = 0.0
    tool: str = ""
    layer: int = 0
    others: Mapping[str, np.ndarray] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_writing(self) -> bool:
        """Whether a pen drew it, and no highlighter or eraser."""
        return self.tool not in NOT_WRITING


@dataclass(frozen=True)
class InkLabel:
    """Strokes that belong together, as a line or as a word, and their text.

    Attributes:
        text: what they say; empty where the file does not say it.
        strokes: their numbers on the page, in the order they are read.
        level: such as ``line``, ``word``, ``character`` or ``drawing``.
        rotation: degrees clockwise that the file says they are turned by.
        writer: who wrote them, empty where unknown.
    """

    text: str
    strokes: tuple[int, ...]
    level: str = LINE
    rotation: float = 0.0
    writer: str = ""


@dataclass(frozen=True)
class PlacedText:
    """Typed text on a page; it may be what the ink there says.

    Attributes:
        text: its lines, with newlines between.
        left: x of its left edge.
        top: y of its upper edge.
        size: of its font, in the units of the points.
        line_height: from a line's top to that of the next, in the same units.
        colour: as of a stroke.
        layer: as of a stroke.
        attributes: as of a stroke.
    """

    text: str
    left: float
    top: float
    size: float
    line_height: float
    colour: str = ""
    layer: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RawPart:
    """Something that is no ink, such as a picture, in the words of its format; only writers of that
    format write it.

    Attributes:
        format: name of the format.
        content: as it stands in the file.
        layer: as of a stroke; -1 for a part of the page itself, such as its background.
        over: how many strokes of its layer it lies over.
    """

    format: str
    content: str
    layer: int = -1
    over: int = 0


@dataclass(frozen=True)
class InkPage:
    """A page, or a canvas without end.

    Attributes:
        strokes: in the order they were written, as far as the file tells.
        labels: which of them are lines and words, in reading order, as far as the file tells.
        texts: typed text.
        width, height: in the units of the points; 0 for a canvas without end.
        rotation: degrees clockwise that the file says its writing is turned by.
        layers: names of its layers, from the lowest; empty where they have none.
        parts: all else on it.
    """

    strokes: tuple[InkStroke, ...]
    labels: tuple[InkLabel, ...] = ()
    texts: tuple[PlacedText, ...] = ()
    width: float = 0.0
    height: float = 0.0
    rotation: float = 0.0
    layers: tuple[str, ...] = ()
    parts: tuple[RawPart, ...] = ()


@dataclass(frozen=True)
class InkDocument:
    """All pages of a file.

    Attributes:
        pages: at least one.
        units_per_mm: of all coordinates; 0 where unknown.
        writer: who wrote it, empty where unknown.
        notes: further facts about it, kind and text of each, such as a title.
    """

    pages: tuple[InkPage, ...]
    units_per_mm: float = 0.0
    writer: str = ""
    notes: tuple[tuple[str, str], ...] = ()

    def strokes(self) -> Iterator[InkStroke]:
        """The strokes of all pages."""
        for page in self.pages:
            yield from page.strokes


def colour_of(red: float, green: float, blue: float, alpha: float = 1.0) -> str:
    """Return ``#rrggbb``, with ``aa`` where it can be seen through, of parts from 0 to 1."""
    parts = (red, green, blue) if alpha >= 1 else (red, green, blue, alpha)
    return "#" + "".join(f"{round(255 * min(max(part, 0.0), 1.0)):02x}" for part in parts)


def hex_colour(text: str) -> str:
    """Return a colour of a file as ``InkStroke`` has it, empty where it is in another form."""
    lower = text.strip().lower()
    if _SHORT.fullmatch(lower):
        lower = "#" + "".join(2 * digit for digit in lower[1:])
    if not _COLOUR.fullmatch(lower):
        return ""
    return lower[:7] if lower[7:] == "ff" else lower


def box_of(strokes: "list[np.ndarray]") -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of points ``[n, 2]`` of several strokes, y downwards."""
    points = np.concatenate(strokes)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return float(left), float(top), float(right), float(bottom)
