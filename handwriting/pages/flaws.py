"""Flaws of written ink that show without reading it: ink that leaves its line or runs away.

Shapes: ``T`` pen steps, ``n`` points of one stroke.
"""

from collections.abc import Sequence

import numpy as np

from handwriting.pages.aligned_text import AlignedLine, TracedStroke, traced_strokes
from handwriting.pages.baseline import find_baseline, find_size, level, word_offset
from handwriting.pages.words import split_words

# In x-heights: how far ink may be above and below its baseline, how far a word may stand off it,
# and how wide the ink of one character may be.
_HIGHEST, _LOWEST = 3.4, -2.2
_OFF_LINE = 1.2
_WIDEST_CHARACTER = 5.0

LEAVES_LINE = "leaves its line"
RUNS_AWAY = "runs away"


def ink_flaws(line: AlignedLine) -> list[str]:
    """Return which of ``LEAVES_LINE`` and ``RUNS_AWAY`` are true of the ink of a line; none of a
    line without ink, or whose size cannot be told."""
    strokes = traced_strokes(line)
    if not strokes:
        return []
    strokes = level(strokes, find_baseline(strokes, line.text))
    x_height = find_size(strokes, line.text).x_height
    if x_height <= 0:
        return []
    found = []
    if _leaves_line(strokes, line.text, x_height):
        found.append(LEAVES_LINE)
    if max(_widths(strokes, len(line.text)), default=0.0) > _WIDEST_CHARACTER * x_height:
        found.append(RUNS_AWAY)
    return found


def _leaves_line(strokes: Sequence[TracedStroke], text: str, x_height: float) -> bool:
    heights = np.concatenate([stroke.points[:, 1] for stroke in strokes]) / x_height
    if heights.max() > _HIGHEST or heights.min() < _LOWEST:
        return True
    words = split_words(strokes, text, x_height).words
    return any(
        abs(word_offset(word.strokes, word.text, x_height)) > _OFF_LINE * x_height
        for word in words
        if len(word.text) > 1
    )


def _widths(strokes: Sequence[TracedStroke], characters: int) -> list[float]:
    """The width of each run of ink of one character."""
    widths = []
    for stroke in strokes:
        borders = np.flatnonzero(np.diff(stroke.characters)) + 1
        for x in np.split(stroke.points[:, 0], borders):
            widths.append(float(np.ptp(x)))
    return widths
