"""Measures how a corpus is prepared, opened again and read. Run by hand:

    python benchmarks/prepare_corpus.py --data DIR [--source iam_ondb]

Prints the time and peak memory of preparing ``DIR`` from nothing, the time of a second start from
the first call to the first batch (imports aside), and how fast the loader alone gives batches.
Each measurement is a process of its own; the prepared corpus goes into a temporary folder.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_loader.loader_settings import LoaderSettings

sys.path.insert(0, str(Path(__file__).parents[1]))

from data_loader.augmentation import Augmentation
from data_loader.cleaning import Cleaning
from data_loader.corpus import prepare_corpus
from data_loader.prepare import DEFAULT_DATA, reader_for
from handwriting.command_line import OneLineParser
from handwriting.errors import run_command
from handwriting.files import check_can_write

BYTES_PER_MEGABYTE = 1_000_000
KIBIBYTE = 1024  # unit of ru_maxrss on Linux


def main() -> None:
    """Run all measurements and print them, and with ``--json`` write them to a file."""
    parser = OneLineParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=None, help=f"folder of the data (default {DEFAULT_DATA})")
    parser.add_argument("--source", default="auto", help="reader (default: auto)")
    parser.add_argument("--json", metavar="FILE", help="also write the numbers to this file")
    arguments = parser.parse_args()
    if arguments.json:
        check_can_write(Path(arguments.json).parent)
    with tempfile.TemporaryDirectory() as cache:
        common = (arguments.source, arguments.data, cache)
        results = {
            **_in_process(measure_preparation, *common),
            **_in_process(measure_second_start, *common),
            **_in_process(measure_loader, *common),
        }
    for name, value in results.items():
        print(f"{name:45} {value:14,.2f}")
    if arguments.json:
        # Not at the top: the processes that measure memory read this file, too.
        from benchmarks.report import Report, about_run

        title = "Preparing a corpus, opening it again, reading it"
        rows = [[name, f"{value:,.2f}"] for name, value in results.items()]
        Report(title, ["", "measured"], rows, results, about_run()).save(arguments.json)


def measure_preparation(source: str, data: str | None, cache: str) -> dict[str, float]:
    """Seconds and peak memory of preparing; nothing beyond what it needs is imported."""
    before = _peak_memory()
    started, processor = time.perf_counter(), time.process_time()
    corpus = prepare_corpus(reader_for(source, data), Cleaning(), cache)
    seconds = time.perf_counter() - started
    return {
        "lines": len(corpus),
        "pen steps": corpus.meta["points"],
        "prepare: seconds": seconds,
        "prepare: seconds of processor time": time.process_time() - processor,
        "prepare: peak memory, MB": _peak_memory(),
        "prepare: of that before it began, MB": before,
    }


def measure_second_start(source: str, data: str | None, cache: str) -> dict[str, float]:
    """Seconds from the prepared corpus to the first training batch."""
    from data_loader.data_loaders import HandwritingDataLoader

    started = time.perf_counter()
    loader = HandwritingDataLoader(
        reader_for(source, data), settings=LoaderSettings(cache_dir=cache)
    )
    next(iter(loader.train))
    return {"second start: seconds to the first batch": time.perf_counter() - started}


def measure_loader(source: str, data: str | None, cache: str) -> dict[str, float]:
    """Lines and steps a second of an epoch of training, in this process, on one thread."""
    import torch

    from data_loader.data_loaders import HandwritingDataLoader

    torch.set_num_threads(1)
    results = {}
    augmented = Augmentation(scale=0.1, slant=10, rotation=3)
    for name, augmentation in (("plain", Augmentation()), ("augmented", augmented)):
        loader = HandwritingDataLoader(
            reader_for(source, data),
            augmentation=augmentation,
            settings=LoaderSettings(cache_dir=cache),
        )
        started, lines, steps, places = time.perf_counter(), 0, 0, 0
        for batch in loader.train:
            lines += len(batch)
            steps += int(batch.stroke_lengths.sum())
            places += batch.strokes.shape[0] * batch.strokes.shape[1]
        seconds = time.perf_counter() - started
        results[f"loader, {name}: lines a second"] = lines / seconds
        results[f"loader, {name}: pen steps a second"] = steps / seconds
        results[f"loader, {name}: padding, % of places"] = 100 * (1 - steps / places)
    return results


def _peak_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE / BYTES_PER_MEGABYTE


def _in_process(measure: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        result = pool.apply(measure, arguments)
        pool.close()  # rather than terminate it, as leaving the block does
        pool.join()
    return result


if __name__ == "__main__":
    run_command(main)
