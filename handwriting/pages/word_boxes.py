"""Boxes around the words of a line, in the ink's own units: labels for finding words in ink."""

from typing import NamedTuple

import numpy as np

from handwriting.ink.levelling import Baseline, turned_level
from handwriting.pages.aligned_text import AlignedLine, traced_strokes
from handwriting.pages.baseline import find_baseline, find_size, level
from handwriting.pages.words import Word, split_words


class WordBox(NamedTuple):
    """A word and the smallest upright rectangle around its ink.

    Attributes:
        text: the word.
        start: its place in the text of its line.
        left, bottom, right, top: from the line's first point, x to the right and y upwards.
    """

    text: str
    start: int
    left: float
    bottom: float
    right: float
    top: float


def word_boxes(line: AlignedLine) -> list[WordBox]:
    """Return the boxes of the words of a line that have ink, in the text's order.

    Words are divided in ink that is made level for that; the boxes are those of the ink as it is.
    """
    strokes = traced_strokes(line)
    if not strokes:
        return []
    baseline = find_baseline(strokes, line.text)
    strokes = level(strokes, baseline)
    words = split_words(strokes, line.text, find_size(strokes, line.text).x_height)
    return [_box(word, baseline) for word in words.words]


def _box(word: Word, baseline: Baseline) -> WordBox:
    cosine, sine = baseline.turn
    points = np.concatenate([stroke.points for stroke in word.strokes])
    points = turned_level(points, cosine, -sine) + np.array([0.0, baseline.intercept])
    return WordBox(
        word.text, word.start, *points.min(axis=0).tolist(), *points.max(axis=0).tolist()
    )
