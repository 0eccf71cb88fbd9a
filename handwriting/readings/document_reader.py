"""Reading pages of ink whole: blocks, lines, words and characters with their places, and what on a
page is no text.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from handwriting.errors import DataError
from handwriting.formats.document_lines import texts_of_lines
from handwriting.formats.ink_file import line_fault
from handwriting.ink.features import InkFeatures
from handwriting.ink.mending import MendedInk
from handwriting.ink.page_layout import (
    Block,
    InkKind,
    LineInk,
    PageLayout,
    TextLine,
    find_layout,
    line_ink,
)
from handwriting.ink.page_layout import OtherInk as LayoutInk
from handwriting.readings.assembly import LineContext, line_places, read_line
from handwriting.readings.calibration import Calibration
from handwriting.readings.line_reading import Reading, evidence_of
from handwriting.readings.notes import page_notes
from handwriting.readings.page_ink import KnownLine, PageInk
from handwriting.readings.result import (
    Box,
    OtherInk,
    ReadBlock,
    ReadLine,
    ReadPage,
    points_of,
    whole_strokes,
)
from handwriting.readings.text_likeness import SHORT, text_features
from handwriting.text.vocabulary import Vocabulary

_LINES_TRIED = 4  # of a page, to find out which way is up
# Ink of a character or two that is so many times as high as a page's lines, of at least so many, is
# no text.
_OVERSIZED, _FEWEST_LINES = 2.5, 3


class LineReader(Protocol):
    """Reads lines with some recogniser.

    Attributes:
        features: what the recogniser sees of the ink.
        vocabulary: its characters.
    """

    features: InkFeatures
    vocabulary: Vocabulary

    def read(self, lines: Sequence[np.ndarray]) -> list[Reading]:
        """The readings of strokes ``[T, 3]`` as in ``handwriting.ink.line.Line``."""
        ...

    def positions(self, line: np.ndarray) -> np.ndarray:
        """The place of each feature point among the rows of strokes ``[T, 3]``; float64 ``[N]``."""
        ...

    def find_places(self) -> None:
        """From now on, readings have the places of their characters."""
        ...


@dataclass(frozen=True)
class LineResult:
    """Outcome of a line.

    Attributes:
        line: as it was read; None for one that is no line of writing.
        text: the probability that it is text at all; None where nothing says it.
        reading: of the recogniser; None as ``line``.
    """

    line: ReadLine | None
    text: float | None
    reading: Reading | None


@dataclass(frozen=True)
class LaidPage:
    """The lines of a page, ready to be read.

    Attributes:
        layout: of the page.
        rows: the ink of each of its lines.
        known: what the file says of each.
    """

    layout: PageLayout
    rows: tuple[LineInk, ...]
    known: tuple[KnownLine, ...]


Lines = TypeVar("Lines", bound=LineReader)


class DocumentReader(Generic[Lines]):
    """Reads pages.

    Args:
        reader: of lines; its readings get places.
        calibration: of its confidences; None for the model's own.
        keep_drawings: take ink that looks like no text for text, too.
    """

    def __init__(
        self,
        reader: Lines,
        calibration: Calibration | None = None,
        keep_drawings: bool = False,
    ) -> None:
        reader.find_places()
        self.reader = reader
        self.calibration = calibration
        self.keep_drawings = keep_drawings

    def read_page(self, page: PageInk, limit: int | None = None) -> ReadPage:
        """Return a page as it was read.

        Args:
            page: its ink.
            limit: lines that are read, the first ones; None for all.

        Raises:
            DataError: it is one line, and no line of writing.
        """
        return self.read_page_and_lines(page, limit)[0]

    def read_page_and_lines(
        self, page: PageInk, limit: int | None = None
    ) -> tuple[ReadPage, list[tuple[LineInk, LineResult]]]:
        """Return a page as it was read, and each of its lines with its ink."""
        laid = self.laid_out(page)
        if len(laid.rows) == 1 and (fault := line_fault(laid.rows[0].strokes)) is not None:
            raise DataError(fault)
        wanted = range(len(laid.rows))[:limit]
        results = self.read_lines(page, laid, wanted)
        found = self.assembled(page, laid, results)
        return found, [(laid.rows[at], result) for at, result in zip(wanted, results, strict=True)]

    def laid_out(self, page: PageInk) -> LaidPage:
        """Return the lines of a page: its own where it knows them, else those that are found."""
        if page.lines:
            return _known_lines(page)
        layout = find_layout(
            page.strokes, page.timed, lambda layouts: best_read(self.reader, layouts)
        )
        rows = tuple(line_ink(layout, line) for line in layout.lines)
        if not page.texts:
            return LaidPage(layout, rows, (KnownLine(()),) * len(rows))
        inked = [[page.strokes[at] for at in line.strokes] for line in layout.lines]
        texts = texts_of_lines(inked, page.texts)
        return LaidPage(layout, rows, tuple(KnownLine((), truth=text) for text in texts))

    def read_lines(self, page: PageInk, laid: LaidPage, wanted: Sequence[int]) -> list[LineResult]:
        """Return what lines of a page say.

        Args:
            page: its ink.
            laid: its lines.
            wanted: the numbers of those that are to be read.
        """
        fitting = [at for at in wanted if line_fault(laid.rows[at].strokes) is None]
        read = self.reader.read([laid.rows[at].strokes for at in fitting])
        readings = dict(zip(fitting, read, strict=True))
        return [
            self._line(_context(page, laid, at), readings[at])
            if at in readings
            else LineResult(None, 0.0, None)
            for at in wanted
        ]

    def _line(self, context: LineContext, reading: Reading) -> LineResult:
        evidence = evidence_of(reading)
        strokes = context.rows.strokes
        positions = self.reader.positions(strokes)
        places = line_places(self.reader.features, strokes, evidence.num_frames, positions)
        line = read_line(context, evidence, places, self.calibration)
        text = None
        if self.calibration is not None and self.calibration.text is not None:
            odds = self.calibration.text.log_odds(text_features(places, evidence)[None])
            text = float(1 / (1 + np.exp(-np.clip(odds[0], -50, 50))))
        return LineResult(line, text, reading)

    def assembled(self, page: PageInk, laid: LaidPage, results: Sequence[LineResult]) -> ReadPage:
        """Return a page from what became of its lines, the first ones of ``laid``."""
        layout = laid.layout
        oversized = set() if self.keep_drawings or page.lines else _oversized(results)
        found = iter(results)
        blocks: list[ReadBlock] = []
        others = [_other(other.kind.value, other.strokes, page) for other in layout.others]
        for block in layout.blocks:
            kept = []
            for line in block.lines:
                result = next(found, None)
                if result is None:
                    continue
                is_text = self._is_text(result) and id(result) not in oversized
                if result.line is not None and is_text:
                    kept.append(result.line)
                else:
                    sure = None if result.text is None else 1 - result.text
                    kind = InkKind.DRAWING.value
                    others.append(_other(kind, line.strokes, page, sure))
            if kept:
                blocks.append(ReadBlock(_around([line.box for line in kept]), tuple(kept)))
        made = ReadPage(page.strokes, tuple(blocks), _joined(others, page), layout.angle)
        notes = page_notes(made, self.reader.vocabulary)
        return replace(made, notes=notes)

    def _is_text(self, result: LineResult) -> bool:
        return self.keep_drawings or result.text is None or result.text >= 0.5


def _oversized(results: Sequence[LineResult]) -> set[int]:
    """The ``id`` of results that say one or two characters of ink far higher than the page's lines:
    an arrow, a frame or a circle beside them."""
    lines = [result.line for result in results if result.line is not None]
    heights = [_height(line) for line in lines if len(line.text) > SHORT]
    if len(heights) < _FEWEST_LINES:
        return set()
    most = _OVERSIZED * float(np.median(heights))
    return {
        id(result)
        for result in results
        if result.line is not None
        and len(result.line.text) <= SHORT
        and _height(result.line) > most
    }


def _height(line: ReadLine) -> float:
    return line.box.top - line.box.bottom


def _known_lines(page: PageInk) -> LaidPage:
    """The lines that a file knows, each mended and in order by itself."""
    lines: list[TextLine] = []
    rows: list[LineInk] = []
    known: list[KnownLine] = []
    others: list[LayoutInk] = []
    for each in page.lines:
        numbers = np.array(each.strokes)
        strokes = [page.strokes[at] for at in each.strokes]
        layout = find_layout(strokes, page.timed, divide=False)
        for line in layout.lines:
            ink = line_ink(layout, line)
            origin = np.stack([numbers[ink.origin[:, 0]], ink.origin[:, 1]], axis=1)
            rows.append(replace(ink, origin=origin))
            lines.append(replace(line, strokes=tuple(numbers[list(line.strokes)].tolist())))
            known.append(each)
        others += [
            LayoutInk(
                other.kind,
                tuple(numbers[list(other.strokes)].tolist()),
                tuple(numbers[list(other.marks)].tolist()) if other.marks else (),
            )
            for other in layout.others
        ]
    blocks = (Block(tuple(lines)),) if lines else ()
    layout = PageLayout(blocks, tuple(others), 0.0, MendedInk((), {}))
    return LaidPage(layout, tuple(rows), tuple(known))


def struck_strokes(layout: PageLayout) -> frozenset[int]:
    """Return the strokes of writing that are crossed out."""
    strikes = [other for other in layout.others if other.kind is InkKind.STRIKE_OUT]
    return frozenset(stroke for strike in strikes for stroke in strike.marks)


def _context(page: PageInk, laid: LaidPage, at: int) -> LineContext:
    known = laid.known[at]
    return LineContext(
        page.strokes,
        laid.layout.lines[at],
        laid.rows[at],
        struck_strokes(laid.layout),
        known.name,
        known.truth or None,
    )


def _other(
    kind: str, strokes: Sequence[int], page: PageInk, confidence: float | None = None
) -> OtherInk:
    parts = whole_strokes(strokes, page.strokes)
    return OtherInk(kind, Box.around(points_of(parts, page.strokes)), parts, confidence)


def _around(boxes: Sequence[Box]) -> Box:
    box = boxes[0]
    for other in boxes[1:]:
        box = box.joined(other)
    return box


def _joined(others: Sequence[OtherInk], page: PageInk) -> tuple[OtherInk, ...]:
    """The same ink, where drawings whose boxes touch are one: a drawing that was taken for several
    lines."""
    kept: list[OtherInk] = []
    for other in others:
        touching = [each for each in kept if other.kind == each.kind == InkKind.DRAWING.value
                    and _touch(each.box, other.box)]  # fmt: skip
        for each in touching:
            kept.remove(each)
            sure = [c for c in (each.confidence, other.confidence) if c is not None]
            strokes = (*each.strokes, *other.strokes)
            box = each.box.joined(other.box)
            other = OtherInk(other.kind, box, strokes, max(sure, default=None))
        kept.append(other)
    return tuple(kept)


def _touch(one: Box, other: Box) -> bool:
    return (
        one.left <= other.right
        and other.left <= one.right
        and one.bottom <= other.top
        and other.bottom <= one.top
    )


def best_read(reader: LineReader, layouts: Sequence[PageLayout]) -> int:
    """Return the number of the layout whose lines are read with the most confidence: a ``Choice``
    for ``find_layout``.

    A few long lines of each are read.
    """
    inks, owners = [], []
    for number, layout in enumerate(layouts):
        longest = sorted(layout.lines, key=lambda line: -len(line.strokes))[:_LINES_TRIED]
        inks += [line_ink(layout, line).strokes for line in longest]
        owners += [number] * len(longest)
    sure = [0.0] * len(layouts)
    for number, reading in zip(owners, reader.read(inks), strict=True):
        sure[number] += reading.confidence or 0.0
    means = [total / owners.count(at) if at in owners else -1.0 for at, total in enumerate(sure)]
    return max(range(len(layouts)), key=lambda number: means[number])
