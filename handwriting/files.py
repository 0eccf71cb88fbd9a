"""Files and folders that are either whole or not there: written under another name, then renamed.
Files to read are opened where they are files: a pipe would be waited for, a device never ends.

Unfinished files and folders have the writing process in their names (``handwriting.leftovers``), so
that two processes never write to one, and the next writer removes what a killed one left.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from handwriting.environment import reason
from handwriting.errors import DataError, UserError
from handwriting.leftovers import remove, sweep_once, unfinished_folder_name, unfinished_name
from handwriting.quoting import printable


@contextmanager
def whole_file(path: Path, sync: bool = False, make_parents: bool = True) -> Iterator[Path]:
    """Give a name to write to, beside ``path`` and with its suffix, and rename it on success.

    When the block raises, the unfinished file is removed and what stood at ``path`` is untouched.
    An ``OSError`` then names ``path``.

    Args:
        path: of the file.
        sync: have the file and its name on the disk before returning, so that a power cut loses
            neither; takes as long as the disk does.
        make_parents: make the folder where there is none.

    Raises:
        UserError: the folder cannot be made.
    """
    path = Path(path)
    if make_parents:
        make_folder(path.parent)
    sweep_once(path.parent)
    temporary = unfinished_name(path)
    try:
        with _naming(temporary, path):
            yield temporary
            if sync:
                with open(temporary, "r+b") as file:
                    to_disk(file)
            os.replace(temporary, path)
            if sync:
                _sync_folder(path.parent)
    finally:
        _remove_file(temporary)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write files to, and move them all into ``folder`` on success.

    A folder that is not there, or is empty, appears in one step. In one that has files, those of
    the same name are replaced and others stay. When the block raises, nothing of it is left and
    ``folder`` is as it was; an ``OSError`` then names the files as they would have been.

    Raises:
        UserError: the folder cannot be made, or is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, results need a folder")
    make_folder(folder.parent)
    sweep_once(folder.parent)
    temporary = _temporary_folder(folder)
    try:
        with _naming(temporary, folder), _kept_descriptor(temporary):
            yield temporary
            _move(temporary, folder)
    finally:
        remove(temporary)


def _temporary_folder(folder: Path) -> Path:
    """Make a folder beside ``folder``, or in it where that is the place that can be written: one
    that is mounted, or whose own folder is someone else's."""
    beside = unfinished_folder_name(folder)
    if folder.is_dir() and (os.path.ismount(folder) or not os.access(folder.parent, os.W_OK)):
        sweep_once(folder)
        beside = folder / beside.name
    make_folder(beside, shown=folder)
    return beside


@contextmanager
def _kept_descriptor(folder: Path) -> Iterator[None]:
    """Hold one of the process's open files meanwhile: ``remove`` needs one to look into the folder
    afterwards, and in the block the last may be taken."""
    if os.name != "posix":  # elsewhere a folder cannot be opened, nor one moved that is
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _naming(temporary: Path, path: Path) -> Iterator[None]:
    """Have errors of the system name ``path`` in place of ``temporary``, or of no file at all."""
    try:
        yield
    except OSError as error:
        error.filename = _real_name(error.filename, temporary, path)
        if error.filename2 is not None:
            error.filename2 = None if error.filename == str(path) else str(path)
        raise


def _real_name(name: Any, temporary: Path, path: Path) -> str:
    found = path if name is None else Path(os.fsdecode(name))
    if found.is_relative_to(temporary):
        found = path / found.relative_to(temporary)
    return str(found)


def _remove_file(path: Path) -> None:
    """Remove a file if it is there; where that cannot be done, the next writer does."""
    with suppress(OSError):
        path.unlink()


def check_can_write(folder: Path) -> None:
    """Try whether files can be put into a folder, before the work that makes them.

    Args:
        folder: need not be there yet; nothing of the trial stays.

    Raises:
        UserError: naming it and what is in the way.
    """
    folder = Path(folder)
    try:
        place = _nearest_existing(folder)
        if not place.is_dir():
            raise UserError(f"{place}: is a file, results need a folder")
        if place == folder and not os.path.ismount(folder) and os.access(folder.parent, os.W_OK):
            place = folder.parent  # where the folder is made before it takes its place
        trial = unfinished_folder_name(place / "trial")
        trial.mkdir()
        trial.rmdir()
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: cannot be written: {reason(error)}") from None


def _nearest_existing(folder: Path) -> Path:
    """Return ``folder``, or the first of those around it that is there."""
    try:
        os.lstat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return _nearest_existing(folder.parent)
    return folder


def _move(temporary: Path, folder: Path) -> None:
    try:
        os.replace(temporary, folder)
    except OSError:  # it is there and has files, or is a link to a folder
        make_folder(folder)
        for file in sorted(temporary.iterdir()):
            os.replace(file, folder / file.name)


def make_folder(folder: Path, shown: Path | None = None) -> None:
    """Make ``folder`` with its parents.

    Args:
        folder: may be there already.
        shown: named in the error in its place.

    Raises:
        UserError: that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # the latter of a NUL in it
        name = folder if shown is None else shown
        raise UserError(f"{name}: cannot make this folder ({reason(error)})") from None


def to_disk(file: IO[Any]) -> None:
    """Have what was written to an open file on the disk, so that a power cut does not lose it."""
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system can (POSIX only)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_regular_file(path: Path) -> BinaryIO:
    """Open a file to read its bytes, where it is one: no folder, pipe, socket or device.

    Raises:
        DataError: it is something else, or its name has a NUL; names the file.
        OSError: as ``open``.
    """
    try:
        file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115 (the caller closes it)
    except ValueError as error:
        raise DataError(f"{printable(str(path))}: cannot be read: {error}") from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise DataError(f"{path}: is not a regular file")
    return file


def read_regular_file(path: Path) -> bytes:
    """Return the contents of a file that is one.

    Raises:
        DataError: it is none, or cannot be read; names the file.
    """
    try:
        with open_regular_file(path) as file:
            return file.read()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
