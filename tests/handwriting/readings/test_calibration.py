"""Calibrations: their files, and the evidence that they are made on."""

import json
from pathlib import Path

import numpy as np
import pytest

from handwriting.errors import DataError
from handwriting.readings.calibration import (
    LEVELS,
    Calibration,
    Level,
    Logistic,
    TextLikeness,
    calibration_path,
    read_calibration,
    write_calibration,
)
from handwriting.readings.evidence import FEATURES, Evidence, unit_features
from handwriting.readings.text_likeness import TEXT_FEATURES


def logistic(size: int, weight: float = 1.0) -> Logistic:
    return Logistic((0.0,) * size, (1.0,) * size, (weight, *(0.0,) * (size - 1)), 0.5)


def calibration() -> Calibration:
    level = Level(logistic(len(FEATURES)), (-2.0, 0.0, 3.0), (0.1, 0.4, 0.9))
    text = TextLikeness(logistic(len(TEXT_FEATURES), 2.0), logistic(len(TEXT_FEATURES)))
    return Calibration(dict.fromkeys(LEVELS, level), text, {"lines": 5})


def evidence(text: str, ctc_text: str | None, sure: float = 0.9) -> Evidence:
    confidences = np.full(len(text), sure)
    return Evidence(text, confidences, confidences, ctc_text, np.zeros((len(text), 2)), 10)


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = calibration_path(tmp_path / "model_best.pth")
    assert path.name == "model_best.calibration.json"
    write_calibration(calibration(), path)
    assert read_calibration(path) == calibration()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 1}, "of version 2; make it anew with python -m evaluation.calibrate"),
        ({"features": ["other"]}, "make it anew with python -m evaluation.calibrate"),
        ({"levels": {}}, "lacks 'character'"),
        ({"text": {"short": {"means": []}}}, "lacks 'scales'"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "a.calibration.json"
    path.write_text(json.dumps({**calibration().to_dict(), **change}))
    with pytest.raises(DataError, match=message) as fault:
        read_calibration(path)
    assert "\n" not in str(fault.value) and str(path) in str(fault.value)


@pytest.mark.parametrize(
    ("knots", "shares"),
    [
        ([0, 0], [0.1, 0.2]),
        ([0, 1], [0.2, 0.1]),
        ([0], [1.5]),
        ([], []),
        ([0, float("nan")], [0, 1]),
    ],
)
def test_wrong_knots_are_refused(tmp_path: Path, knots: list[float], shares: list[float]) -> None:
    values = calibration().to_dict()
    values["levels"]["word"].update(knots=knots, shares=shares)
    path = tmp_path / "a.calibration.json"
    path.write_text(json.dumps(values))
    with pytest.raises(DataError, match="is no calibration of a recogniser"):
        read_calibration(path)


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.calibration.json"
    path.write_text("{")
    with pytest.raises(DataError, match="is no JSON"):
        read_calibration(path)


def test_confidence_is_a_probability_that_grows_with_the_ranking() -> None:
    level = calibration().levels["word"]
    odds = np.linspace(-9, 9, 50)
    features = np.zeros((50, len(FEATURES)))
    features[:, 0] = odds
    sure = level.confidence(features)
    assert np.all(np.diff(sure) >= 0) and sure.min() == 0.1 and sure.max() == 0.9


def test_lone_characters_are_told_from_drawings_by_a_rule_of_their_own() -> None:
    text = calibration().text
    assert text is not None
    features = np.zeros((3, len(TEXT_FEATURES)))
    features[:, 0] = 1.0
    features[:, TEXT_FEATURES.index("length")] = np.log1p([1, 2, 3])
    assert text.log_odds(features).tolist() == [2.5, 2.5, 1.5]


def test_characters_that_ctc_reads_otherwise_are_found() -> None:
    assert evidence("to be", "to be").disagreeing().tolist() == [False] * 5
    assert evidence("to be", "to he").disagreeing().tolist() == [False] * 3 + [True, False]
    assert evidence("to be", None).disagreeing().tolist() == [False] * 5
    assert evidence("ab", "abc").disagreeing().tolist() == [False, True]
    assert evidence("", "abc").disagreeing().tolist() == []
    assert evidence("to be", "to he").disagreement() == pytest.approx(0.2)


def test_features_of_a_unit_are_finite_and_say_more_of_surer_ones() -> None:
    for sure in (0.0, 1e-12, 0.5, 1.0):
        found = unit_features(evidence("to be", "to be", sure), [(0, 2), (0, 5)])
        assert found.shape == (2, len(FEATURES)) and np.isfinite(found).all()
    low, high = (unit_features(evidence("ab", "ab", p), [(0, 2)])[0, 0] for p in (0.5, 0.9))
    assert low < high
    assert unit_features(evidence("", None), []).shape == (0, len(FEATURES))
