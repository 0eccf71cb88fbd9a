"""Hooks that a model's pen makes as it leaves a full stop.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Sequence

import numpy as np

from handwriting.pages.aligned_text import TracedStroke

# In x-heights.
_LONGEST_STOP = 0.5
_KEPT = 0.1  # to each side of its lowest point
_REACH = 0.6  # from the baseline, of its lowest point; and of its first, after a tall letter
_OVERLAP = 0.15  # with the ink of its word
_TALL = frozenset("bdfhkltijJBCDEFGHIKLMNOPRSTUVWXYZ0123456789!?\"')]}|/")


def without_hook(strokes: Sequence[TracedStroke], text: str, x_height: float) -> list[TracedStroke]:
    """Return a word's strokes with a full stop at its end as short as one is.

    A stroke is taken for a full stop that is the last, writes nothing else, comes near the
    baseline, and stands to the right of all the others, which write the character before it, too.
    After a tall character it must begin at the baseline, else it may be that character.

    Args:
        strokes: level, on y = 0.
        text: the word; characters of the strokes are indexes in it.
        x_height: of the ink.
    """
    if not text.endswith(".") or len(text) < 2 or len(strokes) < 2:
        return list(strokes)
    *others, stop = strokes
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stop.points, axis=0).T))])
    if way[-1] <= _LONGEST_STOP * x_height or not _is_full_stop(stop, others, text, x_height):
        return list(strokes)
    near = np.abs(way - way[int(stop.points[:, 1].argmin())]) <= _KEPT * x_height
    kept = np.flatnonzero(near)
    return [*others, stop.part(int(kept[0]), int(kept[-1]) + 1)]


def _is_full_stop(
    stop: TracedStroke, others: Sequence[TracedStroke], text: str, x_height: float
) -> bool:
    right = max(stroke.points[:, 0].max() for stroke in others)
    has_letter = any((stroke.characters == len(text) - 2).any() for stroke in others)
    heights = stop.points[:, 1] / x_height
    height = heights[0] if text[-2] in _TALL else heights.min()
    return bool(
        has_letter
        and (stop.characters == len(text) - 1).all()
        and abs(height) < _REACH
        and abs(heights.min()) < _REACH
        and stop.points[:, 0].min() > right - _OVERLAP * x_height
    )
