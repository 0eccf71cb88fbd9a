"""Places of a command's results: one file that is named, or a folder with a file for each."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handwriting.errors import UserError
from handwriting.files import whole_folder
from handwriting.formats.registry import parse_formats

if TYPE_CHECKING:
    from handwriting.formats.saving import SavablePages

STANDARD = "-"
"""Stands for standard input."""


def check_one_file(out: Path | None, number: int, what: str) -> None:
    """``UserError`` where several results would go to one file."""
    if out is not None and out.suffix and number > 1:
        raise UserError(f"--out {out}: is one file, got {number:,} {what}; name a folder")


def save(
    result: "SavablePages",
    out: Path,
    name: str,
    formats: str | None,
    parse: Callable[[str], tuple[str, ...]] = parse_formats,
) -> list[Path]:
    """Write a result to the file ``out``, or where that has no suffix, to a folder of that name:
    all its files, or none of them.

    Args:
        result: that saves itself.
        out: of the file, or of the folder.
        name: of the files in the folder, without a suffix.
        formats: of these, such as ``svg,png``; None for what the file's suffix says, or svg.
        parse: makes names of formats of them.

    Raises:
        UserError: a format is not known, or the suffix and the formats do not agree.
    """
    if out.suffix:
        if formats is not None:
            raise UserError(f"--format: is for a folder, {out} says its own")
        return result.save(out)
    named = parse(formats or "svg")
    with whole_folder(out) as folder:
        paths = [path for each in named for path in result.save(folder / f"{name}.{each}")]
    return [out / path.relative_to(folder) for path in paths]


def print_json(value: dict[str, Any]) -> None:
    """Print one line of JSON, at once."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)


def print_error(error: UserError) -> None:
    """Print the error of one of many on stderr."""
    sys.stdout.flush()
    print(f"error: {error}", file=sys.stderr, flush=True)
