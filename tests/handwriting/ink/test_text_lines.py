"""Lines of a block of upright writing."""

import numpy as np
import pytest
from ink_samples import page, waves

from handwriting.ink.text_lines import divide_into_lines


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("slope", [-0.15, 0.0, 0.1])
def test_lines_are_found_with_and_without_an_order(timed: bool, slope: float) -> None:
    strokes, groups = page(7, slope=slope)
    order = np.arange(len(strokes))
    if not timed:
        order = np.random.default_rng(1).permutation(len(strokes))
    found = divide_into_lines([strokes[at] for at in order], timed)
    assert [sorted(order[line].tolist()) for line in found] == groups


@pytest.mark.parametrize("words", [1, 3, 40])
@pytest.mark.parametrize("slope", [-0.1, 0.0, 0.1])
def test_one_line_stays_one(words: int, slope: float) -> None:
    assert divide_into_lines(waves(words=words, slope=slope)) == [list(range(words))]


def test_a_word_written_last_is_in_its_line() -> None:
    strokes = waves(words=8, slope=0.1)
    late = [*strokes[3:], *strokes[:3]]
    assert divide_into_lines(late) == [list(range(8))]


def test_dots_go_to_the_line_below_them() -> None:
    strokes, groups = page(3)
    dots = [np.array([[2.0, -3.0 * line + 1.6]]) for line in range(3)]
    found = divide_into_lines([*strokes, *dots], timed=False)
    assert found == [[*group, len(strokes) + at] for at, group in enumerate(groups)]
