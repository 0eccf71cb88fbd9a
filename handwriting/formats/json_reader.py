"""Ink in JSON files: strokes, strokes with their text, or pages as ``json_writer`` writes them."""

import json
from pathlib import Path
from typing import Any

from handwriting.errors import DataError
from handwriting.files import read_regular_file
from handwriting.formats.checked_lines import ROWS, line_of_rows, lines_of_points, real_numbers
from handwriting.ink.line import Line


def read_json_ink(path: Path) -> list[Line]:
    """Return the lines of a list of rows as in ``Line.strokes``, of ``{"strokes": rows, "text":
    "..."}``, or of pages that ``json_writer`` wrote.

    Raises:
        DataError: it holds anything else.
    """
    try:
        document = json.loads(read_regular_file(path).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {' '.join(str(error).split())}") from None
    if isinstance(document, list):
        return [line_of_rows(document, "", f"{path}", path.stem)]
    if not isinstance(document, dict):
        raise DataError(f"{path}: strokes are {ROWS}, got {type(document).__name__}")
    if "pages" in document:
        return _from_pages(document, path)
    return [line_of_rows(document.get("strokes"), document.get("text", ""), f"{path}", path.stem)]


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
