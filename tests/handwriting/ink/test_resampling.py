"""Points at even distances, along the ink and in time."""

import numpy as np
import pytest

from handwriting.ink.resampling import (
    evenly_inked,
    resample,
    resample_in_time,
    resample_line,
    resample_to,
)

CORNER = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 0.0], [3.0, 4.0]])  # 7 long, the pen rests once


def steps(points: np.ndarray) -> np.ndarray:
    return np.hypot(*np.diff(points, axis=0).T)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spacing", [0.01, 0.7, 1e3])
def test_points_are_evenly_apart_on_the_stroke_and_keep_its_ends(seed: int, spacing: float) -> None:
    straight = np.sort(np.random.default_rng(seed).uniform(0, 9, (30, 1)), axis=0) * [1.0, 2.0]
    found = resample(straight, spacing)
    np.testing.assert_array_equal(found[[0, -1]], straight[[0, -1]])
    length = np.hypot(*(straight[-1] - straight[0]))
    np.testing.assert_allclose(steps(found), length / max(round(length / spacing), 1))
    np.testing.assert_allclose(found[:, 1], 2 * found[:, 0])


def test_a_corner_is_kept_where_a_point_falls_on_it() -> None:
    np.testing.assert_allclose(resample(CORNER, 1.0)[[0, 3, 7]], CORNER[[0, 1, 3]])


@pytest.mark.parametrize("count", [2, 3, 8, 50])
def test_a_stroke_has_the_number_of_points_that_is_asked_for(count: int) -> None:
    found = resample_to(CORNER, count)
    assert found.shape == (count, 2)
    np.testing.assert_array_equal(found[[0, -1]], CORNER[[0, -1]])
    assert (steps(found) <= 7 / (count - 1) + 1e-9).all()
    np.testing.assert_allclose(resample_to(np.zeros((1, 2)), count), 0.0)


def test_resampling_in_the_unit_of_the_ink_or_another_is_the_same() -> None:
    for function in (resample, evenly_inked):
        np.testing.assert_allclose(1e3 * function(CORNER, 0.4), function(1e3 * CORNER, 400.0))


def test_each_stroke_of_a_line_is_resampled_as_if_alone() -> None:
    dot, other = np.array([[9.0, 9.0]]), CORNER[::-1] + 20.0
    points = np.concatenate([CORNER, dot, other])
    ends = np.isin(np.arange(len(points)), [3, 4, 8])
    found, starts, positions = resample_line(points, ends, 0.5)
    alone = [resample(stroke, 0.5) for stroke in (CORNER, dot, other)]
    np.testing.assert_allclose(found, np.concatenate(alone))
    assert np.flatnonzero(starts).tolist() == [0, len(alone[0]), len(alone[0]) + 1]
    assert positions[0] == 0 and positions[-1] == 8 and (np.diff(positions) > 0).all()
    between = [np.interp(positions, np.arange(len(points)), axis) for axis in points.T]
    np.testing.assert_allclose(np.stack(between, axis=1), found)


def test_a_stroke_of_no_length_is_a_dot() -> None:
    resting = np.full((5, 2), 3.0)
    assert len(resample(resting, 0.1)) == len(evenly_inked(resting, 0.1)) == 1
    trembling = resting + 1e-9 * np.arange(5)[:, None]
    ends = np.arange(5) == 4
    assert len(resample_line(trembling, ends, 0.1, least=1e-6)[0]) == 1


def test_points_that_stand_for_as_much_ink_have_the_mean_of_the_ink() -> None:
    found = evenly_inked(CORNER, 0.01)
    np.testing.assert_allclose(found.mean(axis=0), [(3 * 1.5 + 4 * 3) / 7, 4 * 2 / 7], atol=1e-3)
    straight = np.array([[0.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(evenly_inked(straight, 0.3)[:, 0], [1 / 6, 1 / 2, 5 / 6])


def test_a_pen_that_is_read_less_often_is_where_it_was_then() -> None:
    at = np.arange(101.0)
    stroke = np.stack([at**2, -at], axis=1)
    np.testing.assert_allclose(resample_in_time(stroke, 4.0), stroke[::4])
    np.testing.assert_array_equal(resample_in_time(stroke, 1.0), stroke)
    np.testing.assert_array_equal(resample_in_time(stroke, 70.0), stroke[[0, 70, 100]])
    times = 5.0 + np.array([0.0, 1.0, 1.5, 3.0])
    np.testing.assert_allclose(
        resample_in_time(CORNER, 1.5, times), [[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]]
    )
    assert resample_in_time(CORNER[:1], 1.0).shape == (1, 2)
