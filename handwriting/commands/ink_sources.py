"""Files of ink that a command is given: files, folders, standard input."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from handwriting.commands.outputs import STANDARD
from handwriting.errors import UserError
from handwriting.formats.registry import READ_SUFFIXES, listed

INPUT_FORMATS = tuple(suffix.removeprefix(".") for suffix in READ_SUFFIXES)


def add_ink(parser: argparse.ArgumentParser) -> None:
    """Add the files of ink that a command is given."""
    parser.add_argument(
        "ink",
        nargs="+",
        metavar="FILE",
        help=f"files of ink ({listed(READ_SUFFIXES)}), folders of them, or - for standard input",
    )


def add_input_format(parser: argparse.ArgumentParser) -> None:
    """Add the format of ink on standard input."""
    parser.add_argument(
        "--input-format",
        choices=INPUT_FORMATS,
        default="json",
        help="format of ink on standard input (default: json)",
    )


@contextmanager
def ink_sources(names: Sequence[str], input_format: str) -> Iterator[list[tuple[str, Path]]]:
    """Give each file with the name that it is shown by.

    Args:
        names: of files; of folders, of which all files of ink are taken, those in folders in them
            too; ``-`` for ink on standard input.
        input_format: of standard input.

    Raises:
        UserError: there are no files in a folder, or none at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        found: list[tuple[str, Path]] = []
        for name in names:
            path = Path(name)
            if name == STANDARD:
                path = Path(folder) / f"input.{input_format}"
                path.write_bytes(sys.stdin.buffer.read())
                found.append((STANDARD, path))
            elif path.is_dir():
                found += [(str(file), file) for file in _files_in(path)]
            else:
                found.append((name, path))
        if not found:
            raise UserError("no files: give files or folders of ink, or - for standard input")
        yield found


def _files_in(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in READ_SUFFIXES)
    files = [file for file in files if file.is_file()]
    if not files:
        raise UserError(f"{folder}: no files of ink in it; they end in {listed(READ_SUFFIXES)}")
    return files
