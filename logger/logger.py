"""Logging: to the console beside a progress bar, and to a file that is known only later."""

import json
import logging
import logging.config
import logging.handlers
import sys
from pathlib import Path

from tqdm import tqdm

CONFIG = Path(__file__).with_name("logger_config.json")


class ConsoleHandler(logging.Handler):
    """Prints records on stdout, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        try:
            tqdm.write(self.format(record), file=sys.stdout)
            sys.stdout.flush()
        except Exception:  # as the handlers of the standard library do
            self.handleError(record)


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
        file = logging.FileHandler(path, encoding="utf-8")
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
