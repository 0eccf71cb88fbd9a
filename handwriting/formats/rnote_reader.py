"""Notes of Rnote (``.rnote``): JSON packed by gzip, as Rnote up to 0.13 writes it.

Strokes lie in slots that are filled again once they are free, so their order says nothing; the
times beside them (``chrono_components``) do. A path is a start and segments, each to an element
with its pressure; control points of curves are left out, since the pen was at the elements.
Pictures and shapes are not read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.formats.document import InkDocument, InkPage, InkStroke, PlacedText, colour_of
from handwriting.formats.ink_values import (
    BadInk,
    check_json_memory,
    decoded_text,
    in_order_of_time,
    number_of,
    parsed_json,
    per_point,
    read_document,
    stroke_points,
    text_of,
)
from handwriting.formats.unpacking import is_gzip, unpacked

_DOTS_PER_INCH = 96.0
_MM_PER_INCH = 25.4
_LINE_HEIGHT = 1.2
_LAYERS = {"document": 0, "image": 1, "highlighter": 3}
_USER_LAYER = 2
# What stands for an object that has it: the element of a segment, what is in a slot.
_REPLACED = ("end", "lineto", "quadbezto", "cubbezto", "value")
# Bytes of a packed note for each of its other objects at least, and how many may be in any case.
_BYTES_OF_OBJECT, _ALWAYS_OBJECTS = 10, 5000
_STYLES = ("smooth", "textured", "rough")


def read_rnote(path: Path) -> InkDocument:
    """Return the ink of a note, its canvas as one page.

    Raises:
        DataError: it is none, or of a version that is written in another way; names the file.
    """
    return read_document(path, _document)


def _document(data: bytes) -> InkDocument:
    if not is_gzip(data):
        raise BadInk(
            "not packed by gzip; Rnote since 0.14 writes another format: export as Xournal++"
        )
    text = unpacked(data)
    check_json_memory(text, len(data), keeps_objects=False)
    objects = _Objects(len(data) // _BYTES_OF_OBJECT + _ALWAYS_OBJECTS)
    root = parsed_json(decoded_text(text), objects)
    snapshot = _snapshot(root)
    slots, times = snapshot["stroke_components"], snapshot.get("chrono_components")
    times = times if isinstance(times, list) else []
    timed = [
        (times[number] if number < len(times) else None, value)
        for number, value in enumerate(slots)
        if isinstance(value, dict)
    ]
    strokes = in_order_of_time(
        (_time(chrono), stroke)
        for chrono, value in timed
        for stroke in _strokes(value, _layer(chrono))
    )
    texts = tuple(text for _, value in timed for text in _texts(value))
    return InkDocument((_page(snapshot, strokes, texts),), _units_per_mm(snapshot))


class _Objects:
    """Gives less memory to the objects of a note, and refuses more than ``most`` of others.

    Notes have hundreds of thousands of elements and segments, each of which takes far more memory
    than its text.
    """

    def __init__(self, most: int) -> None:
        self._left = most

    def __call__(self, found: dict[str, Any]) -> Any:
        """Return an element as (x, y, pressure), a segment as the element it ends at, a slot as
        what is in it, and others as they are."""
        if "pos" in found:
            place = found["pos"]
            if not isinstance(place, list) or len(place) != 2:
                raise BadInk("an element of a path is at a place [x, y]")
            return (*place, found.get("pressure"))
        name = next((name for name in _REPLACED if name in found), None)
        if name is not None:
            return found[name]
        if found:
            self._left -= 1
            if self._left < 0:
                raise BadInk("far more objects than a note of its size has")
        return found or None


def _snapshot(root: Any) -> dict[str, Any]:
    for key in ("data", "engine_snapshot"):
        inside = root.get(key) if isinstance(root, dict) else None
        root = inside if isinstance(inside, dict) else root
    if not isinstance(root, dict) or not isinstance(root.get("stroke_components"), list):
        raise BadInk("no note of Rnote: it has no list of strokes")
    return root


def _time(chrono: Any) -> float:
    return number_of(chrono.get("t")) if isinstance(chrono, dict) else 0.0


def _layer(chrono: Any) -> int:
    """The number of the layer: what is in a user's own lies above the document and pictures."""
    layer = chrono.get("layer") if isinstance(chrono, dict) else None
    if isinstance(layer, str):
        return _LAYERS.get(layer, _USER_LAYER)
    return _USER_LAYER


def _strokes(value: dict[str, Any], layer: int) -> Iterator[InkStroke]:
    brush = value.get("brushstroke")
    if not isinstance(brush, dict):
        return
    elements = list(_elements(brush.get("path")))
    if not elements:
        return
    if not all(isinstance(element, tuple) for element in elements):
        raise BadInk("a path is a start and segments, each to an element with its place")
    points = stroke_points([list(element[:2]) for element in elements])
    style = _style(brush.get("style"))
    colour = style.get("stroke_color")
    yield InkStroke(
        points,
        pressures=per_point((element[2] for element in elements), len(points)),
        colour=_colour(colour),
        width=number_of(style.get("stroke_width")),
        tool="highlighter" if layer == _LAYERS["highlighter"] else "",
        layer=layer,
    )


def _elements(path: Any) -> Iterator[Any]:
    """The elements of a path; notes before 0.5 have them as a list."""
    if isinstance(path, dict):
        if "start" in path:
            yield path["start"]
        inside = path.get("segments", path.get("elements"))
        yield from inside if isinstance(inside, list) else []
    elif isinstance(path, list):
        yield from path


def _style(style: Any) -> dict[str, Any]:
    names = style if isinstance(style, dict) else {}
    found = next((names[name] for name in _STYLES if name in names), None)
    return found if isinstance(found, dict) else {}


def _colour(colour: Any) -> str:
    if not isinstance(colour, dict):
        return ""
    red, green, blue = (number_of(colour.get(name)) for name in "rgb")
    return colour_of(red, green, blue, number_of(colour.get("a"), 1.0))


def _texts(value: dict[str, Any]) -> Iterator[PlacedText]:
    found = value.get("textstroke")
    if not isinstance(found, dict) or not text_of(found.get("text")).strip():
        return
    style = found.get("text_style")
    size = number_of(style.get("font_size"), 12.0) if isinstance(style, dict) else 12.0
    left, top = _place(found.get("transform"))
    colour = _colour(style.get("color")) if isinstance(style, dict) else ""
    yield PlacedText(text_of(found["text"]), left, top, size, _LINE_HEIGHT * size, colour)


def _place(transform: Any) -> tuple[float, float]:
    """The shift of a transform of nine numbers, column by column, or of one with an ``affine``."""
    numbers = transform.get("affine") if isinstance(transform, dict) else transform
    if not isinstance(numbers, list) or len(numbers) < 6:
        return 0.0, 0.0
    at = 6 if len(numbers) >= 9 else 4
    return number_of(numbers[at]), number_of(numbers[at + 1])


def _page(
    snapshot: dict[str, Any], strokes: tuple[InkStroke, ...], texts: tuple[PlacedText, ...]
) -> InkPage:
    document = snapshot.get("document")
    size = (
        [number_of(document.get(key)) for key in ("width", "height")]
        if isinstance(document, dict)
        else [0.0, 0.0]
    )
    return InkPage(strokes, texts=texts, width=size[0], height=size[1])


def _units_per_mm(snapshot: dict[str, Any]) -> float:
    """Rnote's units are dots, of which its document says how many are in an inch."""
    found = snapshot.get("document")
    for key in ("config", "format"):
        inside = found.get(key) if isinstance(found, dict) else None
        found = inside if isinstance(inside, dict) else found
    dots = number_of(found.get("dpi"), _DOTS_PER_INCH) if isinstance(found, dict) else 0.0
    return float(np.clip(dots, 0.0, 1e6)) / _MM_PER_INCH
