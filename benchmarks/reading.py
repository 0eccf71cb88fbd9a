"""Time and memory of reading files: one word, one page, 1,000 lines; and of reading after each
stroke.

    python -m benchmarks.reading [-r CHECKPOINT] [--lines 1000] [--json FILE]

Ink is the built-in corpus's, 20 lines a page. Files are read by ``experiments.py --ink`` in a
process of its own, after one run that fills the caches; seconds are those of the processor and of
the wall clock, memory is the largest that the process held. On a machine that does other things the
processor's seconds tell more.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.report import Report, about_run
from data_loader.readers.synthetic import SyntheticReader
from handwriting.command_line import OneLineParser, whole_number
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points
from utils.shipped import checkpoint_path

ROOT = Path(__file__).parents[1]
LINES_OF_PAGE = 20
COLUMNS = ("what", "lines", "s of the processor", "s of the wall clock", "MiB")
_PITCH = 5.0  # of a line's median height
_FIRST = 4  # strokes that are about a word


@dataclass(frozen=True)
class Measured:
    """Seconds of reading, and the most memory in MiB."""

    what: str
    lines: int
    processor: float
    clock: float
    memory: float

    def cells(self) -> list[str]:
        """Return the row as it is shown."""
        seconds = (f"{value:.2f}" for value in (self.processor, self.clock))
        return [self.what, f"{self.lines:,}", *seconds, f"{self.memory:.0f}"]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table and write it."""
    options = _parse(argv)
    lines = list(SyntheticReader(num_lines=options.lines, num_writers=20).read())
    with tempfile.TemporaryDirectory() as place:
        rows = _measure_all(lines, Path(place), options.resume)
    report = Report(
        "Reading files of ink",
        COLUMNS,
        [row.cells() for row in rows],
        [vars(row) for row in rows],
        about_run(),
    )
    print(report.markdown())
    if options.json is not None:
        report.save(options.json)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m benchmarks.reading", description="Measure how files of ink are read."
    )
    add = parser.add_argument
    add("-r", "--resume", type=checkpoint_path, default=checkpoint_path("recognition"))
    add("--lines", type=whole_number(LINES_OF_PAGE, 100_000), default=1000)
    add("--json", type=Path, metavar="FILE", help="write the numbers as JSON")
    return parser.parse_args(argv)


def _measure_all(lines: Sequence[Line], folder: Path, checkpoint: Path) -> list[Measured]:
    word = points_from_strokes(lines[0].strokes)[:_FIRST]
    _save(word, folder / "word.json")
    pages = [lines[at : at + LINES_OF_PAGE] for at in range(0, len(lines), LINES_OF_PAGE)]
    for number, page in enumerate(pages, start=1):
        _save(_page(page), folder / "pages" / f"page-{number}.json")
    first = folder / "pages" / "page-1.json"
    _read(folder / "word.json", checkpoint)
    return [
        Measured("one word", 1, *_read(folder / "word.json", checkpoint)),
        Measured("one page", len(pages[0]), *_read(first, checkpoint)),
        Measured("a folder of pages", len(lines), *_read(folder / "pages", checkpoint)),
        _session(_page(pages[0]), checkpoint),
    ]


def _page(lines: Sequence[Line]) -> list[np.ndarray]:
    """The strokes of lines below each other."""
    inks = [points_from_strokes(line.strokes) for line in lines]
    pitch = _PITCH * float(np.median([np.std(np.concatenate(ink)[:, 1]) for ink in inks]))
    return [
        stroke - np.concatenate(ink).mean(axis=0) * [0, 1] - [0, pitch * row]
        for row, ink in enumerate(inks)
        for stroke in ink
    ]


def _save(strokes: Sequence[np.ndarray], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(strokes_from_points(list(strokes)).tolist()))


def _read(path: Path, checkpoint: Path) -> tuple[float, float, float]:
    """Return the seconds of the processor and of the clock, and the MiB, of a command that reads in
    one process."""
    command = [sys.executable, "experiments.py", "-r", str(checkpoint), "--device", "cpu"]
    command += ["--ink", str(path), "--workers", "1"]
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: ended with {process.returncode}")
    clock = time.perf_counter() - started
    return used.ru_utime + used.ru_stime, clock, used.ru_maxrss / 1024


def _session(strokes: Sequence[np.ndarray], checkpoint: Path) -> Measured:
    """The last strokes, one after the other, on a page that is full already: seconds of each."""
    from handwriting.readings.document_reader import DocumentReader
    from handwriting.readings.session import Session
    from reading.recogniser import line_reader
    from trainer.loaded_model import load_model

    reader = DocumentReader(line_reader(load_model(checkpoint, "cpu"), "benchmark"))
    session = Session(reader, strokes=strokes[:-_FIRST])
    before = time.process_time(), time.perf_counter()
    for stroke in strokes[-_FIRST:]:
        session.add_stroke(stroke)
    spent = [now - then for now, then in zip(
        (time.process_time(), time.perf_counter()), before, strict=True)]  # fmt: skip
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    what = "one more stroke on a page, in a session"
    return Measured(what, 1, spent[0] / _FIRST, spent[1] / _FIRST, memory)


if __name__ == "__main__":
    from handwriting.errors import run_command

    run_command(main)
