"""The texts that the options name: one, or one for each row of a table."""

import argparse
import re
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from handwriting.command_line import option_name
from handwriting.errors import DataError, UserError
from handwriting.files import read_regular_file
from handwriting.ink.drawing import INK_COLOUR
from handwriting.text.markup import parse_markup
from handwriting.text.spelling import writable_text
from handwriting.text.templates import fill, read_rows
from handwriting.text.vocabulary import Vocabulary

_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True)
class TextToWrite:
    """A text as it can be written.

    Attributes:
        text: in characters that can be written, without mark-up.
        pens: of each of its characters that is no white space, an index of ``colours``.
        colours: of its pens.
        name: what the names of its files begin with.
    """

    text: str
    pens: tuple[int, ...] | None
    colours: tuple[str, ...]
    name: str


def read_texts(
    options: argparse.Namespace, vocabulary: Vocabulary
) -> tuple[list[TextToWrite], list[str]]:
    """Return the texts to write, and notes on what was changed in them.

    Raises:
        UserError: there is none, or a character of one cannot be written; names the option, the
            line and the column.
    """
    notes: list[str] = []
    texts = []
    for raw, source, name in _raw_texts(options):
        text = normalised(raw)
        if not text.strip():
            raise UserError(f"{source}: there is nothing in it to write")
        text, changes = writable_text(text, vocabulary, source, bool(options.replace_unknown))
        notes += changes
        if options.markup:
            marked = parse_markup(text, source)
            texts.append(TextToWrite(marked.text, marked.pens, marked.colours, name))
        else:
            texts.append(TextToWrite(text, None, (INK_COLOUR,), name))
        if not texts[-1].text.strip():
            raise UserError(f"{source}: there is nothing in it to write")
    return texts, notes


def normalised(text: str) -> str:
    """Return a text with its line ends and its accents in one form."""
    return _LINE_ENDS.sub("\n", unicodedata.normalize("NFC", text))


def _raw_texts(options: argparse.Namespace) -> list[tuple[str, str, str]]:
    """Each text as the user wrote it, where it is from, and what its files are called."""
    if options.csv is None:
        text, source = _text_or_file(options, "text", "text_file")
        return [(text, source, "page")]
    template, source = _text_or_file(options, "template", "template_file")
    rows = read_rows(options.csv)
    digits = len(str(len(rows)))
    return [
        (
            fill(template, row, source),
            f"{source}, row {number} of --csv {options.csv}",
            f"{number:0{digits}d}-page",
        )
        for number, row in enumerate(rows, start=1)
    ]


def _text_or_file(options: argparse.Namespace, name: str, file_name: str) -> tuple[str, str]:
    """The value of an option, or the text in the file of another, and which of them it was. Shells
    do not make a newline or a tab of their escapes, so they are made here."""
    text = getattr(options, name)
    if text is not None:
        return text.replace("\\n", "\n").replace("\\t", "\t"), option_name(name)
    path = getattr(options, file_name)
    source = f"{option_name(file_name)} {path}"
    return _read_file(path, source), source


def _read_file(path: Path, source: str) -> str:
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else read_regular_file(path)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: is not UTF-8 text (byte {error.start + 1})") from None
    except DataError as error:
        raise UserError(f"{source.removesuffix(str(path))}{error}") from None
