"""``handwriting read``: the text of handwriting in files."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from handwriting.command_line import add_weights
from handwriting.commands.ink_sources import add_ink, add_input_format, ink_sources
from handwriting.commands.outputs import check_one_file, print_error, print_json, save
from handwriting.errors import UserError
from handwriting.formats.registry import WRITTEN_FORMATS, listed, parse_formats

if TYPE_CHECKING:
    from handwriting.runtime.read_page import ReadInk

_TEXT_FORMATS = ("txt", "json", "md", "hocr", "alto.xml")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add = parser.add_argument
    add_ink(parser)
    add(
        *("-o", "--out"),
        type=Path,
        metavar="PATH",
        help="write what was read to a file, whose suffix says the format"
        f" ({', '.join(_TEXT_FORMATS)}, inkml, xopp and pdf have the text, other ones of"
        f" {listed(WRITTEN_FORMATS)} the ink alone); or, without a suffix, to a folder",
    )
    add("--format", metavar="NAMES", help="formats of the files in a folder (default: txt)")
    add_input_format(parser)
    add("--one-line", action="store_true", help="take all ink of a file for one line")
    add("--beam", type=int, metavar="N", help="texts that the search keeps; 1 is the quickest")
    add("--ctc-weight", type=float, metavar="X", help="weight of the encoder's own reading, 0 to 1")
    add("--language-weight", type=float, metavar="X", help="weight of the language model")
    add("--json", action="store_true", help="print a line of JSON for each file")
    add_weights(parser)


def run(options: argparse.Namespace) -> None:
    """Read the files of the options; one that cannot be read does not end the others.

    Raises:
        UserError: one clear line; of several files, after all of them.
    """
    from handwriting.runtime.reader import Reader

    with ink_sources(options.ink, options.input_format) as sources:
        check_one_file(options.out, len(sources), "files")
        reader = Reader(options.weights, options.beam, options.ctc_weight, options.language_weight)
        failed = 0
        for name, path in sources:
            try:
                page = reader.read(path, divide=not options.one_line)
                if options.out is not None:
                    save(page, options.out, Path(name).stem, options.format or "txt", _formats)
            except UserError as error:
                if len(sources) == 1:
                    raise
                failed += 1
                _report_error(name, error, options.json)
            else:
                _report(name, page, len(sources) > 1, options.json)
        if failed:
            raise UserError(f"{failed:,} of {len(sources):,} files could not be read")


def _formats(names: str) -> tuple[str, ...]:
    wanted = [name.strip().lower() for name in names.split(",") if name.strip()]
    others = [name for name in wanted if name not in _TEXT_FORMATS]
    if others:
        parse_formats(",".join(others))
    return tuple(dict.fromkeys(wanted))


def _report(name: str, page: "ReadInk", is_one_of_many: bool, as_json: bool) -> None:
    if as_json:
        print_json(page.to_dict() | {"file": name})
    elif is_one_of_many:
        print(f"{name}:\n{page.text}\n", flush=True)
    else:
        print(page.text)


def _report_error(name: str, error: UserError, as_json: bool) -> None:
    if as_json:
        print_json({"file": name, "error": str(error)})
    print_error(error)
