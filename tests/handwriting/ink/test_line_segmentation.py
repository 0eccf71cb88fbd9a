"""Dividing a page of ink into its lines."""

import numpy as np
import pytest
from ink_samples import page, waves

from handwriting.ink.line_segmentation import split_lines


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("slope", [-0.1, 0.0, 0.05])
def test_lines_below_each_other_are_found_at_any_size_and_slope(size: float, slope: float) -> None:
    strokes, groups = page(4, pitch=3 * size, size=size, slope=slope)
    assert split_lines(strokes) == groups


def test_the_order_inside_a_line_is_that_of_the_strokes() -> None:
    strokes, groups = page(3)
    order = np.random.default_rng(0).permutation(len(strokes))
    found = split_lines([strokes[at] for at in order])
    assert [sorted(order[line].tolist()) for line in found] == groups
    assert all(line == sorted(line) for line in found)


@pytest.mark.parametrize("words", [1, 2, 12])
@pytest.mark.parametrize("slope", [-0.15, 0.0, 0.15])
def test_one_line_stays_one(words: int, slope: float) -> None:
    strokes = waves(words=words, slope=slope)
    assert split_lines(strokes) == [list(range(words))]


def test_words_beside_each_other_that_climb_are_one_line() -> None:
    strokes = [*waves(words=2), *waves(left=13, baseline=1.8, words=2)]
    assert len(split_lines(strokes)) == 1
    below = [*waves(words=2), *waves(baseline=-1.8, words=2)]
    assert len(split_lines(below)) == 2


def test_a_dot_between_two_lines_goes_with_the_stroke_before_it() -> None:
    upper, lower = waves(words=3), waves(baseline=-4, words=3)
    dot = np.array([[2.0, -1.4]])  # a little nearer to the upper one
    assert split_lines([*upper, dot, *lower]) == [[0, 1, 2, 3], [4, 5, 6]]
    assert split_lines([*upper, *lower, dot]) == [[0, 1, 2], [3, 4, 5, 6]]


def test_ink_without_height_is_one_line() -> None:
    dash, dot = np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([[1.0, 1.0]])
    assert split_lines([dash, dash]) == [[0, 1]]
    assert split_lines([dot]) == [[0]]
    assert split_lines([]) == [[]]


def test_ink_far_apart_takes_no_memory() -> None:
    strokes = [*waves(), *waves(baseline=1e9)]
    assert split_lines(strokes) == [list(range(8))]
