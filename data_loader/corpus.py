"""The prepared corpus: a folder of memory-mapped arrays, made once from a source and a cleaning.

A folder's name is a hash of the source's fingerprint, the cleaning and the format, so that it is
reused exactly when these are the same. It is built beside its place and renamed into it: a folder
with its final name is complete. Processes that prepare at the same time wait for each other, and
the second finds the work done.

Nothing that grows with the number of lines is a Python object: strokes, texts, ids and names are
mapped from files, so that a corpus may be larger than memory and is opened at once. Places in these
files are checked whenever it is opened. The files have checksums (CRC-32, against disks and
accidents), which takes reading all of them: they are compared where ``prepare_corpus`` opens a
corpus, once a command, and not in each worker process; those of a corpus of more than
``ALWAYS_CHECKED`` bytes only where a file's time has changed since they were.

Shapes: ``T`` pen steps, ``L`` lines, ``N`` pen steps of all lines.
"""

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from base.base_reader import BaseReader
from data_loader.cleaning import Cleaning
from data_loader.corpus_meta import check_meta
from data_loader.corpus_writer import (
    FILES,
    FORMAT_VERSION,
    IDS,
    META,
    OFFSETS,
    SOURCES,
    SPLITS,
    STROKES,
    TEXTS,
    WRITERS,
    CorpusWriter,
    meta_checksum,
)
from data_loader.name_numbers import NameNumbers
from data_loader.parallel_cleaning import cleaned_lines
from data_loader.text_column import TextColumn, check_ascending, mapped
from handwriting.environment import reason
from handwriting.errors import DataError
from handwriting.ink.line import Line
from handwriting.ink.normalisation import LARGEST_MEAN, LARGEST_STD, SMALLEST_STD, Normalisation
from handwriting.leftovers import is_of_dead_process, process_tag, remove
from handwriting.quoting import printable, quoted
from handwriting.text.vocabulary import Vocabulary

TRAIN_SPLIT = "trainset"
VALIDATION_SPLIT = "testset_v"
UNFINISHED = ".building-"
ALWAYS_CHECKED = 1 << 30
"""Bytes of a corpus whose checksums are compared by each command."""
# The file in an unfinished corpus that says which process makes it.
MAKER = ".maker"
# The file in a large corpus that says when its files were last written to as they were checked.
_CHECKED = ".checked"
_LONGEST_REASON = 300
_BLOCK = 1 << 20
_UNFINISHED_NAME = re.compile(re.escape(UNFINISHED) + r"(\d+)-[0-9a-f]{8}")

logger = logging.getLogger(__name__)


class DamagedCorpus(DataError):
    """The files of a prepared corpus are not as they were written."""


class Corpus:
    """A prepared corpus, opened for reading.

    It can be sent to worker processes: they map the same files.

    Args:
        folder: as ``prepare_corpus`` made it.

    Attributes:
        splits: names of the splits that have lines, sorted; lines in no split have the name ''.
        sources: names of the mixed sources, sorted; the one name '' where there is one alone.
        meta: the contents of ``meta.json``.

    Raises:
        DamagedCorpus: where a file is missing, short, changed or does not fit the others.
        DataError: where they cannot be read.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            self._open()
        except FileNotFoundError as error:
            raise DamagedCorpus(f"{self.folder}: damaged prepared corpus: {_said(error)}") from None
        except OSError as error:
            raise DataError(f"{self.folder}: cannot be read: {reason(error)}") from None
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise DamagedCorpus(f"{self.folder}: damaged prepared corpus: {_said(error)}") from None

    def _open(self) -> None:
        self.meta: dict[str, Any] = json.loads((self.folder / META).read_text(encoding="utf-8"))
        _check_equal("format version", self.meta["format_version"], FORMAT_VERSION)
        _check_equal(f"checksum of {META}", meta_checksum(self.meta), self.meta["checksum"])
        check_meta(self.meta)
        lines, points = self.meta["lines"], self.meta["points"]
        for name in FILES:
            size = (self.folder / name).stat().st_size
            _check_equal(f"bytes of {name}", size, self.meta["files"][name])
        self._strokes = mapped(self.folder / STROKES, np.float32, (points, 3))
        self._offsets = mapped(self.folder / OFFSETS, np.int64, (lines + 1,))
        check_ascending(self._offsets, points, OFFSETS, least=1)
        self._texts, self._writers, self._source_ids = (
            TextColumn(self.folder, name, lines) for name in (TEXTS, WRITERS, IDS)
        )
        self._splits = NameNumbers(self.folder / SPLITS, self.meta["split_names"], lines)
        self._sources = NameNumbers(self.folder / SOURCES, self.meta["source_names"], lines)
        self.splits = sorted(self._splits.names)
        if unknown := set(self.splits) - self.meta["splits"].keys():
            raise ValueError(f"{META}: has nothing about the split {quoted(min(unknown))}")
        self.sources = sorted(self._sources.names)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Pen steps of each line, int64 ``[L]``."""
        lengths: np.ndarray = np.diff(self._offsets)
        return lengths

    def check_contents(self) -> None:
        """Read all files once and compare their checksums; those of a large corpus only where they
        have changed since.

        Raises:
            DamagedCorpus: they are not those that were written.
            DataError: they cannot be read.
        """
        is_large = sum(self.meta["files"][name] for name in FILES) > ALWAYS_CHECKED
        if is_large and _known_times(self.folder) == _times(self.folder):
            return
        for name in FILES:
            try:
                checksum = _checksum(self.folder / name)
                _check_equal(f"checksum of {name}", checksum, self.meta["checksums"][name])
            except OSError as error:
                raise DataError(f"{self.folder}: cannot be read: {reason(error)}") from None
            except (ValueError, LookupError) as error:
                raise self._damaged(error) from None
        if is_large:
            note_times(self.folder)

    def _damaged(self, error: Exception) -> DamagedCorpus:
        return DamagedCorpus(f"{self.folder}: damaged prepared corpus: {_said(error)}")

    def __reduce__(self) -> tuple[type["Corpus"], tuple[Path]]:
        return Corpus, (self.folder,)

    def __len__(self) -> int:
        """Number of lines ``L``."""
        return len(self._offsets) - 1

    def strokes(self, index: int) -> np.ndarray:
        """float32 ``[T, 3]`` of line ``index``, in the source's units: a read-only view."""
        return self._strokes[self._offsets[index] : self._offsets[index + 1]]

    def text(self, index: int) -> str:
        """The transcription, empty where there is none; ``DamagedCorpus`` where it cannot be read,
        here and below."""
        return self._text(self._texts, index)

    def writer(self, index: int) -> str:
        """The writer's id, empty where it is not known."""
        return self._text(self._writers, index)

    def source_id(self, index: int) -> str:
        """Return the id that the source has for the line."""
        return self._text(self._source_ids, index)

    def _text(self, column: TextColumn, index: int) -> str:
        try:
            return column[index]
        except ValueError as error:
            raise self._damaged(error) from None

    def source(self, index: int) -> str:
        """Which of the mixed sources the line is from; empty where there is one alone."""
        return self._sources[index]

    def sources_of(self, lines: np.ndarray) -> np.ndarray:
        """Return the sources of many lines, as ``source`` does that of one: texts, ``[lines]``."""
        return self._sources.of(lines)

    def line(self, index: int) -> Line:
        """Line ``index`` with all that is known about it."""
        names = (self.text(index), self.writer(index), self.source_id(index))
        return Line(self.strokes(index), *names, self._splits[index], self._sources[index])

    def lines(self) -> Iterator[Line]:
        """All lines, in order."""
        return map(self.line, range(len(self)))

    def split(self, name: str) -> np.ndarray:
        """Numbers of the lines of one split, int64, ascending.

        Raises:
            DataError: where no line is in it, with the names of the splits there are.
        """
        if name not in self.splits:
            raise DataError(self._no_split(name))
        return self._splits.lines_of(name)

    @property
    def normalisation(self) -> Normalisation:
        """Normalisation of the training split, as ``normalisation_of`` computes it."""
        return self.normalisation_of(TRAIN_SPLIT)

    def normalisation_of(self, split: str) -> Normalisation:
        """Mean and standard deviation of the offsets that a model predicts: all but a line's first.

        Raises:
            DataError: where no line is in the split, or its offsets have no spread that ink has.
        """
        offsets = self._split_meta(split)["offsets"]
        mean, std = offsets["mean"], offsets["std"]
        for axis, value in zip("xy", std, strict=True):
            if not (np.isfinite(value) and SMALLEST_STD <= value <= LARGEST_STD):
                raise DataError(
                    f"{self.folder}: split {split!r}: the standard deviation of the pen's offsets"
                    f" along {axis} must be finite and above 0, {SMALLEST_STD:g} to"
                    f" {LARGEST_STD:g}, got {value}"
                )
        if not max(map(abs, mean)) <= LARGEST_MEAN:
            raise DataError(
                f"{self.folder}: split {split!r}: the mean of the pen's offsets must be at most"
                f" {LARGEST_MEAN:g}, got {mean}"
            )
        return Normalisation(mean=tuple(mean), std=tuple(std))

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters of the training split's texts."""
        return self.vocabulary_of(TRAIN_SPLIT)

    def vocabulary_of(self, split: str) -> Vocabulary:
        """The characters of one split's texts; ``DataError`` where no line is in it."""
        return Vocabulary(sorted(self._split_meta(split)["characters"]))

    def _split_meta(self, name: str) -> dict[str, Any]:
        if name not in self.splits:
            raise DataError(self._no_split(name))
        meta: dict[str, Any] = self.meta["splits"][name]
        return meta

    def _no_split(self, name: str) -> str:
        known = ", ".join(repr(split) for split in self.splits)
        return f"{self.folder}: no line is in split {name!r}; the splits of this corpus: {known}"


def prepare_corpus(
    reader: BaseReader,
    cleaning: Cleaning,
    cache_dir: str | Path,
    progress: bool = True,
    workers: int = 1,
) -> Corpus:
    """The corpus of ``reader`` after ``cleaning``: opened where it is prepared already, else made.

    Args:
        reader: the source; read only where the corpus has to be made.
        cleaning: what is done to each line.
        cache_dir: where prepared corpora are kept, each in a folder of its own; made if needed.
        progress: show a progress bar, where stderr is a terminal.
        workers: processes that clean lines, see ``cleaned_lines``; the corpus is the same.

    Raises:
        DataError: where the source cannot be read, has no usable line, or ``cache_dir`` cannot be
            written. Nothing is left behind.
    """
    source = reader.fingerprint()
    # A reader that chooses another one names it there.
    description = {"reader": source.get("reader", reader.name), "source": source}
    key = corpus_key(source, cleaning)
    cache = Path(cache_dir)
    corpus = _open_whole(cache / key)
    if corpus is None:
        with _disk_faults(cache):
            cache.mkdir(parents=True, exist_ok=True)
        with _only_one_process(cache):
            corpus = _open_whole(cache / key) or _build(
                reader, cleaning, cache / key, description, progress, workers
            )
    name, points = description["reader"], corpus.meta["points"]
    logger.info("corpus of %s: %d lines, %d points, %s", name, len(corpus), points, corpus.folder)
    return corpus


def corpus_key(fingerprint: dict[str, Any], cleaning: Cleaning) -> str:
    """Name of the folder: the same for the same source, cleaning and format."""
    parts = [FORMAT_VERSION, fingerprint, asdict(cleaning)]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _open_whole(folder: Path) -> Corpus | None:
    """The corpus in ``folder``, or None where there is none that can be used."""
    if not folder.exists():
        return None
    try:
        corpus = Corpus(folder)
        corpus.check_contents()
        return corpus
    except DamagedCorpus as error:
        logger.warning("%s; it is made anew", error)
        return None


def _build(
    reader: BaseReader,
    cleaning: Cleaning,
    folder: Path,
    description: dict[str, Any],
    progress: bool,
    workers: int,
) -> Corpus:
    started = time.monotonic()
    building = folder.parent / f"{UNFINISHED}{os.getpid()}-{secrets.token_hex(4)}"
    logger.info("preparing the corpus of %s", description["reader"])
    try:
        with _disk_faults(building):
            building.mkdir()
            (building / MAKER).write_text(process_tag(), encoding="ascii")
            writer = CorpusWriter(building, cleaning)
        with writer:
            _write_all(reader, writer, description, progress, workers)
        with _disk_faults(folder):
            _publish(building, folder)
    finally:
        remove(building)
    logger.info("prepared in %.1f s", time.monotonic() - started)
    return Corpus(folder)


def _write_all(
    reader: BaseReader,
    writer: CorpusWriter,
    description: dict[str, Any],
    progress: bool,
    workers: int,
) -> None:
    bar = tqdm(
        cleaned_lines(reader.read(), writer.cleaning, workers),
        total=reader.expected_lines(),
        desc="preparing",
        unit=" lines",
        disable=None if progress else True,
    )
    for split, cleaned in bar:
        with _disk_faults(writer.folder):
            writer.add_cleaned(split, cleaned)
    skipped = reader.skipped
    for message in skipped.messages:
        logger.warning("skipped: %s", message)
    if not writer.num_lines:
        raise DataError(_nothing_usable(reader, writer))
    left_out = {"counts": skipped.counts, "messages": skipped.messages}
    with _disk_faults(writer.folder):
        writer.finish({**description, "skipped": left_out})


def _nothing_usable(reader: BaseReader, writer: CorpusWriter) -> str:
    reasons = dict(reader.skipped.counts)
    for counts in writer.splits.values():
        for why, number in counts.dropped.items():
            reasons[why] = reasons.get(why, 0) + number
    listed = ", ".join(f"{why}: {number}" for why, number in reasons.items())
    return f"source {reader.name!r}: no usable line ({listed or 'it is empty'})"


def _publish(building: Path, folder: Path) -> None:
    """Give the finished folder its name; where another process was first, its corpus stays."""
    if folder.exists() and _open_whole(folder) is None:
        shutil.rmtree(folder)
    (building / MAKER).unlink()
    if sum(map(os.path.getsize, building.iterdir())) > ALWAYS_CHECKED:
        note_times(building)
    try:
        os.rename(building, folder)
    except OSError:
        if _open_whole(folder) is None:
            raise


@contextmanager
def _only_one_process(cache: Path) -> Iterator[None]:
    """Hold the lock of ``cache``; the system releases it when a process dies, however it dies.

    Who holds it removes what killed processes left. Where the file system knows no locks, nothing
    is removed and the atomic rename decides alone.
    """
    # Its own name: what a user keeps in a file .lock would be cut.
    lock = FileLock(cache / ".prepare.lock")
    with _disk_faults(cache):
        is_held = _acquire(lock, cache)
    try:
        if is_held:
            for left_over in cache.glob(f"{UNFINISHED}*"):
                if _is_left_over(left_over):
                    logger.info("removing the unfinished corpus %s", left_over)
                    shutil.rmtree(left_over, ignore_errors=True)
        yield
    finally:
        lock.release()


def _is_left_over(folder: Path) -> bool:
    """Whether a folder is certainly an unfinished corpus, and the process that made it is gone."""
    found = _UNFINISHED_NAME.fullmatch(folder.name)
    if found is None or folder.is_symlink():
        return False
    try:
        with open(folder / MAKER, encoding="ascii") as file:
            maker = file.read(100)
    except (OSError, ValueError):
        return False
    return maker.endswith(f"-{found[1]}") and is_of_dead_process(maker)


def _acquire(lock: FileLock, cache: Path) -> bool:
    """Wait for a lock; false where there is no such thing."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("waiting for another process that prepares a corpus in %s", cache)
        lock.acquire()
    except NotImplementedError:  # by the file system
        return False
    return True


@contextmanager
def _disk_faults(path: Path) -> Iterator[None]:
    """A full or read-only disk is the user's to mend: one clear line."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {reason(error)}") from None


def note_times(folder: Path) -> None:
    """Note that the files of a corpus are as they were written; where that cannot be noted, they
    are checked again."""
    with suppress(OSError):
        (folder / _CHECKED).write_text(json.dumps(_times(folder)), encoding="ascii")


def _times(folder: Path) -> dict[str, Any]:
    """When each file was last written to, in nanoseconds."""
    return {name: (folder / name).stat().st_mtime_ns for name in (*FILES, META)}


def _known_times(folder: Path) -> Any:
    try:
        return json.loads((folder / _CHECKED).read_text(encoding="ascii"))
    except (OSError, ValueError, RecursionError):
        return None


def _checksum(path: Path) -> int:
    checksum = 0
    with open(path, "rb") as file:
        while data := file.read(_BLOCK):
            checksum = zlib.crc32(data, checksum)
    return checksum


def _said(error: Exception) -> str:
    """Return what an error says, in one line: it may have something from a file in it."""
    return printable(" ".join(str(error).split())[:_LONGEST_REASON])


def _check_equal(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{what}: {found}, expected {expected}")
