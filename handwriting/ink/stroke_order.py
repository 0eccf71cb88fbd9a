"""The order in which the strokes of a line are read: that of writing, but for what was written
later.

People dot their i at the end of the word or of the line, and put in a word that they forgot. A
recogniser reads strokes one after the other, from the left to the right.

Shapes: ``S`` strokes of a line, ``n`` points of one stroke.
"""

from collections.abc import Sequence

import numpy as np

# In x-heights. A stroke whose middle lies farther left of all ink before it was written later.
_LATER = 2.5
# From one stroke to the next, in x-heights beyond its edges. The order is not that of writing where
# more steps than the share are so wide.
_JUMP = 3.0
_DISORDER = 0.4
_MOST_STROKES = 20_000  # no line of writing has more


def reading_order(strokes: Sequence[np.ndarray], size: float, timed: bool = True) -> list[int]:
    """Return the numbers of a line's strokes in the order in which they are read.

    A stroke whose middle lies more than 2.5 x-heights left of the right edge of those before it was
    written later. It goes after the stroke before it, if that was, too, and it goes on from there;
    else before the first stroke that begins right of its middle. Where the order is not that of
    writing, all strokes are put in order by their middles.

    Args:
        strokes: ``S`` arrays of points ``[n, 2]`` of level writing.
        size: its x-height, above 0.
        timed: whether they are in the order of writing; where they look as if they were not, it
            makes no difference.
    """
    if len(strokes) > _MOST_STROKES:
        return list(range(len(strokes)))
    lefts, rights = np.array([_edges(stroke) for stroke in strokes]).reshape(-1, 2).T
    middles = (lefts + rights) / 2
    if not timed or _is_in_disorder(lefts / size, rights / size):
        return [int(at) for at in np.argsort(middles, kind="stable")]
    edges = np.maximum.accumulate(np.concatenate([[-np.inf], rights[:-1]]))
    later = middles < edges - _LATER * size
    order: list[int] = []
    for at in range(len(strokes)):
        place = len(order)
        if later[at]:
            goes_on = middles[at] > rights[at - 1] - _LATER * size
            after = _place_after(order, at, middles) if goes_on else None
            place = _place_before(order, middles[at], lefts) if after is None else after
        order.insert(place, at)
    return order


def _is_in_disorder(lefts: np.ndarray, rights: np.ndarray) -> bool:
    jumps = (rights[1:] < lefts[:-1] - _JUMP) | (lefts[1:] > rights[:-1] + _JUMP)
    return bool(jumps.sum() > _DISORDER * len(jumps))


def _place_after(order: list[int], at: int, middles: np.ndarray) -> int | None:
    """The place after the stroke written before it; None where it lies right of what is next."""
    place = order.index(at - 1) + 1
    fits = place < len(order) and middles[at] < middles[order[place]]
    return place if fits else None


def _place_before(order: list[int], middle: float, lefts: np.ndarray) -> int:
    """The place before the first stroke that begins right of ``middle``."""
    places = (place for place, one in enumerate(order) if lefts[one] > middle)
    return next(places, len(order))


def _edges(stroke: np.ndarray) -> tuple[float, float]:
    return float(stroke[:, 0].min()), float(stroke[:, 0].max())
