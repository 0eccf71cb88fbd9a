"""A source without the lines of a list, such as ``python -m evaluation.label_noise`` writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

from base.base_reader import BaseReader
from base.registry import READERS
from data_loader.readers.files import read_text
from handwriting.errors import DataError
from handwriting.ink.line import Line, content_digest

# All readers but those that take readers.
_SOURCES = READERS.without("composed", "mixed", "left_out")


def read_left_out(path: Path) -> frozenset[str]:
    """Return the digests in a list of lines: the first column of its rows, which tabs divide. A
    row that begins with ``#`` is a remark.

    Raises:
        DataError: the list cannot be read, or has no line.
    """
    rows = (row for row in read_text(path).splitlines() if row and not row.startswith("#"))
    digests = frozenset(row.split("\t", 1)[0] for row in rows)
    if not digests:
        raise DataError(f"{path}: lists no line that is left out")
    return digests


@READERS.register("left_out")
class LeftOutReader(BaseReader):
    """The lines of a source but those of a list: lines whose label is not what was written teach a
    model to read or write something else. A line is known by its text and its ink, so that a list
    is right for every copy of the data.

    Args:
        source: yields the lines.
        lines: path of the list: a line's digest (``handwriting.ink.line.content_digest``), and more
            after a tab that nothing here looks at.
    """

    name: ClassVar[str] = "left_out"

    def __init__(self, source: Annotated[BaseReader, _SOURCES], lines: str) -> None:
        super().__init__()
        self.source = source
        self.lines = lines

    def read(self) -> Iterator[Line]:
        """Stream the lines that are not in the list.

        Raises:
            NoSource, DataError: the source or the list cannot be read.
        """
        self.skipped = type(self.skipped)()
        left_out = read_left_out(Path(self.lines))
        for line in self.source.read():
            if content_digest(line) in left_out:
                message = f"{self.lines}: {line.source_id}: {line.text!r}"
                self.skipped.add("line of the list of those left out", message)
            else:
                yield line
        for reason, number in self.source.skipped.counts.items():
            messages = self.source.skipped.messages_for(reason)
            self.skipped.add(reason, messages[0] if messages else f"{number:,} lines", number)

    def fingerprint(self) -> dict[str, Any]:
        """The source's fingerprint and the digests of the list, whatever else it says.

        Raises:
            NoSource, DataError: the source or the list is not there.
        """
        digests = sorted(read_left_out(Path(self.lines)))
        return {"reader": self.name, "source": self.source.fingerprint(), "lines": digests}

    def locate(self) -> str:
        """Look for the source.

        Raises:
            NoSource, DataError: the source is not there.
        """
        return self.source.locate()

    def expected_lines(self) -> int | None:
        """As many as the source expects."""
        return self.source.expected_lines()
