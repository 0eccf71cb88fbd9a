"""The errors a user can cause, and the one place that turns an exception into an exit code."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

EXIT_DONE = 0
EXIT_FAILURE = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


class UserError(Exception):
    """The user's input is at fault: shown as one clear line, exit code 2."""


class ConfigError(UserError):
    """One or more settings are wrong.

    Args:
        problems: one text per wrong setting, each as ``path: rule, got value``.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class DataError(UserError):
    """A data file or folder cannot be used; the message names it."""


class CheckpointError(UserError):
    """A checkpoint cannot be read or does not fit; the message names it."""


class Interrupted(Exception):
    """Training was stopped by Ctrl-C or SIGTERM, after its state was saved: exit code 130."""


def run_command(main: Callable[[], None]) -> NoReturn:
    """Call ``main`` and end the process with the exit code of the outcome.

    0: it returned. 2: ``UserError``, its message on stderr. 130: ``Interrupted`` or Ctrl-C.
    1: anything else, with a traceback, since that is a fault of the program; without one where the
    reader of the output went away.
    """
    try:
        main()
    except UserError as error:
        _print_error(f"error: {error}")
        sys.exit(EXIT_USER_ERROR)
    except Interrupted as error:
        _print_error(str(error))
        sys.exit(EXIT_INTERRUPTED)
    except KeyboardInterrupt:
        _print_error("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output (such as head) has enough. Python would complain as it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILURE)
    except Exception:
        traceback.print_exc()
        sys.exit(EXIT_FAILURE)
    sys.exit(EXIT_DONE)


def _print_error(text: str) -> None:
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)
