"""Imperfection of lines."""

import numpy as np
import pytest

from handwriting.pages.drift import line_drift


def test_no_drift_is_none_at_all() -> None:
    drift = line_drift(0.0, 2.0, 5, np.random.default_rng(1))
    assert (drift.height(np.linspace(0, 200, 50)) == 0).all()
    assert (drift.words == 0).all() and (drift.sizes == 1).all() and drift.margin == 0


def test_drift_begins_at_its_margin_is_slow_and_in_proportion() -> None:
    x = np.linspace(0.0, 180.0, 400)
    one, two = (line_drift(amount, 2.0, 9, np.random.default_rng(3)) for amount in (1.0, 2.0))
    assert one.height(x[:1]) == pytest.approx(0.0)
    assert np.allclose(2 * one.height(x), two.height(x))
    assert 0 < np.abs(one.height(x)).max() < 2 * 2.0
    assert np.abs(np.diff(one.height(x)) / np.diff(x)).max() < 0.1
    assert two.margin == pytest.approx(2 * one.margin) and one.margin >= 0


def test_lines_drift_apart_and_the_same_seed_gives_the_same() -> None:
    generator = np.random.default_rng(3)
    first, second = (line_drift(1.0, 2.0, 4, generator) for _ in range(2))
    again = line_drift(1.0, 2.0, 4, np.random.default_rng(3))
    assert first.slope != second.slope
    assert first.slope == again.slope and (first.words == again.words).all()
