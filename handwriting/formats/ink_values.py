"""Checks that readers of documents share: numbers are numbers, and memory is bounded by the file.

Shapes: ``n`` points of one stroke.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.errors import DataError
from handwriting.files import read_regular_file
from handwriting.formats.checked_lines import SURROGATE, real_numbers
from handwriting.formats.document import InkDocument, InkStroke
from handwriting.formats.unpacking import BadPacking
from handwriting.formats.xml_safe import BadXml
from handwriting.quoting import quoted

MOST_MEMORY = 50
"""Bytes that what a packed file holds may take, for each byte of the file."""

ALWAYS = 1_000_000
"""Bytes that it may take in any case."""

_LARGEST = float(np.finfo(np.float32).max)
# Bytes of Python's own values: of a list or an object beside what is in it, and of a value in it.
_LIST, _OBJECT, _VALUE = 64, 192, 48
_ELEMENT, _ATTRIBUTE = 360, 180


class BadInk(Exception):
    """A file whose ink cannot be used; the message says why, the one who catches it which file."""


def read_document(path: Path, parse: Callable[[bytes], InkDocument]) -> InkDocument:
    """Return what ``parse`` makes of a file.

    Raises:
        DataError: it cannot be read, ``parse`` refuses it, or no stroke is in it; names the file.
    """
    data = read_regular_file(path)
    try:
        document = parse(data)
    except (BadInk, BadXml, BadPacking) as error:
        raise DataError(f"{path}: {error}") from None
    if not any(page.strokes for page in document.pages):
        raise DataError(f"{path}: no ink: no stroke of a pen is in it")
    return document


def stroke_points(rows: Any, what: str = "a stroke") -> np.ndarray:
    """Return points ``[n, 2]`` of rows of numbers, of which the first two are x and y.

    Raises:
        BadInk: they are no numbers, not finite, or beyond what 32-bit floats hold.
    """
    try:
        points = real_numbers(rows)
    except (TypeError, ValueError, OverflowError):
        raise BadInk(f"{what} is a list of points of numbers, x and y") from None
    if points.ndim != 2 or points.shape[1] < 2:
        raise BadInk(f"{what} is a list of points of numbers, x and y")
    check_coordinates(points[:, :2], what)
    return points[:, :2]


def check_coordinates(points: np.ndarray, what: str = "a stroke") -> None:
    """``BadInk`` for points that are not finite, or beyond what 32-bit floats hold."""
    with np.errstate(invalid="ignore"):
        if not (np.abs(points) <= _LARGEST).all():
            raise BadInk(f"{what} has a coordinate that is not finite or far too large")


def per_point(values: Iterable[Any], count: int) -> np.ndarray | None:
    """Return ``[n]`` numbers that go with the points of a stroke, None where they do not: where one
    is missing, is no finite number, or where they are not as many."""
    try:
        found = real_numbers([list(values)])[0]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if len(found) == count and np.isfinite(found).all() else None


def text_of(value: Any) -> str:
    """Return a text of a file, empty where it is none; half a surrogate pair stands as ``?``."""
    return SURROGATE.sub("?", value) if isinstance(value, str) else ""


def number_of(value: Any, default: float = 0.0) -> float:
    """Return a finite number, ``default`` where the value is none."""
    if type(value) not in (int, float):
        return default
    return float(value) if abs(value) <= _LARGEST else default


def parsed_json(text: str, hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Return the value of a JSON text.

    Args:
        text: the text.
        hook: given each object, returns what stands in its place.

    Raises:
        BadInk: it is no JSON.
    """
    try:
        return json.loads(text, object_hook=hook)
    except (ValueError, RecursionError) as error:
        raise BadInk(f"not JSON: {' '.join(str(error).split())}") from None


def decoded_text(data: bytes) -> str:
    """Return a text in UTF-8, with or without a mark of it.

    Raises:
        BadInk: it is in another encoding.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInk(f"not text in UTF-8: byte {error.start} cannot be read") from None


def check_json_memory(text: bytes, packed_size: int) -> None:
    """``BadInk`` where the values of a JSON text take far more memory than its packed file."""
    values = text.count(b",") + text.count(b":")
    lists, objects = text.count(b"["), text.count(b"{")
    check_memory(len(text) + _VALUE * values + _LIST * lists + _OBJECT * objects, packed_size)


def check_xml_memory(text: bytes, packed_size: int) -> None:
    """``BadInk`` where the elements of an XML text take far more memory than its packed file."""
    tags = text.count(b"<") - text.count(b"</")
    check_memory(
        2 * len(text) + _ELEMENT * tags + _ATTRIBUTE * (text.count(b'="') + text.count(b"='")),
        packed_size,
    )


def check_memory(taken: int, packed_size: int, most: int = MOST_MEMORY) -> None:
    """``BadInk`` where what is unpacked takes more than ``most`` times the bytes of its file."""
    if taken > most * packed_size + ALWAYS:
        raise BadInk(f"unpacked it takes more than {most} times the memory of the file")


def in_order_of_time(strokes: Iterable[tuple[float, InkStroke]]) -> tuple[InkStroke, ...]:
    """Return strokes by the times beside them; those of one time as they stand."""
    return tuple(stroke for _, stroke in sorted(strokes, key=lambda pair: pair[0]))


def named(value: Any) -> str:
    """Return the kind of a JSON value, as messages name it."""
    names = {dict: "an object", list: "a list", str: "a text", type(None): "null", bool: "a truth"}
    return names.get(type(value), f"the number {quoted(str(value)[:40])[1:-1]}")
