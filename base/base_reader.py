"""The base of readers: a stream of lines, and a report of those left out."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from handwriting.environment import reason
from handwriting.errors import DataError
from handwriting.ink.line import Line

MESSAGES_PER_REASON = 20


class NoSource(DataError):
    """Nothing that this reader could read is there at all; the message says where it looked."""


class ReadReport:
    """Lines left out and remarks of a reading: counts by reason, and messages a person can act on.

    A reason is a short text such as ``"line without transcription"``. A message is one line that
    names the file and the place inside it. The first ``MESSAGES_PER_REASON`` messages of each
    reason are kept, so that a corpus in which everything is wrong does not fill the memory; the
    counts are complete.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._messages: dict[str, list[str]] = {}

    def add(self, reason: str, message: str, count: int = 1) -> None:
        """Count ``count`` cases of ``reason`` and keep ``message`` while there is room for it."""
        self._counts[reason] += count
        messages = self._messages.setdefault(reason, [])
        if len(messages) < MESSAGES_PER_REASON:
            messages.append(message)

    @property
    def counts(self) -> dict[str, int]:
        """Number of cases by reason, complete, sorted by reason."""
        return dict(sorted(self._counts.items()))

    @property
    def messages(self) -> list[str]:
        """The messages kept, by reason, in the order they came."""
        return [message for reason in self.counts for message in self._messages[reason]]

    def messages_for(self, reason: str) -> list[str]:
        """The messages kept for one reason; empty where there was none."""
        return list(self._messages.get(reason, []))


class BaseReader(ABC):
    """Reads one source of handwriting, line by line.

    A constructor only notes its settings: it opens nothing, so that a config can be checked where
    the data is not. Files are opened in ``read``, one line at a time, and a reader can be read
    again; ``skipped`` is about the latest reading.

    Attributes:
        name: the name the reader is registered under.
        skipped: what the latest reading left out, complete once it has ended.
    """

    name: ClassVar[str]

    def __init__(self) -> None:
        self.skipped = ReadReport()

    def __iter__(self) -> Iterator[Line]:
        return self.read()

    @property
    def shares(self) -> Mapping[str, float]:
        """Weights of the sources that this reader mixes, by name, in each epoch of training; empty
        where every line counts the same."""
        return {}

    @abstractmethod
    def read(self) -> Iterator[Line]:
        """Stream the lines of the source, always in the same order.

        Raises:
            NoSource: when there is nothing to read.
            DataError: when the source cannot be read to its end; names the file and the place.
        """

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Return an identity of the lines this reader yields, as plain JSON values: its name, the
        settings that matter, and the source's files with sizes and modification times. Two
        readers with equal fingerprints yield equal lines.

        Raises:
            NoSource: when there is nothing to read.
        """

    def locate(self) -> str:
        """Look whether the source is there, without reading it.

        Returns:
            what was found, for the log.

        Raises:
            NoSource: when there is nothing to read.
            DataError: when part of a source is there, but not what is needed to read it.
        """
        return "needs no files"

    def check_source(self) -> None:
        """Raise as ``locate`` does where there is nothing to read."""
        self.locate()

    def expected_lines(self) -> int | None:
        """Number of lines there are about to be, for a progress bar; None where finding out would
        mean reading the source."""
        return None

    def raise_no_line(self, source: Path) -> NoReturn:
        """End a reading that found no line it could yield.

        Raises:
            DataError: naming the source and the first thing that was wrong in it.
        """
        first = next(iter(self.skipped.messages), "it holds no line")
        raise DataError(f"{source}: no line can be used; {first}")


def file_fingerprint(path: Path) -> list[str | int]:
    """``[name, size in bytes, modification time in ns]`` of a file.

    Raises:
        DataError: when the file cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None
    return [path.name, status.st_size, status.st_mtime_ns]
