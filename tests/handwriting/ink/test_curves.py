"""Curves through points that lie far apart."""

import numpy as np
import pytest

from handwriting.ink.curves import curved


def _circle(number: int) -> np.ndarray:
    angles = np.linspace(0, 1.5 * np.pi, number)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.mark.parametrize("seed", range(40))
def test_goes_through_all_points_in_their_order(seed: int):
    rng = np.random.default_rng(seed)
    stroke = rng.integers(-20, 20, (rng.integers(1, 30), 2)) / rng.choice([1.0, 7.0])
    spacing = rng.uniform(0.05, 10)
    curve, owners = curved(stroke, spacing)
    assert np.isfinite(curve).all() and len(curve) == len(owners)
    assert (np.diff(owners) >= 0).all()
    last = np.concatenate([np.flatnonzero(np.diff(owners)), [len(owners) - 1]])
    np.testing.assert_array_equal(curve[last], stroke)


def test_dense_ink_stays_as_it_is():
    stroke = _circle(200)
    curve, owners = curved(stroke, 0.1)
    np.testing.assert_array_equal(curve, stroke)
    np.testing.assert_array_equal(owners, np.arange(200))


def test_is_nearer_to_the_circle_than_the_chords_are():
    stroke = _circle(8)
    curve, _ = curved(stroke, 0.05)
    radii = np.hypot(*curve.T)
    chord = np.cos(1.5 * np.pi / 7 / 2)
    assert (1 - radii).max() < 0.25 * (1 - chord)
    assert np.hypot(*np.diff(curve, axis=0).T).max() < 0.1


def test_points_that_repeat_and_straight_strokes():
    stroke = np.array([[0.0, 0], [0, 0], [4, 0], [4, 0], [8, 0]])
    curve, _ = curved(stroke, 0.5)
    np.testing.assert_allclose(curve[:, 1], 0, atol=1e-12)
    assert (np.diff(curve[:, 0]) >= 0).all() and curve[-1, 0] == 8
    pair, owners = curved(np.array([[0.0, 0], [1, 1]]), 0.5)
    assert len(pair) == len(owners) == 4
