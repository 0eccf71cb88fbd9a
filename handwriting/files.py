"""Files that are either whole or not there: written under another name, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handwriting.errors import UserError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a name to write to, beside ``path`` and with its suffix, and renames it on success.

    When the block raises, the file is removed and what stood at ``path`` is untouched. Raises
    ``UserError`` when the folder cannot be made.
    """
    path = Path(path)
    make_folder(path.parent)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Gives an empty folder to write files to, and moves them all into ``folder`` on success.

    When the block raises, nothing of it is left and ``folder`` is as it was. Files of the same
    name in ``folder`` are replaced, others stay. Raises ``UserError`` when it cannot be made.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, results need a folder")
    make_folder(folder.parent)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise UserError(f"{folder}: cannot make this folder ({error.strerror})") from None
    try:
        yield temporary
        make_folder(folder)
        for file in sorted(temporary.iterdir()):
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Make ``folder`` with its parents; ``UserError`` naming it when that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot make this folder ({error.strerror})") from None
