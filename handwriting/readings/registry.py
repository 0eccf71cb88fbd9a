"""The formats that results are written in; a format is a module here and an entry of ``FORMATS``.

Functions are named, not imported, so that a command loads those alone that it uses.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handwriting.errors import UserError
from handwriting.files import whole_file
from handwriting.readings.result import ReadDocument


@dataclass(frozen=True)
class ResultFormat:
    """A format of results.

    Attributes:
        name: as options have it.
        about: what it is, in a few words.
        suffix: of its files, with the full stop.
        text: ``module:function`` in this package that returns a document as text; empty where it
            is not text.
        writer: the same, writes a document to a file; empty where ``text`` does.
    """

    name: str
    about: str
    suffix: str
    text: str = ""
    writer: str = ""


FORMATS = (
    ResultFormat("txt", "plain text", ".txt", "text_writer:plain_text"),
    ResultFormat("md", "Markdown", ".md", "text_writer:markdown"),
    ResultFormat("json", "all that is known", ".reading.json", "json_writer:json_text"),
    ResultFormat("hocr", "hOCR 1.2", ".hocr", "hocr_writer:hocr"),
    ResultFormat("alto", "ALTO 4", ".alto.xml", "alto_writer:alto"),
    ResultFormat("svg", "picture of the boxes", ".boxes.svg", "svg_writer:svg"),
    ResultFormat("pdf", "searchable PDF", ".pdf", writer="pdf_writer:write_pdf"),
    ResultFormat("inkml", "InkML with its text", ".read.inkml", writer="ink_writer:write_inkml"),
    ResultFormat(
        "xopp", "Xournal++ with its text", ".read.xopp", writer="ink_writer:write_xournal"
    ),
)
NAMES = tuple(entry.name for entry in FORMATS)


def parse_result_formats(text: str) -> tuple[ResultFormat, ...]:
    """Return the formats in a list such as ``txt,pdf``.

    Raises:
        UserError: naming those that are none.
    """
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        raise UserError(
            f"--format: what is read is written as some of {', '.join(NAMES)}, got"
            f" {', '.join(unknown) or 'none'}"
        )
    return tuple(entry for name in names for entry in FORMATS if entry.name == name)


def as_text(entry: ResultFormat, document: ReadDocument) -> str:
    """Return a document as text.

    Raises:
        UserError: the format is none of text, and needs a file.
    """
    if not entry.text:
        raise UserError(f"--format {entry.name}: is written to a file; say where with --out")
    found: str = _load(entry.text)(document)
    return found


def write_result(entry: ResultFormat, document: ReadDocument, path: Path) -> None:
    """Write a document to a file, whole or not at all."""
    with whole_file(path) as temporary:
        if entry.text:
            temporary.write_text(as_text(entry, document), encoding="utf-8")
        else:
            _load(entry.writer)(document, temporary)


def _load(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(f"{__package__}.{module}"), function)
