"""``handwriting write --corpus``: a labelled corpus of the texts of a file."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handwriting.command_line import check_absent, whole_number
from handwriting.commands.outputs import print_error, print_json
from handwriting.errors import UserError
from handwriting.limits import MOST_WORKERS

if TYPE_CHECKING:
    from handwriting.runtime.corpus_writing import CorpusReport, ShardReport

FORMATS = ("folder", "webdataset")
_OF_A_CORPUS = ("corpus_format", "shard_lines", "workers")
_OF_PAGES = ("lines", "out", "format", "style", "style_text")
_MOST_SHARD_LINES = 10_000


def add_corpus_options(group: Any) -> None:
    """Add the options of a corpus."""
    add = group.add_argument
    add(
        "--texts",
        type=Path,
        metavar="FILE",
        help="a file with a text in each of its lines, each written as a line of handwriting",
    )
    add(
        "--corpus",
        type=Path,
        metavar="DIR",
        help="the folder of the corpus; shards that are there already are not written again",
    )
    add("--corpus-format", choices=FORMATS, help="of the shards (default: folder)")
    add(
        "--shard-lines",
        type=whole_number(1, _MOST_SHARD_LINES),
        metavar="N",
        help="texts of a shard (default: 1000)",
    )
    add(
        "--workers",
        type=whole_number(1, MOST_WORKERS),
        metavar="N",
        help="processes that write; the corpus is the same (default: 1)",
    )


def check_no_corpus(options: argparse.Namespace) -> None:
    """``UserError`` where an option of a corpus is given without one."""
    check_absent(options, _OF_A_CORPUS, "is for --texts with --corpus")


def write_corpus_of(options: argparse.Namespace, page_options: tuple[str, ...]) -> None:
    """Write the corpus of the options, and say what was written; a text that cannot be written does
    not end the others.

    Args:
        options: of the command.
        page_options: the names of those of pages, which a corpus has not.

    Raises:
        UserError: one clear line; of texts that could not be written, after all of them.
    """
    from handwriting.runtime.corpus_writing import CorpusSettings, write_corpus
    from handwriting.runtime.labelled_lines import LineSettings

    _check(options, page_options)
    lines = LineSettings(options.hand, options.bias, options.best_of, not options.no_replace)
    settings = CorpusSettings(
        lines,
        options.seed,
        options.shard_lines or CorpusSettings.shard_lines,
        options.corpus_format or CorpusSettings.format,
        options.fast,
    )
    started = time.perf_counter()
    done = write_corpus(
        options.texts,
        options.corpus,
        settings,
        options.weights,
        options.workers or 1,
        lambda shard: _report(shard, options.texts, options.json),
    )
    if not options.json:
        _print_sum(done, options.corpus, time.perf_counter() - started)
    if done.left_out:
        raise UserError(
            f"{options.texts}: {done.left_out:,} of {done.lines + done.left_out:,} texts could not"
            " be written, all others are"
        )


def _check(options: argparse.Namespace, page_options: tuple[str, ...]) -> None:
    if options.texts is None or options.corpus is None:
        raise UserError("--texts, --corpus: are given together")
    if options.text or options.text_file:
        raise UserError("write: a corpus has the texts of --texts alone")
    check_absent(options, (*_OF_PAGES, *page_options), "is for pages, which a corpus has not")


def _report(shard: "ShardReport", texts: Path, as_json: bool) -> None:
    for each in shard.left_out:
        print_error(UserError(f"{texts}: line {each.number}: {each.reason}"))
    left_out = [{"line": each.number, "error": each.reason} for each in shard.left_out]
    if as_json:
        print_json({"shard": str(shard.path), "lines": shard.lines, "left_out": left_out})
    else:
        print(f"{shard.path}: {shard.lines:,} lines", flush=True)


def _print_sum(done: "CorpusReport", folder: Path, seconds: float) -> None:
    there = f", {done.there_before:,} shards were there" if done.there_before else ""
    print(f"{folder}: {done.lines:,} lines in {done.shards:,} shards in {seconds:.1f} s{there}")
