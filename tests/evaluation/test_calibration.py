"""Calibration: its mathematics, the drawings it is made on, and the command."""

from pathlib import Path

import numpy as np
import pytest

from evaluation import calibrate
from evaluation.calibration import right_spans
from evaluation.calibration_fit import (
    area_under_curve,
    calibration_error,
    error_by_chance,
    fit_level,
    fit_logistic,
    isotonic,
)
from evaluation.drawn_ink import LEARNT, TESTED, drawn
from handwriting.errors import UserError
from handwriting.readings.calibration import LEVELS, calibration_path, read_calibration
from handwriting.readings.evidence import FEATURES

TRUE_WEIGHTS = np.array([1.5, -0.7, 0.0])


def sample(number: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, the probability that each is right, and whether it is."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(number, 3)) * [1.0, 2.0, 5.0] + [0.0, 3.0, 1.0]
    probability = 1 / (1 + np.exp(-(features @ TRUE_WEIGHTS + 1.0)))
    return features, probability, random.random(number) < probability


def test_logistic_regression_finds_the_weights_of_its_data() -> None:
    features, probability, right = sample(40_000)
    found = fit_logistic(features, right)
    weights = np.array(found.weights) / np.array(found.scales)
    assert weights == pytest.approx(TRUE_WEIGHTS, abs=0.06)
    assert 1 / (1 + np.exp(-found.log_odds(features))) == pytest.approx(probability, abs=0.05)


def test_logistic_regression_bears_separable_and_constant_data() -> None:
    features = np.stack([np.arange(20.0), np.ones(20)], axis=1)
    found = fit_logistic(features, np.arange(20) >= 10)
    assert np.isfinite(found.log_odds(features)).all()
    assert np.array_equal(found.log_odds(features) > 0, np.arange(20) >= 10)


def test_isotonic_regression_is_the_nearest_that_never_falls() -> None:
    """Against the minimax formula of isotonic regression (Barlow et al. 1972, theorem 1.4)."""
    random = np.random.default_rng(1)
    for _ in range(5):
        values, weights = random.normal(size=9), random.uniform(0.5, 2, 9)

        def mean(first: int, last: int, v: np.ndarray = values, w: np.ndarray = weights) -> float:
            return float(np.average(v[first : last + 1], weights=w[first : last + 1]))

        expected = [
            max(min(mean(first, last) for last in range(at, 9)) for first in range(at + 1))
            for at in range(9)
        ]
        assert isotonic(values, weights) == pytest.approx(expected)


def test_a_level_is_calibrated_on_data_it_has_not_seen() -> None:
    features, _, right = sample(20_000)
    level = fit_level(features, right)
    unseen, _, truth = sample(20_000, seed=1)
    sure = level.confidence(unseen)
    assert calibration_error(sure, truth) < 0.02
    assert calibration_error(np.sqrt(sure), truth) > 0.05
    assert np.all(np.diff(level.shares) >= 0) and np.all(np.diff(level.knots) > 0)


def test_measures_of_calibration() -> None:
    assert calibration_error(np.array([0.5, 0.5]), np.array([True, False])) == 0
    assert calibration_error(np.array([0.9, 0.1]), np.array([False, False])) == pytest.approx(0.5)
    few, many = (error_by_chance(np.full(number, 0.5)) for number in (100, 10_000))
    assert many == pytest.approx(few / 10, rel=0.5) and 0 < many < 0.01
    assert area_under_curve(np.array([0.1, 0.5, 0.5, 0.9]), np.array([0, 0, 1, 1], bool)) == 0.875
    assert np.isnan(area_under_curve(np.array([0.1]), np.array([True])))


def test_what_counts_as_right() -> None:
    truth, text = "to be or not", "to he or nat"
    words = [(0, 2), (3, 5), (6, 8), (9, 12)]
    assert right_spans("word", truth, text, words) == [True, False, True, False]
    assert right_spans("line", truth, text, [(0, 12)]) == [False]
    assert right_spans("line", truth, truth, [(0, 12)]) == [True]
    characters = right_spans("character", truth, text, [(at, at + 1) for at in range(12)])
    assert [at for at, right in enumerate(characters) if not right] == [3, 10]
    # A word that was cut in two is two wrong words, though its characters are right.
    assert right_spans("word", "today", "to day", [(0, 2), (3, 6)]) == [False, False]


def test_drawings_are_the_same_for_a_seed_and_of_two_collections() -> None:
    assert not set(LEARNT) & set(TESTED)
    for collection in (LEARNT, TESTED):
        one, again, other = (drawn(collection, 1, seed) for seed in (1, 1, 2))
        assert len(one) == len(collection)
        assert all(np.array_equal(*pair) for pair in zip(one, again, strict=True))
        assert not any(np.array_equal(*pair) for pair in zip(one, other, strict=True))
        for rows in one:
            assert np.isfinite(rows).all() and rows.shape[1] == 3 and rows[-1, 0] == 1
            assert np.ptp(np.cumsum(rows[:, 1:], axis=0), axis=0).max() > 50


def test_the_command_writes_a_calibration_beside_the_checkpoint(
    recogniser: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plot = tmp_path / "plot.png"
    arguments = ["-r", recogniser, "--lines", 6, "--drawings", 1, "--plot", plot]
    calibrate.main([*map(str, arguments), "--device", "cpu"])
    printed = capsys.readouterr().out
    assert "calibration error %" in printed and "refused %" in printed
    found = read_calibration(calibration_path(recogniser))
    assert set(found.levels) == set(LEVELS) and found.text is not None
    assert found.about["lines"] <= 6 and len(found.levels["word"].ranking.weights) == len(FEATURES)
    assert plot.stat().st_size > 5000
    calibration_path(recogniser).unlink()


def test_the_command_refuses_what_cannot_be(recogniser: Path, writer: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (["-r", writer], "needs a model that reads handwriting"),
        (["-r", recogniser, "--split", "none"], "none"),
        (["-r", recogniser, "--out", tmp_path], "is a folder"),
    ):
        with pytest.raises(UserError, match=message) as fault:
            calibrate.main([*map(str, arguments), "--device", "cpu"])
        assert "\n" not in str(fault.value)
