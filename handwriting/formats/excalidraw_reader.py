"""Free-hand strokes of Excalidraw: files of its own (``.excalidraw``), JSON, or a drawing in a
Markdown note as Obsidian keeps it, plain or packed.

An element's points are relative to its place; an element that is turned, is so about the middle of
its box. What is no free-hand stroke and no text (shapes, arrows, pictures) is not read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.formats.document import InkDocument, InkPage, InkStroke, PlacedText, hex_colour
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

_LINE_HEIGHT = 1.25
_OPAQUE = 100


def read_excalidraw(path: Path) -> InkDocument:
    """Return the ink of an Excalidraw file.

    Raises:
        DataError: it is none, or has no free-hand stroke; names the file.
    """
    return read_document(path, lambda data: excalidraw_document(parsed_json(decoded_text(data))))


def is_excalidraw(value: Any) -> bool:
    """Whether a JSON value is a drawing of Excalidraw."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("elements"), list)
        and str(value.get("type", "excalidraw")).startswith("excalidraw")
    )


def excalidraw_document(value: Any) -> InkDocument:
    """Return the ink of a drawing.

    Raises:
        BadInk: it is none.
    """
    if not is_excalidraw(value):
        raise BadInk("no drawing of Excalidraw: an object with a list of elements")
    elements = [
        element
        for element in value["elements"]
        if isinstance(element, dict) and not element.get("isDeleted")
    ]
    strokes = tuple(_strokes(elements))
    return InkDocument((InkPage(strokes, texts=tuple(_texts(elements))),))


def _strokes(elements: list[dict[str, Any]]) -> Iterator[InkStroke]:
    for element in elements:
        if element.get("type") == "freedraw" and element.get("points"):
            points = turned(stroke_points(element["points"]), element) + _place(element)
            check_coordinates(points)
            pressures = element.get("pressures")
            yield InkStroke(
                points,
                pressures=per_point(pressures, len(points))
                if isinstance(pressures, list)
                else None,
                colour=_colour(element),
                width=number_of(element.get("strokeWidth")),
            )


def _place(element: dict[str, Any]) -> np.ndarray:
    return np.array([number_of(element.get("x")), number_of(element.get("y"))])


def turned(points: np.ndarray, element: dict[str, Any]) -> np.ndarray:
    """Return an element's points turned by its angle about the middle of its box."""
    angle = number_of(element.get("angle"))
    if not angle:
        return points
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    cos, sin = np.cos(angle), np.sin(angle)
    result: np.ndarray = (points - middle) @ np.array([[cos, sin], [-sin, cos]]) + middle
    return result


def _colour(element: dict[str, Any]) -> str:
    colour = hex_colour(text_of(element.get("strokeColor")))
    opacity = number_of(element.get("opacity"), _OPAQUE)
    if len(colour) == 7 and 0 <= opacity < _OPAQUE:
        return f"{colour}{round(255 * opacity / _OPAQUE):02x}"
    return colour


def _texts(elements: list[dict[str, Any]]) -> Iterator[PlacedText]:
    for element in elements:
        text = text_of(element.get("text"))
        size = number_of(element.get("fontSize"))
        if element.get("type") == "text" and text.strip() and size > 0:
            left, top = _place(element)
            height = number_of(element.get("lineHeight"), _LINE_HEIGHT) * size
            yield PlacedText(text, float(left), float(top), size, height, _colour(element))
