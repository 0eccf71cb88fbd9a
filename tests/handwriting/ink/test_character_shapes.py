"""Single-stroke shapes of characters that no model writes, and of accents."""

import sys

import numpy as np
import pytest

from handwriting.errors import UserError
from handwriting.ink import character_shapes
from handwriting.ink.character_shapes import ACCENTS, SHAPED, shape_of
from handwriting.ink.resampling import smooth_curve


def test_every_shape_is_ink_of_the_size_of_a_character() -> None:
    for character in SHAPED:
        shape = shape_of(character)
        points = np.concatenate(shape.strokes)
        assert np.isfinite(points).all(), character
        assert points[:, 0].min() == pytest.approx(0.0, abs=1e-12), character
        assert 0 <= shape.width < 3, character
        assert points[:, 1].min() > -1.5 and points[:, 1].max() < 3.5, character


@pytest.mark.parametrize(("tall", "small"), [("X", "x"), ("€", "e"), ("£", "r"), ("8", "a")])
def test_capitals_digits_and_signs_are_taller_than_small_letters(tall: str, small: str) -> None:
    heights = [max(s[:, 1].max() for s in shape_of(c).strokes) for c in (tall, small)]
    assert heights[0] > 1.5 * heights[1]


def test_a_raised_digit_is_a_small_one_above_the_line() -> None:
    raised, full = (np.concatenate(shape_of(c).strokes) for c in "²2")
    assert raised[:, 1].min() > 0.3
    assert np.ptp(raised[:, 1]) < 0.6 * np.ptp(full[:, 1])


def test_a_turned_question_mark_hangs_where_the_other_stands() -> None:
    up, down = (np.concatenate(shape_of(c).strokes)[:, 1] for c in "?¿")
    assert down.min() < up.min() - 0.2 and down.max() < up.max()


def test_accents_above_letters_are_over_their_place_and_cedillas_under_the_line() -> None:
    for mark, accent in ACCENTS.items():
        heights = [stroke[:, 1] for stroke in accent.strokes]
        if accent.place == "above":
            assert all((height >= 0).all() for height in heights), mark
        if accent.place in ("below", "tail"):
            assert all(height.min() < -0.2 for height in heights), mark


def test_without_the_fonts_package_drawn_shapes_stay_and_others_are_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    character_shapes._glyphs.cache_clear()
    shape_of.cache_clear()
    monkeypatch.setitem(sys.modules, "HersheyFonts", None)
    assert shape_of("€").strokes
    with pytest.raises(UserError, match=r"pip install Hershey-Fonts") as fault:
        shape_of("X")
    assert "\n" not in str(fault.value)


def test_a_smooth_curve_goes_through_its_points_and_keeps_corners() -> None:
    circle = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 13)])
    smooth = smooth_curve(circle)
    assert len(smooth) > 3 * len(circle)
    for point in circle:
        assert np.hypot(*(smooth - point).T).min() < 1e-12
    # Twelve chords of a circle are up to 3.4 % inside of it.
    inner = smooth[5:-5]
    assert np.abs(np.hypot(*inner.T) - 1).max() < 0.004
    corner = smooth_curve(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]))
    assert (corner >= -1e-12).all() and (corner <= 1 + 1e-12).all()
    assert np.hypot(*(corner - [1.0, 0.0]).T).min() < 1e-12
