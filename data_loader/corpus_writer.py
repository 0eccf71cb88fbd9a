"""Writes the files of a prepared corpus, one line of handwriting at a time.

A folder holds ``strokes.bin`` (float32 rows ``(end_of_stroke, dx, dy)`` of all lines, one after the
other), ``offsets.bin`` (int64 ``[L + 1]``, where each line begins), the columns ``texts``,
``writers`` and ``ids`` (``data_loader.text_column``), ``splits.bin`` and ``sources.bin``
(``data_loader.name_numbers``), all in the machine's byte order, and ``meta.json``, written last:
what the corpus was made of, counts, what was dropped and why, statistics of each split, the names
of splits and sources, the size and the checksum (CRC-32) of each file, and its own.

Shapes: ``T`` pen steps, ``L`` lines.
"""

import json
import os
import sys
import zlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from data_loader.cleaning import Cleaned, Cleaning, clean
from data_loader.name_numbers import NameNumbering
from data_loader.text_column import encoded, file_names
from handwriting.files import to_disk
from handwriting.ink.line import Line
from handwriting.quoting import printable

FORMAT_VERSION = 4
STROKES, OFFSETS, META = "strokes.bin", "offsets.bin", "meta.json"
SPLITS, SOURCES = "splits.bin", "sources.bin"
TEXTS, WRITERS, IDS = COLUMNS = ("texts", "writers", "ids")
FILES = (
    *(STROKES, OFFSETS, SPLITS, SOURCES),
    *(name for column in COLUMNS for name in file_names(column)),
)
"""All but ``meta.json``."""


def meta_checksum(meta: dict[str, Any]) -> int:
    """Return the checksum of all of ``meta.json`` but the checksum itself."""
    rest = {key: value for key, value in meta.items() if key != "checksum"}
    return zlib.crc32(json.dumps(rest, sort_keys=True).encode())


@dataclass
class Moments:
    """Count, mean and sum of squared deviations of (dx, dy), in float64, taken in one pass (Chan,
    Golub and LeVeque 1979): no cancellation, whatever the mean."""

    count: int = 0
    mean: np.ndarray = field(default_factory=lambda: np.zeros(2))
    deviations: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def add(self, offsets: np.ndarray) -> None:
        """Take in ``offsets [T, 2]``."""
        if not len(offsets):
            return
        values = offsets.astype(np.float64)
        mean = values.mean(axis=0)
        total = self.count + len(values)
        shift = mean - self.mean
        self.deviations += ((values - mean) ** 2).sum(axis=0)
        self.deviations += shift**2 * (self.count * len(values) / total)
        self.mean += shift * (len(values) / total)
        self.count = total

    def to_dict(self) -> dict[str, Any]:
        """Mean and population standard deviation, as plain values."""
        std = np.sqrt(self.deviations / max(self.count, 1))
        return {"steps": self.count, "mean": self.mean.tolist(), "std": std.tolist()}


@dataclass
class SplitCounts:
    """Counts of the lines of one split, kept and dropped."""

    lines: int = 0
    points: int = 0
    writers: set[str] = field(default_factory=set)
    lines_without_writer: int = 0
    characters: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    moments: Moments = field(default_factory=Moments)

    def add(self, line: Line) -> None:
        """Count a line that is kept. The first row of a line is (0, 0) in every line and never
        predicted, so that it is left out of the moments."""
        self.lines += 1
        self.points += len(line.strokes)
        self.characters.update(line.text)
        self.moments.add(line.strokes[1:, 1:])
        if line.writer:
            self.writers.add(line.writer)
        else:
            self.lines_without_writer += 1

    def to_dict(self) -> dict[str, Any]:
        """Plain values for ``meta.json``."""
        return {
            "lines": self.lines,
            "points": self.points,
            "writers": len(self.writers),
            "lines_without_writer": self.lines_without_writer,
            "characters": dict(sorted(self.characters.items())),
            "dropped": dict(sorted(self.dropped.items())),
            "offsets": self.moments.to_dict(),
        }


def _place(place: int) -> bytes:
    return place.to_bytes(8, sys.byteorder)


class CorpusWriter:
    """Cleans lines and appends them to a corpus in ``folder``, which exists and is empty.

    It holds one line and the counts, never the corpus. A context manager that closes its files.
    """

    def __init__(self, folder: Path, cleaning: Cleaning) -> None:
        self.folder = folder
        self.cleaning = cleaning
        self.splits: dict[str, SplitCounts] = {}
        self.changes: Counter[str] = Counter()
        self.num_lines = 0
        self._points = 0
        self._text_ends = dict.fromkeys(COLUMNS, 0)
        self._split_names, self._source_names = NameNumbering(), NameNumbering()
        self._files: dict[str, IO[bytes]] = {}
        self._checksums = dict.fromkeys(FILES, 0)
        with ExitStack() as opened:
            for name in FILES:
                self._files[name] = opened.enter_context(open(folder / name, "wb"))
            self._opened = opened.pop_all()
        for name in (OFFSETS, *(file_names(column)[1] for column in COLUMNS)):
            self._write(name, _place(0))

    def __enter__(self) -> "CorpusWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()

    def add(self, line: Line) -> None:
        """Clean ``line`` and append it, or count why it is dropped."""
        self.add_cleaned(line.split, clean(line, self.cleaning))

    def add_cleaned(self, split: str, cleaned: Cleaned) -> None:
        """Append a line of a split that was cleaned, or count why it is dropped."""
        counts = self.splits.setdefault(split, SplitCounts())
        if cleaned.line is None:
            counts.dropped[cleaned.dropped] += 1
            return
        line = cleaned.line
        counts.add(line)
        for change, number in cleaned.changes.items():
            self.changes[change] += number
            self.changes[f"lines with {change}"] += 1
        strokes = np.ascontiguousarray(line.strokes, dtype=np.float32)
        self._write(STROKES, strokes.tobytes())
        self._points += len(strokes)
        self._write(OFFSETS, _place(self._points))
        self._write_text(TEXTS, line.text)
        self._write_text(WRITERS, printable(line.writer))
        self._write_text(IDS, printable(line.source_id))
        self._write(SPLITS, self._split_names.number(line.split))
        self._write(SOURCES, self._source_names.number(line.source))
        self.num_lines += 1

    def finish(self, description: dict[str, Any]) -> None:
        """Have all on the disk; ``description`` goes into ``meta.json`` as it is."""
        for file in self._files.values():
            to_disk(file)
        meta = json.loads(json.dumps(self._meta(description)))  # as it is read again
        with open(self.folder / META, "w", encoding="utf-8") as meta_file:
            json.dump({**meta, "checksum": meta_checksum(meta)}, meta_file, indent=1)
            to_disk(meta_file)

    def _write_text(self, column: str, text: str) -> None:
        texts, offsets = file_names(column)
        data = encoded(text)
        self._write(texts, data)
        self._text_ends[column] += len(data)
        self._write(offsets, _place(self._text_ends[column]))

    def _write(self, name: str, data: bytes) -> None:
        self._files[name].write(data)
        self._checksums[name] = zlib.crc32(data, self._checksums[name])

    def _meta(self, description: dict[str, Any]) -> dict[str, Any]:
        sizes = {name: os.path.getsize(self.folder / name) for name in FILES}
        return {
            "format_version": FORMAT_VERSION,
            **description,
            "cleaning": asdict(self.cleaning),
            "lines": self.num_lines,
            "points": self._points,
            "changes": dict(sorted(self.changes.items())),
            **self._writers(),
            "splits": {name: counts.to_dict() for name, counts in sorted(self.splits.items())},
            "split_names": self._split_names.names,
            "source_names": self._source_names.names,
            "files": sizes,
            "checksums": self._checksums,
        }

    def _writers(self) -> dict[str, int]:
        splits_of = Counter(writer for counts in self.splits.values() for writer in counts.writers)
        shared = sum(number > 1 for number in splits_of.values())
        return {"writers": len(splits_of), "writers_in_several_splits": shared}
