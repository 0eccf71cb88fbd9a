"""Notes of Rnote (``.rnote``): JSON packed by gzip, as Rnote up to 0.13 writes it.

Strokes lie in slots that are filled again once they are free, so their order says nothing; the
times beside them (``chrono_components``) do. A path is a start and segments, each to an element
with its pressure; control points of curves are left out, since the pen was at the elements.
Pictures and shapes are not read.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handwriting.formats.document import InkDocument, InkPage, InkStroke, PlacedText, colour_of
from handwriting.formats.ink_values import (
    BadInk,
    check_memory,
    decoded_text,
    in_order_of_time,
    number_of,
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
# Bytes that values may take, by the generous count of ``_check_memory``, for each byte of a file.
_MOST_MEMORY = 100
_SPACE = re.compile(r"[\s,]*")
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
    packed = unpacked(data)
    _check_memory(packed, len(data))
    text = decoded_text(packed)
    del packed
    times = list(_values(text, "chrono_components"))
    strokes: list[tuple[float, InkStroke]] = []
    texts: list[PlacedText] = []
    # A slot at a time, since what is in them takes far more memory than its text.
    for number, value in enumerate(_values(text, "stroke_components")):
        chrono = times[number] if number < len(times) else None
        if isinstance(value, dict):
            strokes += ((_time(chrono), stroke) for stroke in _strokes(value, _layer(chrono)))
            texts += _texts(value)
    page = _page(_object(text, "document"), in_order_of_time(strokes), tuple(texts))
    return InkDocument((page,), _units_per_mm(_object(text, "document")))


def _check_memory(text: bytes, size: int) -> None:
    """``BadInk`` where the values of a note, all of them at once, could take far more memory than
    its file. An element takes 64 bytes and each of its three numbers 32."""
    taken = 2 * len(text) + 64 * text.count(b"[") + 32 * text.count(b",")
    check_memory(taken, size, _MOST_MEMORY)


def _after(text: str, name: str, opening: str) -> int:
    """The place of the opening bracket of a member's value, -1 where there is no such member."""
    at = text.find(f'"{name}"')
    if at < 0:
        return -1
    found = re.compile(rf"\s*:\s*{re.escape(opening)}").match(text, at + len(name) + 2)
    return found.end() - 1 if found else -1


def _values(text: str, name: str) -> Iterator[Any]:
    """Contents of each slot of a list, None of those that are free."""
    at = _after(text, name, "[") + 1
    if not at:
        raise BadInk(f"no note of Rnote: it has no list of {name}")
    decoder = json.JSONDecoder(object_hook=_replaced)
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        if text[at : at + 1] == "]":
            return
        value, at = _decoded(decoder, text, at)
        yield value


def _decoded(decoder: json.JSONDecoder, text: str, at: int) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise BadInk(f"not JSON: {' '.join(str(error).split())}") from None


def _object(text: str, name: str) -> dict[str, Any]:
    """The value of a member that is an object, an empty one where there is none."""
    at = _after(text, name, "{")
    if at < 0:
        return {}
    value, _ = _decoded(json.JSONDecoder(), text, at)
    return value if isinstance(value, dict) else {}


def _replaced(found: dict[str, Any]) -> Any:
    """An element as (x, y, pressure), a segment as the element it ends at, a slot as what is in it:
    each takes less than the object."""
    if "pos" in found:
        place = found["pos"]
        if not isinstance(place, list) or len(place) != 2:
            raise BadInk("an element of a path is at a place [x, y]")
        return (*place, found.get("pressure"))
    name = next((name for name in _REPLACED if name in found), None)
    return (found if found else None) if name is None else found[name]


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
    document: dict[str, Any], strokes: tuple[InkStroke, ...], texts: tuple[PlacedText, ...]
) -> InkPage:
    width, height = (number_of(document.get(key)) for key in ("width", "height"))
    return InkPage(strokes, texts=texts, width=width, height=height)


def _units_per_mm(document: dict[str, Any]) -> float:
    """Rnote's units are dots, of which its document says how many are in an inch."""
    found: Any = document
    for key in ("config", "format"):
        found = found[key] if isinstance(found.get(key), dict) else found
    dots = number_of(found.get("dpi"), _DOTS_PER_INCH)
    return min(max(dots, 0.0), 1e6) / _MM_PER_INCH
