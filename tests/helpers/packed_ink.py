"""Reads the packed copies of UNIPEN and pendigits that developers have, to compare readers with.

Four files, packed by ``xz``: ``files.tsv`` (the files and their number of strokes),
``strokes.u16`` (points of each stroke), ``ink.i16`` (all dx, then all dy, from (0, 0) in each file,
y downwards) and ``segs.tsv`` (the samples). The environment variable ``HANDWRITING_INK`` names the
folder that holds them.
"""

import lzma
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

LEVELS = {"l": "lines", "w": "words", "c": "characters", "t": "texts"}


@dataclass(frozen=True)
class Sample:
    """A segment: file ``name`` of a ``group``, ``level``, ``quality``, ``writer``, ``label``, and
    the points ``[n, 2]`` of its strokes, y upwards."""

    group: str
    name: str
    tag: str
    level: str
    quality: str
    writer: str
    label: str
    strokes: list[np.ndarray]


def ink_folder(name: str) -> Path:
    """The folder ``name`` of the ink that ``HANDWRITING_INK`` names; skips the test without."""
    folder = os.environ.get("HANDWRITING_INK")
    if not folder or not (Path(folder) / name).is_dir():
        pytest.skip(f"HANDWRITING_INK does not name a folder with {name}/")
    return Path(folder) / name


def packed_samples(folder: Path) -> Iterator[Sample]:
    """Stream the samples of a packed copy."""
    lengths = np.frombuffer(_unpacked(folder, "strokes.u16"), "<u2").astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    offsets = np.frombuffer(_unpacked(folder, "ink.i16"), "<i2").reshape(2, -1).T
    rows = _rows(folder, "files.tsv")
    starts = np.concatenate([[0], np.cumsum([int(row[6]) for row in rows])])
    ink: dict[int, list[np.ndarray]] = {}
    for number, category, quality, writer, place, label in _rows(folder, "segs.tsv"):
        file = int(number)
        if file not in ink:
            bounds = ends[starts[file] : starts[file + 1] + 1]
            points = np.cumsum(offsets[bounds[0] : bounds[-1]].astype(np.int64), axis=0) * [1, -1]
            ink = {file: np.split(points, bounds[1:-1] - bounds[0])}
        _, group, name, tag, *_ = rows[file]
        strokes = list(_strokes(ink[file], place))
        yield Sample(group, name, tag, LEVELS[category], quality, writer, label, strokes)


def _strokes(ink: list[np.ndarray], place: str) -> Iterator[np.ndarray]:
    for part in place.split(","):
        if ":" in part:
            stroke, begin, end = map(int, part.split(":"))
            yield ink[stroke][begin:end]
        else:
            first, _, last = part.partition("-")
            yield from ink[int(first) : int(last or first) + 1]


def _rows(folder: Path, name: str) -> list[list[str]]:
    lines = _unpacked(folder, name).decode().split("\n")[1:-1]
    return [line.split("\t") for line in lines]


def _unpacked(folder: Path, name: str) -> bytes:
    return lzma.decompress((folder / f"{name}.xz").read_bytes())
