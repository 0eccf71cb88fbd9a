"""Hooks that a model's pen makes as it leaves a full stop.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Sequence

import numpy as np

from handwriting.pages.aligned_text import TracedStroke

# In x-heights.
_LONGEST_STOP = 0.5
_KEPT = 0.2
_REACH = 0.6  # from the baseline, of where a full stop begins
_OVERLAP = 0.15  # with the ink of its word


def without_hook(strokes: Sequence[TracedStroke], text: str, x_height: float) -> list[TracedStroke]:
    """Return a word's strokes with a full stop at its end as short as one is.

    A stroke is taken for a full stop that is the last, writes nothing else, begins at the baseline
    and stands to the right of all the others.

    Args:
        strokes: level, on y = 0.
        text: the word; characters of the strokes are indexes in it.
        x_height: of the ink.
    """
    if not text.endswith(".") or len(strokes) < 2:
        return list(strokes)
    *others, stop = strokes
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stop.points, axis=0).T))])
    right = max(stroke.points[:, 0].max() for stroke in others)
    is_stop = (
        bool((stop.characters == len(text) - 1).all())
        and abs(stop.points[0, 1]) < _REACH * x_height
        and stop.points[:, 0].min() > right - _OVERLAP * x_height
    )
    if not is_stop or way[-1] <= _LONGEST_STOP * x_height:
        return list(strokes)
    kept = max(int(np.searchsorted(way, _KEPT * x_height, side="right")), 1)
    return [*others, stop.part(0, kept)]
