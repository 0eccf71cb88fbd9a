"""Ink in JSON files: strokes, strokes with their text, pages as ``json_writer`` writes them,
drawings of Excalidraw and tldraw, and the shapes that web pages record ink in."""

from pathlib import Path
from typing import Any

from handwriting.errors import DataError
from handwriting.files import read_regular_file
from handwriting.formats.canvas_reader import canvas_document
from handwriting.formats.checked_lines import line_of_rows, lines_of_points, real_numbers
from handwriting.formats.document import InkDocument
from handwriting.formats.excalidraw_reader import excalidraw_document, is_excalidraw
from handwriting.formats.ink_values import BadInk, decoded_text, parsed_json
from handwriting.formats.tldraw_reader import is_tldraw, tldraw_document
from handwriting.ink.line import Line


def read_json_ink(path: Path) -> list[Line] | InkDocument:
    """Return the lines of a list of rows as in ``Line.strokes``, of ``{"strokes": rows, "text":
    "..."}``, or of pages that ``json_writer`` wrote; or the ink of a drawing of Excalidraw or
    tldraw, or of one of ``canvas_reader.SHAPES``.

    Raises:
        DataError: it holds anything else.
    """
    data = read_regular_file(path)
    try:
        value = parsed_json(decoded_text(data))
        if is_excalidraw(value):
            return excalidraw_document(value)
        if is_tldraw(value):
            return tldraw_document(value)
        if isinstance(value, dict) and "pages" in value:
            return _from_pages(value, path)
        rows, text = (value, "") if isinstance(value, list) else _beside_text(value)
        if _are_rows(rows):
            return [line_of_rows(rows, text, f"{path}", path.stem)]
        return canvas_document(value)
    except BadInk as error:
        raise DataError(f"{path}: {error}") from None


def _beside_text(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, dict):
        return None, ""
    return value.get("strokes"), value.get("text", "")


def _are_rows(rows: Any) -> bool:
    """Whether a value is to be rows as in ``Line.strokes``: a list whose first is a list of what is
    no list and no object."""
    first = rows[0] if isinstance(rows, list) and rows else None
    return isinstance(first, list) and not any(isinstance(each, list | dict) for each in first)


def _from_pages(document: dict[str, Any], path: Path) -> list[Line]:
    """The lines of writing on pages of ``handwriting.formats.json_writer``."""
    try:
        found = [line for page in document["pages"] for line in page["lines"] if line["strokes"]]
        inks = [
            ([real_numbers(stroke) for stroke in line["strokes"]], line["text"]) for line in found
        ]
    except (LookupError, TypeError, ValueError, OverflowError):
        raise DataError(f"{path}: its pages are not as this program writes them") from None
    if not inks:
        raise DataError(f"{path}: no line of writing is on these pages")
    return lines_of_points(inks, path)
