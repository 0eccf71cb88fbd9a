"""Ink of UNIPEN files: components, and the segments that say which of them are which text.

A component is the ink of one ``.PEN_DOWN`` or ``.PEN_UP``. They are numbered from 0 in the order of
the file; those without a point are not counted. A segment names components (``3``, ``3-7``), or
components from a point to a point (``3:10-5:2``, ends included), with commas between. UNIPEN's y
grows upwards, as here.

Shapes: ``n`` points of one stroke.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from handwriting.errors import DataError
from handwriting.formats.unipen_statements import (
    IncludeFolders,
    Statement,
    read_statements,
)
from handwriting.ink.line import Line, strokes_from_points
from handwriting.quoting import quoted

LARGEST_COORDINATE = 1e9
MOST_COLUMNS = 32
# Characters, words and texts each go over the ink about once.
MOST_TIMES_NAMED = 16
_LEVELS = ("PAGE", "PARAGRAPH", "TEXT", "SENTENCE", "LINE", "PHRASE", "WORD", "CHARACTER", "DIGIT")
_PER_MM = {"POINTS_PER_INCH": 25.4, "POINTS_PER_MM": 1.0}
_SPANS = re.compile(r"[\d:,-]+")
_SPAN = re.compile(r"(\d{1,9})(?::(\d{1,9}))?(?:-(\d{1,9})(?::(\d{1,9}))?)?")


class Span(NamedTuple):
    """Ink that follows upon another.

    Attributes:
        first: its first component.
        start: its first point of that component.
        last: its last component.
        stop: the end of its points of that component, not included; None for all.
    """

    first: int
    start: int
    last: int
    stop: int | None

    @property
    def is_whole(self) -> bool:
        """Whether no component is taken in part."""
        return self.start == 0 and self.stop is None


@dataclass
class Segment:
    """A text, and which ink it is.

    Attributes:
        level: its place in the hierarchy, such as ``WORD``.
        spans: which components, as the file has it; empty: those that follow in the file.
        quality: ``OK``, ``GOOD``, ``BAD`` or another word; empty where unknown.
        label: the text, white space as single spaces.
        where: file and line.
        start: number of components before the segment in the file.
        end: number of components before the next one; None for the last.
        comment: the first comment that follows it, as one line.
    """

    level: str
    spans: str
    quality: str
    label: str
    where: str
    start: int = 0
    end: int | None = None
    comment: str = ""


@dataclass
class UnipenInk:
    """All that is used of a UNIPEN file and the files it includes.

    Attributes:
        segments: in the order of the file.
        writer: the last ``.WRITER_ID``, empty where there is none.
        hierarchy: names of levels, the longest first, where the file tells them.
        points_per_mm: stated resolution in x, 0 where unknown; often only nominal.
        points_per_second: stated rate, 0 where unknown.
        components: points ``[n, 2]`` (x, y) of each, y upwards.
        is_down: for each component whether the pen was on the paper.
        others: for each component its further columns ``[n]`` by their names, such as T.
    """

    segments: list[Segment] = field(default_factory=list)
    writer: str = ""
    hierarchy: tuple[str, ...] = ()
    points_per_mm: float = 0.0
    points_per_second: float = 0.0
    components: list[np.ndarray] = field(default_factory=list)
    is_down: list[bool] = field(default_factory=list)
    others: list[dict[str, np.ndarray]] = field(default_factory=list)
    _named: int = 0
    _sizes: np.ndarray | None = None

    def strokes_of(self, segment: Segment) -> list[np.ndarray]:
        """The points ``[n, 2]`` of each stroke of a segment, in the segment's order.

        Raises:
            DataError: when it names ink that is not there, or none; names its file and line.
        """
        strokes = self.strokes_in(self.spans_of(segment))
        if not strokes:
            raise DataError(f"{segment.where}: the segment has no ink")
        return strokes

    def strokes_in(self, spans: list[Span]) -> list[np.ndarray]:
        """The points ``[n, 2]`` of each stroke of spans that are there."""
        strokes = []
        for first, start, last, stop in spans:
            for number in range(first, last + 1):
                points = self.components[number]
                points = points[start if number == first else 0 : stop if number == last else None]
                if self.is_down[number] and len(points):
                    strokes.append(points)
        return strokes

    def spans_of(self, segment: Segment) -> list[Span]:
        """The segment's spans, all of which are there.

        Raises:
            DataError: when a span is none, or names components that are not there, or the segments
                asked for together would make far more ink than there is.
        """
        spans = _parsed_spans(segment) if segment.spans else self._following(segment)
        for span in spans:
            if not span.first <= span.last < len(self.components):
                raise DataError(
                    f"{segment.where}: components {span.first} to {span.last} are named, "
                    f"of {len(self.components)}"
                )
            self._count(span, segment)
        return spans

    def _following(self, segment: Segment) -> list[Span]:
        end = len(self.components) if segment.end is None else segment.end
        if end <= segment.start:
            raise DataError(f"{segment.where}: no ink follows the segment")
        return [Span(segment.start, 0, end - 1, None)]

    def _count(self, span: Span, segment: Segment) -> None:
        """Add up what the spans name, in points and components."""
        if self._sizes is None:
            sizes = [1 + len(points) for points in self.components]
            self._sizes = np.concatenate([[0], np.cumsum(sizes)])
        named = int(self._sizes[span.last + 1] - self._sizes[span.first])
        if span.first == span.last and span.stop is not None:
            named = 1 + min(named, max(span.stop - span.start, 0))
        self._named += named
        if self._named > MOST_TIMES_NAMED * int(self._sizes[-1]):
            raise DataError(f"{segment.where}: the segments name the same ink over and over")


def read_unipen(path: Path) -> list[Line]:
    """The lines of a UNIPEN file: the segments of the longest level it has, with their labels; or
    all its ink as one line without a text, where it has no segments.

    Included files are looked for in the file's own folder and, where it lies in a tree like that
    of the distribution, in that tree's ``include``.

    Raises:
        DataError: when a file is malformed, or no ink is in it; names the file and the line.
    """
    ink = read_unipen_ink(path)
    segments = _longest(ink)
    if not segments:
        strokes = [s for s, is_down in zip(ink.components, ink.is_down, strict=True) if is_down]
        if not strokes:
            raise DataError(f"{path}: no ink: no .PEN_DOWN with a point is in it")
        return [Line(strokes_from_points(strokes), "", ink.writer, path.stem, "")]
    is_only = len(segments) == 1
    return [
        Line(
            strokes_from_points(ink.strokes_of(segment)),
            segment.label,
            ink.writer,
            path.stem if is_only else f"{path.stem}#{number}",
            "",
        )
        for number, segment in enumerate(segments, start=1)
    ]


def read_unipen_ink(path: Path, folders: IncludeFolders | None = None) -> UnipenInk:
    """Read a UNIPEN file and all that it includes.

    Args:
        path: the file.
        folders: where included files are; None: see ``IncludeFolders.around``.

    Raises:
        DataError: when a file is malformed; names the file and the line.
    """
    return unipen_ink(read_statements(path, folders or IncludeFolders.around(path)))


def unipen_ink(statements: Iterable[Statement]) -> UnipenInk:
    """Build the ink that statements describe.

    Raises:
        DataError: when one is malformed; names the file and the line.
    """
    builder = _Builder()
    for statement in statements:
        builder.add(statement)
    builder.close_component()
    return builder.ink


class _Builder:
    """Takes statements in, one after the other."""

    def __init__(self) -> None:
        self.ink = UnipenInk()
        self._columns: tuple[str, ...] = ("X", "Y")
        self._parts: list[tuple[tuple[str, ...], np.ndarray]] = []
        self._is_down: bool | None = None

    def add(self, statement: Statement) -> None:
        """Take in the next statement."""
        keyword = statement.keyword
        if keyword in ("PEN_DOWN", "PEN_UP"):
            self.close_component()
            self._is_down = keyword == "PEN_DOWN"
            self._add_points(statement, statement.text)
        elif keyword == "DT":
            # A time that passes; points below it go on with the component before it.
            self._add_points(statement, statement.text.partition("\n")[2])
        elif keyword == "COORD":
            self._columns = _columns(statement)
        elif keyword == "SEGMENT":
            self.close_component()
            _add_segment(self.ink, statement)
        else:
            _note(self.ink, statement)

    def close_component(self) -> None:
        """End the component that is being read; one without a point is none."""
        if self._parts:
            self.ink.components.append(
                np.concatenate([_places(rows, columns) for columns, rows in self._parts])
            )
            self.ink.is_down.append(bool(self._is_down))
            self.ink.others.append(_others(self._parts))
        self._parts = []

    def _add_points(self, statement: Statement, text: str) -> None:
        rows = _rows(statement, text, self._columns)
        if len(rows) and self._is_down is not None:
            self._parts.append((self._columns, rows))


def _places(rows: np.ndarray, columns: tuple[str, ...]) -> np.ndarray:
    """The columns x and y ``[n, 2]``."""
    places: np.ndarray = rows[:, [columns.index("X"), columns.index("Y")]]
    return places


def _others(parts: list[tuple[tuple[str, ...], np.ndarray]]) -> dict[str, np.ndarray]:
    """The further columns of a component's parts; none where they differ."""
    (columns, _), *_ = parts
    if any(other != columns for other, _ in parts):
        return {}
    return {
        name: np.concatenate([rows[:, at] for _, rows in parts])
        for at, name in enumerate(columns)
        if name not in ("X", "Y")
    }


def _note(ink: UnipenInk, statement: Statement) -> None:
    """Take in a statement that says something about the ink."""
    keyword, value = statement.keyword, statement.value
    if keyword == "WRITER_ID":
        ink.writer = value
    elif keyword == "HIERARCHY":
        ink.hierarchy = tuple(statement.text.split())
    elif keyword == "COMMENT" and ink.segments and not ink.segments[-1].comment:
        ink.segments[-1].comment = value
    elif keyword == "POINTS_PER_SECOND":
        ink.points_per_second = _positive(value)
    elif keyword[:2] == "X_" and keyword[2:] in _PER_MM:
        ink.points_per_mm = _positive(value) / _PER_MM[keyword[2:]]


def _rows(statement: Statement, text: str, columns: tuple[str, ...]) -> np.ndarray:
    """The points in a text of numbers, a row a point, with all their columns."""
    words = text.split()
    if not words:
        return np.empty((0, len(columns)))
    try:
        numbers = np.array(words, dtype=np.float64)
    except ValueError:
        raise DataError(f"{statement.where}: {_first_bad(words)} is not a number") from None
    count = sum(1 for row in text.split("\n") if row and not row.isspace())
    if len(numbers) % len(columns) or (count > 1 and len(numbers) != count * len(columns)):
        raise DataError(
            f"{statement.where}: {len(numbers)} numbers in {count} rows, but a point is "
            f"{quoted(' '.join(columns))[1:-1]}"
        )
    rows = numbers.reshape(-1, len(columns))
    if not (np.abs(_places(rows, columns)) <= LARGEST_COORDINATE).all():
        raise DataError(
            f"{statement.where}: a coordinate is beyond {LARGEST_COORDINATE:.0e} or no number"
        )
    return rows


def _first_bad(words: list[str]) -> str:
    for word in words:
        try:
            float(word)
        except ValueError:
            return quoted(word)
    return quoted(words[0])


def _columns(statement: Statement) -> tuple[str, ...]:
    columns = tuple(statement.text.split())
    if "X" not in columns or "Y" not in columns or len(columns) > MOST_COLUMNS:
        raise DataError(
            f"{statement.where}: .COORD must name X and Y, got {quoted(' '.join(columns))}"
        )
    return columns


def _positive(value: str) -> float:
    try:
        number = float(value.split()[0])
    except (IndexError, ValueError):
        return 0.0
    return number if 0 < number < float("inf") else 0.0


def _add_segment(ink: UnipenInk, statement: Statement) -> None:
    """Take in ``.SEGMENT LEVEL [SPANS] [QUALITY] ["LABEL"]``."""
    before, quote, rest = statement.text.partition('"')
    label, closing, _ = rest.rpartition('"')
    words = before.split()
    if not words or (quote and not closing):
        problem = "the label has no end" if words else "the segment has no level"
        raise DataError(f"{statement.where}: {problem}")
    level, words = words[0], words[1:]
    number = next((at for at, word in enumerate(words) if not _SPANS.fullmatch(word)), len(words))
    quality = words[-1] if number < len(words) else ""
    if ink.segments:
        ink.segments[-1].end = len(ink.components)
    ink.segments.append(
        Segment(
            level,
            "".join(words[:number]),
            "" if quality == "?" else quality,
            " ".join(re.sub(r"\\(.)", r"\1", label).split()),
            statement.where,
            len(ink.components),
        )
    )


def _parsed_spans(segment: Segment) -> list[Span]:
    return [_parsed_span(text, segment) for text in segment.spans.split(",") if text]


def _parsed_span(text: str, segment: Segment) -> Span:
    found = _SPAN.fullmatch(text)
    if not found:
        raise DataError(f"{segment.where}: {quoted(text)} names no components")
    first, start, last, stop = found.groups()
    if last is None:
        last, stop = first, start
    return Span(int(first), int(start or 0), int(last), None if stop is None else int(stop) + 1)


def _longest(ink: UnipenInk) -> list[Segment]:
    """The segments of the longest level there is."""
    there = {segment.level: None for segment in ink.segments}
    order = (*ink.hierarchy, *_LEVELS, *there)
    level = next((level for level in order if level in there), None)
    return [segment for segment in ink.segments if segment.level == level]
