"""Slopes and slants are found, and taken out of the ink."""

import numpy as np
import pytest
from ink_samples import waves

from handwriting.ink.levelling import (
    axis_slope,
    fit_baseline,
    ink_slope,
    levelled,
    slant_of,
    trend,
    turned_level,
    turning_lines,
    upright,
)


def line(words: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Points of a level line of ink from x = 0, and which segments are ink."""
    strokes = waves(words=words)
    points = np.concatenate(strokes)
    pen_down = np.ones(len(points) - 1, dtype=bool)
    pen_down[np.cumsum([len(stroke) for stroke in strokes])[:-1] - 1] = False
    return points, pen_down


def ends_of(pen_down: np.ndarray) -> np.ndarray:
    return np.append(~pen_down, True)


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    return points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


@pytest.mark.parametrize("angle", [-0.3, -0.02, 0.0, 0.15])
def test_every_way_finds_the_angle_that_the_ink_was_turned_by(angle: float) -> None:
    points, pen_down = line()
    sloping = turned(points, angle)
    lowest = points[points[:, 1] < 0.01]
    baseline = fit_baseline(sloping, turned(lowest, angle))
    found = (
        ink_slope(sloping, pen_down) - ink_slope(points, pen_down),
        axis_slope(sloping) - axis_slope(points),
        np.arctan(trend(sloping)[0]) - np.arctan(trend(points)[0]),
        np.arctan2(*baseline.turn[::-1]),
    )
    np.testing.assert_allclose(found, angle, atol=0.002)
    np.testing.assert_allclose(turned_level(sloping, *baseline.turn), points, atol=0.1)


def test_the_principal_axis_follows_a_turn_exactly() -> None:
    points, _ = line()
    assert axis_slope(turned(points, 0.4)) - axis_slope(points) == pytest.approx(0.4)


def test_turning_changes_no_distance() -> None:
    points, pen_down = line()
    level = levelled(turned(points, 0.2), pen_down)
    np.testing.assert_allclose(
        np.hypot(*np.diff(level, axis=0).T), np.hypot(*np.diff(points, axis=0).T)
    )


def test_ink_that_is_not_wide_has_no_slope() -> None:
    points, pen_down = line(words=1)
    tall = points * [1.0, 9.0]
    assert ink_slope(tall, pen_down) is None and axis_slope(tall) is None
    assert levelled(tall, pen_down) is tall
    assert trend(tall)[0] == 0


@pytest.mark.parametrize("slant", [-0.6, 0.0, 0.4])
def test_a_slant_is_found_and_taken_back(slant: float) -> None:
    points, pen_down = line()
    steep = points * [0.2, 1.0]
    leaning = steep @ np.array([[1.0, 0.0], [slant, 1.0]])
    assert slant_of(leaning, pen_down) == pytest.approx(slant, abs=0.03)
    assert slant_of(upright(leaning, pen_down), pen_down) == pytest.approx(0.0, abs=0.03)


def test_pen_lifts_and_flat_ink_have_no_slant() -> None:
    flat = np.array([[0.0, 0.0], [9.0, 1.0], [10.0, 9.0]])
    assert slant_of(flat, np.array([True, False])) == 0


def test_lines_through_the_turns_lie_at_the_top_and_the_foot_of_the_letters() -> None:
    points, pen_down = line()
    lines = turning_lines(points + [7.0, 30.0], ends_of(pen_down), 0.1, 9.0)
    assert lines is not None
    assert lines.apart == pytest.approx(1.0, abs=0.1)
    over = lines.heights_over(points + [7.0, 30.0])
    assert over.max() == pytest.approx(0.5, abs=0.1) and over.min() == pytest.approx(-0.5, abs=0.1)


def test_ink_that_hardly_turns_has_no_such_lines() -> None:
    stroke = np.array([[0.0, 0.0], [9.0, 1.0]])
    assert turning_lines(stroke, np.array([False, True]), 0.1, 9.0) is None


def test_hanging_letters_do_not_move_the_baseline() -> None:
    points, _ = line()
    low = np.stack([np.arange(0.0, 48.0, 2.0), np.zeros(24)], axis=1)
    low[3::5, 1] = -1.5
    baseline = fit_baseline(points, low)
    assert baseline.slope == pytest.approx(0.0, abs=1e-6)
    assert baseline.intercept == pytest.approx(0.0, abs=1e-6)
