"""``handwriting write``: texts into files of pages, or into the shards of a labelled corpus."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handwriting.command_line import add_weights, given, print_notes, whole_number
from handwriting.commands.corpus import add_corpus_options, check_no_corpus, write_corpus_of
from handwriting.commands.outputs import STANDARD, check_one_file, print_json, save
from handwriting.errors import UserError
from handwriting.files import read_regular_file
from handwriting.formats.registry import WRITTEN_FORMATS, listed
from handwriting.limits import MOST_DRAWS

_PAGE = ("page_width", "line_spacing", "lines_per_page", "x_height", "align", "ruled")
_OUT = Path("written.svg")
_MOST_SEED = 2**64 - 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add = parser.add_argument
    add("text", nargs="*", help="texts to write, each on pages of its own; - for standard input")
    add(
        *("-f", "--text-file"),
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a file of text to write, UTF-8; may be given several times",
    )
    add(
        "--lines",
        type=Path,
        metavar="FILE",
        help="a file with a text in each of its lines, each written on pages of its own",
    )
    add(
        *("-o", "--out"),
        type=Path,
        metavar="PATH",
        help=f"a file, whose suffix says the format: {listed(WRITTEN_FORMATS)}; or, without a"
        f" suffix, a folder (default: {_OUT})",
    )
    add("--format", metavar="NAMES", help="formats of the files in a folder (default: svg)")
    add("--hand", metavar="NAME", help="a hand to write in, one that `handwriting hands` lists")
    add(
        "--style", type=Path, metavar="FILE", help="a file with a line of handwriting to write like"
    )
    add("--style-text", metavar="TEXT", help="the text of that line")
    add(
        "--seed",
        type=whole_number(0, _MOST_SEED),
        default=1,
        metavar="N",
        help="the same seed writes the same strokes (default: 1)",
    )
    add("--bias", type=float, metavar="X", help="0 is as varied as real hands, more is neater")
    add(
        "--best-of",
        type=whole_number(1, MOST_DRAWS),
        default=1,
        metavar="N",
        help="write each piece N times and keep the best",
    )
    add(
        "--no-replace",
        action="store_true",
        help="refuse characters that the model does not know, instead of writing similar ones",
    )
    add(
        "--fast",
        action="store_true",
        help="write with onnxruntime and step.int8.onnx of the weights: many lines in about half"
        " the time, with slightly other strokes",
    )
    add("--json", action="store_true", help="print a line of JSON for each text")
    add_weights(parser)
    _add_page_options(parser.add_argument_group("the page, lengths in mm"))
    add_corpus_options(parser.add_argument_group("a labelled corpus, to train recognisers on"))


def _add_page_options(group: Any) -> None:
    add = group.add_argument
    add("--page-width", type=float, metavar="MM", help="width of the paper (default: 210)")
    add("--line-spacing", type=float, metavar="MM", help="from line to line (default: 10)")
    add("--lines-per-page", type=int, metavar="N", help="default: as many as fit")
    add("--x-height", type=float, metavar="MM", help="height of small letters")
    add("--align", choices=("left", "center", "right"), help="default: left")
    add("--ruled", action="store_true", default=None, help="draw ruled paper")


def run(options: argparse.Namespace) -> None:
    """Write the texts of the options, and say what was written.

    Raises:
        UserError: one clear line.
    """
    if options.texts is not None or options.corpus is not None:
        write_corpus_of(options, _PAGE)
        return
    check_no_corpus(options)
    from handwriting.pages.layout import check_page
    from handwriting.pages.options import PageOptions
    from handwriting.runtime.writer import Writer

    texts = list(_texts(options))
    if not texts:
        raise UserError("write: give a text, --text-file or --lines")
    out = options.out or _OUT
    check_one_file(out, len(texts), "texts")
    page = PageOptions(**given(options, _PAGE))
    check_page(page)
    writer = Writer(options.weights, options.fast)
    for name, text in texts:
        started = time.perf_counter()
        written = writer.write(
            text,
            hand=options.hand,
            seed=options.seed,
            bias=options.bias,
            best_of=options.best_of,
            style=options.style,
            style_text=options.style_text,
            replace=not options.no_replace,
            page=page,
        )
        files = save(written, out, name, options.format)
        seconds = time.perf_counter() - started
        if options.json:
            print_json(
                {
                    "text": written.text,
                    "files": [str(file) for file in files],
                    "pages": len(written.pages),
                    "notes": list(written.warnings),
                    "seconds": round(seconds, 3),
                }
            )
            continue
        print_notes(written.warnings)
        words, pages = len(text.split()), len(written.pages)
        print(
            f"{words:,} {'word' if words == 1 else 'words'} on {pages:,}"
            f" {'page' if pages == 1 else 'pages'} in {seconds:.1f} s:"
            f" {', '.join(map(str, files))}"
        )


def _texts(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Names of files, and what is to be written in them."""
    several = len(options.text) + (options.lines is not None) > 1
    for number, text in enumerate(options.text, start=1):
        name = f"text-{number}" if several else "text"
        yield (
            name,
            _decoded("standard input", sys.stdin.buffer.read()) if text == STANDARD else text,
        )
    for path in options.text_file:
        yield path.stem, _decoded(path, read_regular_file(path))
    if options.lines is not None:
        lines = _decoded(options.lines, read_regular_file(options.lines)).splitlines()
        digits = len(str(len(lines)))
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield f"line-{number:0{digits}d}", line


def _decoded(source: Path | str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: is not UTF-8 text (byte {error.start + 1})") from None
