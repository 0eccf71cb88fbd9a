"""Results of reading: a page and its lines. Coordinates are in the ink's own unit, x to the right
and y upwards.

Shapes: ``n`` points of one stroke.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from handwriting.files import whole_file
from handwriting.formats.ink_pages import InkPage
from handwriting.formats.saving import SavablePages
from handwriting.pages.options import WriteOptions
from handwriting.pages.page import Page

_DECIMALS = 4


class Box(NamedTuple):
    """The smallest upright rectangle around some ink."""

    left: float
    bottom: float
    right: float
    top: float


class Alternative(NamedTuple):
    """Another reading of a line, and its score as ``ReadLine.score`` is."""

    text: str
    score: float


@dataclass(frozen=True)
class ReadLine:
    """A line of text.

    Attributes:
        text: as it was read.
        confidence: from 0 to 1; None where nothing was read.
        box: around its ink.
        strokes: numbers of its strokes on the page.
        alternatives: other readings, the best first.
        score: the log-probability that the search gave to the text.
        name: of the line in its file.
        truth: what its file says it reads; None where it says nothing.
    """

    text: str
    confidence: float | None
    box: Box
    strokes: tuple[int, ...]
    alternatives: tuple[Alternative, ...] = ()
    score: float = 0.0
    name: str = ""
    truth: str | None = None


@dataclass(frozen=True)
class ReadPage(SavablePages):
    """A page as it was read. In a notebook it shows its ink.

    Attributes:
        ink: its strokes ``[n, 2]``.
        lines: from the top.
        source: the file, empty for ink from elsewhere.
    """

    ink: tuple[np.ndarray, ...]
    lines: tuple[ReadLine, ...]
    source: str = ""

    @property
    def text(self) -> str:
        """The text of all lines."""
        return "\n".join(line.text for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: the text and the lines."""
        lines = []
        for line in self.lines:
            entry = asdict(line) | {"box": [round(value, _DECIMALS) for value in line.box]}
            if line.confidence is not None:
                entry["confidence"] = round(line.confidence, _DECIMALS)
            entry["alternatives"] = [list(other) for other in line.alternatives]
            lines.append(entry)
        return {"file": self.source, "text": self.text, "lines": lines}

    def save(self, path: Path | str, options: WriteOptions | None = None) -> list[Path]:
        """Write the page to a file: ``.txt`` and ``.json`` have what was read, other suffixes its
        ink; see ``SavablePages.save``."""
        path = Path(path)
        if path.suffix.lower() == ".txt":
            return [_write_text(path, self.text + "\n")]
        if path.suffix.lower() == ".json":
            text = json.dumps(self.to_dict(), ensure_ascii=False, indent=2, allow_nan=False)
            return [_write_text(path, text + "\n")]
        return super().save(path, options)

    @cached_property
    def pages(self) -> Sequence[Page]:
        """The ink as it is drawn, see ``InkPage``."""
        lines = tuple((line.strokes, line.text) for line in self.lines)
        return InkPage(self.ink, lines).pages


def _write_text(path: Path, text: str) -> Path:
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return path
