"""Lines longer than those of the training, in pieces.

A recogniser has seen lines of some 40 characters, and its attention is lost on lines of several
hundred. Such lines are cut at gaps between words, read piece by piece, and put together again.

Shapes: ``T`` pen steps, ``S`` strokes, ``G`` gaps, ``U`` characters, ``N'`` encoder frames.
"""

from collections.abc import Sequence

import numpy as np

from handwriting.ink.line import points_from_strokes
from handwriting.ink.measures import x_height
from handwriting.readings.line_reading import Reading

LONGEST = 170.0
"""Pen's way on paper, in x-heights, of a line that is read whole: some 60 characters."""

# In the same unit. A usual piece, and what a gap is worth that is as wide as a word's space.
_USUAL = 100.0
_WORTH = 0.6
_SPACE = 2.0
_NARROWEST, _BETWEEN_WORDS = 0.2, 0.7
_MOST_GAPS = 2000


def pieces(strokes: np.ndarray, longest: float = LONGEST) -> list[slice]:
    """Return the rows of the pieces that a line is read in: one for a line that is not long, or has
    no gaps.

    Args:
        strokes: ``[T, 3]`` as in ``handwriting.ink.line.Line``, in the order in which it is read.
        longest: see ``LONGEST``.
    """
    whole = [slice(0, len(strokes))]
    found = points_from_strokes(strokes)
    size = x_height(found)
    ways = np.array([np.hypot(*np.diff(stroke, axis=0).T).sum() for stroke in found])
    if size == 0 or ways.sum() <= longest * size:
        return whole
    gaps, widths = _gaps(found, size)
    if not len(gaps):
        return whole
    way = np.cumsum(ways)[gaps - 1] / size
    cuts = gaps[_best_cuts(way, widths, ways.sum() / size)]
    rows = np.cumsum([len(stroke) for stroke in found])
    edges = [0, *(int(rows[cut - 1]) for cut in cuts), len(strokes)]
    return [slice(*pair) for pair in zip(edges[:-1], edges[1:], strict=True)]


def _gaps(strokes: Sequence[np.ndarray], size: float) -> tuple[np.ndarray, np.ndarray]:
    """Numbers ``[G]`` of the strokes that begin right of a gap, all that come later right of it and
    all before left of it, and how wide each gap is, in x-heights."""
    lefts = np.array([stroke[:, 0].min() for stroke in strokes])
    rights = np.array([stroke[:, 0].max() for stroke in strokes])
    reached = np.maximum.accumulate(rights)[:-1]
    begins = np.minimum.accumulate(lefts[::-1])[::-1][1:]
    widths = (begins - reached) / size
    gaps = np.flatnonzero(widths > _NARROWEST)
    if len(gaps) > _MOST_GAPS:
        gaps = np.sort(gaps[np.argsort(-widths[gaps], kind="stable")[:_MOST_GAPS]])
    return gaps + 1, widths[gaps]


def _best_cuts(way: np.ndarray, widths: np.ndarray, total: float) -> list[int]:
    """Numbers of the gaps that cut a line into pieces of about the usual length at wide gaps.

    The sum over the pieces of the square of how far each is from the usual length is least, less
    what the gaps are worth: found from the left (dynamic programming).

    Args:
        way: ``[G]``, the pen's way before each gap.
        widths: ``[G]``, of the gaps.
        total: the pen's way.
    """
    places = np.concatenate([[0.0], way, [total]])
    worth = np.concatenate([[0.0], _WORTH * np.minimum(widths / _SPACE, 1.0), [_WORTH]])
    costs, came = np.zeros(len(places)), np.zeros(len(places), dtype=np.int64)
    for at in range(1, len(places)):
        lengths = (places[at] - places[:at]) / _USUAL
        found = costs[:at] + np.square(lengths - 1.0) + (_WORTH - worth[at])
        came[at] = int(found.argmin())
        costs[at] = found[came[at]]
    cuts, at = [], len(places) - 1
    while came[at] > 0:
        at = int(came[at])
        cuts.append(at - 1)
    return cuts[::-1]


def separators(strokes: np.ndarray, cuts: Sequence[slice]) -> list[str]:
    """Return what stands between pieces: a space, or nothing in too narrow a gap."""
    points = np.cumsum(strokes[:, 1].astype(np.float64))
    size = x_height(points_from_strokes(strokes))
    pairs = zip(cuts[:-1], cuts[1:], strict=True)
    gaps = [points[after].min() - points[before].max() for before, after in pairs]
    return [" " if gap > _BETWEEN_WORDS * size else "" for gap in gaps]


def joined(readings: Sequence[Reading], between: Sequence[str]) -> Reading:
    """Return the reading of a line from those of its pieces.

    A space between two pieces has the attention of the end of the first; nobody read it, and it is
    as sure as the gap is there.

    Args:
        readings: at least one.
        between: a space, or nothing, for each pair of pieces.
    """
    if len(readings) == 1:
        return readings[0]
    texts, confidences, attention = [], [], []
    width = sum(reading.attention.shape[1] for reading in readings)
    left = 0
    for number, reading in enumerate(readings):
        is_last = number == len(readings) - 1
        separator = "" if is_last else between[number]
        texts += [reading.text, separator]
        confidences += [*reading.confidences, *[1.0] * len(separator)]
        rows = len(reading.text) + (1 if is_last or separator else 0)
        block = np.zeros((rows, width), dtype=reading.attention.dtype)
        block[:, left : left + reading.attention.shape[1]] = reading.attention[:rows]
        attention.append(block)
        left += reading.attention.shape[1]
    names = [name for name in readings[0].scores if all(name in r.scores for r in readings)]
    return Reading(
        frames=_joined_frames(readings, between),
        ctc_confidences=_joined_ctc_confidences(readings, between),
        ctc_text=_joined_ctc_texts(readings, between),
        text="".join(texts),
        score=sum(reading.score for reading in readings),
        confidences=tuple(confidences),
        attention=np.concatenate(attention),
        scores={name: sum(reading.scores[name] for reading in readings) for name in names},
        rank=sum(reading.rank for reading in readings) / len(readings),
    )


def _joined_frames(readings: Sequence[Reading], between: Sequence[str]) -> np.ndarray | None:
    """Frames of all characters, where each piece has them; a space between two pieces has the last
    frame of the first."""
    parts: list[np.ndarray] = []
    left = 0
    for reading, separator in zip(readings, [*between, ""], strict=True):
        if reading.frames is None:
            return None
        width = reading.attention.shape[1]
        parts += [reading.frames + left, np.full((len(separator), 2), left + width - 1)]
        left += width
    return np.concatenate(parts)


def _joined_ctc_confidences(
    readings: Sequence[Reading], between: Sequence[str]
) -> tuple[float, ...]:
    found: list[float] = []
    for reading, separator in zip(readings, [*between, ""], strict=True):
        if len(reading.ctc_confidences) != len(reading.text):
            return ()
        found += [*reading.ctc_confidences, *[1.0] * len(separator)]
    return tuple(found)


def _joined_ctc_texts(readings: Sequence[Reading], between: Sequence[str]) -> str | None:
    if any(reading.ctc_text is None for reading in readings):
        return None
    pairs = zip(readings, [*between, ""], strict=True)
    return "".join(f"{reading.ctc_text}{separator}" for reading, separator in pairs)
