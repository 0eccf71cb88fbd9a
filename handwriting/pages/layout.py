"""Lay written words out on pages: one size throughout, lines level on their baselines, wrapped at
the page's width as the ink measures.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.errors import UserError
from handwriting.pages.aligned_text import AlignedLine, TracedStroke
from handwriting.pages.blocks import (
    Block,
    Piece,
    blocks_of,
    held_to_line,
    measured,
    split_to_width,
)
from handwriting.pages.completion import Hand, drawn, measure_hand
from handwriting.pages.drift import line_drift
from handwriting.pages.hyphenation import hyphenation
from handwriting.pages.options import MOST_LINE_SPACING, ROOM_ABOVE_BASELINE, PageOptions
from handwriting.pages.page import Page, PageLine
from handwriting.pages.paper import (
    check_page,
    height_of,
    line_spacing,
    of_size,
    paper_height,
    rows_per_page,
    text_width,
    x_height,
)
from handwriting.pages.rows import Hyphens, Row, median_gap, paginated, wrapped

__all__ = ["Layout", "check_page", "layout_pages"]

_PEN_OF_X_HEIGHT = 0.16
_ROUNDING = 1e-6  # mm
_LEAST_X_HEIGHT = 0.3  # mm, of writing that is made to fit
_FITTING_STEPS = 10


@dataclass(frozen=True)
class Layout:
    """Pages, and one line of text for each thing on them that is not as the user would expect."""

    pages: tuple[Page, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Writing:
    """A text in ink, before it has a size: its pieces, the pens of its characters, where words may
    be cut and the hand that hyphens are in."""

    pieces: tuple[Piece, ...]
    pens: Sequence[int] | None
    points: Callable[[str], Sequence[int]] | None
    hand: Hand

    def rows(self, options: PageOptions, warnings: list[str]) -> list[Row]:
        """Return its rows on paper of some options."""
        height, width = x_height(options), text_width(options)
        blocks: list[Block] = []
        for block in blocks_of(self.pieces, height, self.pens):
            held, is_astray = held_to_line(block, line_spacing(options))
            if is_astray:
                warnings.append(f"{block.text!r} left its line and was held back")
            blocks += split_to_width(held, width, height, warnings)
        return wrapped(blocks, width, median_gap(blocks, height), height, self._hyphens(height))

    def _hyphens(self, height: float) -> Hyphens | None:
        if self.points is None:
            return None
        strokes = drawn("-", Hand(height, self.hand.slant))
        return Hyphens(
            self.points, tuple(TracedStroke(s, np.zeros(len(s), np.int64)) for s in strokes)
        )


def layout_pages(
    written: Sequence[AlignedLine],
    options: PageOptions | None = None,
    pens: Sequence[int] | None = None,
) -> Layout:
    """Lay out a text that was written piece by piece.

    Between pieces stands a word gap, the median of the ink's own; a newline starts a new line, and
    more than one leave empty lines; spaces that begin a line indent it, and tabs lead to stops. A
    word that is wider than the page is split between characters and reported.

    Args:
        written: the pieces, all of one hand, in the text's order.
        options: see ``PageOptions``.
        pens: for each character of the text that is no white space, the index of its pen; None for
            the first.

    Returns:
        At least one page.

    Raises:
        UserError: an option is out of range, or nothing fits on such a page.
    """
    options = options or PageOptions()
    check_page(options)
    points = hyphenation(options.hyphenate) if options.hyphenate is not None else None
    hand = measure_hand(written) if points is not None else Hand()
    writing = _Writing(tuple(map(measured, written)), pens, points, hand)
    warnings = [
        f"no ink was written for {word!r}"
        for piece in writing.pieces
        for word in piece.words.without_ink
    ]
    if options.fit:
        options = _fitted(writing, options)
    rows = writing.rows(options, warnings)
    generator = np.random.default_rng(options.seed)
    pages = [
        _page(group, options, generator, warnings)
        for group in paginated(rows, rows_per_page(options))
    ]
    return Layout(tuple(pages), tuple(dict.fromkeys(warnings)))


def _fitted(writing: _Writing, options: PageOptions) -> PageOptions:
    """The options with the writing as large as fits on one page."""
    height = paper_height(options)
    proportion = line_spacing(options) / x_height(options)
    most = min((height - 2 * options.margin) / proportion, MOST_LINE_SPACING / proportion)
    low, high = np.log(_LEAST_X_HEIGHT), np.log(max(most, _LEAST_X_HEIGHT))
    if not _fits(writing, of_size(options, _LEAST_X_HEIGHT)):
        raise UserError(
            f"fit: the text is too long for one page of {options.page_width:g} x {height:g} mm with"
            f" letters of {_LEAST_X_HEIGHT:g} mm"
        )
    for _ in range(_FITTING_STEPS):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _fits(writing, of_size(options, np.exp(middle))) else (low, middle)
        )
    return of_size(options, float(np.exp(low)))


def _fits(writing: _Writing, options: PageOptions) -> bool:
    warnings: list[str] = []
    try:
        rows = writing.rows(options, warnings)
        one_page = len(list(paginated(rows, rows_per_page(options)))) == 1
    except UserError:
        return False
    return one_page and not any("wider than the page" in warning for warning in warnings)


def _page(
    rows: Sequence[tuple[int, Row]],
    options: PageOptions,
    generator: np.random.Generator,
    warnings: list[str],
) -> Page:
    height, spacing, per_page = paper_height(options), line_spacing(options), rows_per_page(options)
    if options.fit_height:
        per_page = rows[-1][0] + 1 if rows else 1
        height = height_of(per_page, options)
    top = options.margin + ROOM_ABOVE_BASELINE * spacing
    baselines = [top + index * spacing for index in range(per_page)]
    lines = tuple(
        _page_line(row, baselines[index], height, options, generator, warnings)
        for index, row in rows
    )
    pen_width = options.pen_width or _PEN_OF_X_HEIGHT * x_height(options)
    rules = tuple(baselines) if options.ruled else ()
    return Page(options.page_width, height, pen_width, lines, rules, options.pens)


def _page_line(
    row: Row,
    baseline: float,
    height: float,
    options: PageOptions,
    generator: np.random.Generator,
    warnings: list[str],
) -> PageLine:
    """A row at its place on the paper, where ink that would leave the paper stays at its edge."""
    room = text_width(options) - row.width
    start = options.margin + {"left": 0.0, "center": room / 2, "right": room}[options.align]
    drift = line_drift(options.drift, x_height(options), len(row.blocks), generator)
    start += min(drift.margin, max(room, 0.0))
    strokes: list[np.ndarray] = []
    pens: list[int] = []
    for index, (left, block) in enumerate(zip(row.lefts, row.blocks, strict=True)):
        for stroke in block.strokes:
            points = stroke.points * drift.sizes[index]
            up = points[:, 1] + drift.words[index] + drift.height(left + points[:, 0])
            points = np.stack([start + left + points[:, 0], baseline - up], axis=1)
            strokes.append(_on_paper(points, (options.page_width, height), block, warnings))
            pens.append(block.pen_of(stroke))
    text = " ".join(block.text for block in row.blocks)
    return PageLine(text, baseline, tuple(strokes), tuple(pens) if any(pens) else ())


def _on_paper(
    points: np.ndarray, paper: tuple[float, float], block: Block, warnings: list[str]
) -> np.ndarray:
    kept: np.ndarray = np.clip(points, 0.0, paper)
    if np.abs(points - kept).max() > _ROUNDING:
        warnings.append(f"{block.text!r} reaches beyond the paper and was cut to its edge")
    return kept
