"""Reading many files: one after the other or in several processes, a bad one without the rest; and
all that is saved in a folder from now on.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from handwriting.command_line import print_notes
from handwriting.errors import UserError
from handwriting.readings.registry import ResultFormat, as_text
from reading.file_reader import FileReader, file_reader, notes_on, printed_text, write_results
from reading.ink_paths import files_below

FILES_OF_A_WORKER = 20
"""So many files are worth the start of another process."""

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class FileResult:
    """Outcome of a file.

    Attributes:
        name: of the file, for people.
        text: of the result, to be printed; empty where it was written to files.
        notes: on it.
        fault: why it could not be read, one line; empty where it was.
    """

    name: str
    text: str = ""
    notes: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class Output:
    """Places that results go to.

    Attributes:
        formats: of the files, or the one that is printed.
        folder: of the files; None to print.
    """

    formats: tuple[ResultFormat, ...]
    folder: Path | None


def read_one(reader: FileReader, path: Path, name: str, output: Output) -> FileResult:
    """Read a file and write its results; a user's mistake, such as a broken file, is told in the
    result."""
    try:
        document = reader.read(path)
        if output.folder is not None:
            write_results(document, output.formats, output.folder, name)
            text = ""
        elif output.formats:
            text = as_text(output.formats[0], document)
        else:
            text = printed_text(document)
    except (UserError, OSError) as error:
        return FileResult(name, fault=str(error))
    return FileResult(name, text, tuple(notes_on(document)))


def workers_for(files: int, wanted: int | None) -> int:
    """Return the number of processes that read so many files."""
    if wanted is not None:
        return min(wanted, files)
    return max(min(_cores(), files // FILES_OF_A_WORKER), 1)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_all(
    reader: FileReader,
    files: Sequence[tuple[Path, str]],
    output: Output,
    options: argparse.Namespace,
    progress: bool = False,
) -> None:
    """Read files and print each one's name and text as it is done, in their order.

    Args:
        reader: of the files, where one process does it.
        files: path and name of each.
        output: where the results go.
        options: of the command, from which each process makes its own reader.
        progress: show a progress bar.

    Raises:
        UserError: at the end, where some could not be read.
    """
    workers = workers_for(len(files), options.workers)
    if workers == 1:
        results = (read_one(reader, path, name, output) for path, name in files)
        failed = _show_all(results, len(files), progress)
    else:
        failed = _show_all(_in_processes(files, output, options, workers), len(files), progress)
    if failed:
        raise UserError(f"{failed:,} of {len(files):,} files could not be read")


def _show_all(results: Iterator[FileResult], number: int, progress: bool) -> int:
    """Print results as they come, and return how many files could not be read."""
    failed = 0
    with tqdm(results, total=number, desc="reading", unit="file", disable=not progress) as bar:
        for result in bar:
            failed += bool(result.fault)
            show(result)
    return failed


def show(result: FileResult) -> None:
    """Print the name of a file and its text; its notes, and why it was not read, on stderr."""
    with tqdm.external_write_mode():
        if result.fault:
            print(f"error: {result.fault}", file=sys.stderr, flush=True)
            return
        print(f"==> {result.name} <==\n{result.text}", flush=True)
        print_notes([f"{result.name}: {note}" for note in result.notes])


# Each process has one reader, made when it starts.
_of_process: list[tuple[FileReader, Output]] = []


def _start(options: argparse.Namespace, output: Output, threads: int) -> None:
    import torch

    from trainer.loaded_model import load_model

    torch.set_num_threads(threads)
    _of_process.append((file_reader(load_model(options.resume, options.device), options), output))


def _read(file: tuple[Path, str]) -> FileResult:
    reader, output = _of_process[0]
    return read_one(reader, *file, output)


def _in_processes(
    files: Sequence[tuple[Path, str]], output: Output, options: argparse.Namespace, workers: int
) -> Iterator[FileResult]:
    """Results in the order of the files."""
    threads = max(_cores() // workers, 1)
    pool = ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_start, initargs=(options, output, threads)
    )
    try:
        yield from pool.map(_read, files, chunksize=max(min(len(files) // workers // 4, 16), 1))
    except BrokenProcessPool:
        raise UserError("--workers: a process ended before its work was done; try fewer") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def watch(folder: Path, read: Callable[[Path, str], FileResult], rest: Callable[[], bool]) -> None:
    """Read each file of ink in a folder, and each that is saved there later, once it has the same
    size and time at two looks.

    Args:
        folder: where to look, folders below it included.
        read: reads a file, of a path and a name.
        rest: waits between two looks; false ends it.
    """
    seen: dict[Path, tuple[int, int]] = {}
    done: dict[Path, tuple[int, int]] = {}
    while True:
        now = dict(_states(folder))
        for path, state in sorted(now.items()):
            if seen.get(path) == state and done.get(path) != state:
                done[path] = state
                show(read(path, path.relative_to(folder).as_posix()))
        seen = now
        if not rest():
            return


def _states(folder: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Size and time of each file of ink; one that is gone as it is looked at has none."""
    for path in files_below(folder):
        try:
            found = path.stat()
        except OSError:
            continue
        yield path, (found.st_size, found.st_mtime_ns)


def wait() -> bool:
    """Wait for the next look at a folder."""
    time.sleep(POLL_SECONDS)
    return True
