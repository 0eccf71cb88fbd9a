"""Lay written words out on pages: one size throughout, lines level on their baselines, wrapped at
the page's width as the ink measures.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handwriting.errors import UserError
from handwriting.pages.aligned_text import AlignedLine, TracedStroke, extent, traced_strokes
from handwriting.pages.baseline import (
    Size,
    find_baseline,
    find_size,
    level,
    unbend,
    word_offset,
)
from handwriting.pages.options import MOST_HEIGHT, ROOM_ABOVE_BASELINE, PageOptions, check_options
from handwriting.pages.page import Page, PageLine
from handwriting.pages.words import Word, Words, split_strokes, split_words

_X_HEIGHT_OF_SPACING = 0.27
_PEN_OF_X_HEIGHT = 0.16
_A4 = 297.0 / 210.0
# Words written in one go keep their own gap, within these parts of the median gap.
_GAP_RANGE = (0.7, 1.5)
_USUAL_GAP = 1.6  # x-heights; for ink that shows no gap, and what the median is held near to
_GAP_LIMITS = (0.7, 4.0)  # x-heights
# How far one piece's x-height is believed against the page's: wholly for many letters.
_LETTERS_BELIEVED = 6.0
_SIZE_LIMITS = (0.6, 1.6)
_ROUNDING = 1e-6  # mm


@dataclass(frozen=True)
class Layout:
    """Pages, and one line of text for each thing on them that is not as the user would expect."""

    pages: tuple[Page, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Piece:
    """The words of one written line, levelled, and their size, in the ink's units."""

    words: Words
    size: Size


@dataclass(frozen=True)
class _Block:
    """A word at the page's scale: in mm, y upwards from its baseline, left edge at x = 0.

    Attributes:
        newlines: that stand before it.
        gap: to the word before, where both were written in one go; else None.
    """

    text: str
    strokes: tuple[TracedStroke, ...]
    width: float
    newlines: int
    gap: float | None


@dataclass(frozen=True)
class _Row:
    """Words on one line, each with its left edge's x; ``blank`` empty lines stand before it."""

    blocks: tuple[_Block, ...]
    lefts: tuple[float, ...]
    blank: int

    @property
    def width(self) -> float:
        return max((x + b.width for x, b in zip(self.lefts, self.blocks, strict=True)), default=0.0)


def layout_pages(written: Sequence[AlignedLine], options: PageOptions | None = None) -> Layout:
    """Lay out a text that was written piece by piece.

    Between pieces stands a word gap, the median of the ink's own; a newline starts a new line, and
    more than one leave empty lines. A word that is wider than the page is split between characters
    and reported.

    Args:
        written: the pieces, all of one hand, in the text's order.
        options: see ``PageOptions``.

    Returns:
        At least one page.

    Raises:
        UserError: an option is out of range, or nothing fits on such a page.
    """
    options = options or PageOptions()
    check_page(options)
    x_height = _x_height(options)
    width = _text_width(options, x_height)
    rows_per_page = _rows_per_page(options)
    warnings: list[str] = []
    pieces = [_measured(line) for line in written]
    for piece in pieces:
        warnings += [f"no ink was written for {word!r}" for word in piece.words.without_ink]
    blocks = [
        part
        for block in _blocks(pieces, x_height)
        for part in _split_to_width(block, width, x_height, warnings)
    ]
    rows = _wrapped(blocks, width, _median_gap(blocks, x_height))
    pages = [
        _page(group, width, x_height, rows_per_page, options, warnings)
        for group in _paginated(rows, rows_per_page)
    ]
    return Layout(tuple(pages), tuple(dict.fromkeys(warnings)))


def check_page(options: PageOptions) -> None:
    """Raise as ``layout_pages`` does of these options, before anything is written."""
    check_options(options)
    height = _paper_height(options)
    if height > MOST_HEIGHT:
        raise UserError(
            f"page_height: must be at most {MOST_HEIGHT:,g} mm, got {height:,g} mm, which"
            f" {options.lines_per_page} lines with their margins take"
        )
    _text_width(options, _x_height(options))
    _rows_per_page(options)


def _x_height(options: PageOptions) -> float:
    return options.x_height or _X_HEIGHT_OF_SPACING * options.line_spacing


def _text_width(options: PageOptions, x_height: float) -> float:
    width = options.page_width - 2 * options.margin
    if width < 4 * x_height:
        raise UserError(
            f"page_width: must leave room for a few letters between its margins,"
            f" got {options.page_width:g} mm with a margin of {options.margin:g} mm"
        )
    return width


def _rows_per_page(options: PageOptions) -> int:
    """Return how many lines a page takes; ``UserError`` if the paper is too small for them."""
    if options.page_height is None and options.lines_per_page is not None:
        return options.lines_per_page
    height = _paper_height(options)
    fitting = int((height - 2 * options.margin) / options.line_spacing + _ROUNDING)
    wanted = options.lines_per_page or 1
    if fitting < wanted:
        raise UserError(
            f"page_height: must be at least {_height_of(wanted, options):g} mm for"
            f" {wanted} lines with their margins, got {height:g} mm"
        )
    return options.lines_per_page or fitting


def _paper_height(options: PageOptions) -> float:
    """The height of the paper in mm."""
    if options.page_height is not None:
        return options.page_height
    if options.lines_per_page is not None:
        return _height_of(options.lines_per_page, options)
    return options.page_width * _A4


def _height_of(rows: int, options: PageOptions) -> float:
    return rows * options.line_spacing + 2 * options.margin


def _measured(line: AlignedLine) -> _Piece:
    """The words of a line after levelling it."""
    strokes = traced_strokes(line)
    if not strokes:
        return _Piece(split_words([], line.text, 1.0), Size(0.0, 0))
    strokes = level(strokes, find_baseline(strokes, line.text))
    strokes = unbend(strokes, line.text, find_size(strokes, line.text).x_height)
    size = find_size(strokes, line.text)
    words = split_words(strokes, line.text, size.x_height)
    level_words = tuple(_level_word(word, size.x_height) for word in words.words)
    return _Piece(replace(words, words=level_words), size)


def _level_word(word: Word, x_height: float) -> Word:
    """The word, standing on y = 0."""
    shift = np.array([0.0, word_offset(word.strokes, word.text, x_height)])
    strokes = tuple(TracedStroke(s.points - shift, s.characters) for s in word.strokes)
    return replace(word, strokes=strokes)


def _blocks(pieces: Sequence[_Piece], x_height: float) -> Iterator[_Block]:
    """The words of all pieces at the page's scale."""
    newlines = 0
    for piece, scale in zip(
        pieces, _scales([piece.size for piece in pieces], x_height), strict=True
    ):
        right: float | None = None
        for word in piece.words.words:
            left, end = extent(word.strokes)
            newlines += word.newlines
            gap = None if right is None or newlines else scale * (left - right)
            shift = np.array([left, 0.0])
            strokes = tuple(
                TracedStroke(scale * (stroke.points - shift), stroke.characters)
                for stroke in word.strokes
            )
            yield _Block(word.text, strokes, scale * (end - left), newlines, gap)
            right, newlines = end, 0
        newlines += piece.words.newlines


def _scales(sizes: Sequence[Size], x_height: float) -> list[float]:
    """mm per unit of ink for each piece.

    All pieces come from one hand, so a piece that shows few letters is taken to be of the size of
    the others, and one that shows many has its own difference taken out.
    """
    known = [size for size in sizes if size.x_height > 0]
    if not known:
        return [1.0] * len(sizes)
    values = np.repeat([s.x_height for s in known], [max(s.letters, 1) for s in known])
    usual = float(np.median(values))
    scales = []
    for size in sizes:
        ratio = np.clip(size.x_height / usual, *_SIZE_LIMITS) if size.x_height > 0 else 1.0
        belief = size.letters / (size.letters + _LETTERS_BELIEVED)
        scales.append(x_height / (usual * float(ratio) ** belief))
    return scales


def _split_to_width(
    block: _Block, width: float, x_height: float, warnings: list[str]
) -> Iterator[_Block]:
    """The block, or if it is too wide blocks that fit, cut between characters; a character that is
    too wide alone is made smaller."""
    if block.width <= width + _ROUNDING:
        yield block
        return
    warnings.append(f"{block.text!r} is wider than the page and was split")
    rest = block
    while rest.width > width + _ROUNDING:
        stop = _characters_within(rest, width)
        if stop == 0:
            rest = _shrunk(rest, width / rest.width)
            break
        first, rest = _cut(rest, stop, x_height)
        if not (first.strokes and rest.strokes):
            rest = _shrunk(block, width / block.width)
            break
        yield first
    yield rest


def _characters_within(block: _Block, width: float) -> int:
    """Return how many characters of a block fit in ``width``; 0 if it need not be cut."""
    rights = np.zeros(max(len(block.text), 1))
    for stroke in block.strokes:
        np.maximum.at(rights, stroke.characters, stroke.points[:, 0])
    fitting = int(np.searchsorted(np.maximum.accumulate(rights), width, side="right"))
    return fitting if fitting < len(rights) else 0


def _cut(block: _Block, stop: int, x_height: float) -> tuple[_Block, _Block]:
    """The first ``stop`` characters of a block and the others, which start a new line."""
    side = (np.arange(len(block.text)) >= stop).astype(np.int64)
    first, rest = split_strokes(block.strokes, side, 2, x_height)
    return (
        _block_of(first, 0, block.text[:stop], block.newlines, block.gap),
        _block_of(rest, stop, block.text[stop:], 1, None),
    )


def _block_of(
    strokes: Sequence[TracedStroke], start: int, text: str, newlines: int, gap: float | None
) -> _Block:
    left, right = extent(strokes) if strokes else (0.0, 0.0)
    moved = tuple(
        TracedStroke(
            stroke.points - [left, 0.0], np.clip(stroke.characters - start, 0, len(text) - 1)
        )
        for stroke in strokes
    )
    return _Block(text, moved, right - left, newlines, gap)


def _shrunk(block: _Block, factor: float) -> _Block:
    strokes = tuple(TracedStroke(factor * s.points, s.characters) for s in block.strokes)
    return _Block(block.text, strokes, factor * block.width, block.newlines, block.gap)


def _median_gap(blocks: Sequence[_Block], x_height: float) -> float:
    """The gap in mm between words."""
    gaps = [block.gap for block in blocks if block.gap is not None]
    gap = float(np.median(gaps)) if gaps else _USUAL_GAP * x_height
    narrowest, widest = _GAP_LIMITS
    return float(np.clip(gap, narrowest * x_height, widest * x_height))


def _wrapped(blocks: Sequence[_Block], width: float, gap: float) -> list[_Row]:
    """Rows of as many words as fit, in mm from the left edge of the writing."""
    rows: list[_Row] = []
    row: list[_Block] = []
    lefts: list[float] = []
    blank = 0
    narrowest, widest = _GAP_RANGE
    for block in blocks:
        own = block.gap
        own = gap if own is None else float(np.clip(own, gap * narrowest, gap * widest))
        left = lefts[-1] + row[-1].width + own if row else 0.0
        if row and (block.newlines or left + block.width > width + _ROUNDING):
            rows.append(_Row(tuple(row), tuple(lefts), blank))
            row, lefts, left, blank = [], [], 0.0, max(block.newlines - 1, 0)
        elif not row:
            blank = block.newlines
        row.append(block)
        lefts.append(left)
    return [*rows, _Row(tuple(row), tuple(lefts), blank)] if row else rows


def _paginated(rows: Sequence[_Row], rows_per_page: int) -> Iterator[list[tuple[int, _Row]]]:
    """Rows with their index on the page, page by page; no page but the first begins with empty
    lines. One page without rows if there are none."""
    page: list[tuple[int, _Row]] = []
    index = 0
    for row in rows:
        index += row.blank
        if index >= rows_per_page:
            yield page
            page, index = [], 0
        page.append((index, row))
        index += 1
    yield page


def _page(
    rows: Sequence[tuple[int, _Row]],
    width: float,
    x_height: float,
    rows_per_page: int,
    options: PageOptions,
    warnings: list[str],
) -> Page:
    height = _paper_height(options)
    if options.fit_height:
        rows_per_page = rows[-1][0] + 1 if rows else 1
        height = _height_of(rows_per_page, options)
    top = options.margin + ROOM_ABOVE_BASELINE * options.line_spacing
    baselines = [top + index * options.line_spacing for index in range(rows_per_page)]
    lines = tuple(
        _page_line(row, width, baselines[index], (options.page_width, height), options, warnings)
        for index, row in rows
    )
    pen_width = options.pen_width or _PEN_OF_X_HEIGHT * x_height
    rules = tuple(baselines) if options.ruled else ()
    return Page(options.page_width, height, pen_width, lines, rules)


def _page_line(
    row: _Row,
    width: float,
    baseline: float,
    paper: tuple[float, float],
    options: PageOptions,
    warnings: list[str],
) -> PageLine:
    """A row at its place on the paper, where ink that would leave the paper stays at its edge."""
    room = width - row.width
    start = options.margin + {"left": 0.0, "center": room / 2, "right": room}[options.align]
    text = " ".join(block.text for block in row.blocks)
    strokes = []
    for left, block in zip(row.lefts, row.blocks, strict=True):
        for stroke in block.strokes:
            points = stroke.points * [1.0, -1.0] + [start + left, baseline]
            kept = np.clip(points, 0.0, paper)
            if np.abs(points - kept).max() > _ROUNDING:
                warnings.append(f"{block.text!r} reaches beyond the paper and was cut to its edge")
            strokes.append(kept)
    return PageLine(text, baseline, tuple(strokes))
