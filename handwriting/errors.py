"""The errors a user can cause, and the one place that turns an exception into an exit code."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from handwriting.environment import fault_line
from handwriting.quoting import error_lines, terminal_text
from handwriting.terminal import check_output, drop_unwritable_output, safe_streams

EXIT_DONE = 0
EXIT_FAILURE = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

_LONGEST_PROBLEM = 1000

_was_interrupted = threading.Event()

# Where Python's own code for imports is, as its frames say.
_IMPORTING = "<frozen importlib._bootstrap>"


class UserError(Exception):
    """The user's input is at fault: shown as one clear line, exit code 2."""


class ConfigError(UserError):
    """One or more settings are wrong.

    Args:
        problems: one text per wrong setting, each as ``path: rule, got value``; cut where a value
            makes it longer than anyone reads.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = [
            each if len(each) <= _LONGEST_PROBLEM else f"{each[:_LONGEST_PROBLEM]}..."
            for each in problems
        ]
        super().__init__("\n".join(self.problems))


class DataError(UserError):
    """A data file or folder cannot be used; the message names it."""


class CheckpointError(UserError):
    """A checkpoint cannot be read or does not fit; the message names it."""


class Interrupted(Exception):
    """Training was stopped by Ctrl-C or SIGTERM, after its state was saved: exit code 130."""


def run_command(main: Callable[[], None]) -> NoReturn:
    """Call ``main`` and end the process with the exit code of the outcome.

    0: it returned. 2: ``UserError``, or a fault of the machine (``handwriting.environment``), as
    one line on stderr. 130: ``Interrupted`` or Ctrl-C. 1: anything else, with a traceback, since
    that is a fault of the program.
    """
    hook = sys.unraisablehook
    with suppress(ValueError):  # outside the main thread
        signal.signal(signal.SIGINT, _interrupt)
        sys.unraisablehook = _interrupt_again
    with safe_streams():
        code = _exit_code(main)
        sys.unraisablehook = hook  # of whoever calls this and does not end here, such as a test
        if code != EXIT_DONE:
            drop_unwritable_output()
    sys.exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise ``KeyboardInterrupt``, as Python does; but end the process where it is importing.

    Libraries half imported take an exception for a fault of their own, and compiled ones abort.
    Files that were begun before an import are swept by the next command, as after SIGKILL. What
    else a library makes of the exception is taken for it in ``_exit_code``.
    """
    _was_interrupted.set()
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTING:
            _print_error("interrupted")
            os._exit(EXIT_INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


def _interrupt_again(ignored: "sys.UnraisableHookArgs") -> None:
    """Interrupt once more, in a moment, where an interrupt came in code that cannot raise: a
    finaliser, or a function that compiled code calls. Where no thread can be started for that, end
    the process, as in an import."""
    if not issubclass(ignored.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(ignored)
        return
    again = threading.Timer(0.01, signal.raise_signal, (signal.SIGINT,))
    again.daemon = True
    try:
        again.start()
    except (RuntimeError, MemoryError):
        _print_error("interrupted")
        os._exit(EXIT_INTERRUPTED)


def _exit_code(main: Callable[[], None]) -> int:
    try:
        return _run(main)
    except UserError as error:
        _print_error(f"error: {error}")
        return EXIT_USER_ERROR
    except Interrupted as error:
        _print_error(str(error))
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        _print_error("interrupted")
        return EXIT_INTERRUPTED
    except Exception as error:
        if _was_interrupted.is_set():
            _print_error("interrupted")
            return EXIT_INTERRUPTED
        if line := fault_line(error):
            _print_error(f"error: {line}")
            return EXIT_USER_ERROR
        _print(terminal_text(traceback.format_exc()).removesuffix("\n"))
        return EXIT_FAILURE


def _run(main: Callable[[], None]) -> int:
    """Call ``main``; what it printed is on its way when this returns."""
    if sys.stdout is None:
        raise UserError("standard output: is closed; /dev/null takes what nobody wants to see")
    code = EXIT_DONE
    try:
        main()
    except SystemExit as end:  # as --help ends
        code = end.code if isinstance(end.code, int) else EXIT_FAILURE * (end.code is not None)
    check_output()
    return code


def _print_error(text: str) -> None:
    _print(error_lines(text))


def _print(text: str) -> None:
    # Nobody can be told where even that fails; the exit code is left.
    with suppress(OSError, AttributeError):
        sys.stdout.flush()
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)
