"""The formats of ink: which files can be read, which can be written, and by what.

A format is a file in this folder and an entry of ``FORMATS``; options and help texts are made from
the table. Functions are named, not imported, so that a command that only shows its help loads none.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handwriting.errors import UserError

if TYPE_CHECKING:
    from handwriting.formats.document import InkDocument
    from handwriting.ink.line import Line
    from handwriting.pages.options import WriteOptions
    from handwriting.pages.page import Page

Reader = Callable[[Path], "list[Line] | InkDocument"]
DocumentInkWriter = Callable[["InkDocument", Path], None]
PageWriter = Callable[["Page", Path, "WriteOptions"], None]
DocumentWriter = Callable[["Sequence[Page]", Path, "WriteOptions"], None]


KEPT = ("time", "pressure", "colour", "page", "layer", "text")
"""Facts about ink that a format can have beside the points of its strokes."""


@dataclass(frozen=True)
class Format:
    """A file format of ink.

    Attributes:
        name: also its suffix, without the full stop.
        about: what it is, in a few words.
        reader: ``module:function`` in this package that returns the lines of a file, or all that it
            has as a document; None where the format is only written.
        page_writer: the same, writes one page to a file; None where there is none.
        document_writer: the same, writes all pages to one file; None where there is none.
        ink_writer: the same, writes a document of ink that was read; None where there is none.
        document_reader: the same, returns all that a file has where ``reader`` returns lines, which
            are exact where strokes are in several; None where there is none.
        keeps: which of ``KEPT`` are read, and written by ``ink_writer``, where a file has them.
        other_suffixes: of the same format.
        extra: name of the optional packages that reading needs; empty for none.
    """

    name: str
    about: str
    reader: str | None = None
    page_writer: str | None = None
    document_writer: str | None = None
    ink_writer: str | None = None
    document_reader: str | None = None
    keeps: tuple[str, ...] = ()
    other_suffixes: tuple[str, ...] = ()
    extra: str = ""

    @property
    def suffix(self) -> str:
        """The suffix of its files that are written, with the full stop."""
        return f".{self.name}"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """All suffixes of its files."""
        return (self.suffix, *self.other_suffixes)

    @property
    def is_written(self) -> bool:
        """Whether pages can be written in it."""
        return self.page_writer is not None or self.document_writer is not None


FORMATS = (
    Format(
        "svg", "vector drawing", "svg_reader:read_svg_file", "svg_writer:write_svg", keeps=("text",)
    ),
    Format("png", "picture", page_writer="png_writer:write_png"),
    Format("gif", "animation", page_writer="gif_writer:write_gif"),
    Format("apng", "animation with all its colours", page_writer="apng_writer:write_apng"),
    Format("pdf", "document of all pages", document_writer="pdf_writer:write_pdf"),
    Format(
        "json",
        "strokes and text, web canvas, Excalidraw, tldraw",
        "json_reader:read_json_ink",
        document_writer="json_writer:write_json",
        keeps=("time", "pressure", "colour", "text"),
    ),
    Format(
        "inkml",
        "W3C's ink markup",
        "inkml_document:read_inkml",
        "inkml_writer:write_inkml",
        ink_writer="inkml_ink_writer:write_inkml_document",
        keeps=KEPT,
    ),
    Format(
        "xopp",
        "Xournal++, Xournal",
        "xopp_reader:read_xopp",
        document_writer="xopp_writer:write_xopp_pages",
        ink_writer="xopp_writer:write_xopp",
        keeps=("pressure", "colour", "page", "layer", "text"),
        other_suffixes=(".xoj",),
    ),
    Format("gcode", "pen plotter program", page_writer="gcode_writer:write_gcode"),
    Format("hpgl", "pen plotter program", page_writer="hpgl_writer:write_hpgl"),
    Format(
        "rnote", "Rnote", "rnote_reader:read_rnote", keeps=("pressure", "colour", "layer", "text")
    ),
    Format(
        "rm",
        "reMarkable",
        "rm_reader:read_rm",
        keeps=("pressure", "colour", "layer", "text"),
        extra="formats",
    ),
    Format(
        "uim",
        "Wacom's Universal Ink Model",
        "uim_reader:read_uim",
        keeps=("time", "pressure", "colour", "text"),
    ),
    Format(
        "tldr", "tldraw", "tldraw_reader:read_tldraw", keeps=("pressure", "colour", "page", "text")
    ),
    Format(
        "excalidraw",
        "Excalidraw",
        "excalidraw_reader:read_excalidraw",
        keeps=("pressure", "colour", "text"),
    ),
    Format(
        "md",
        "Obsidian's notes with drawings",
        "markdown_reader:read_markdown",
        keeps=("pressure", "colour", "page", "text"),
    ),
    Format(
        "csv",
        "tables of points",
        "csv_reader:read_csv",
        keeps=("time", "pressure", "page"),
        other_suffixes=(".tsv",),
    ),
    Format(
        "dat",
        "UNIPEN",
        "unipen_reader:read_unipen",
        document_reader="unipen_document:read_unipen_document",
        keeps=("time", "pressure", "text"),
    ),
    Format("npy", "NumPy array of strokes", "npy_reader:read_npy"),
)
READ_SUFFIXES = tuple(suffix for entry in FORMATS if entry.reader for suffix in entry.suffixes)
WRITTEN_FORMATS = tuple(entry.name for entry in FORMATS if entry.is_written)
_DRAWING_NOTE = ".excalidraw.md"


def listed(names: Sequence[str], conjunction: str = "or") -> str:
    """Return the names as a sentence has them: ``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} {conjunction} {last}" if most else last


def format_named(name: str) -> Format | None:
    """Return the format of that name, None where there is none."""
    return next((entry for entry in FORMATS if entry.name == name), None)


def format_of(path: Path) -> Format | None:
    """Return the format of the path's suffix, None where there is none."""
    suffix = path.suffix.lower()
    return next((entry for entry in FORMATS if suffix in entry.suffixes), None)


def is_ink_name(path: Path) -> bool:
    """Whether a file in a folder is one of ink, by its name: a note in Markdown is where it is
    named as a drawing, since most are text."""
    name = path.name.lower()
    entry = format_of(path)
    if entry is None or entry.reader is None:
        return False
    return entry.name != "md" or name.endswith(_DRAWING_NOTE)


def reader_of(path: Path) -> Reader | None:
    """Return what reads files of the path's suffix, None where nothing does."""
    entry = format_of(path)
    if entry is None or entry.reader is None:
        return None
    reader: Reader = _load(entry.reader)
    return reader


def document_reader_of(path: Path) -> Reader | None:
    """Return what reads all that files of the path's suffix have, None where nothing does."""
    entry = format_of(path)
    if entry is None or entry.document_reader is None:
        return reader_of(path)
    reader: Reader = _load(entry.document_reader)
    return reader


def ink_writer_of(path: Path) -> DocumentInkWriter:
    """Return what writes a document of ink to files of the path's suffix.

    Raises:
        UserError: nothing does; names the suffixes of those that can be written.
    """
    entry = format_of(path)
    if entry is None or entry.ink_writer is None:
        known = listed([entry.suffix for entry in FORMATS if entry.ink_writer])
        raise UserError(f"{path}: ink is written to {known}, got {path.suffix or 'no suffix'!r}")
    writer: DocumentInkWriter = _load(entry.ink_writer)
    return writer


def formats_table() -> str:
    """Return a table in Markdown of what each format is and keeps."""
    heads = ("format", "read", "pages written", "ink written back", *KEPT)
    rows = [heads, ("---",) * len(heads)]
    for entry in FORMATS:
        name = f"{entry.about} ({', '.join(f'`{suffix}`' for suffix in entry.suffixes)})"
        facts = (entry.reader, entry.is_written, entry.ink_writer)
        kept = (key in entry.keeps for key in KEPT)
        rows.append((name, *("yes" if fact else "" for fact in (*facts, *kept))))
    return "".join(f"| {' | '.join(row)} |".replace("  ", " ") + "\n" for row in rows)


def page_writer_of(entry: Format) -> PageWriter | None:
    """Return what writes one page in the format, None where nothing does."""
    return _load(entry.page_writer) if entry.page_writer else None


def document_writer_of(entry: Format) -> DocumentWriter | None:
    """Return what writes all pages to one file in the format, None where nothing does."""
    return _load(entry.document_writer) if entry.document_writer else None


def parse_formats(text: str) -> tuple[str, ...]:
    """Return the formats in a list such as ``svg,png``.

    Raises:
        UserError: naming those that are none.
    """
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in WRITTEN_FORMATS]
    if unknown or not names:
        raise UserError(
            f"format: must be some of {', '.join(WRITTEN_FORMATS)}, got"
            f" {', '.join(unknown) or 'none'}"
        )
    return names


def _load(name: str) -> Any:
    """Return the function of that name, whose type its place in ``Format`` says."""
    module, _, function = name.partition(":")
    try:
        found = importlib.import_module(f"{__package__}.{module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(__package__):
            raise
        raise UserError(
            f"{error.name}: is not installed, and this format needs it; pip install"
            " 'handwriting[formats]' has all that formats need"
        ) from None
    return getattr(found, function)
