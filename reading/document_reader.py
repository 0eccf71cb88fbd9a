"""Reading pages of ink whole: blocks, lines, words and characters with their places, and what on a
page is no text.

Shapes: ``n`` points of one stroke.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.errors import DataError
from handwriting.formats.ink_file import line_fault
from handwriting.ink.mending import mend
from handwriting.ink.page_layout import (
    Block,
    InkKind,
    LineInk,
    PageLayout,
    TextLine,
    find_layout,
    line_ink,
)
from handwriting.readings.assembly import LineContext, line_places, read_line
from handwriting.readings.calibration import Calibration
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
from handwriting.readings.text_likeness import text_features
from reading.decoding import Reading
from reading.evidence import evidence_of
from reading.line_reader import LineReader
from reading.settings import Request


@dataclass(frozen=True)
class LineResult:
    """What became of a line.

    Attributes:
        line: as it was read; None for one that is no line of writing.
        text: the probability that it is text at all; None where nothing says it.
        reading: of the recogniser; None as ``line``.
    """

    line: ReadLine | None
    text: float | None
    reading: Reading | None


class DocumentReader:
    """Reads pages.

    Args:
        reader: of lines; its readings get places.
        calibration: of its confidences; None for the model's own.
        keep_drawings: take ink that looks like no text for text, too.
    """

    def __init__(
        self,
        reader: LineReader,
        calibration: Calibration | None = None,
        keep_drawings: bool = False,
    ) -> None:
        request: Request = dataclasses.replace(reader.request, places=True)
        reader.request = request
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
        layout = layout_of(page)
        rows = [line_ink(layout, line) for line in layout.lines[:limit]]
        if len(rows) == 1 and (fault := line_fault(rows[0].strokes)) is not None:
            raise DataError(fault)
        results = self.read_lines(page, layout, rows)
        found = self.assembled(page, layout, results)
        return found, list(zip(rows, results, strict=True))

    def read_lines(
        self,
        page: PageInk,
        layout: PageLayout,
        rows: Sequence[LineInk],
        wanted: Sequence[int] | None = None,
    ) -> list[LineResult]:
        """Return what lines of a page say.

        Args:
            page: its ink.
            layout: of it.
            rows: the ink of each of the layout's lines.
            wanted: which of these to read; None for all.
        """
        wanted = range(len(rows)) if wanted is None else wanted
        fitting = [at for at in wanted if line_fault(rows[at].strokes) is None]
        read = self.reader.read([rows[at].strokes for at in fitting])
        readings = dict(zip(fitting, read, strict=True))
        struck = struck_strokes(layout)
        known = {each.strokes: each for each in page.lines}
        lines = layout.lines
        return [
            self._line(_context(page, lines[at], rows[at], struck, known), readings[at])
            if at in readings
            else LineResult(None, 0.0, None)
            for at in wanted
        ]

    def _line(self, context: LineContext, reading: Reading) -> LineResult:
        evidence = evidence_of(reading)
        places = line_places(self.reader.features, context.rows.strokes, evidence.num_frames)
        line = read_line(context, evidence, places, self.calibration)
        text = None
        if self.calibration is not None and self.calibration.text is not None:
            odds = self.calibration.text.log_odds(text_features(places, evidence)[None])
            text = float(1 / (1 + np.exp(-np.clip(odds[0], -50, 50))))
        return LineResult(line, text, reading)

    def assembled(
        self, page: PageInk, layout: PageLayout, results: Sequence[LineResult]
    ) -> ReadPage:
        """Return a page from what became of its lines, the first ones of ``layout.lines``."""
        found = iter(results)
        blocks: list[ReadBlock] = []
        others = [_other(other.kind.value, other.strokes, page) for other in layout.others]
        for block in layout.blocks:
            kept = []
            for line in block.lines:
                result = next(found, None)
                if result is None:
                    continue
                if result.line is not None and self._is_text(result):
                    kept.append(result.line)
                else:
                    sure = None if result.text is None else 1 - result.text
                    kind = InkKind.DRAWING.value
                    others.append(_other(kind, line.strokes, page, sure))
            if kept:
                blocks.append(ReadBlock(_around([line.box for line in kept]), tuple(kept)))
        made = ReadPage(page.strokes, tuple(blocks), _joined(others, page), layout.angle)
        notes = page_notes(made, self.reader.vocabulary, self.calibration is not None)
        return dataclasses.replace(made, notes=notes)

    def _is_text(self, result: LineResult) -> bool:
        return self.keep_drawings or result.text is None or result.text >= 0.5


def layout_of(page: PageInk) -> PageLayout:
    """Return the layout of a page: its own lines where it knows them, else those that are found."""
    if not page.lines:
        return find_layout(page.strokes, page.timed)
    lines = tuple(_text_line(page, each) for each in page.lines)
    return PageLayout((Block(lines),), (), 0.0, mend(page.strokes))


def struck_strokes(layout: PageLayout) -> frozenset[int]:
    """Return the strokes of writing that are crossed out."""
    strikes = [other for other in layout.others if other.kind is InkKind.STRIKE_OUT]
    return frozenset(stroke for strike in strikes for stroke in strike.marks)


def _text_line(page: PageInk, known: KnownLine) -> TextLine:
    box = Box.around(np.concatenate([page.strokes[at] for at in known.strokes]))
    return TextLine(known.strokes, ((box.left, box.bottom), (box.right, box.bottom)), 0.0)


def _context(
    page: PageInk,
    line: TextLine,
    rows: LineInk,
    struck: frozenset[int],
    known: Mapping[tuple[int, ...], KnownLine],
) -> LineContext:
    file = known.get(line.strokes, KnownLine(()))
    return LineContext(page.strokes, line, rows, struck, file.name, file.truth or None)


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
