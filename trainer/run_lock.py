"""One writer a run: a lock on its folder, and who holds it.

The system releases the lock when a process ends, however it ends. The name of its holder stands in
a file beside it, for the message that another process gives.
"""

import json
import os
import socket
import time
from pathlib import Path

from filelock import FileLock, Timeout

from handwriting.environment import reason
from handwriting.errors import UserError
from handwriting.files import open_regular_file, whole_file

LOCK = ".lock"
HOLDER = ".lock-holder.json"


class RunLock:
    """The lock of a run's folder.

    Args:
        folder: of the run's checkpoints; it is made if needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / LOCK, timeout=0, thread_local=False)

    def acquire(self) -> "RunLock":
        """Take the lock, at once; nothing happens where it is held by this one already.

        Raises:
            UserError: another process has it, or the folder cannot be written; in one line.
        """
        if self._lock.is_locked:
            return self
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self._write_holder()
        except Timeout:
            raise UserError(f"{self._folder}: {_holder(self._folder)}") from None
        except OSError as error:
            self._lock.release()
            why = reason(error)
            raise UserError(f"{self._folder}: cannot be locked for writing ({why})") from None
        return self

    def release(self) -> None:
        """Let others have the lock; nothing happens where it is not held."""
        if self._lock.is_locked:
            (self._folder / HOLDER).unlink(missing_ok=True)
            self._lock.release()

    def _write_holder(self) -> None:
        holder = {
            "process": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        # Not written into what is there: in a folder of someone else's that may be a link.
        with whole_file(self._folder / HOLDER, make_parents=False) as temporary:
            temporary.write_text(json.dumps(holder) + "\n", encoding="utf-8")


def _holder(folder: Path) -> str:
    """Say who holds the lock of a folder, as far as is known."""
    try:
        with open_regular_file(folder / HOLDER) as file:
            holder = json.loads(file.read(1000))
        process, host, since = (str(holder[key])[:100] for key in ("process", "host", "since"))
    except (UserError, OSError, ValueError, KeyError, TypeError):
        return "another process is training this run"
    return ascii(f"process {process} on {host} is training this run since {since}")[1:-1]
