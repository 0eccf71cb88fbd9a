"""Shards of a labelled corpus: some lines of handwriting with their labels, in a folder or a tar.

A folder holds ``strokes.npy`` (float32 rows ``(end_of_stroke, dx, dy)`` of all lines, one after the
other), ``offsets.npy`` (int64 ``[L + 1]``, where each line begins), ``lines.jsonl`` (the labels of
each line) and ``shard.json``, written last: counts, lines that could not be written and why, the
size and the checksum (CRC-32) of each file. A tar has two members for each line, as WebDataset
takes them: ``ID.json``, its labels, and ``ID.npy``, its strokes. The same lines give the same
bytes: no file says when it was made, or by whom.

Shapes: ``T`` pen steps, ``L`` lines, ``N`` pen steps of all lines.
"""

import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.errors import DataError
from handwriting.files import (
    open_regular_file,
    read_regular_file,
    to_disk,
    whole_file,
    whole_folder,
)
from handwriting.pages.word_boxes import WordBox
from handwriting.quoting import printable

VERSION = 1
STROKES, OFFSETS, LINES, ABOUT = "strokes.npy", "offsets.npy", "lines.jsonl", "shard.json"
MOST_LINES = 10_000
"""Lines of a shard."""

_MOST_ABOUT = 1 << 24  # bytes
_MOST_LABELS = 1 << 20  # bytes of a line's
_DECIMALS = 4
_LONGEST_REASON = 200
_LONGEST_HEADER = 200
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>[\x10-\xff]\x00)\{'descr': '(?P<kind><[a-z]\d)',"
    rb" 'fortran_order': False, 'shape': \((?P<rows>\d{1,15}),(?: (?P<columns>\d))?\), \} *\n",
    re.DOTALL,
)


@dataclass(frozen=True, eq=False)
class LabelledLine:
    """A line that was written, and all that is known about it.

    Attributes:
        number: of its text, counted from 1.
        strokes: float32 ``[T, 3]`` as in ``handwriting.ink.line.Line``.
        text: as it was written.
        hand: the name of its hand; empty for one that the seed made up.
        seed: what gives the same line again.
        words: their boxes.
    """

    number: int
    strokes: np.ndarray
    text: str
    hand: str
    seed: int
    words: tuple[WordBox, ...]

    @property
    def id(self) -> str:
        """Its number, in digits that sort."""
        return f"{self.number:010d}"

    def labels(self) -> dict[str, Any]:
        """Plain values, for JSON: all but the strokes."""
        words = [[*word[:2], *(round(side, _DECIMALS) for side in word[2:])] for word in self.words]
        return {
            "id": self.id,
            "text": self.text,
            "hand": self.hand,
            "seed": self.seed,
            "words": words,
        }


@dataclass(frozen=True)
class LeftOut:
    """A text that was not written: its number, counted from 1, and why, in a line."""

    number: int
    reason: str


def write_folder(
    folder: Path, lines: Sequence[LabelledLine], left_out: Sequence[LeftOut] = ()
) -> None:
    """Write a shard as a folder, which appears whole.

    Raises:
        UserError, OSError: it cannot be written.
    """
    offsets = np.cumsum([0, *(len(line.strokes) for line in lines)], dtype=np.int64)
    strokes = np.concatenate([np.zeros((0, 3)), *(line.strokes for line in lines)])
    labels = "".join(f"{_json(line.labels())}\n" for line in lines)
    files = {
        STROKES: _npy(strokes),
        OFFSETS: _npy(offsets, "<i8"),
        LINES: labels.encode(),
    }
    about = {
        "format": "handwriting shard",
        "version": VERSION,
        "lines": len(lines),
        "pen_steps": int(offsets[-1]),
        "left_out": [[each.number, each.reason] for each in left_out],
        "files": {name: [len(data), zlib.crc32(data)] for name, data in files.items()},
    }
    with whole_folder(folder) as unfinished:
        for name, data in {**files, ABOUT: _json(about).encode()}.items():
            with open(unfinished / name, "wb") as file:
                file.write(data)
                to_disk(file)


def write_tar(path: Path, lines: Sequence[LabelledLine]) -> None:
    """Write a shard as a tar, which appears whole.

    Raises:
        UserError, OSError: it cannot be written.
    """
    with (
        whole_file(path, sync=True) as unfinished,
        tarfile.open(unfinished, "w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for line in lines:
            _add(archive, f"{line.id}.json", _json(line.labels()).encode())
            _add(archive, f"{line.id}.npy", _npy(line.strokes))


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _npy(array: np.ndarray, kind: str = "<f4") -> bytes:
    """An array as a file of NumPy's."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array, kind), allow_pickle=False)
    return file.getvalue()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def is_shard(path: Path) -> bool:
    """Whether a path is a shard: a folder with ``shard.json`` in it, or a tar."""
    return (path / ABOUT).is_file() if path.is_dir() else path.suffix == ".tar"


def read_folder(folder: Path) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Stream the lines of a shard that is a folder, which is checked as it is read.

    Yields:
        float32 strokes ``[T, 3]`` and the labels of each line, see ``LabelledLine.labels``.

    Raises:
        DataError: a file is missing, damaged, or does not fit the others; names the shard.
    """
    about = _about(folder)
    strokes, offsets = _arrays(folder)
    try:
        _check_equal("lines", len(offsets) - 1, about["lines"])
        _check_equal("pen steps", len(strokes), about["pen_steps"])
        for name, (size, checksum) in about["files"].items():
            if name in (STROKES, OFFSETS, LINES):
                _check_equal(f"bytes of {name}", (folder / name).stat().st_size, size)
                _check_equal(f"checksum of {name}", _checksum(folder / name), checksum)
        numbers = range(len(offsets) - 1)
        for number, labels in zip(numbers, _labels(folder / LINES), strict=True):
            line = strokes[offsets[number] : offsets[number + 1]]
            _check_ends(line)
            yield line, labels
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _damaged(folder, error) from None


def _about(folder: Path) -> dict[str, Any]:
    path = folder / ABOUT
    try:
        if path.stat().st_size > _MOST_ABOUT:
            raise ValueError(f"{ABOUT}: has more than {_MOST_ABOUT:,} bytes")
        about = json.loads(read_regular_file(path))
        _check_equal("version", about["version"], VERSION)
        _check_equal("files", sorted(about["files"]), sorted((STROKES, OFFSETS, LINES)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(folder, error) from None
    found: dict[str, Any] = about
    return found


def _arrays(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The strokes ``[N, 3]``, mapped, and where each line begins ``[L + 1]``."""
    try:
        strokes = _mapped(folder / STROKES, "<f4", 3)
        offsets = _mapped(folder / OFFSETS, "<i8")
        if not 1 <= len(offsets) <= MOST_LINES + 1:
            raise ValueError(f"should have at most {MOST_LINES:,} lines, got {len(offsets) - 1:,}")
        _check_equal("first and last offset", offsets[[0, -1]].tolist(), [0, len(strokes)])
        if (np.diff(offsets) <= 0).any():
            raise ValueError("offsets do not ascend")
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from None
    return strokes, offsets


def _mapped(path: Path, kind: str, columns: int | None = None) -> np.ndarray:
    """The array ``[n]``, or ``[n, columns]``, of a file of NumPy's; see ``_shape``."""
    with open_regular_file(path) as file:
        start = file.read(_LONGEST_HEADER)
        size = file.seek(0, io.SEEK_END)
    shape, place = _shape(start, size, kind, columns)
    if not shape[0]:
        return np.zeros(shape, kind)  # nothing cannot be mapped
    return np.asarray(np.memmap(path, kind, "r", place, shape))


def strokes_of_npy(data: bytes) -> np.ndarray:
    """Return the strokes ``[T, 3]``, T >= 1, of a file of NumPy's; ``ValueError`` where it has
    anything else."""
    shape, place = _shape(data, len(data), "<f4", 3)
    if not shape[0]:
        raise ValueError("strokes: no pen step")
    strokes = np.frombuffer(data, "<f4", offset=place).reshape(shape)
    _check_ends(strokes)
    return strokes


def _shape(start: bytes, size: int, kind: str, columns: int | None) -> tuple[tuple[int, ...], int]:
    """The shape of the array of a file of NumPy's, and where its values begin. NumPy's own reader
    takes a header for Python, which may be anything.

    Args:
        start: of the file.
        size: of all of it.
        kind: of its values, such as ``<f4``.
        columns: of the array; None where it has one axis.

    Raises:
        ValueError: it is another array, or another file.
    """
    found = _HEADER.match(start)
    if found is None:
        raise ValueError("is no array in NumPy's format, of one or two axes")
    rows = int(found["rows"])
    shape = (rows,) if columns is None else (rows, columns)
    own = (found["kind"].decode(), (found["columns"] or b"").decode())
    _check_equal("values and columns", own, (kind, "" if columns is None else str(columns)))
    place = 10 + int.from_bytes(found["length"], "little")
    _check_equal("length of the header", place, found.end())
    expected = place + rows * (columns or 1) * np.dtype(kind).itemsize
    _check_equal("bytes of an array", size, expected)
    return shape, place


def _check_ends(strokes: np.ndarray) -> None:
    ends = strokes[:, 0]
    if not ((ends == 0) | (ends == 1)).all() or ends[-1] != 1:
        raise ValueError("strokes: ends should be 0 or 1, and 1 in the last row")


def parsed_labels(data: bytes) -> dict[str, Any]:
    """Return the labels of a line; ``ValueError`` where they lack an id, a text or a hand."""
    try:
        labels = json.loads(data.decode())
    except RecursionError:
        raise ValueError("labels: JSON nested too deeply") from None
    if not isinstance(labels, dict):
        raise ValueError("labels: should be an object")
    for name in ("id", "text", "hand"):
        if not isinstance(labels.get(name), str):
            raise ValueError(f"labels: {name} should be a text")
        labels[name].encode()  # halves of surrogate pairs are no text
    return labels


def _labels(path: Path) -> Iterator[dict[str, Any]]:
    with open_regular_file(path) as file:
        while row := file.readline(_MOST_LABELS):
            yield parsed_labels(row)


def _checksum(path: Path) -> int:
    checksum = 0
    with open_regular_file(path) as file:
        while data := file.read(1 << 20):
            checksum = zlib.crc32(data, checksum)
    return checksum


def _check_equal(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{what}: {found}, expected {expected}")


def _damaged(path: Path, error: Exception) -> DataError:
    said = printable(" ".join(str(error).split())[:_LONGEST_REASON])
    return DataError(f"{path}: damaged shard ({said}); remove it and have it written again")
