"""Several sources as one: each with its own cleaning, its share of training and its own numbers."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import Field

from base.base_reader import BaseReader, NoSource
from base.registry import READERS
from data_loader.cleaning import Cleaning, clean
from handwriting.errors import ConfigError
from handwriting.ink.line import Line

logger = logging.getLogger(__name__)

# All readers but this one.
SINGLE_READERS = READERS.without("mixed")
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True)
class MixedSource:
    """One of the sources.

    Attributes:
        name: of the source, in ids of its lines, in logs and in tables.
        source: its reader.
        share: weight among the sources in an epoch of training; null for as many lines as it has.
        cleaning: done to its lines before they are mixed.
        optional: the source is passed over where there is nothing that it could read; at least one
            of a corpus's sources must be there. The log names those that are not.
    """

    name: str
    source: Annotated[BaseReader, SINGLE_READERS]
    share: Annotated[float, Field(gt=0)] | None = None
    cleaning: Cleaning = Cleaning()  # noqa: RUF009 (it is frozen)
    optional: bool = False


@READERS.register("mixed")
class MixedReader(BaseReader):
    """Lines of several sources, one source after the other.

    Ids of lines and writers begin with the name of their source, so that those of two sources never
    meet. Each source decides its splits; writers are in one split each if they are so there.

    Args:
        sources: at least one, with different names.

    Raises:
        ConfigError: for names that are not as above, or shares that some sources have and others
            have not.
    """

    name: ClassVar[str] = "mixed"

    def __init__(self, sources: tuple[MixedSource, ...]) -> None:
        super().__init__()
        self.sources = tuple(sources)
        _check(self.sources)

    @cached_property
    def present(self) -> tuple[MixedSource, ...]:
        """The sources that are there; looked for once, at the first use.

        Raises:
            NoSource: a source is not there that is not optional, or none is.
            DataError: a part of a source is there, but not what is needed to read it.
        """
        present, missing = [], []
        for part in self.sources:
            try:
                part.source.locate()
                present.append(part)
            except NoSource as error:
                if not part.optional:
                    raise
                missing.append(f"{part.name} ({error})")
        if not present:
            raise NoSource("; ".join(missing))
        if missing:
            logger.info("sources that are not there: %s", "; ".join(missing))
        return tuple(present)

    @property
    def shares(self) -> Mapping[str, float]:
        """Weights by name of source; empty where each has as many lines as there are."""
        return {part.name: part.share for part in self.present if part.share is not None}

    def read(self) -> Iterator[Line]:
        """Stream the lines.

        Raises:
            NoSource, DataError: a source cannot be read.
        """
        self.skipped = type(self.skipped)()
        for part in self.present:
            yield from self._lines_of(part)

    def _lines_of(self, part: MixedSource) -> Iterator[Line]:
        dropped: Counter[str] = Counter()
        for line in part.source.read():
            cleaned = clean(line, part.cleaning)
            if cleaned.line is None:
                dropped[cleaned.dropped] += 1
                continue
            line = cleaned.line
            yield replace(
                line,
                writer=f"{part.name}/{line.writer}" if line.writer else "",
                source_id=f"{part.name}/{line.source_id}",
                source=part.name,
            )
        for reason, number in (*part.source.skipped.counts.items(), *dropped.items()):
            messages = part.source.skipped.messages_for(reason)
            message = messages[0] if messages else f"{number:,} lines"
            self.skipped.add(f"{part.name}: {reason}", message, number)

    def fingerprint(self) -> dict[str, Any]:
        """The fingerprints of the sources and their cleaning; shares change no line.

        Raises:
            NoSource: a source is not there.
        """
        return {
            "reader": self.name,
            "sources": [
                [part.name, part.source.fingerprint(), asdict(part.cleaning)]
                for part in self.present
            ],
        }

    def locate(self) -> str:
        """Look for each source.

        Raises:
            NoSource, DataError: a source is not there.
        """
        return ", ".join(f"{part.name}: {part.source.locate()}" for part in self.present)

    def expected_lines(self) -> int | None:
        """The sum of what the sources expect; None where one does not know."""
        numbers = [part.source.expected_lines() for part in self.present]
        known = [number for number in numbers if number is not None]
        return sum(known) if len(known) == len(numbers) else None


def _check(sources: tuple[MixedSource, ...]) -> None:
    problems = [
        f"sources.{place}.name: should be lower-case letters, digits, - and _, got {part.name!r}"
        for place, part in enumerate(sources)
        if not _NAME.fullmatch(part.name)
    ]
    names = Counter(part.name for part in sources)
    problems += [f"sources: two have the name {name!r}" for name in names if names[name] > 1]
    if not sources:
        problems.append("sources: should name at least one source, got none")
    if len({part.share is None for part in sources}) > 1:
        problems.append("sources: all have a share or none has")
    if problems:
        raise ConfigError(problems)
