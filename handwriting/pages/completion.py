"""Completion of a model's ink: accents over its letters, and characters that are drawn from shapes
in the size and the slant of the hand.

Shapes: ``n`` points of one stroke, ``V`` characters that the model wrote.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handwriting.ink.character_shapes import ACCENTS, Accent, shape_of
from handwriting.ink.levelling import slant_of
from handwriting.ink.line import strokes_from_points
from handwriting.ink.resampling import resample
from handwriting.pages.aligned_text import AlignedLine, TracedStroke, extent, traced_strokes
from handwriting.pages.baseline import find_baseline, find_size, level, usual_x_height, word_offset
from handwriting.pages.words import split_strokes
from handwriting.text.spelling import Spelling

_STEEPEST_SLANT = 0.8
# In x-heights.
_SPACING = 0.1  # of the points of what is added
_LETTER_GAP = 0.3
_WORD_GAP = 1.6
_ABOVE = 0.22  # from a letter's top to its accent
_SMALL_TOPS, _TALL_TOPS = (0.85, 1.3), (1.4, 2.3)  # where tops of letters may be
_BODY = (-0.2, 1.2)
_DOT_SIZE, _DOT_HEIGHT, _DOT_REACH = 0.55, 1.05, 1.2
_BESIDE, _STACKED = 0.12, 0.4
_MOSTLY, _FEWEST_STEPS = 0.6, 5  # a stroke that is a letter's: its share, its pen steps
_FEW = 10  # per cent of a letter's points at each side that may be another letter's
_SMALL = frozenset("aceimnorsuvwxyzgpqjıø")
_DOTTED = "ijı"
# Where bars through letters are: the side of the letter, and the height.
_BARS = {
    "ł": ("middle", 0.9), "Ł": ("left", 0.75), "đ": ("right", 1.4), "ð": ("right", 1.4),
    "Đ": ("left", 0.75), "ħ": ("left", 1.4), "Ħ": ("left", 1.15), "ŧ": ("left", 0.6),
    "Ŧ": ("left", 0.75),
}  # fmt: skip


@dataclass(frozen=True)
class Hand:
    """Measures of a hand.

    Attributes:
        x_height: height of its small letters, in the units of its ink.
        slant: how far it leans to the right, in widths a height.
    """

    x_height: float = 1.0
    slant: float = 0.0


@dataclass(frozen=True)
class _Part:
    """Part of a word: characters ``start`` to ``stop - 1`` of the text, and their levelled ink,
    whose strokes' characters are indexes in the text. ``is_shape`` for one that is drawn."""

    start: int
    stop: int
    strokes: tuple[TracedStroke, ...]
    is_shape: bool


def complete(written: Sequence[AlignedLine], spellings: Sequence[Spelling]) -> list[AlignedLine]:
    """Return pieces of a text with all of their characters.

    Args:
        written: the model's ink of ``Spelling.written`` of each piece, all in one hand; T = 0 where
            that is empty.
        spellings: of the pieces.

    Returns:
        the pieces with the texts of the spellings. Where something was added, the ink is level.
    """
    hand = measure_hand(written)
    return [
        _completed(line, spelling, hand) for line, spelling in zip(written, spellings, strict=True)
    ]


def measure_hand(written: Sequence[AlignedLine]) -> Hand:
    """Return the measures of the hand of some lines; those of a plain hand if there is no ink."""
    sizes, points, pen_down = [], [], []
    for line in written:
        if strokes := _levelled(line):
            sizes.append(find_size(strokes, line.text))
            for stroke in strokes:
                points.append(stroke.points)
                pen_down.append(np.arange(len(stroke.points)) < len(stroke.points) - 1)
    usual = usual_x_height(sizes)
    if usual is None:
        return Hand()
    slant = slant_of(np.concatenate(points), np.concatenate(pen_down)[:-1])
    return Hand(usual, float(np.clip(slant, -_STEEPEST_SLANT, _STEEPEST_SLANT)))


def drawn(character: str, hand: Hand) -> list[np.ndarray]:
    """Return the strokes of one of ``SHAPED`` as the hand would write it, its ink from x = 0 on,
    y upwards from the baseline."""
    strokes = [_in_hand(stroke, hand) for stroke in shape_of(character).strokes]
    left = min(stroke[:, 0].min() for stroke in strokes)
    return [stroke - [left, 0.0] for stroke in strokes]


def _in_hand(stroke: np.ndarray, hand: Hand) -> np.ndarray:
    points = stroke if len(stroke) == 1 else resample(stroke, _SPACING)
    slanted: np.ndarray = hand.x_height * (points + hand.slant * points[:, 1:] * [1.0, 0.0])
    return slanted


def _levelled(line: AlignedLine) -> list[TracedStroke]:
    strokes = traced_strokes(line)
    return level(strokes, find_baseline(strokes, line.text)) if strokes else []


def _completed(line: AlignedLine, spelling: Spelling, hand: Hand) -> AlignedLine:
    places = np.array([*spelling.places, 0])  # never empty
    if spelling.is_plain:
        last = max(len(line.text) - 1, 0)
        of_step = places[np.clip(line.character_of_step, 0, last)]
        return AlignedLine(line.strokes, spelling.text, of_step)
    strokes = _levelled(line)
    if strokes:
        hand = replace(hand, x_height=find_size(strokes, line.text).among(hand.x_height))
    if spelling.shapes:
        strokes = _with_shapes(strokes, spelling, hand)
    else:
        strokes = [TracedStroke(s.points, places[s.characters]) for s in strokes]
    strokes = _with_accents(strokes, spelling, hand)
    if not strokes:
        return AlignedLine(np.zeros((0, 3), np.float32), spelling.text, np.zeros(0, np.int64))
    return AlignedLine(
        strokes_from_points([stroke.points for stroke in strokes]),
        spelling.text,
        np.concatenate([stroke.characters for stroke in strokes]),
    )


def _with_shapes(
    strokes: Sequence[TracedStroke], spelling: Spelling, hand: Hand
) -> list[TracedStroke]:
    """The ink with the shapes where they belong, and what follows them moved on."""
    placed: list[TracedStroke] = []
    right, old_right, was_shape = 0.0, 0.0, True
    before = -1  # the text's index after the part before
    for part in _parts(strokes, spelling, hand):
        left, end = extent(part.strokes)
        is_joined = part.start == before
        if before < 0:
            to = left
        elif is_joined:
            to = right + _LETTER_GAP * hand.x_height
        elif was_shape or part.is_shape:
            to = right + _WORD_GAP * hand.x_height
        else:
            to = right + left - old_right  # as they were written
        placed += [
            TracedStroke(stroke.points + [to - left, 0.0], stroke.characters)
            for stroke in part.strokes
        ]
        right, old_right = to + end - left, old_right if part.is_shape else end
        was_shape, before = part.is_shape, part.stop
    return placed


def _parts(strokes: Sequence[TracedStroke], spelling: Spelling, hand: Hand) -> Iterator[_Part]:
    """The parts of the words that have ink, in the text's order."""
    runs = list(_runs(spelling))
    group_of_character = np.full(max(len(spelling.written), 1), -1)
    for group, (start, stop) in enumerate(runs):
        group_of_character[start:stop] = group
    inks = split_strokes(strokes, group_of_character, len(runs), hand.x_height) if runs else []
    places = np.array([*spelling.places, 0])
    parts = [
        _Part(
            places[start],
            places[stop - 1] + 1,
            _within(ink, spelling, start, stop, hand),
            False,
        )
        for (start, stop), ink in zip(runs, inks, strict=True)
        if ink
    ]
    for at, character in spelling.shapes:
        shape = tuple(
            TracedStroke(points, np.full(len(points), at)) for points in drawn(character, hand)
        )
        parts.append(_Part(at, at + 1, shape, True))
    return iter(sorted(parts, key=lambda part: part.start))


def _within(
    ink: Sequence[TracedStroke], spelling: Spelling, start: int, stop: int, hand: Hand
) -> tuple[TracedStroke, ...]:
    """The ink of one part, standing level, with its characters as indexes in the text."""
    own = [TracedStroke(s.points, np.clip(s.characters, start, stop - 1) - start) for s in ink]
    shift = np.array([0.0, word_offset(own, spelling.written[start:stop], hand.x_height)])
    places = np.array(spelling.places[start:stop])
    return tuple(TracedStroke(s.points - shift, places[s.characters]) for s in own)


def _runs(spelling: Spelling) -> Iterator[tuple[int, int]]:
    """Start and stop of each run of characters of ``written`` without a space."""
    start = 0
    for word in spelling.written.split(" "):
        if word:
            yield start, start + len(word)
        start += len(word) + 1


@dataclass(frozen=True)
class _Letter:
    """The place of a character's ink, in x-heights, with the slant taken out."""

    character: str
    left: float
    right: float
    top: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


def _with_accents(
    strokes: Sequence[TracedStroke], spelling: Spelling, hand: Hand
) -> list[TracedStroke]:
    """The ink with its accents, each written after its word."""
    kept = list(strokes)
    marks: list[tuple[int, TracedStroke]] = []
    stacked: dict[int, int] = {}
    for at, mark in spelling.marks:
        letter = _letter(strokes, spelling.text, at, hand)
        if letter is None:
            continue
        accent = ACCENTS[mark]
        if accent.place == "above" and _base(letter.character) in _DOTTED:
            kept, letter = _without_dot(kept, letter, hand)
        place = np.array(_place_of(accent, letter))
        if accent.place == "above":
            place[1] += _STACKED * stacked.get(at, 0)
            stacked[at] = stacked.get(at, 0) + 1
        for stroke in accent.strokes:
            points = _in_hand(stroke + place, hand)
            marks.append((at, TracedStroke(points, np.full(len(points), at))))
    for at, written in marks:
        kept.insert(_end_of_word(kept, spelling.text, at), written)
    return kept


def _letter(strokes: Sequence[TracedStroke], text: str, at: int, hand: Hand) -> _Letter | None:
    """The character at ``at``, where the window says that it is; None if it has no ink."""
    points = np.concatenate([np.zeros((0, 2)), *_ink_of(strokes, at)]) / hand.x_height
    if not len(points):
        return None
    across, up = points[:, 0] - hand.slant * points[:, 1], points[:, 1]
    is_body = (up > _BODY[0]) & (up < _BODY[1])
    left, right = np.percentile(across[is_body] if is_body.any() else across, (_FEW, 100 - _FEW))
    lowest, highest = _SMALL_TOPS if _base(text[at]) in _SMALL else _TALL_TOPS
    top = float(np.clip(up.max(), lowest, highest))
    return _Letter(text[at], float(left), float(right), top, float(np.clip(up.min(), -0.2, 0.2)))


def _ink_of(strokes: Sequence[TracedStroke], at: int) -> list[np.ndarray]:
    """The points of a character. Strokes that are mostly its own say it better than the window,
    which may be early or late by part of a letter: they are taken whole, and others not at all."""
    is_own = [stroke.characters == at for stroke in strokes]
    whole = [
        stroke.points
        for stroke, own in zip(strokes, is_own, strict=True)
        if own.mean() >= _MOSTLY and len(own) >= _FEWEST_STEPS
    ]
    return whole or [s.points[own] for s, own in zip(strokes, is_own, strict=True)]


def _base(character: str) -> str:
    return unicodedata.normalize("NFD", character)[0]


def _place_of(accent: Accent, letter: _Letter) -> tuple[float, float]:
    """The place of the accent's origin, in x-heights, with the slant taken out."""
    if accent.place == "above":
        return letter.middle, letter.top + _ABOVE
    if accent.place == "beside":
        return letter.right + _BESIDE, letter.top
    if accent.place == "below":
        return letter.middle, 0.0
    if accent.place == "tail":
        return letter.right, 0.0
    side, height = _BARS.get(letter.character, ("middle", (letter.top + letter.bottom) / 2))
    return getattr(letter, side), height


def _without_dot(
    strokes: list[TracedStroke], letter: _Letter, hand: Hand
) -> tuple[list[TracedStroke], _Letter]:
    """The ink without the dot of an i or a j, and the letter with its middle under the dot."""
    nearest, found = _DOT_REACH, None
    for index, stroke in enumerate(strokes):
        points = stroke.points / hand.x_height
        if np.ptp(points, axis=0).max() > _DOT_SIZE or points[:, 1].min() < _DOT_HEIGHT:
            continue
        middle = float((points[:, 0] - hand.slant * points[:, 1]).mean())
        if abs(middle - letter.middle) < nearest:
            nearest, found = abs(middle - letter.middle), (index, middle)
    if found is None:
        return strokes, letter
    index, middle = found
    return [*strokes[:index], *strokes[index + 1 :]], replace(letter, left=middle, right=middle)


def _end_of_word(strokes: Sequence[TracedStroke], text: str, at: int) -> int:
    """Index of the stroke after the last one of the word that the character at ``at`` is in."""
    start, stop = next(word.span() for word in re.finditer(r"\S+", text) if word.end() > at)
    ends = [
        index + 1
        for index, stroke in enumerate(strokes)
        if ((stroke.characters >= start) & (stroke.characters < stop)).any()
    ]
    return max(ends, default=len(strokes))
