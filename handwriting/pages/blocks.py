"""Words at the scale of the page, each standing on its baseline: made, cut, held to their line.

Shapes: ``n`` points of one stroke, ``U`` characters of a word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handwriting.pages.aligned_text import AlignedLine, TracedStroke, extent, traced_strokes
from handwriting.pages.baseline import (
    Size,
    find_baseline,
    find_size,
    level,
    unbend,
    usual_x_height,
    word_offset,
)
from handwriting.pages.hooks import without_hook
from handwriting.pages.words import Word, Words, split_strokes, split_words

# Ink that reaches further from its baseline than these parts of the spacing is held back, so that
# it does not run through the small letters of another line; bent within the second ones.
_HIGHEST, _LOWEST = 0.82, 0.62
_BENT = 0.1


@dataclass(frozen=True)
class Piece:
    """The words of one written line, levelled, their size in the ink's units, and its text."""

    words: Words
    size: Size
    text: str


@dataclass(frozen=True)
class Block:
    """A word at the page's scale: in mm, y upwards from its baseline, left edge at x = 0.

    Attributes:
        text: the word.
        strokes: their characters are indexes in the text.
        width: of the ink.
        newlines: that stand before it.
        gap: to the word before, where both were written in one go; else None.
        space: spaces and tabs just before it.
        pens: ``[U]``, the pen of each character.
    """

    text: str
    strokes: tuple[TracedStroke, ...]
    width: float
    newlines: int
    gap: float | None
    space: str
    pens: tuple[int, ...]

    def pen_of(self, stroke: TracedStroke) -> int:
        """The pen of most of a stroke."""
        if not self.pens:
            return 0
        return self.pens[int(np.median(np.clip(stroke.characters, 0, len(self.pens) - 1)))]


def measured(line: AlignedLine) -> Piece:
    """Return the words of a line, each level."""
    strokes = traced_strokes(line)
    if not strokes:
        return Piece(split_words([], line.text, 1.0), Size(0.0, 0), line.text)
    strokes = level(strokes, find_baseline(strokes, line.text))
    strokes = unbend(strokes, line.text, find_size(strokes, line.text).x_height)
    size = find_size(strokes, line.text)
    words = split_words(strokes, line.text, size.x_height)
    level_words = tuple(_level_word(word, size.x_height) for word in words.words)
    return Piece(replace(words, words=level_words), size, line.text)


def _level_word(word: Word, x_height: float) -> Word:
    """The word, standing on y = 0, without a hook after its full stop."""
    shift = np.array([0.0, word_offset(word.strokes, word.text, x_height)])
    strokes = [TracedStroke(s.points - shift, s.characters) for s in word.strokes]
    return replace(word, strokes=tuple(without_hook(strokes, word.text, x_height)))


def blocks_of(
    pieces: Sequence[Piece], x_height: float, pens: Sequence[int] | None = None
) -> Iterator[Block]:
    """The words of all pieces at the page's scale.

    Args:
        pieces: of the text, in order.
        x_height: of the page, in mm.
        pens: of each character of the text that is no white space; None for the first.
    """
    newlines, inked = 0, 0
    scales = _scales([piece.size for piece in pieces], x_height)
    for piece, scale in zip(pieces, scales, strict=True):
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
            first = inked + _inked(piece.text[: word.start])
            own = () if pens is None else tuple(pens[first : first + len(word.text)])
            width = scale * (end - left)
            yield Block(word.text, strokes, width, newlines, gap, word.space, own)
            right, newlines = end, 0
        newlines += piece.words.newlines
        inked += _inked(piece.text)


def _inked(text: str) -> int:
    return sum(not character.isspace() for character in text)


def _scales(sizes: Sequence[Size], x_height: float) -> list[float]:
    """mm per unit of ink for each piece."""
    usual = usual_x_height(sizes)
    if usual is None:
        return [1.0] * len(sizes)
    return [x_height / size.among(usual) for size in sizes]


def held_to_line(block: Block, spacing: float) -> tuple[Block, bool]:
    """Return the block with none of its ink in another line, and whether some had to be held back
    by more than it shows.

    Args:
        block: of a line.
        spacing: of the baselines, in mm.
    """
    highest, lowest, bent = _HIGHEST * spacing, _LOWEST * spacing, _BENT * spacing
    heights = np.concatenate([[0.0], *(stroke.points[:, 1] for stroke in block.strokes)])
    if heights.max() <= highest - bent and heights.min() >= bent - lowest:
        return block, False
    strokes = []
    for stroke in block.strokes:
        y = stroke.points[:, 1]
        y = np.where(y > highest - bent, highest - _rest(highest - y, bent), y)
        y = np.where(y < bent - lowest, _rest(lowest + y, bent) - lowest, y)
        points = np.stack([stroke.points[:, 0], y], axis=1)
        strokes.append(TracedStroke(points, stroke.characters))
    is_astray = heights.max() > highest + spacing / 4 or heights.min() < -lowest - spacing / 4
    return replace(block, strokes=tuple(strokes)), bool(is_astray)


def _rest(room: np.ndarray, bent: float) -> np.ndarray:
    """Room that is left to a limit, never negative, where it was less than ``bent`` before."""
    rest: np.ndarray = bent * np.exp(np.minimum(room / bent - 1.0, 0.0))
    return rest


def cut(block: Block, stop: int, x_height: float) -> tuple[Block, Block]:
    """Return the first ``stop`` characters of a block and the others, which start a new line."""
    side = (np.arange(len(block.text)) >= stop).astype(np.int64)
    first, rest = split_strokes(block.strokes, side, 2, x_height)
    return (
        _part(block, first, 0, stop, block.newlines, block.gap),
        replace(_part(block, rest, stop, len(block.text), 1, None), space=""),
    )


def _part(
    block: Block,
    strokes: Sequence[TracedStroke],
    start: int,
    stop: int,
    newlines: int,
    gap: float | None,
) -> Block:
    text = block.text[start:stop]
    left, right = extent(strokes) if strokes else (0.0, 0.0)
    moved = tuple(
        TracedStroke(
            stroke.points - [left, 0.0], np.clip(stroke.characters - start, 0, len(text) - 1)
        )
        for stroke in strokes
    )
    return Block(text, moved, right - left, newlines, gap, block.space, block.pens[start:stop])


def split_to_width(
    block: Block, width: float, x_height: float, warnings: list[str]
) -> Iterator[Block]:
    """Yield the block, or if it is too wide blocks that fit, cut between characters; a character
    that is too wide alone is made smaller."""
    if block.width <= width + 1e-6:
        yield block
        return
    warnings.append(f"{block.text!r} is wider than the page and was split")
    rest = block
    while rest.width > width + 1e-6:
        stop = _characters_within(rest, width)
        if stop == 0:
            rest = _shrunk(rest, width / rest.width)
            break
        first, rest = cut(rest, stop, x_height)
        if not (first.strokes and rest.strokes):
            rest = _shrunk(block, width / block.width)
            break
        yield first
    yield rest


def _characters_within(block: Block, width: float) -> int:
    """Return how many characters of a block fit in ``width``; 0 if it need not be cut."""
    rights = np.zeros(max(len(block.text), 1))
    for stroke in block.strokes:
        np.maximum.at(rights, stroke.characters, stroke.points[:, 0])
    fitting = int(np.searchsorted(np.maximum.accumulate(rights), width, side="right"))
    return fitting if fitting < len(rights) else 0


def _shrunk(block: Block, factor: float) -> Block:
    strokes = tuple(TracedStroke(factor * s.points, s.characters) for s in block.strokes)
    return replace(block, strokes=strokes, width=factor * block.width)
