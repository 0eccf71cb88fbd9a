"""A labelled corpus of any size: the lines of a file of texts, written in shards by any number of
processes.

A shard has the lines of some texts in succession and appears whole. One that is there already is
not written again, so that a command that was ended, in whatever way, goes on where it was. Each
shard is written by one process with one thread of its own, so that its bytes do not depend on how
many there are.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from handwriting.environment import reason
from handwriting.errors import DataError, UserError
from handwriting.files import make_folder, open_regular_file, read_regular_file, whole_file
from handwriting.formats.shards import LeftOut, write_folder, write_tar
from handwriting.leftovers import sweep
from handwriting.quoting import printable, quoted
from handwriting.runtime import weights_folder as folders
from handwriting.runtime.labelled_lines import LineSettings, NumberedText, write_labelled
from handwriting.runtime.noise import MOST_SEED, line_seed
from handwriting.runtime.onnx_steps import FILE as FAST_FILE
from handwriting.runtime.writer import Writer
from handwriting.worker_processes import map_in_processes

CorpusFormat = Literal["folder", "webdataset"]
ABOUT = "corpus.json"
MOST_TEXTS = 2**32 - 1
"""Of a corpus: so many seeds a line can have."""

_VERSION = 1
_MOST_BYTES = 4096  # of a text
_BLOCK = 1 << 22


@dataclass(frozen=True)
class CorpusSettings:
    """Choices that decide the bytes of a corpus, beside its texts and the weights.

    Attributes:
        lines: how they are written.
        seed: of the corpus; each line has one of its own from it.
        shard_lines: texts of a shard.
        format: of the shards: folders, or tars as WebDataset takes them.
        fast: see ``Writer``.
    """

    lines: LineSettings = LineSettings()  # noqa: RUF009 (it is frozen)
    seed: int = 1
    shard_lines: int = 1000
    format: CorpusFormat = "folder"
    fast: bool = False


@dataclass(frozen=True)
class ShardReport:
    """A shard that was written.

    Attributes:
        path: of it.
        lines: that it has.
        left_out: texts that could not be written.
    """

    path: Path
    lines: int
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class CorpusReport:
    """Counts of a run: shards that were there already, shards, lines and texts left out of those
    written now."""

    there_before: int
    shards: int
    lines: int
    left_out: int


@dataclass(frozen=True)
class _Shard:
    """A shard to be written: where its texts begin in the file, and the number of the first."""

    texts: Path
    start: int
    first: int
    path: Path
    weights: Path
    settings: CorpusSettings


def write_corpus(
    texts: Path,
    folder: Path,
    settings: CorpusSettings,
    weights: Path | str | None = None,
    workers: int = 1,
    report: Callable[[ShardReport], None] = lambda _: None,
) -> CorpusReport:
    """Write the lines of a file, each by hand, into the shards of a corpus.

    It starts processes, see ``map_in_processes``.

    Args:
        texts: a file with a text in each of its lines, UTF-8. Empty ones are passed over; one that
            cannot be written is reported, and left out.
        folder: of the corpus; made where it is not there. One that has shards of the same texts,
            settings and weights is completed.
        settings: see there.
        weights: a folder of exported models, as for ``Writer``.
        workers: processes that write shards.
        report: called for each shard that is written, in their order.

    Raises:
        UserError: the texts, the weights or a setting cannot be used, or the folder has another
            corpus or something else in it.
    """
    found = folders.weights_folder(weights)
    check_settings(settings, found)
    starts, digest = _starts(texts, settings.shard_lines)
    about = _about(settings, digest, found)
    _claim(folder, about)
    shards = [
        _Shard(texts, start, 1 + number * settings.shard_lines, path, found, settings)
        for number, start in enumerate(starts)
        if not (path := shard_path(folder, number, settings.format)).exists()
    ]
    lines = left_out = 0
    for done in _written(shards, workers, folder):
        lines, left_out = lines + done.lines, left_out + len(done.left_out)
        report(done)
    return CorpusReport(len(starts) - len(shards), len(shards), lines, left_out)


def check_settings(settings: CorpusSettings, weights: Path) -> None:
    """Write nothing with the settings; ``UserError`` where that cannot be done."""
    if not 0 <= settings.seed <= MOST_SEED:
        raise UserError(f"seed: should be from 0 to {MOST_SEED:,}, got {settings.seed}")
    lines = settings.lines
    Writer(weights, settings.fast).write_lines([], lines.hand, 1, lines.bias, lines.best_of)


def shard_path(folder: Path, number: int, format: CorpusFormat) -> Path:
    """Return the path of a shard of a corpus, counted from 0."""
    return folder / f"shard-{number:06d}{'.tar' if format == 'webdataset' else ''}"


def _starts(path: Path, step: int) -> tuple[list[int], str]:
    """Find where each ``step`` lines of a file begin, in bytes, and its SHA-256.

    Raises:
        DataError: it cannot be read, is empty, or has too many lines.
    """
    digest, starts, position, number = hashlib.sha256(), [0], 0, 0
    ends_line = True
    try:
        with open_regular_file(path) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
                # The line after the end of every step-th one begins a shard.
                starts += (position + 1 + ends[step - 1 - number % step :: step]).tolist()
                number, position = number + len(ends), position + len(block)
                ends_line = block.endswith(b"\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None
    if not position:
        raise DataError(f"{path}: has no text in it")
    if number + (not ends_line) > MOST_TEXTS:
        raise DataError(f"{path}: has more than {MOST_TEXTS:,} lines")
    return [start for start in starts if start < position], digest.hexdigest()


def _about(settings: CorpusSettings, texts: str, weights: Path) -> dict[str, Any]:
    """Return what makes two corpora the same, as plain values."""
    used = [FAST_FILE] if settings.fast else []
    used += [folders.WRITER] if settings.lines.hand is None else [folders.WRITER, folders.HANDS]
    digests = {name: hashlib.sha256(read_regular_file(weights / name)).hexdigest() for name in used}
    named = asdict(settings)
    return {
        "corpus_version": _VERSION,
        **named.pop("lines"),
        **named,
        "texts": texts,
        "weights": digests,
    }


def _claim(folder: Path, about: dict[str, Any]) -> None:
    """Note in the folder what its shards are made of.

    Raises:
        UserError: it has something else in it, or cannot be written.
    """
    path = folder / ABOUT
    if path.exists():
        there = _known_about(path)
        for name, value in about.items():
            if there.get(name) != value:
                raise UserError(
                    f"{folder}: has shards of another corpus ({name}: {_shown(there.get(name))},"
                    f" now {_shown(value)}); name another folder"
                )
        return
    make_folder(folder)
    if any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise UserError(f"{folder}: has files that are of no corpus; name another folder")
    with whole_file(path, sync=True) as unfinished:
        unfinished.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _known_about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(read_regular_file(path))
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise DataError(f"{path}: is not what this program writes; name another folder")
    return about


def _shown(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else printable(str(value)[:200])


def _written(shards: list[_Shard], workers: int, folder: Path) -> Iterator[ShardReport]:
    """Write shards in processes of their own, some at a time.

    Raises:
        UserError: a process fails, or is ended by someone.
    """
    try:
        if shards:
            yield from map_in_processes(_write_shard, shards, min(workers, len(shards)))
    finally:
        sweep(folder)  # shards that were begun; nothing is lost, since one is there whole or not


@cache
def _writer(weights: Path, fast: bool) -> Writer:
    """The writer of this process."""
    return Writer(weights, fast)


def _write_shard(shard: _Shard) -> ShardReport:
    settings = shard.settings
    writer = _writer(shard.weights, settings.fast)
    texts: list[NumberedText] = []
    left_out: list[LeftOut] = []
    for number, data in _rows(shard):
        try:
            text = _decoded(data)
        except UserError as error:
            left_out.append(LeftOut(number, str(error)))
            continue
        if text.strip():
            texts.append(NumberedText(number, text, line_seed(settings.seed, number)))
    results = list(write_labelled(writer, texts, settings.lines))
    left_out += [result for result in results if isinstance(result, LeftOut)]
    left_out.sort(key=lambda each: each.number)
    lines = [result for result in results if not isinstance(result, LeftOut)]
    try:
        if settings.format == "webdataset":
            write_tar(shard.path, lines)
        else:
            write_folder(shard.path, lines, left_out)
    except OSError as error:
        raise DataError(f"{shard.path}: cannot be written: {reason(error)}") from None
    return ShardReport(shard.path, len(lines), tuple(left_out))


def _rows(shard: _Shard) -> Iterator[tuple[int, bytes]]:
    """The numbers and the bytes of a shard's lines; of one that is too long, its beginning."""
    with open_regular_file(shard.texts) as file:
        file.seek(shard.start)
        for number in range(shard.first, shard.first + shard.settings.shard_lines):
            data = file.readline(_MOST_BYTES + 1)
            if not data:
                return
            rest = data
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(_BLOCK)
            yield number, data


def _decoded(data: bytes) -> str:
    """The text of a line.

    Raises:
        UserError: it is too long, or not UTF-8.
    """
    if len(data) > _MOST_BYTES:
        raise UserError(f"text: has more than {_MOST_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"text: is not UTF-8 text (byte {error.start + 1})") from None
