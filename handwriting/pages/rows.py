"""Words put on lines as they fit, with indents, tabs and hyphens."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handwriting.pages.aligned_text import TracedStroke, extent
from handwriting.pages.blocks import Block, cut

# Words written in one go keep their own gap, within these parts of the median gap.
_GAP_RANGE = (0.7, 1.5)
_USUAL_GAP = 1.6  # x-heights; for ink that shows no gap, and what the median is held near to
_GAP_LIMITS = (0.7, 4.0)  # x-heights
_SPACE, _TAB = 1.0, 6.0  # x-heights: of a space of an indent, and between the stops of tabs
_HYPHEN_GAP = 0.25  # x-heights
_ROUNDING = 1e-6  # mm

Hyphenation = Callable[[str], Sequence[int]]
"""Where a word may be cut: numbers of characters before the cut, ascending."""


@dataclass(frozen=True)
class Row:
    """Words on one line, each with its left edge's x; ``blank`` empty lines stand before it."""

    blocks: tuple[Block, ...]
    lefts: tuple[float, ...]
    blank: int

    @property
    def width(self) -> float:
        """From the left edge to the end of its ink."""
        return max((x + b.width for x, b in zip(self.lefts, self.blocks, strict=True)), default=0.0)


@dataclass(frozen=True)
class Hyphens:
    """The rules of hyphenation: where words may be cut, and the hyphen's ink, as of a block."""

    points: Hyphenation
    strokes: tuple[TracedStroke, ...]


def median_gap(blocks: Sequence[Block], x_height: float) -> float:
    """Return the gap in mm between words."""
    gaps = [block.gap for block in blocks if block.gap is not None]
    gap = float(np.median(gaps)) if gaps else _USUAL_GAP * x_height
    narrowest, widest = _GAP_LIMITS
    return float(np.clip(gap, narrowest * x_height, widest * x_height))


def wrapped(
    blocks: Sequence[Block],
    width: float,
    gap: float,
    x_height: float,
    hyphens: Hyphens | None = None,
) -> list[Row]:
    """Return rows of as many words as fit, in mm from the left edge of the writing.

    Args:
        blocks: none wider than ``width``.
        width: of a line.
        gap: between words.
        x_height: of the writing.
        hyphens: how words that do not fit are hyphenated; None for not at all.
    """
    rows: list[Row] = []
    row: list[Block] = []
    lefts: list[float] = []
    blank = 0
    waiting = list(reversed(blocks))
    while waiting:
        block = waiting.pop()
        left = _left(block, lefts[-1] + row[-1].width if row else None, gap, x_height)
        is_new = bool(row) and (block.newlines > 0 or left + block.width > width + _ROUNDING)
        if is_new and not block.newlines and hyphens is not None:
            parts = _hyphenated(block, width - left, x_height, hyphens)
            if parts is not None:
                row.append(parts[0])
                lefts.append(left)
                block = parts[1]
        if is_new:
            rows.append(Row(tuple(row), tuple(lefts), blank))
            row, lefts, blank = [], [], max(block.newlines - 1, 0)
        elif not row:
            blank = block.newlines
        if not row:
            left = min(_left(block, None, gap, x_height), max(width - block.width, 0.0))
        row.append(block)
        lefts.append(left)
    return [*rows, Row(tuple(row), tuple(lefts), blank)] if row else rows


def _left(block: Block, right: float | None, gap: float, x_height: float) -> float:
    """The left edge of a block: after the word that ends at ``right``, or at the line's start."""
    tabs = block.space.count("\t")
    if right is None:
        is_indent = block.newlines > 0 or block.gap is None
        spaces = block.space.count(" ") if is_indent else 0
        return x_height * (tabs * _TAB + spaces * _SPACE)
    own = block.gap
    narrowest, widest = _GAP_RANGE
    own = gap if own is None else float(np.clip(own, gap * narrowest, gap * widest))
    if not tabs:
        return right + own
    stop = x_height * _TAB
    return stop * (math.ceil((right + gap / 2) / stop) + tabs - 1)


def _hyphenated(
    block: Block, room: float, x_height: float, hyphens: Hyphens
) -> tuple[Block, Block] | None:
    """The part of a word that fits in ``room`` with a hyphen, and the rest; None if none does."""
    gap = _HYPHEN_GAP * x_height
    own = extent(hyphens.strokes)[1]
    for stop in reversed(hyphens.points(block.text)):
        first, rest = cut(block, stop, x_height)
        if not (first.strokes and rest.strokes):
            continue
        if first.width + gap + own <= room:
            return _with_hyphen(first, gap, hyphens.strokes), replace(rest, newlines=0)
    return None


def _with_hyphen(block: Block, gap: float, hyphen: Sequence[TracedStroke]) -> Block:
    at = len(block.text)
    strokes = [
        TracedStroke(stroke.points + [block.width + gap, 0.0], np.full(len(stroke.points), at))
        for stroke in hyphen
    ]
    pens = (*block.pens, block.pens[-1]) if block.pens else ()
    width = block.width + gap + extent(hyphen)[1]
    return replace(
        block,
        text=f"{block.text}-",
        strokes=(*block.strokes, *strokes),
        width=width,
        pens=pens,
    )


def paginated(rows: Sequence[Row], per_page: int) -> Iterator[list[tuple[int, Row]]]:
    """Yield rows with their index on the page, page by page; no page but the first begins with
    empty lines. One page without rows if there are none."""
    page: list[tuple[int, Row]] = []
    index = 0
    for row in rows:
        index += row.blank
        if index >= per_page:
            yield page
            page, index = [], 0
        page.append((index, row))
        index += 1
    yield page
