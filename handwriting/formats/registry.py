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
    from handwriting.ink.line import Line
    from handwriting.pages.options import WriteOptions
    from handwriting.pages.page import Page

Reader = Callable[[Path], "list[Line]"]
PageWriter = Callable[["Page", Path, "WriteOptions"], None]
DocumentWriter = Callable[["Sequence[Page]", Path, "WriteOptions"], None]


@dataclass(frozen=True)
class Format:
    """A file format of ink.

    Attributes:
        name: also its suffix, without the full stop.
        about: what it is, in a few words.
        reader: ``module:function`` in this package that returns the lines of a file; None where
            the format is only written.
        page_writer: the same, writes one page to a file; None where there is none.
        document_writer: the same, writes all pages to one file; None where there is none.
    """

    name: str
    about: str
    reader: str | None = None
    page_writer: str | None = None
    document_writer: str | None = None

    @property
    def suffix(self) -> str:
        """The suffix of its files, with the full stop."""
        return f".{self.name}"

    @property
    def is_written(self) -> bool:
        """Whether pages can be written in it."""
        return self.page_writer is not None or self.document_writer is not None


FORMATS = (
    Format("svg", "vector drawing", "svg_reader:read_svg_file", "svg_writer:write_svg"),
    Format("png", "picture", page_writer="png_writer:write_png"),
    Format("gif", "animation", page_writer="gif_writer:write_gif"),
    Format("apng", "animation with all its colours", page_writer="apng_writer:write_apng"),
    Format("pdf", "document of all pages", document_writer="pdf_writer:write_pdf"),
    Format(
        "json",
        "strokes and text",
        "json_reader:read_json_ink",
        document_writer="json_writer:write_json",
    ),
    Format("inkml", "W3C's ink markup", "inkml_reader:read_inkml", "inkml_writer:write_inkml"),
    Format("gcode", "pen plotter program", page_writer="gcode_writer:write_gcode"),
    Format("hpgl", "pen plotter program", page_writer="hpgl_writer:write_hpgl"),
    Format("dat", "UNIPEN", "unipen_reader:read_unipen"),
    Format("npy", "NumPy array of strokes", "npy_reader:read_npy"),
)
READ_SUFFIXES = tuple(entry.suffix for entry in FORMATS if entry.reader)
WRITTEN_FORMATS = tuple(entry.name for entry in FORMATS if entry.is_written)


def listed(names: Sequence[str], conjunction: str = "or") -> str:
    """Return the names as a sentence has them: ``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} {conjunction} {last}" if most else last


def format_named(name: str) -> Format | None:
    """Return the format of that name, None where there is none."""
    return next((entry for entry in FORMATS if entry.name == name), None)


def reader_of(path: Path) -> Reader | None:
    """Return what reads files of the path's suffix, None where nothing does."""
    entry = format_named(path.suffix.lower().removeprefix("."))
    if entry is None or entry.reader is None:
        return None
    reader: Reader = _load(entry.reader)
    return reader


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
