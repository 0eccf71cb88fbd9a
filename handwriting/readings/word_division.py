"""Which ink of a line is which word's, and which character's.

A space that was read is near the place where the pen was lifted between two words: the recogniser's
output for it comes within a frame of that move (5 % are more than 1.5 frames before it, 5 % more
than 0.7 after it, on 7,000 spaces of UNIPEN). Around it, the words part where the gap is widest.
Both are put together, for all spaces of a line at once, by dynamic programming.

Lengths are in core heights, as ``InkFeatures.normalise`` gives them: about the height of the small
letters, with y = 0 in their middle. Words part at strokes' ends; where the pen was not lifted near
a space, in a stroke.

Shapes: ``T`` points of a line, ``S`` strokes, ``G`` places where words can part, ``U`` characters,
``K`` spaces, ``N'`` frames.
"""

from dataclasses import dataclass

import numpy as np

# Frames from the middle of a space's outputs to the move that it stands for, and the difference
# that says nothing.
_LATE, _SURE = 0.2, 0.4
_WIDEST_GAP, _NARROWEST_GAP = 1.0, -2.0
_NEIGHBOURS = 3  # strokes on either side that a gap is measured between
# A full stop belongs to the word before it.
_DOT_SIZE, _DOT_COST = 0.5, 1.0
_CUT_COST = 4.0  # of parting words in a stroke
# A stroke goes to the word that it lies over where it is this far from its own.
_FAR, _OVER = 1.0, 0.1


@dataclass(frozen=True)
class LinePlaces:
    """A line's ink as it was read.

    Attributes:
        points: float64 ``[T, 2]``, level and upright, in core heights.
        ends: bool ``[T]``, true on the last point of each stroke.
        frames: float64 ``[T]``, where among the ``N'`` frames each point is, growing.
    """

    points: np.ndarray
    ends: np.ndarray
    frames: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """int64 ``[S]``, the first point of each stroke."""
        return np.concatenate([[0], np.flatnonzero(self.ends[:-1]) + 1])

    @property
    def stroke_of_point(self) -> np.ndarray:
        """int64 ``[T]``."""
        return np.concatenate([[0], np.cumsum(self.ends[:-1])]).astype(np.int64)


def words_of_points(places: LinePlaces, text: str, frames: np.ndarray) -> np.ndarray:
    """Return the number of the word that each point belongs to, int64 ``[T]``.

    Args:
        places: the line.
        text: ``U`` characters.
        frames: float or int ``[U, 2]``, the first and last frame of each character.
    """
    spaces = _inner_spaces(text)
    if not spaces or len(places.points) < 2:
        return np.zeros(len(places.points), np.int64)
    parting, gains = _partings(places, frames[spaces].mean(axis=1) + _LATE)
    half = (frames[spaces, 1] - frames[spaces, 0]) / 2
    late = np.abs(places.frames[parting] - (frames[spaces].mean(axis=1) + _LATE)[:, None])
    scores = gains - np.maximum(late - _SURE - half[:, None], 0.0)  # [K, G]
    chosen = parting[_best_growing(scores)]
    words = np.searchsorted(chosen, np.arange(len(places.points)), side="right")
    return _with_late_strokes(places, words.astype(np.int64), chosen)


def characters_of_points(
    places: LinePlaces, text: str, frames: np.ndarray, words: np.ndarray
) -> np.ndarray:
    """Return the character that each point belongs to, int64 ``[T]``: one of its own word, by the
    middles between their frames. A stroke that came late goes to the character that it is over.

    Args:
        places, text, frames: as for ``words_of_points``.
        words: int64 ``[T]``, as that returns them.
    """
    middles = frames.mean(axis=1)
    x = np.interp(middles, places.frames, places.points[:, 0])
    strokes = places.stroke_of_point
    found = np.zeros(len(words), np.int64)
    for number, (begin, end) in enumerate(word_spans(text)):
        mine = np.flatnonzero(words == number)
        if not len(mine):
            continue
        borders = (middles[begin : end - 1] + middles[begin + 1 : end]) / 2
        found[mine] = begin + np.searchsorted(borders, places.frames[mine])
        low, high = frames[begin, 0] - 2, frames[end - 1, 1] + 2
        for stroke in np.unique(strokes[mine]):
            points = mine[strokes[mine] == stroke]
            late = places.frames[points[0]] > high or places.frames[points[-1]] < low
            if late:
                found[points] = (
                    begin + np.abs(x[begin:end] - places.points[points, 0].mean()).argmin()
                )
    return found


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where each word of a text begins and ends: what spaces part, none of it empty."""
    spans = []
    begin = 0
    for part in text.split(" "):
        if part:
            spans.append((begin, begin + len(part)))
        begin += len(part) + 1
    return spans


def _inner_spaces(text: str) -> list[int]:
    """The last of the spaces before each word but the first."""
    return [begin - 1 for begin, _ in word_spans(text)[1:]]


def _partings(places: LinePlaces, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points ``[G]`` that a word can begin with, growing, and what speaks for each, ``[G]``:
    the width of the gap before it."""
    starts = places.starts
    sides = [np.split(places.points[:, 0], starts[1:]), np.split(places.points[:, 1], starts[1:])]
    left, right = (np.array([edge(side) for side in sides[0]]) for edge in (np.min, np.max))
    height = np.array([np.ptp(side) for side in sides[1]])
    middle = np.array([side.mean() for side in sides[1]])
    gaps = np.array(
        [
            left[at : at + _NEIGHBOURS].min() - right[max(at - _NEIGHBOURS, 0) : at].max()
            for at in range(1, len(starts))
        ]
    )
    gains = np.clip(gaps, _NARROWEST_GAP, _WIDEST_GAP)
    dots = (height < _DOT_SIZE) & (right - left < _DOT_SIZE) & (middle < 0)
    gains -= _DOT_COST * dots[1:]
    inside = np.searchsorted(places.frames, expected)
    inside = np.setdiff1d(np.clip(inside, 1, len(places.frames) - 1), starts)
    points = np.concatenate([starts[1:], inside]).astype(np.int64)
    gains = np.concatenate([gains, np.full(len(inside), -_CUT_COST)])
    order = np.argsort(points, kind="stable")
    return points[order], gains[order]


def _best_growing(scores: np.ndarray) -> np.ndarray:
    """Return growing places int64 ``[K]`` among ``G`` whose scores ``[K, G]`` have the largest sum;
    as few as there are places for, where these are fewer."""
    scores = scores[: scores.shape[1]]
    best = scores[0]
    back = np.zeros(scores.shape, np.int64)
    for row in range(1, len(scores)):
        peaks = np.maximum.accumulate(best)
        is_peak = best >= peaks
        last = np.maximum.accumulate(np.where(is_peak, np.arange(len(best)), 0))
        back[row, 1:] = last[:-1]
        best = np.concatenate([[-np.inf], scores[row, 1:] + peaks[:-1]])
    place = int(best.argmax())
    chosen = [place]
    for row in range(len(scores) - 1, 0, -1):
        place = int(back[row, place])
        chosen.append(place)
    return np.array(chosen[::-1])


def _with_late_strokes(places: LinePlaces, words: np.ndarray, partings: np.ndarray) -> np.ndarray:
    """Words of points, where strokes that lie over another word, far from their own, go there."""
    strokes = places.stroke_of_point
    x = places.points[:, 0]
    moved: np.ndarray = words.copy()
    bounds = {word: (x[words == word].min(), x[words == word].max()) for word in np.unique(words)}
    for stroke, start in enumerate(places.starts):
        mine = strokes == stroke
        word = int(words[start])
        rest = (words == word) & ~mine
        if not rest.any() or np.any(words[mine] != word):
            continue
        middle = (x[mine].min() + x[mine].max()) / 2
        if _outside(middle, x[rest].min(), x[rest].max()) <= _FAR:
            continue
        others = {at: _outside(middle, *ends) for at, ends in bounds.items() if at != word}
        nearest = min(others, key=lambda at: others[at], default=word)
        if nearest != word and others[nearest] <= _OVER:
            moved[mine] = nearest
    return moved


def _outside(value: float, low: float, high: float) -> float:
    return float(max(low - value, value - high, 0.0))
