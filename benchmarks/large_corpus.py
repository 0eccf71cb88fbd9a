"""Measures how a prepared corpus of any number of lines is opened, with made-up lines. Run by hand:

    python -m benchmarks.large_corpus [--lines 10000000] [--points 12]

Makes such a corpus in a temporary folder (235 bytes of disk a line of 12 points; its files are then
in the system's cache) and prints, of a process of its own, the seconds of opening it and of its
first uses, and the memory that these take.
"""

import json
import multiprocessing
import resource
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from data_loader.corpus import ALWAYS_CHECKED, Corpus, note_times
from data_loader.corpus_writer import (
    COLUMNS,
    FILES,
    FORMAT_VERSION,
    META,
    OFFSETS,
    SOURCES,
    SPLITS,
    STROKES,
    meta_checksum,
)
from data_loader.text_column import file_names
from handwriting.command_line import OneLineParser, whole_number
from handwriting.errors import run_command

_AT_ONCE = 100_000
_TEXTS = [
    b"the rain in spain falls on plain",
    b"it is no use at all",
    b"on the tree",
    b"so in 1984",
]


def main() -> None:
    """Make the corpus, open it in a process, and print the measurements."""
    parser = OneLineParser(prog="python -m benchmarks.large_corpus", description=__doc__)
    parser.add_argument("--lines", type=whole_number(4, 10**9), default=10_000_000)
    parser.add_argument("--points", type=whole_number(2, 1000), default=12, help="of each line")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_corpus(Path(folder), arguments.lines, arguments.points)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            results = pool.apply(measure, (folder,))
    for name, value in results.items():
        print(f"{name:45} {value:14,.2f}")


def measure(folder: str) -> dict[str, float]:
    """Seconds and memory of opening a corpus and of first uses of it."""
    before, started = _memory(), time.perf_counter()
    corpus = Corpus(folder)
    opened = time.perf_counter()
    results = {
        "lines": float(len(corpus)),
        "gigabytes": sum(corpus.meta["files"].values()) / 1e9,
        "opening, seconds": opened - started,
        "memory that is its own after that, MB": _memory() - before,
    }
    if sum(corpus.meta["files"].values()) > ALWAYS_CHECKED:
        corpus.check_contents()
        results["checking what is unchanged, seconds"] = time.perf_counter() - opened
    started = time.perf_counter()
    lines = corpus.split("trainset")
    _ = corpus.lengths[lines].sum()
    results["lines of a split and their lengths, seconds"] = time.perf_counter() - started
    started = time.perf_counter()
    for index in np.random.default_rng(0).choice(lines, 1000).tolist():
        corpus.line(index)
    results["a line at random, microseconds"] = (time.perf_counter() - started) * 1e3
    results["memory that is its own at the end, MB"] = _memory() - before
    return results


def _memory() -> float:
    """Megabytes of this process's own, mapped files not counted; peak of all where the system
    (Linux) does not say."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    (kilobytes,) = (row.split()[1] for row in status.splitlines() if row.startswith("RssAnon"))
    return int(kilobytes) / 1000


def make_corpus(folder: Path, lines: int, points: int) -> None:
    """Write the files of a corpus of made-up lines, each of ``points`` pen steps."""
    strokes = np.zeros((points, 3), np.float32)
    strokes[1:, 1:] = np.random.default_rng(0).normal(size=(points - 1, 2))
    strokes[-1, 0] = 1
    with_texts = {
        "texts": lambda number: _TEXTS[number % len(_TEXTS)],
        "writers": lambda number: b"hand-%d" % (number % 500),
        "ids": lambda number: b"lines/shard-%06d/%010d" % (number // 1000, number),
    }
    _repeated(folder / STROKES, strokes, lines)
    _repeated(folder / SOURCES, np.zeros(1, np.uint16), lines)
    splits = (np.arange(lines) % 50 == 0).astype(np.uint16)
    splits.tofile(folder / SPLITS)
    (np.arange(lines + 1, dtype=np.int64) * points).tofile(folder / OFFSETS)
    for column in COLUMNS:
        _write_column(folder, column, with_texts[column], lines)
    held_out = int(splits.sum())
    counts = {"trainset": lines - held_out, "testset_v": held_out}
    _write_meta(folder, lines, points, counts)
    note_times(folder)


def _repeated(path: Path, values: np.ndarray, times: int) -> None:
    with open(path, "wb") as file:
        for start in range(0, times, _AT_ONCE):
            file.write(values.tobytes() * min(_AT_ONCE, times - start))


def _write_column(folder: Path, column: str, text_of: Any, lines: int) -> None:
    texts, offsets = (folder / name for name in file_names(column))
    end = 0
    with open(texts, "wb") as text_file, open(offsets, "wb") as offset_file:
        offset_file.write(np.zeros(1, np.int64).tobytes())
        for start in range(0, lines, _AT_ONCE):
            found = [text_of(number) for number in range(start, min(start + _AT_ONCE, lines))]
            ends = end + np.cumsum([len(text) for text in found], dtype=np.int64)
            text_file.write(b"".join(found))
            offset_file.write(ends.tobytes())
            end = int(ends[-1])


def _write_meta(folder: Path, lines: int, points: int, counts: dict[str, int]) -> None:
    splits = {
        name: {
            "lines": number,
            "points": number * points,
            "writers": 500,
            "lines_without_writer": 0,
            "characters": {"a": number},
            "dropped": {},
            "offsets": {"steps": number * (points - 1), "mean": [0.0, 0.0], "std": [1.0, 1.0]},
        }
        for name, number in counts.items()
    }
    meta = {
        "format_version": FORMAT_VERSION,
        "reader": "made up",
        "lines": lines,
        "points": lines * points,
        "changes": {},
        "writers": 500,
        "writers_in_several_splits": 500,
        "splits": splits,
        "skipped": {"counts": {}, "messages": []},
        "split_names": list(counts),
        "source_names": [""],
        "files": {name: (folder / name).stat().st_size for name in FILES},
        "checksums": {name: _checksum(folder / name) for name in FILES},
    }
    text = json.dumps({**meta, "checksum": meta_checksum(meta)})
    (folder / META).write_text(text, encoding="utf-8")


def _checksum(path: Path) -> int:
    checksum = 0
    with open(path, "rb") as file:
        while data := file.read(1 << 20):
            checksum = zlib.crc32(data, checksum)
    return checksum


if __name__ == "__main__":
    run_command(main)
