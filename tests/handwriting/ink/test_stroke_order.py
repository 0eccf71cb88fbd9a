"""The order in which strokes of a line are read."""

import numpy as np
from ink_samples import waves

from handwriting.ink.stroke_order import reading_order

DOT = np.array([[0.0, 0.0], [0.1, 0.0]])


def test_the_order_of_writing_is_kept() -> None:
    strokes = waves(words=6)
    assert reading_order(strokes, 1.0) == list(range(6))
    # A dot over the word that was just written, and a bar of the letter before.
    strokes.insert(3, DOT + (14.0, 1.6))
    assert reading_order(strokes, 1.0) == list(range(7))
    assert reading_order([], 1.0) == []


def test_what_was_written_later_goes_where_it_stands() -> None:
    strokes = waves(words=6)
    late = [*strokes[:2], *strokes[3:], strokes[2]]
    assert reading_order(late, 1.0) == [0, 1, 5, 2, 3, 4]
    # Strokes of a word put in keep their own order, and scale makes no difference.
    parts = [strokes[2][:60], strokes[2][60:], DOT + (16.0, 1.6)]
    late = [*strokes[:2], *strokes[3:], *parts]
    assert reading_order(late, 1.0)[:6] == [0, 1, 5, 6, 7, 2]
    assert reading_order([100 * stroke for stroke in late], 100.0) == reading_order(late, 1.0)


def test_dots_at_the_end_go_before_what_begins_right_of_them() -> None:
    strokes = waves(words=5)
    dots = [DOT + (6 * word + 2.0, 1.6) for word in (0, 2)]
    assert reading_order([*strokes, *dots], 1.0) == [0, 5, 1, 2, 6, 3, 4]


def test_strokes_in_no_order_are_read_by_their_places() -> None:
    strokes = waves(words=8)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(8)
        shuffled = [strokes[at] for at in order]
        assert order[reading_order(shuffled, 1.0, timed=False)].tolist() == list(range(8))
    # Ink that says itself that its order is none.
    order = np.array([5, 0, 7, 2, 4, 1, 6, 3])
    found = reading_order([strokes[at] for at in order], 1.0)
    assert order[found].tolist() == list(range(8))
