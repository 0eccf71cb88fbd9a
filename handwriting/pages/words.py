"""Cut the ink of a line into words, with nothing of it lost.

A window over the text says only roughly which character a pen step writes: it may run ahead or lag
behind by part of a letter, and a dot or bar is written when the window has moved on. So the window
proposes where each stroke belongs, and the ink decides in doubt.

Shapes: ``n`` points of one stroke, ``U`` characters of the text.
"""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.pages.aligned_text import TracedStroke

_Run = tuple[int, int, int]

_SHORT_RUN = 4  # pen steps: fewer in a row that point elsewhere say nothing
# x-heights from the rest of its word at which a stroke may be another word's; and at which the end
# of a stroke, cut off where the window went on too early or too late, may belong with the stroke.
_CLEAR = 0.8
_CLEAR_END = 0.2
_WORD_GAP = 0.5  # x-heights that words are apart and letters are not
_BODY = (-0.2, 1.2)  # x-heights between which words do not overlap
_MOST_ASTRAY = 8  # strokes that may be with the wrong word at its border


@dataclass(frozen=True)
class Word:
    """A word and its ink.

    Attributes:
        text: the word, without spaces.
        newlines: how many newlines of the text come before it, after the word before.
        space: the spaces and tabs just before it.
        start: its place in the text of the piece.
        strokes: in the order they were written; their characters are indexes in ``text``.
    """

    text: str
    newlines: int
    strokes: tuple[TracedStroke, ...]
    space: str = ""
    start: int = 0


@dataclass(frozen=True)
class Words:
    """The words of a piece of text that have ink, the newlines after the last of them, and the
    words that have none."""

    words: tuple[Word, ...]
    newlines: int
    without_ink: tuple[str, ...]


@dataclass(frozen=True)
class _Piece:
    """Part of a stroke, that points to one group; -1 where it points to none.

    Attributes:
        origin: index of the stroke, and of the first and the next after the last of its points.
            Neighbouring pieces share a point, so that the ink between them is kept.
        span: its least and greatest x at the height of small letters, since what hangs or rises
            reaches under and over other words; at any height if it has nothing there.
    """

    stroke: TracedStroke
    group: int
    origin: tuple[int, int, int]
    span: tuple[float, float]


def split_words(strokes: Sequence[TracedStroke], text: str, x_height: float) -> Words:
    """Cut levelled ink into the words of ``text``.

    A stroke is cut where it goes on from one word into the next. Ink of a text without a word is
    one word without text.
    """
    spans = [match.span() for match in re.finditer(r"\S+", text)] or [(0, 0)]
    group_of_character = np.full(max(len(text), 1), -1)
    for group, (start, stop) in enumerate(spans):
        group_of_character[start : max(stop, start + 1)] = group
    inks = split_strokes(strokes, group_of_character, len(spans), x_height)
    words, without_ink, end = [], [], 0
    for (start, stop), ink in zip(spans, inks, strict=True):
        if ink:
            ink = [_renumbered(stroke, start, stop) for stroke in ink]
            newlines = text[end:start].count("\n")
            space = text[:start][len(text[:start].rstrip(" \t")) :]
            words.append(Word(text[start:stop], newlines, tuple(ink), space, start))
            end = stop
        elif stop > start:
            without_ink.append(text[start:stop])
    return Words(tuple(words), text[end:].count("\n"), tuple(without_ink))


def split_strokes(
    strokes: Sequence[TracedStroke], group_of_character: np.ndarray, groups: int, x_height: float
) -> list[list[TracedStroke]]:
    """Share strokes out to groups of characters.

    Args:
        strokes: levelled, in the order they were written.
        group_of_character: int64 ``[U]``, ascending, -1 for characters that belong to none.
        groups: how many there are.
        x_height: of the ink.

    Returns:
        The strokes of each group in the order they were written; none for a group without ink.
    """
    pieces = [
        piece
        for index, stroke in enumerate(strokes)
        for piece in _pieces(stroke, index, group_of_character, x_height)
    ]
    members: list[list[_Piece]] = [[] for _ in range(groups)]
    for piece in _with_all_placed(pieces):
        members[piece.group].append(piece)
    present = [group for group in range(groups) if members[group]]
    borders = list(zip(present[:-1], present[1:], strict=True))
    # First the strokes that were cut, at all borders, since a part astray misplaces its word.
    for find_border in (_border_by_cut, _border_by_strays):
        for before, after in borders:
            pieces = members[before] + members[after]
            border = find_border(members[before], members[after], x_height)
            members[before], members[after] = pieces[:border], pieces[border:]
    return [_joined(group, strokes) for group in members]


def _renumbered(stroke: TracedStroke, start: int, stop: int) -> TracedStroke:
    last = max(stop - start - 1, 0)
    return TracedStroke(stroke.points, np.clip(stroke.characters - start, 0, last))


def _pieces(
    stroke: TracedStroke, index: int, group_of_character: np.ndarray, x_height: float
) -> Iterator[_Piece]:
    """Cut a stroke where the group that its steps point to changes, amid the steps that point to no
    group if there are such in between."""
    of_step = group_of_character[stroke.characters]
    runs = _long_runs(of_step)
    cuts = [(a_stop - 1 + b_start) // 2 for (_, _, a_stop), (_, b_start, _) in _pairs(runs)]
    firsts, lasts = [0, *cuts], [*cuts, len(of_step) - 1]
    for (group, _, _), first, last in zip(runs, firsts, lasts, strict=True):
        part = stroke.part(first, last + 1)
        yield _Piece(part, group, (index, first, last + 1), _body_span(part, x_height))


def _body_span(stroke: TracedStroke, x_height: float) -> tuple[float, float]:
    x, y = stroke.points.T
    is_body = (y > _BODY[0] * x_height) & (y < _BODY[1] * x_height)
    body = x[is_body] if is_body.any() else x
    return float(body.min()), float(body.max())


def _span(pieces: Sequence[_Piece]) -> tuple[float, float]:
    return min(piece.span[0] for piece in pieces), max(piece.span[1] for piece in pieces)


def _pairs(runs: Sequence[_Run]) -> Iterator[tuple[_Run, _Run]]:
    return zip(runs[:-1], runs[1:], strict=True)


def _long_runs(of_step: np.ndarray) -> list[_Run]:
    """Runs (group, first step, step after the last) of steps that point to one group, less those
    too short to count and those that point to none; one run at least."""
    at = np.flatnonzero(of_step >= 0)
    if len(at) == 0:
        return [(-1, 0, len(of_step))]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(of_step[at])) + 1])
    lengths = np.diff(np.append(starts, len(at)))
    keep = lengths >= min(_SHORT_RUN, int(lengths.max()))
    runs: list[tuple[int, int, int]] = []
    for start, length in zip(starts[keep], lengths[keep], strict=True):
        group, first, stop = int(of_step[at[start]]), int(at[start]), int(at[start + length - 1])
        if runs and runs[-1][0] == group:
            first = runs.pop()[1]
        runs.append((group, first, stop + 1))
    return runs


def _with_all_placed(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Give the pieces that point to no group to that one of the groups before and after them in
    time whose ink is nearer; to group 0 where there is none."""
    sides: dict[int, list[_Piece]] = {}
    for piece in pieces:
        sides.setdefault(piece.group, []).append(piece)
    spans = {group: _span(members) for group, members in sides.items() if group >= 0}
    placed: list[_Piece] = []
    for at, piece in enumerate(pieces):
        if piece.group < 0:
            near = [other.group for other in placed[-1:]]
            near += [other.group for other in pieces[at:] if other.group >= 0][:1]
            middle = _middle(piece)
            group = min(near, key=lambda g: _distance(middle, spans[g]), default=0)
            spans.setdefault(group, piece.span)
            piece = dataclasses.replace(piece, group=group)
        placed.append(piece)
    return placed


def _border_by_cut(before: Sequence[_Piece], after: Sequence[_Piece], x_height: float) -> int:
    """Return how many pieces of two groups in succession are the first one's, once a stroke that
    was cut between them is whole again, if it belongs to one of them: if that leaves a gap as
    between words."""
    if before[-1].origin[0] != after[0].origin[0]:
        return len(before)
    pieces = [*before, *after]
    # The shorter part is the one more likely to be astray.
    moves = (-1, 1) if _ends_shorter(before, after) else (1, -1)
    for border in (len(before) + move for move in moves):
        is_possible = 0 < border < len(pieces)
        if is_possible and _gap(pieces[:border], pieces[border:]) > _WORD_GAP * x_height:
            return border
    return len(before)


def _border_by_strays(before: Sequence[_Piece], after: Sequence[_Piece], x_height: float) -> int:
    """The same once strokes at the border in time that plainly lie with the other group's ink are
    there: dots and bars written late, or a letter that the window lagged behind."""
    late = _count_astray(after, before, x_height)
    early = _count_astray(before[::-1], after, x_height)
    # Of a stroke that was cut, the shorter part is the one that may be astray.
    is_early = early and (not late or _ends_shorter(before, after))
    return len(before) + (-early if is_early else late)


def _ends_shorter(before: Sequence[_Piece], after: Sequence[_Piece]) -> bool:
    """Whether a stroke was cut between two groups with its shorter part before the cut."""
    last, first = before[-1], after[0]
    is_cut = last.origin[0] == first.origin[0]
    return is_cut and len(last.stroke.points) < len(first.stroke.points)


def _gap(before: Sequence[_Piece], after: Sequence[_Piece]) -> float:
    return _span(after)[0] - _span(before)[1]


def _count_astray(own: Sequence[_Piece], other: Sequence[_Piece], x_height: float) -> int:
    """Return how many first pieces of ``own`` are far from the rest of it and much nearer to
    ``other``; never all."""
    target = _span(other)
    shared = {piece.origin[0] for piece in other}
    most = min(_MOST_ASTRAY, len(own) - 1)
    middles = [_middle(piece) for piece in own[:most]]
    clear = [
        x_height * (_CLEAR_END if piece.origin[0] in shared else _CLEAR) for piece in own[:most]
    ]
    sizes = np.cumsum([len(piece.stroke.points) for piece in own])
    for count in range(most, 0, -1):
        if own[0].origin[0] in shared and 2 * sizes[count - 1] > sizes[-1]:
            continue  # then the other part of the cut stroke is the one astray
        rest = _span(own[count:])
        if all(
            (to_own := _distance(middle, rest)) > enough
            and 2.0 * _distance(middle, target) < to_own
            for middle, enough in zip(middles[:count], clear[:count], strict=True)
        ):
            return count
    return 0


def _middle(piece: _Piece) -> float:
    x = np.sort(piece.stroke.points[:, 0])
    return float(x[len(x) // 2])


def _distance(x: float, interval: tuple[float, float]) -> float:
    return max(interval[0] - x, x - interval[1], 0.0)


def _joined(pieces: Sequence[_Piece], strokes: Sequence[TracedStroke]) -> list[TracedStroke]:
    """The pieces as strokes; pieces that follow each other in one stroke are one again."""
    origins: list[tuple[int, int, int]] = []
    for index, first, stop in sorted(piece.origin for piece in pieces):
        if origins and origins[-1][0] == index and origins[-1][2] == first + 1:
            first = origins.pop()[1]
        origins.append((index, first, stop))
    return [strokes[index].part(first, stop) for index, first, stop in origins]
