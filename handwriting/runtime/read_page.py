"""The result of reading a file, or some strokes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.files import whole_file
from handwriting.formats.ink_pages import InkPage
from handwriting.formats.saving import SavablePages
from handwriting.pages.options import WriteOptions
from handwriting.pages.page import Page
from handwriting.readings.json_writer import line_values, other_values
from handwriting.readings.registry import FORMATS, ResultFormat, write_result
from handwriting.readings.result import ReadDocument, ReadLine, ReadPage

# Formats of ink whose files have what was read in them, too.
_WITH_TEXT = {".inkml": "inkml", ".xopp": "xopp"}
_NAMES = {entry.name: entry for entry in FORMATS}


@dataclass(frozen=True)
class ReadInk(SavablePages):
    """Text and places that were read in a file. In a notebook it shows its ink.

    Attributes:
        document: its pages, with blocks, lines, words and characters; see
            ``handwriting.readings.result``.
    """

    document: ReadDocument

    @property
    def read_pages(self) -> tuple[ReadPage, ...]:
        """The pages as they were read."""
        return self.document.pages

    @property
    def lines(self) -> tuple[ReadLine, ...]:
        """The lines of all pages, in the order in which they are read."""
        return tuple(self.document.lines())

    @property
    def text(self) -> str:
        """The text of all pages."""
        return self.document.text

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the pages, a sentence each."""
        return tuple(note for page in self.document.pages for note in page.notes)

    @property
    def ink(self) -> tuple[np.ndarray, ...]:
        """The strokes ``[n, 2]`` of all pages."""
        return tuple(stroke for page in self.document.pages for stroke in page.ink)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: the text, the lines with their words and characters, and ink that
        is no text, each with the number of its page from 1; ``handwriting.readings.json_writer``
        says what is in a line."""
        pages = list(enumerate(self.document.pages, start=1))
        return {
            "file": self.document.source,
            "text": self.text,
            "notes": list(self.notes),
            "lines": [{"page": at, **line_values(one)} for at, page in pages for one in page.lines],
            "others": [
                {"page": at, **other_values(one)} for at, page in pages for one in page.others
            ],
        }

    def save(self, path: Path | str, options: WriteOptions | None = None) -> list[Path]:
        """Write the result to a file.

        Args:
            path: of the file. Its suffix says the format. With what was read are ``.txt``,
                ``.json``, ``.md``, ``.hocr``, ``.alto.xml``, ``.pdf``, ``.inkml``, ``.xopp`` and
                ``.boxes.svg``; all others have the ink alone, see ``SavablePages.save``.
            options: of the files of ink alone.

        Returns:
            the files that were written.
        """
        path = Path(path)
        name = path.name.lower()
        if name.endswith(".json"):
            return [_write_text(path, self._json())]
        if name.endswith(".txt"):
            return [_write_text(path, self.text + "\n")]
        entry = _result_format(name)
        if entry is None:
            return super().save(path, options)
        write_result(entry, self.document, path)
        return [path]

    def _json(self) -> str:
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=2, allow_nan=False)
        return text + "\n"

    @cached_property
    def pages(self) -> Sequence[Page]:
        """The ink as it is drawn, see ``InkPage``."""
        return tuple(page for read in self.document.pages for page in _ink_page(read).pages)


def _ink_page(page: ReadPage) -> InkPage:
    lines = []
    for line in page.lines:
        strokes = dict.fromkeys(part.stroke for part in line.strokes)
        lines.append((tuple(strokes), line.text))
    return InkPage(page.ink, tuple(lines))


def _result_format(name: str) -> ResultFormat | None:
    """The format of results that a file's name says; None for one of ink alone."""
    for suffix, wanted in _WITH_TEXT.items():
        if name.endswith(suffix):
            return _NAMES[wanted]
    suffixes = {
        "pdf": ".pdf",
        "md": ".md",
        "hocr": ".hocr",
        "alto": ".alto.xml",
        "svg": ".boxes.svg",
    }
    return next((_NAMES[key] for key, suffix in suffixes.items() if name.endswith(suffix)), None)


def _write_text(path: Path, text: str) -> Path:
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return path
