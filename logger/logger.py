"""Logging: to the console beside a progress bar, and to a file that is known only later."""

import errno
import json
import logging
import logging.config
import logging.handlers
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from tqdm import tqdm

CONFIG = Path(__file__).with_name("logger_config.json")


class ConsoleHandler(logging.Handler):
    """Prints records on stdout, above a progress bar where there is one."""

    _is_lost = False

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record. Once that fails, the work goes on without: the log's file has it all.
        The command tells at its end that its output is not whole (``run_command``)."""
        if self._is_lost:
            return
        try:
            tqdm.write(self.format(record), file=sys.stdout)
            sys.stdout.flush()
        except OSError as error:
            self._is_lost = True
            name = error.filename or "console"
            _warn(f"{name}: {error.strerror}; the work goes on, see the log's file")
        except Exception:  # as the handlers of the standard library do
            self.handleError(record)


class LogFile(logging.FileHandler):
    """A file that records are added to for as long as that can be done.

    Args:
        path: of the file, which need not be there.

    Raises:
        OSError: it is a link or no regular file: in the folder of someone else's run it could
            lead anywhere.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self._is_lost = False

    def _open(self) -> TextIOWrapper:
        path = self.baseFilename
        if os.path.islink(path) or (os.path.exists(path) and not os.path.isfile(path)):
            raise OSError(errno.ELOOP, "is no regular file, the log is not written there", path)
        return super()._open()

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's text, which does nothing to a terminal that shows the file."""
        return _shown(super().format(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if not self._is_lost:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say once that the file ends here, where the system lets nothing more be written."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._is_lost = True
        _warn(f"{self.baseFilename}: the log ends here, {error.strerror or error}")

    def close(self) -> None:
        """Close the file, also where its last lines cannot be written."""
        with suppress(OSError):
            super().close()


class LaterFileHandler(logging.handlers.MemoryHandler):
    """Keeps records until ``open`` names the file, and writes from then on."""

    def __init__(self) -> None:
        super().__init__(capacity=0, flushLevel=logging.CRITICAL + 1, flushOnClose=True)

    def shouldFlush(self, record: logging.LogRecord) -> bool:
        """At every record, once there is a file."""
        return self.target is not None

    def open(self, path: Path) -> None:
        """Write what was kept, and all that comes, at the end of ``path``."""
        self.close_file()
        file = LogFile(path)
        file.setFormatter(self.formatter)
        self.setTarget(file)
        self.flush()

    def close_file(self) -> None:
        """Stop writing to the file, if there is one."""
        self.flush()
        if self.target is not None:
            self.target.close()
        self.setTarget(None)

    def close(self) -> None:
        """Close the file and the handler."""
        self.close_file()
        super().close()


def _warn(text: str) -> None:
    """Print a line where logging itself cannot."""
    with suppress(OSError):
        print(f"warning: {_shown(text)}", file=sys.stderr)


def _shown(text: str) -> str:
    """Return a text whose controls stand as their escapes, but for ends of lines."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else repr(each)[1:-1] for each in text
    )


def setup_logging(is_main: bool = True) -> None:
    """Configure the root logger from ``logger_config.json``.

    Args:
        is_main: whether this process reports; the others print warnings and errors only.
    """
    logging.config.dictConfig(json.loads(CONFIG.read_text(encoding="utf-8")))
    if not is_main:
        logging.getLogger().setLevel(logging.WARNING)


def open_log_file(path: Path) -> None:
    """Append the log to ``path``, beginning with what was logged since ``setup_logging``.

    Without ``setup_logging`` before it, nothing happens.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LaterFileHandler):
            handler.open(path)


def close_log_file() -> None:
    """Keep what is logged from now on for the next ``open_log_file``, of another run."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LaterFileHandler):
            handler.close_file()
