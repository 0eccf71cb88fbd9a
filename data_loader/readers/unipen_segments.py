"""The segments of one file of UNIPEN: which of them are read, and as which lines of writing.

Shapes: ``n`` points of one stroke.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from base.base_reader import ReadReport
from data_loader.readers.unipen_groups import problem_of
from data_loader.readers.unipen_rows import Part, Row, box_of, is_one_row, rows_of, spell_out
from handwriting.errors import ConfigError, DataError
from handwriting.formats.unipen_reader import Segment, Span, UnipenInk

LEVELS = ("lines", "words", "characters")
"""Of segments, the longest first."""

_LEVEL_OF = {"TEXT": "lines", "WORD": "words", "CHARACTER": "characters"}


def check_levels(levels: list[str] | None) -> None:
    """Raise ``ConfigError`` where ``levels`` is an empty list or has one that is none."""
    known = ", ".join(LEVELS)
    if levels is not None and not (levels and set(levels) <= set(LEVELS)):
        raise ConfigError([f"levels: must be some of {known}, or null, got {levels}"])


@dataclass(frozen=True)
class Piece:
    """A segment with its ink.

    Attributes:
        label: its text.
        level: one of ``LEVELS``.
        place: its components as the file has them; what names it within its file and level.
        where: file and line.
        spans: its components.
        strokes: points ``[n, 2]`` of each stroke, y upwards.
    """

    label: str
    level: str
    place: str
    where: str
    spans: list[Span]
    strokes: list[np.ndarray]

    @property
    def slices(self) -> list[slice]:
        """Its components as slices."""
        return [slice(span.first, span.last + 1) for span in self.spans]


class Source:
    """The ink of a file, and the segments that several files say it has.

    Args:
        ink: the ink; its segments are not used.
    """

    def __init__(self, ink: UnipenInk) -> None:
        self.ink = ink
        self._segments: dict[str, dict[str, Segment]] = {level: {} for level in LEVELS}
        self._others: list[Segment] = []

    def add(self, segments: Iterable[Segment]) -> None:
        """Add segments, of those of a level with the same components the first."""
        for segment in segments:
            if segment.level in _LEVEL_OF:
                self._segments[_LEVEL_OF[segment.level]].setdefault(segment.spans, segment)
            else:
                self._others.append(segment)

    def pieces(
        self, group: str, levels: list[str] | None, skipped: ReadReport, within: Counter[str]
    ) -> Iterator[Piece]:
        """Stream what is read of the file, the longest level first.

        Args:
            group: its contributor.
            levels: some of ``LEVELS``; None: all, and no ink twice.
            skipped: told of what is left out as of no use.
            within: counts by level what is left out as part of what is read.
        """
        for segment in self._others:
            message = f"{segment.where}: {segment.level} {segment.label!r}"
            skipped.add("segment that is no text, word or character", message)
        usable = {level: self._usable(level, group, skipped) for level in LEVELS}
        parts = [_Parts(usable[level]) for level in LEVELS[1:]]
        taken = np.zeros(len(self.ink.components), dtype=bool)
        for level in LEVELS:
            if levels is not None and level not in levels:
                continue
            read: list[Piece] = []
            for piece in usable[level]:
                if levels is None and any(taken[components].any() for components in piece.slices):
                    within[level] += 1
                    continue
                pieces = self._rows(piece, parts) if level == "lines" else [piece]
                if not pieces:
                    reason = "text of several rows that its words do not divide"
                    skipped.add(reason, f"{piece.where}: {piece.label!r}")
                yield from pieces
                read += pieces
            # Only now, since segments of one level may share a component: letters of a stroke.
            for piece in read:
                for components in piece.slices:
                    taken[components] = True

    def _usable(self, level: str, group: str, skipped: ReadReport) -> list[Piece]:
        """The segments of a level that are of use and have ink."""
        pieces = []
        for segment in self._segments[level].values():
            problem = problem_of(group, level, segment.label)
            if problem:
                skipped.add(problem, f"{segment.where}: {segment.label!r}")
                continue
            try:
                spans = self.ink.spans_of(segment)
            except DataError as error:
                skipped.add("segment that names no ink", str(error))
                continue
            strokes = self.ink.strokes_in(spans)
            if strokes:
                place = segment.spans
                pieces.append(Piece(segment.label, level, place, segment.where, spans, strokes))
            else:
                skipped.add("segment without a stroke", f"{segment.where}: {segment.label!r}")
        return pieces

    def _rows(self, text: Piece, parts: list["_Parts"]) -> list[Piece]:
        """The rows of a text; none where it has several that cannot be told apart."""
        span = text.spans[0]
        can_be_divided = len(text.spans) == 1 and span.is_whole
        for level in parts if can_be_divided else ():
            known = level.within(span)
            if known and spell_out(known, text.label):
                rows = rows_of(text.label, known)
                if rows is None:
                    return []
                return [text] if len(rows) == 1 else self._divided(text, rows)
        return [text] if is_one_row(text.strokes) else []

    def _divided(self, text: Piece, rows: list[Row]) -> list[Piece]:
        firsts = [text.spans[0].first, *(row.first for row in rows[1:])]
        lasts = [first - 1 for first in firsts[1:]] + [text.spans[0].last]
        pieces = []
        for row, first, last in zip(rows, firsts, lasts, strict=True):
            spans = [Span(first, 0, last, None)]
            strokes = self.ink.strokes_in(spans)
            if not strokes:
                return []
            place = f"{first}-{last}"
            pieces.append(Piece(row.label, text.level, place, text.where, spans, strokes))
        return pieces


class _Parts:
    """Words, or characters, in the order in which they begin."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = sorted(pieces, key=_beginning)
        self._firsts = [piece.spans[0].first for piece in self._pieces]

    def within(self, span: Span) -> list[Part]:
        """Return the segments whose components are among those of ``span``."""
        begin, end = bisect_left(self._firsts, span.first), bisect_left(self._firsts, span.last + 1)
        return [
            Part(piece.label, piece.spans[0].first, piece.spans[-1].last, box_of(piece.strokes))
            for piece in self._pieces[begin:end]
            if all(s.first >= span.first and s.last <= span.last for s in piece.spans)
        ]


def _beginning(piece: Piece) -> tuple[int, int]:
    return piece.spans[0][:2]
