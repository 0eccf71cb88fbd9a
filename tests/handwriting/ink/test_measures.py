"""Sizes of writing, on ink whose x-height is known."""

import numpy as np
import pytest
from ink_samples import waves

from data_loader.readers.synthetic_pen import draw_writer, write_line
from data_loader.readers.synthetic_random import Draws
from handwriting.ink.measures import (
    height_spread,
    height_without_extremes,
    ink_weights,
    spread_across,
    x_height,
    x_height_of_letters,
)

PROSE = "the quick brown foxes run over my lazy hound"
HANDS = range(12)


def hand(number: int):
    return draw_writer(Draws(1, 1, number), print_share=0.4)


def write(text: str, number: int) -> list[np.ndarray]:
    return write_line(text, hand(number), Draws(2, 2, number), points_per_character=13.0)


def ratios(text: str, known: str) -> np.ndarray:
    """What is measured of a text in several hands, in x-heights of these."""
    return np.array([x_height(write(text, at), known) / hand(at).size for at in HANDS])


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        (PROSE, 0.85, 1.1),
        ("morning", 0.75, 1.1),
        ("we saw a sea ocean", 0.75, 1.1),
        ("THE QUICK BROWN FOX JUMPS", 0.7, 1.35),
        ("0123 456 789 2024", 0.75, 1.2),
        ("Mendham, NJ 07945", 0.7, 1.5),
    ],
)
def test_x_height_is_that_of_the_hand_whatever_is_written(
    text: str, low: float, high: float
) -> None:
    found = ratios(text, text)
    assert np.median(found) == pytest.approx(1.0, abs=0.2)
    assert low < found.min() and found.max() < high


def test_capitals_and_digits_measure_larger_where_the_text_is_not_known() -> None:
    for text in ("THE QUICK BROWN FOX", "0123 456 789"):
        assert (ratios(text, "") > 1.2).all()
    np.testing.assert_array_equal(ratios(PROSE, ""), ratios(PROSE, PROSE))


@pytest.mark.parametrize("factor", [1e-6, 0.37, 1e5])
def test_measures_grow_with_the_ink(factor: float) -> None:
    strokes = write(PROSE, 3)
    points = np.concatenate(strokes)
    pen_down = np.arange(len(points) - 1) % 9 != 8
    for before, after in (
        (x_height(strokes), x_height([factor * stroke for stroke in strokes])),
        (height_spread(points, pen_down), height_spread(factor * points, pen_down)),
        (height_without_extremes(points[:, 1]), height_without_extremes(factor * points[:, 1])),
        (spread_across(points), spread_across(factor * points)),
    ):
        assert after == pytest.approx(factor * before, rel=1e-6)


@pytest.mark.parametrize("slant", [-0.8, 0.5])
def test_x_height_does_not_mind_slant_place_or_pen_lifts(slant: float) -> None:
    strokes = write(PROSE, 5)
    moved = [stroke @ np.array([[1.0, 0.0], [slant, 1.0]]) + [300.0, -80.0] for stroke in strokes]
    assert x_height(moved) == pytest.approx(x_height(strokes))
    lifted = [stroke + [0.0, 50.0 * at] for at, stroke in enumerate(strokes)]
    assert x_height(lifted) == pytest.approx(x_height(strokes))


@pytest.mark.parametrize("slope", [-0.1, 0.05])
def test_a_gentle_slope_changes_x_height_little(slope: float) -> None:
    strokes = write(PROSE, 7)
    sloping = [stroke @ np.array([[1.0, slope], [0.0, 1.0]]) for stroke in strokes]
    assert x_height(sloping) == pytest.approx(x_height(strokes), rel=0.15)


def test_more_points_change_nothing() -> None:
    for stroke in (waves(size=7.0)[0], np.array([[0.0, 0.0], [1.0, 5.0], [2.0, 0.0]])):
        twice = np.insert(stroke, range(1, len(stroke)), (stroke[1:] + stroke[:-1]) / 2, axis=0)
        assert x_height([twice]) == pytest.approx(x_height([stroke]))
    assert x_height(waves(size=7.0)) == pytest.approx(7, rel=0.05)


@pytest.mark.parametrize(
    "strokes", [[np.zeros((1, 2))], [np.zeros((3, 2))], [np.array([[0.0, 1.0], [9.0, 1.0]])], []]
)
def test_ink_that_goes_neither_up_nor_down_has_no_x_height(strokes: list[np.ndarray]) -> None:
    assert x_height(strokes) == 0
    assert x_height(strokes, "A1") == 0


def test_letters_that_are_known_say_the_x_height() -> None:
    small = [(letter, top) for letter, top in zip("acem", (1.0, 1.1, 0.9, 5.0), strict=True)]
    assert x_height_of_letters([*small, ("b", 9.0), ("o", -1.0)], 7.0) == (1.05, 4)
    assert x_height_of_letters([("b", 2.0), ("H", 2.0)], 7.0) == (1.04, 1)
    assert x_height_of_letters([("-", 2.0)], 7.0) == (10.5, 0)


def test_ink_weights_are_shares_of_the_ink_and_pen_lifts_have_none() -> None:
    points = np.array([[0.0, 0.0], [2.0, 0.0], [50.0, 9.0], [50.0, 15.0]])
    weights = ink_weights(points, np.array([True, False, True]))
    np.testing.assert_allclose(weights, [1 / 8, 1 / 8, 3 / 8, 3 / 8], atol=1e-9)
    dots = ink_weights(points, np.zeros(3, dtype=bool))
    np.testing.assert_allclose(dots, 0.25)


def test_spread_across_is_about_the_line_whatever_its_slope() -> None:
    line = np.stack([np.arange(100.0), np.tile([-1.0, 1.0], 50)], axis=1)
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    assert spread_across(line) == pytest.approx(1.0, rel=0.01)
    assert spread_across(3.0 * line @ turn) == pytest.approx(3 * spread_across(line))
