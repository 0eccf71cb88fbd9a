"""Free-hand strokes of tldraw: files (``.tldr``) and snapshots of its store in JSON.

A shape's points are relative to its place, which is relative to the shape it is in; shapes are in
the order of their index. Points are objects, or 16-bit floats in base64: all of them, or
differences from the point before after a first one of 32 bits.

Shapes: ``n`` points of one stroke.
"""

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.formats.checked_lines import widened
from handwriting.formats.document import InkDocument, InkPage, InkStroke, PlacedText
from handwriting.formats.ink_values import (
    BadInk,
    check_coordinates,
    decoded_text,
    number_of,
    parsed_json,
    per_point,
    read_document,
    stroke_points,
    text_of,
)

_COLOURS = {
    "black": "#1d1d1d",
    "grey": "#9fa8b2",
    "light-violet": "#e085f4",
    "violet": "#ae3ec9",
    "blue": "#4465e9",
    "light-blue": "#4ba1f1",
    "yellow": "#f1ac4b",
    "orange": "#e16919",
    "green": "#099268",
    "light-green": "#4cb05e",
    "light-red": "#f87777",
    "red": "#e03131",
    "white": "#ffffff",
}
_WIDTHS = {"s": 2.0, "m": 3.5, "l": 5.0, "xl": 10.0}
_FONT_SIZES = {"s": 18.0, "m": 24.0, "l": 36.0, "xl": 44.0}
_LINE_HEIGHT = 1.35
_STROKES = {"draw": "", "highlight": "highlighter"}
_WRAPPERS = ("raw", "tldraw", "document", "snapshot")
_MOST_DEEP = 32


def read_tldraw(path: Path) -> InkDocument:
    """Return the ink of a tldraw file.

    Raises:
        DataError: it is none, or has no free-hand stroke; names the file.
    """
    return read_document(path, lambda data: tldraw_document(parsed_json(decoded_text(data))))


def is_tldraw(value: Any) -> bool:
    """Whether a JSON value is a snapshot of tldraw, or has one."""
    return _records(value) is not None


def tldraw_document(value: Any) -> InkDocument:
    """Return the ink of a snapshot, a page for each of its pages that has some.

    Raises:
        BadInk: it is none.
    """
    records = _records(value)
    if records is None:
        raise BadInk("no drawing of tldraw: an object with a store, or with a list of records")
    shapes = {id_: record for id_, record in records.items() if record.get("typeName") == "shape"}
    names = sorted(
        (id_ for id_, record in records.items() if record.get("typeName") == "page"),
        key=lambda id_: (text_of(records[id_].get("index")), id_),
    )
    pages = (_page(name, shapes) for name in names)
    return InkDocument(tuple(page for page in pages if page.strokes) or (InkPage(()),))


def _records(value: Any) -> dict[str, dict[str, Any]] | None:
    """The records of a snapshot by their ids."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("records"), list):
        found = value["records"]
    elif isinstance(value.get("store"), dict):
        found = list(value["store"].values())
    else:
        inside = next((value[key] for key in _WRAPPERS if isinstance(value.get(key), dict)), None)
        return _records(inside) if inside is not None else None
    return {
        text_of(record.get("id")): record
        for record in found
        if isinstance(record, dict) and record.get("typeName")
    }


def _page(name: str, shapes: dict[str, dict[str, Any]]) -> InkPage:
    found = []
    for shape in shapes.values():
        chain = _chain(shape, shapes)
        if text_of(chain[-1].get("parentId")) == name:
            found.append(([text_of(outer.get("index")) for outer in reversed(chain)], chain))
    found.sort(key=lambda pair: pair[0])
    strokes = (stroke for _, chain in found for stroke in _strokes(chain))
    texts = (text for _, chain in found for text in _texts(chain))
    return InkPage(tuple(strokes), texts=tuple(texts))


def _chain(shape: dict[str, Any], shapes: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The shape and those it is in, outwards."""
    chain = [shape]
    while (outer := shapes.get(text_of(chain[-1].get("parentId")))) is not None:
        if len(chain) > _MOST_DEEP:
            raise BadInk(f"shapes are inside each other {_MOST_DEEP} deep at most")
        chain.append(outer)
    return chain


def _on_page(points: np.ndarray, chain: list[dict[str, Any]]) -> np.ndarray:
    for shape in chain:
        angle = number_of(shape.get("rotation"))
        cos, sin = np.cos(angle), np.sin(angle)
        place = np.array([number_of(shape.get("x")), number_of(shape.get("y"))])
        points = points @ np.array([[cos, sin], [-sin, cos]]) + place
    check_coordinates(points)
    return points


def _properties(shape: dict[str, Any]) -> dict[str, Any]:
    found = shape.get("props")
    return found if isinstance(found, dict) else {}


def _strokes(chain: list[dict[str, Any]]) -> Iterator[InkStroke]:
    """The stroke of a shape; none where it is of another kind."""
    kind = chain[0].get("type")
    if kind not in _STROKES:
        return
    properties = _properties(chain[0])
    segments = properties.get("segments")
    if not isinstance(segments, list):
        raise BadInk("a stroke of tldraw is a list of segments")
    rows = [_segment(segment) for segment in segments if isinstance(segment, dict)]
    points = np.concatenate([np.empty((0, 3)), *rows])
    if len(points):
        scale = [number_of(properties.get(key), 1.0) for key in ("scaleX", "scaleY")]
        yield InkStroke(
            _on_page(points[:, :2] * scale, chain),
            pressures=points[:, 2] if properties.get("isPen") is True else None,
            colour=_COLOURS.get(text_of(properties.get("color")), ""),
            width=_WIDTHS.get(text_of(properties.get("size")), 0.0),
            tool=_STROKES[kind],
        )


def _segment(segment: dict[str, Any]) -> np.ndarray:
    """The points ``[n, 3]`` (x, y, pressure) of a segment."""
    points = segment.get("points")
    if isinstance(points, list) and all(isinstance(point, dict) for point in points):
        if not points:
            return np.empty((0, 3))
        rows = stroke_points([[point.get("x"), point.get("y")] for point in points])
        pressures = per_point((point.get("z", 0.5) for point in points), len(points))
        depth = np.full(len(rows), 0.5) if pressures is None else pressures
        return np.column_stack([rows, depth])
    if isinstance(points, str):
        return _floats(_bytes(points), 3, "<f2")
    path = segment.get("path")
    if isinstance(path, str):
        return _differences(_bytes(path), 2 if segment.get("dim") == 2 else 3)
    raise BadInk("a segment of tldraw is a list of points {x, y, z}, or has them in base64")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise BadInk("the points of a segment are no base64") from None


def _floats(data: bytes, columns: int, kind: str) -> np.ndarray:
    size = columns * np.dtype(kind).itemsize
    if len(data) % size:
        raise BadInk("the points of a segment in base64 are cut off")
    rows = widened(np.frombuffer(data, kind)).reshape(-1, columns)
    check_coordinates(rows)
    return rows


def _differences(data: bytes, columns: int) -> np.ndarray:
    """Points whose first is of 32-bit floats, and each other 16-bit differences from the one before
    it."""
    head = 4 * columns
    first = _floats(data[:head], columns, "<f4")
    rows = np.cumsum(np.concatenate([first, _floats(data[head:], columns, "<f2")]), axis=0)
    return rows if columns == 3 else np.column_stack([rows, np.full(len(rows), 0.5)])


def _texts(chain: list[dict[str, Any]]) -> Iterator[PlacedText]:
    properties = _properties(chain[0])
    if chain[0].get("type") != "text":
        return
    text = text_of(properties.get("text")) or _rich_text(properties.get("richText"))
    if text.strip():
        scale = number_of(properties.get("scale"), 1.0)
        size = _FONT_SIZES.get(text_of(properties.get("size")), _FONT_SIZES["m"]) * scale
        ((left, top),) = _on_page(np.zeros((1, 2)), chain)
        colour = _COLOURS.get(text_of(properties.get("color")), "")
        yield PlacedText(text, float(left), float(top), size, _LINE_HEIGHT * size, colour)


def _rich_text(value: Any) -> str:
    """The text of a document of TipTap: paragraphs of pieces of text."""
    paragraphs = value.get("content") if isinstance(value, dict) else None
    if not isinstance(paragraphs, list):
        return ""
    return "\n".join(
        "".join(
            text_of(piece.get("text"))
            for piece in (paragraph.get("content") or [])
            if isinstance(piece, dict)
        )
        for paragraph in paragraphs
        if isinstance(paragraph, dict) and isinstance(paragraph.get("content", []), list)
    )
