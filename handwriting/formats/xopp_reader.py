"""Notes of Xournal++ (``.xopp``) and Xournal (``.xoj``): XML packed by gzip, or in a ZIP archive.

A page has a background and layers of strokes, texts, pictures and formulas; lengths are in points
of 1/72 inch. The first number of a stroke's width is the pen's, the others, if any, are those of
its pieces, from which the pressure is. Texts in the layer that ``xopp_writer`` names are what
strokes say. Sound is left where it is.

Shapes: ``n`` points of one stroke.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handwriting.formats.document import (
    LINE,
    InkDocument,
    InkLabel,
    InkPage,
    InkStroke,
    PlacedText,
    RawPart,
    hex_colour,
)
from handwriting.formats.ink_values import (
    BadInk,
    check_coordinates,
    check_xml_memory,
    read_document,
)
from handwriting.formats.unpacking import unpacked, unpacked_member
from handwriting.formats.xml_safe import Node, xml_text, xml_tree
from handwriting.quoting import MOST_SHOWN, quoted

UNITS_PER_MM = 72 / 25.4
LINE_HEIGHT = 1.2
"""Of a text, in sizes of its font."""

LABELS_LAYER = "text of the handwriting"
"""Name of the layer that has texts of strokes, not texts of its own."""

NUMBER = "number"
"""Attribute of strokes that were written in another order than that of layers."""

FORMAT = "xopp"
_ZIP_MAGIC, _CONTENT = b"PK\x03\x04", "content.xml"
_COLOURS = {
    "black": "#000000",
    "blue": "#3333cc",
    "red": "#ff0000",
    "green": "#008000",
    "gray": "#808080",
    "lightblue": "#00c0ff",
    "lightgreen": "#00ff00",
    "magenta": "#ff00ff",
    "orange": "#ff8000",
    "yellow": "#ffff00",
    "white": "#ffffff",
}
_PEN = "pen"
KEPT = frozenset({"capStyle", "fill", "style", "ts", "fn", "font"})
"""Attributes of strokes and texts that are kept as they are."""

_RANGES = re.compile(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*")


def read_xopp(path: Path) -> InkDocument:
    """Return the ink of a note.

    Raises:
        DataError: it is none, or has no stroke; names the file.
    """
    return read_document(path, _document)


def _document(data: bytes) -> InkDocument:
    text = unpacked_member(data, _CONTENT) if data.startswith(_ZIP_MAGIC) else unpacked(data)
    if text is not data:
        check_xml_memory(text, len(data))
    root = xml_tree(text)
    if root.name != "xournal":
        raise BadInk(f"line {root.line}: the root is <{root.name[:MOST_SHOWN]}>, not <xournal>")
    pages = tuple(_page(node) for node in root.named("page"))
    notes = tuple((node.name, node.text) for node in root.children if node.name != "page")
    return InkDocument(pages, UNITS_PER_MM, notes=notes)


def _page(node: Node) -> InkPage:
    strokes: list[tuple[Node, InkStroke]] = []
    texts: list[PlacedText] = []
    labels: list[Node] = []
    names: list[str] = []
    parts = [RawPart(FORMAT, xml_text(part)) for part in node.children if part.name != "layer"]
    for layer in node.named("layer"):
        if layer.attributes.get("name") == LABELS_LAYER:
            labels += layer.named("text")
            continue
        first = len(strokes)
        for part in layer.children:
            if part.name == "stroke":
                strokes.append((part, _stroke(part, len(names))))
            elif part.name == "text":
                texts.append(_text(part, len(names)))
            else:
                over = len(strokes) - first
                parts.append(RawPart(FORMAT, xml_text(part), len(names), over))
        names.append(layer.attributes.get("name", ""))
    known = [_label(part, _text(part, 0), len(strokes)) for part in labels]
    return InkPage(
        _in_order(strokes),
        tuple(label for label in known if isinstance(label, InkLabel)),
        (*texts, *(text for text in known if isinstance(text, PlacedText))),
        _float(node, "width"),
        _float(node, "height"),
        layers=tuple(names) if any(names) else (),
        parts=tuple(parts),
    )


def _in_order(strokes: list[tuple[Node, InkStroke]]) -> tuple[InkStroke, ...]:
    """Strokes as they were written, where all have the number that ``xopp_writer`` gives those of
    interleaved layers, else as they stand."""
    numbers = [node.attributes.get(NUMBER, "") for node, _ in strokes]
    order = list(range(len(strokes)))
    if all(len(number) < 10 and number.isdecimal() for number in numbers):
        order.sort(key=lambda at: int(numbers[at]))
    return tuple(strokes[at][1] for at in order)


def _float(node: Node, name: str) -> float:
    """The value of an attribute.

    Raises:
        BadInk: it is not there, or no number.
    """
    values = _floats(node, node.attributes.get(name, ""), name)
    if len(values) != 1 or not np.isfinite(values[0]):
        raise BadInk(f"line {node.line}: <{node.name[:MOST_SHOWN]}> has no {name}")
    return float(values[0])


def _floats(node: Node, text: str, what: str) -> np.ndarray:
    try:
        return np.array(text.split(), dtype=np.float64)
    except ValueError:
        raise BadInk(f"line {node.line}: {what}: got {quoted(text)}, not numbers") from None


def _stroke(node: Node, layer: int) -> InkStroke:
    numbers = _floats(node, node.text, "a stroke")
    if not len(numbers) or len(numbers) % 2:
        raise BadInk(f"line {node.line}: a stroke is pairs of x and y, got {len(numbers)} numbers")
    points = numbers.reshape(-1, 2)
    check_coordinates(points, f"line {node.line}: a stroke")
    widths = _floats(node, node.attributes.get("width", ""), "the width of a stroke")
    if "pressures" in node.attributes:
        pieces = _floats(node, node.attributes["pressures"], "the pressures of a stroke")
        widths = np.append(widths[:1], pieces)
    tool = node.attributes.get("tool", "")
    pressures = _pressures(widths, len(points))
    if len(points) == 2 and np.array_equal(*points):  # a dot, of which Xournal++ needs two points
        points, pressures = points[:1], None if pressures is None else pressures[:1]
    return InkStroke(
        points,
        pressures=pressures,
        colour=_colour(node),
        width=float(widths[0]) if len(widths) and np.isfinite(widths[0]) else 0.0,
        tool="" if tool == _PEN else tool,
        layer=layer,
        attributes=_kept(node),
    )


def _pressures(widths: np.ndarray, count: int) -> np.ndarray | None:
    """The widths of a stroke's pieces in those of its pen; the last point has that of its piece."""
    pieces = widths[1:]
    if len(pieces) < max(count - 1, 1) or not widths[0] > 0 or not np.isfinite(pieces).all():
        return None
    found: np.ndarray = np.append(pieces, pieces[-1])[:count] / widths[0]
    return found


def _colour(node: Node) -> str:
    colour = node.attributes.get("color", "")
    return _COLOURS.get(colour) or hex_colour(colour)


def _text(node: Node, layer: int) -> PlacedText:
    size = _float(node, "size")
    return PlacedText(
        node.text,
        _float(node, "x"),
        _float(node, "y"),
        size,
        LINE_HEIGHT * size,
        _colour(node),
        layer,
        _kept(node),
    )


def _kept(node: Node) -> dict[str, str]:
    return {key: value for key, value in node.attributes.items() if key in KEPT}


def _label(node: Node, text: PlacedText, count: int) -> InkLabel | PlacedText:
    """A text as that of strokes; as one of its own where a program has dropped which they are, or
    strokes with it."""
    strokes = tuple(_numbers(node.attributes.get("strokes", ""), count))
    if not strokes:
        return text
    return InkLabel(
        text.text,
        strokes,
        node.attributes.get("level", LINE),
        float(_floats(node, node.attributes.get("rotation", "0"), "rotation").sum()),
        node.attributes.get("writer", ""),
    )


def _numbers(text: str, count: int) -> Iterator[int]:
    """The numbers of ``0-3,7``, none where one is not there or ranges overlap."""
    if not _RANGES.fullmatch(text):
        return
    ranges = [part.partition("-") for part in text.split(",")]
    bounds = [(int(first), int(last or first)) for first, _, last in ranges]
    total = sum(last - first + 1 for first, last in bounds)
    if total <= count and all(first <= last < count for first, last in bounds):
        for first, last in bounds:
            yield from range(first, last + 1)
