"""``handwriting convert``: ink from one format to another."""

import argparse
from pathlib import Path

from handwriting.commands.ink_sources import add_ink, add_input_format, ink_sources
from handwriting.commands.outputs import check_one_file, print_error, save
from handwriting.errors import UserError
from handwriting.formats.registry import WRITTEN_FORMATS, listed


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add = parser.add_argument
    add_ink(parser)
    add(
        *("-o", "--out"),
        type=Path,
        required=True,
        metavar="PATH",
        help=f"a file, whose suffix says the format ({listed(WRITTEN_FORMATS)}); or, without a"
        " suffix, a folder",
    )
    add("--format", metavar="NAMES", help="formats of the files in a folder (default: svg)")
    add_input_format(parser)


def run(options: argparse.Namespace) -> None:
    """Convert the files of the options; one that cannot be read does not end the others.

    Raises:
        UserError: one clear line; of several files, after all of them.
    """
    from handwriting.formats.ink_pages import ink_page_of_file

    failed = 0
    with ink_sources(options.ink, options.input_format) as sources:
        check_one_file(options.out, len(sources), "files")
        for name, path in sources:
            try:
                files = save(ink_page_of_file(path), options.out, Path(name).stem, options.format)
                print(f"{name}: {', '.join(map(str, files))}")
            except UserError as error:
                if len(sources) == 1:
                    raise
                failed += 1
                print_error(error)
        if failed:
            raise UserError(f"{failed:,} of {len(sources):,} files could not be converted")
