"""The order of strokes for a plotter."""

import itertools

import numpy as np
import pytest

from handwriting.formats.travel import plotted_lines, short_order, shortened, travel
from handwriting.pages import Page, PageLine


def _strokes(seed: int, number: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    starts = generator.uniform(0, 100, (number, 2))
    return [start + np.cumsum(generator.normal(size=(6, 2)), axis=0) for start in starts]


def _key(stroke: np.ndarray) -> tuple[float, ...]:
    """Equal for a stroke and the same turned round."""
    ends = (tuple(stroke[0]), tuple(stroke[-1]))
    return (*min(ends), *max(ends), len(stroke))


@pytest.mark.parametrize("seed", range(4))
def test_every_stroke_is_drawn_once_and_the_way_is_short(seed: int) -> None:
    strokes = _strokes(seed, 60)
    ordered = short_order(strokes, np.zeros(2))
    assert sorted(map(_key, ordered)) == sorted(map(_key, strokes))
    assert travel(ordered) < 0.4 * travel(strokes)


@pytest.mark.parametrize("seed", range(6))
def test_few_strokes_are_nearly_in_the_best_order(seed: int) -> None:
    strokes, start = _strokes(seed, 5), np.zeros((1, 2))
    best = min(
        travel([start, *(s[::turn] for s, turn in zip(order, turns, strict=True))])
        for order in itertools.permutations(strokes)
        for turns in itertools.product((1, -1), repeat=5)
    )
    found = travel([start, *short_order(strokes, start[0])])
    assert best - 1e-9 <= found <= 1.25 * best


def test_dots_and_single_strokes() -> None:
    dots = [np.array([[3.0, 0.0]]), np.array([[1.0, 0.0]]), np.array([[2.0, 0.0]])]
    assert [float(dot[0, 0]) for dot in short_order(dots, np.zeros(2))] == [1.0, 2.0, 3.0]
    (stroke,) = short_order([np.array([[9.0, 0.0], [1.0, 0.0]])], np.zeros(2))
    assert stroke[0, 0] == 1.0


def test_pens_are_used_one_after_another() -> None:
    strokes = tuple(_strokes(1, 12))
    line = PageLine("a", 0.0, strokes, tuple(index % 3 for index in range(12)))
    found = shortened(line, np.zeros(2))
    assert len(list(itertools.groupby(found.pens))) == 3
    by_pen = {_key(stroke): pen for stroke, pen in line.penned_strokes()}
    assert all(by_pen[_key(stroke)] == pen for stroke, pen in found.penned_strokes())


def test_lines_stay_in_their_order() -> None:
    lines = tuple(PageLine(str(n), 0.0, tuple(_strokes(n, 20))) for n in range(3))
    page = Page(100.0, 100.0, 0.4, (*lines, PageLine("", 0.0, ())), ())
    assert list(plotted_lines(page, short_travel=False)) == list(page.lines)
    found = list(plotted_lines(page, short_travel=True))
    assert [line.text for line in found] == ["0", "1", "2", ""]
