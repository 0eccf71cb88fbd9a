"""Drawings in Markdown notes, as the plugins of Obsidian keep them: a block of code that is JSON,
plain or packed by lz-string, of Excalidraw or tldraw.

The note's own text is not read, nor is what it links to.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handwriting.formats.document import InkDocument, InkPage
from handwriting.formats.excalidraw_reader import excalidraw_document, is_excalidraw
from handwriting.formats.ink_values import (
    MOST_MEMORY,
    BadInk,
    check_json_memory,
    decoded_text,
    parsed_json,
    read_document,
)
from handwriting.formats.lz_string import unpacked_text
from handwriting.formats.tldraw_reader import is_tldraw, tldraw_document

_FENCE = "```"
_PACKED = "compressed-json"
_MARK = "!!!"  # lines of tldraw's plugin about the JSON


def read_markdown(path: Path) -> InkDocument:
    """Return the drawings of a note, a page each.

    Raises:
        DataError: there is none; names the file.
    """
    return read_document(path, _document)


def _document(data: bytes) -> InkDocument:
    pages: list[InkPage] = []
    for value in _values(decoded_text(data), len(data)):
        if is_excalidraw(value):
            pages += excalidraw_document(value).pages
        elif is_tldraw(value):
            pages += tldraw_document(value).pages
    if not pages:
        raise BadInk("no drawing of Excalidraw or tldraw is in this note")
    return InkDocument(tuple(pages))


def _values(text: str, size: int) -> Iterator[Any]:
    """The values of the note's blocks of JSON."""
    # Blocks lie between fences: every second piece.
    for block in text.split(_FENCE)[1::2]:
        language, _, content = block.partition("\n")
        word = language.partition(" ")[0].strip()
        if word == _PACKED:
            unpacked = unpacked_text(content, MOST_MEMORY * size)
            check_json_memory(unpacked.encode("utf-8", "replace"), size)
            yield parsed_json(unpacked)
        elif word == "json":
            lines = content.splitlines(keepends=True)
            plain = "".join(line for line in lines if not line.startswith(_MARK))
            try:
                yield parsed_json(plain)
            except BadInk:
                continue  # a block that shows something, and is no drawing
