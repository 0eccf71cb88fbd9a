"""Standard output and error of a command: nothing from a file reaches a terminal as a command to
it, and what cannot be written is an error that names the stream.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from handwriting.quoting import terminal_text

STANDARD_OUTPUT = "standard output"


class SafeOutput:
    """A text stream that writes to another one what ``terminal_text`` makes of a text.

    Args:
        stream: where all else goes, too.
        name: of the stream, for its errors.

    Attributes:
        fault: the first error of writing; it is raised again by ``check``.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self.fault: OSError | None = None

    def write(self, text: str) -> int:
        """Write a text; ``OSError`` naming the stream where that cannot be done."""
        with self._named_fault():
            self._stream.write(terminal_text(text))
        return len(text)

    def flush(self) -> None:
        """Have what was written on its way; ``OSError`` as ``write``."""
        with self._named_fault():
            self._stream.flush()

    def check(self) -> None:
        """Flush, and raise the first error that there was."""
        self.flush()
        if self.fault is not None:
            raise self.fault

    @contextmanager
    def _named_fault(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            fault = OSError(error.errno, error.strerror, self._name)
            self.fault = self.fault or fault
            raise fault from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Make ``sys.stdout`` a ``SafeOutput``, and have all three standard files open: a file of ours
    that got the number of a closed one would be printed into."""
    before = sys.stdout, sys.stderr
    _open_standard_files()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (until the process ends)
    if sys.stdout is not None:
        with suppress(AttributeError, ValueError):
            cast(Any, sys.stdout).reconfigure(errors="backslashreplace")
        sys.stdout = cast(TextIO, SafeOutput(sys.stdout, STANDARD_OUTPUT))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def check_output() -> None:
    """Raise ``OSError`` where something could not be written to standard output."""
    if isinstance(sys.stdout, SafeOutput):
        sys.stdout.check()


def drop_unwritable_output() -> None:
    """Have what cannot be written to standard output go nowhere, and nothing said of it."""
    try:
        sys.stdout.flush()
        return
    except (OSError, ValueError, AttributeError):
        pass
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _open_standard_files() -> None:
    with suppress(OSError):
        descriptor = os.open(os.devnull, os.O_RDWR)
        while descriptor <= 2:
            descriptor = os.open(os.devnull, os.O_RDWR)
        os.close(descriptor)
