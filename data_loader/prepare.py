"""Prepare a corpus, print what is in it, and export it: ``python -m data_loader.prepare``."""

import argparse
import inspect
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from base.base_reader import BaseReader
from base.components import checked_block
from base.registry import DATA_LOADERS, READERS
from base.schema import build
from data_loader.cleaning import Cleaning
from data_loader.corpus import Corpus, prepare_corpus
from data_loader.export import write_inkml, write_strokes_npy
from handwriting.command_line import OneLineParser, whole_number
from handwriting.errors import UserError, run_command
from handwriting.files import check_can_write
from handwriting.limits import MOST_WORKERS
from utils.json_text import read_json

EXPORTS = {"strokes_npy": write_strokes_npy, "inkml": write_inkml}
DEFAULT_DATA = "data"
DEFAULT_CACHE = "data/prepared"
COLUMNS = ("split", "lines", "writers", "no writer", "points", "characters", "dropped")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own)."""
    arguments = _parse(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if arguments.to:
        check_can_write(Path(arguments.to))
    reader, cleaning, cache_dir = _settings(arguments)
    corpus = prepare_corpus(reader, cleaning, cache_dir, workers=arguments.workers)
    print(describe(corpus))
    if arguments.export:
        EXPORTS[arguments.export](corpus.lines(), Path(arguments.to))
        print(f"exported as {arguments.export} to {arguments.to}")


def describe(corpus: Corpus) -> str:
    """Describe a corpus and what was left out of it: a table of splits, lists of reasons."""
    meta = corpus.meta
    rows = [_row(name or "(none)", counts) for name, counts in meta["splits"].items()]
    totals = [sum(column) for column in zip(*(row[1:] for row in rows), strict=True)]
    totals[COLUMNS.index("writers") - 1] = meta["writers"]
    table = _table([COLUMNS, *rows, ["all", *totals]])
    dropped: dict[str, int] = {}
    for counts in meta["splits"].values():
        for reason, number in counts["dropped"].items():
            dropped[reason] = dropped.get(reason, 0) + number
    parts = [
        table,
        _listed("dropped by cleaning", dropped),
        _listed("repaired by cleaning", meta["changes"]),
        _listed("skipped by the reader", meta["skipped"]["counts"]),
        f"corpus: {corpus.folder}",
    ]
    if meta["writers_in_several_splits"]:
        parts.insert(1, f"writers in more than one split: {meta['writers_in_several_splits']}")
    return "\n".join(parts)


def _row(name: str, counts: dict[str, Any]) -> list[Any]:
    characters = sum(counts["characters"].values())
    writers = (counts["writers"], counts["lines_without_writer"])
    dropped = sum(counts["dropped"].values())
    return [name, counts["lines"], *writers, counts["points"], characters, dropped]


def _table(rows: Sequence[Sequence[Any]]) -> str:
    """Rows in columns: the first to the left, numbers to the right."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )


def _listed(title: str, counts: dict[str, int]) -> str:
    lines = [f"  {reason}: {number:,}" for reason, number in counts.items()]
    return "\n".join([f"{title}:" if lines else f"{title}: nothing", *lines])


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m data_loader.prepare",
        description="Prepare a corpus for training, print what is in it, and export it.",
    )
    parser.add_argument("-c", "--config", help="take source, cleaning and cache from this config")
    parser.add_argument("--data", help=f"folder of the data (default: {DEFAULT_DATA})")
    parser.add_argument("--source", help="reader: " + ", ".join(READERS) + " (default: auto)")
    parser.add_argument("--out", help=f"folder of prepared corpora (default: {DEFAULT_CACHE})")
    parser.add_argument("--export", choices=sorted(EXPORTS), help="also write it in this format")
    parser.add_argument("--to", help="folder to export to")
    parser.add_argument(
        "--workers",
        type=whole_number(1, MOST_WORKERS),
        default=1,
        metavar="N",
        help="processes that clean lines; the corpus is the same (default: 1)",
    )
    arguments = parser.parse_args(argv)
    if arguments.config and (arguments.data or arguments.source):
        parser.error("--data and --source cannot be given beside --config, which says both")
    if bool(arguments.export) != bool(arguments.to):
        parser.error("--export and --to are given together")
    if arguments.source and arguments.source not in READERS:
        parser.error(f"--source: one of {', '.join(READERS)}, got {arguments.source!r}")
    return arguments


def _settings(arguments: argparse.Namespace) -> tuple[BaseReader, Cleaning, str]:
    """The reader, the cleaning and the folder of prepared corpora."""
    if not arguments.config:
        reader = reader_for(arguments.source or "auto", arguments.data)
        return reader, Cleaning(), arguments.out or DEFAULT_CACHE
    reader, cleaning, cache_dir = source_of_config(arguments.config)
    return reader, cleaning, arguments.out or cache_dir


def source_of_config(path: Path | str) -> tuple[BaseReader, Cleaning, str]:
    """Return the reader that a config names, its cleaning and its folder of prepared corpora.

    Raises:
        UserError: the file cannot be read, or its block ``data_loader`` is not as it should be.
    """
    config = read_json(path)
    raw = config.get("data_loader") if isinstance(config, dict) else None
    settings: Any = checked_block(DATA_LOADERS, raw, "data_loader").args
    return build(settings.source, {}), settings.cleaning.instance(), settings.cache_dir


def reader_for(source: str, data_dir: str | None) -> BaseReader:
    """The reader registered as ``source`` with its default settings, on ``data_dir``.

    Raises:
        UserError: where a folder is given to a source that reads none.
    """
    reader: Callable[..., BaseReader] = READERS[source]
    if "data_dir" in inspect.signature(reader).parameters:
        return reader(data_dir=data_dir or DEFAULT_DATA)
    if data_dir is not None:
        raise UserError(f"--data: source {source!r} reads no folder, got {data_dir!r}")
    return reader()


if __name__ == "__main__":
    run_command(main)
