"""Unfinished files and folders: names that say which process makes them, and how they go.

A process that is killed leaves what it was making. Whoever writes into the same folder next removes
it, if it is certain that the process is gone: its number and its machine stand in the name.
"""

import hashlib
import os
import re
import secrets
import shutil
import socket
from pathlib import Path

_LONGEST_STEM = 100
_UNFINISHED = re.compile(
    r"\..*\.(?P<host>[0-9a-f]{6})-(?P<process>[1-9]\d{0,8})(-[0-9a-f]{8})?\.unfinished(\.[^.]*)?",
    re.DOTALL,
)
_swept: set[tuple[int, str]] = set()


def process_tag() -> str:
    """Return this machine and this process, for a name."""
    return f"{host_tag()}-{os.getpid()}"


def host_tag() -> str:
    """Return this machine, for a name."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]


def unfinished_name(path: Path) -> Path:
    """Return the name under which this process writes a file before it renames it."""
    return path.with_name(f".{_short(path.stem)}.{process_tag()}.unfinished{path.suffix}")


def unfinished_folder_name(folder: Path) -> Path:
    """Return a new name of the same kind for a folder."""
    name = f".{_short(folder.name)}.{process_tag()}-{secrets.token_hex(4)}.unfinished"
    return folder.with_name(name)


def sweep_once(folder: Path) -> None:
    """Remove what dead processes left in a folder, the first time that this process asks."""
    key = (os.getpid(), str(folder.absolute()))
    if key not in _swept:
        _swept.add(key)
        sweep(folder)


def sweep(folder: Path) -> None:
    """Remove what processes of this machine left in a folder that are gone, and nothing else."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        found = _UNFINISHED.fullmatch(entry.name)
        if found and is_of_dead_process(f"{found['host']}-{found['process']}"):
            remove(Path(entry.path))


def is_of_dead_process(tag: str) -> bool:
    """Whether ``process_tag`` gave ``tag`` on this machine, in a process that is gone."""
    host, _, process = tag.partition("-")
    if host != process_tag().partition("-")[0] or os.name != "posix":
        return False
    try:
        os.kill(int(process), 0)  # asks only
    except ProcessLookupError:
        return True
    except (OSError, OverflowError, ValueError):
        return False
    return False


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all in it, where that is possible."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
            if path.exists():  # that opens a folder twice, which the system may not allow
                _remove_files(path)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        return


def _remove_files(folder: Path) -> None:
    """Remove a folder of files, with one open file at most; an empty one without any."""
    try:
        folder.rmdir()
    except OSError:
        for name in os.listdir(folder):
            (folder / name).unlink()
        folder.rmdir()


def _short(name: str) -> str:
    """Return ``name``, or of one that leaves no room for more the beginning and a hash."""
    if len(name.encode("utf-8", "surrogateescape")) <= _LONGEST_STEM:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{name[: _LONGEST_STEM // 4]}{digest}"
