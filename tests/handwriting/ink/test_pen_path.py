"""Points of a pen's path that do not depend on the device."""

import numpy as np
import pytest

from handwriting.ink.pen_path import PathSampling, sampled_path

SAMPLING = PathSampling(smooth=0.05, step=0.5, turn=0.6)


def _loops(number: int) -> np.ndarray:
    """A row of loops of height 1, as of joined letters, read ``number`` times."""
    t = np.linspace(0, 6 * np.pi, number)
    return np.stack([0.25 * t - 0.4 * np.sin(t), 0.5 - 0.5 * np.cos(t)], axis=1)


def _distance(points: np.ndarray, path: np.ndarray) -> float:
    """The greatest distance of ``points`` from a dense path."""
    return float(np.hypot(*(points[:, None] - path[None]).transpose(2, 0, 1)).min(axis=1).max())


@pytest.mark.parametrize("scale", [1.0, 130.0])
def test_slow_and_fast_tablets_give_the_same_points(scale: float):
    slow = sampled_path(scale * _loops(120), scale, SAMPLING) / scale
    fast = sampled_path(scale * _loops(700), scale, SAMPLING) / scale
    assert abs(len(slow) - len(fast)) <= 1
    assert _distance(slow, _loops(5000)) < 0.05
    assert _distance(fast, _loops(5000)) < 0.05


def test_noise_of_a_grid_is_smoothed_away():
    exact = sampled_path(_loops(700), 1.0, SAMPLING)
    coarse = sampled_path(np.round(_loops(700) * 30) / 30, 1.0, SAMPLING)
    assert len(coarse) < 1.3 * len(exact)
    assert _distance(coarse, _loops(5000)) < 0.05


def test_more_points_where_the_path_bends():
    straight = np.stack([np.linspace(0, 4, 200), np.zeros(200)], axis=1)
    assert len(sampled_path(straight, 1.0, SAMPLING)) == 9
    angles = np.linspace(0, 2 * np.pi, 400)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * 4 / (2 * np.pi)
    assert len(sampled_path(circle, 1.0, SAMPLING)) > 1.5 * 9


def test_keeps_ends_and_never_has_more_points_than_the_device_gave():
    stroke = _loops(15)
    points = sampled_path(stroke, 1.0, SAMPLING)
    assert len(points) <= 15
    np.testing.assert_allclose(points[[0, -1]], stroke[[0, -1]], atol=1e-9)


def test_a_dot_is_one_point():
    points = sampled_path(np.array([[3.0, 4], [3.001, 4], [3, 4]]), 1.0, SAMPLING)
    assert points.shape == (1, 2)
