"""The files of ink that a command is to read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from handwriting.errors import UserError
from handwriting.formats.registry import READ_SUFFIXES, listed
from handwriting.readings.registry import FORMATS

# Results may be written beside the ink, and some have the suffix of a format of ink.
_RESULTS = tuple(entry.suffix for entry in FORMATS if entry.suffix.count(".") > 1)


def is_ink(path: Path) -> bool:
    """Return whether a name is that of a file of ink, and of none that is hidden, unfinished or a
    result."""
    name = path.name.lower()
    return (
        path.suffix.lower() in READ_SUFFIXES
        and not name.startswith(".")
        and not name.endswith(_RESULTS)
    )


def ink_files(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """Return all files of ink that paths name, and what to call each: its path below the folder
    that was named, or its name.

    Args:
        paths: files, taken as they are, and folders, with all that is below them.

    Raises:
        UserError: a folder has no file of ink.
    """
    found: dict[Path, str] = {}
    for path in paths:
        if not path.is_dir():
            found.setdefault(path, path.name)
            continue
        below = sorted(files_below(path))
        if not below:
            raise UserError(f"--ink: {path}: has no {listed(READ_SUFFIXES)} file")
        for file in below:
            found.setdefault(file, file.relative_to(path).as_posix())
    return list(found.items())


def files_below(folder: Path) -> Iterator[Path]:
    """The files of ink in a folder and in the folders below it; no link to a folder is followed."""
    for path in folder.iterdir():
        if path.is_dir():
            if not path.is_symlink() and not path.name.startswith("."):
                yield from files_below(path)
        elif is_ink(path):
            yield path
