"""Confidences that mean what they say: of all that is read with one of 0.9, nine tenths are right.

For each level (character, word, line) a logistic regression on ``evidence.FEATURES`` ranks what was
read, and an isotonic regression (Zadrozny and Elkan 2002) turns its rank into the share that was
right among validation lines. A JSON file beside a recogniser's weights has the numbers.

Shapes: ``B`` units, ``F`` features, ``M`` knots.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.errors import DataError
from handwriting.files import read_regular_file, whole_file
from handwriting.readings.evidence import FEATURES, Evidence, product, unit_features
from handwriting.readings.text_likeness import TEXT_FEATURES, is_short

LEVELS = ("character", "word", "line")
FORMAT, VERSION = "handwriting-calibration", 2
SUFFIX = ".calibration.json"
_MOST_KNOTS = 1000


@dataclass(frozen=True)
class Logistic:
    """A logistic regression on features that are made comparable first.

    Attributes:
        means, scales: ``F`` of the features.
        weights: ``F``.
        bias: log-odds of the average.
    """

    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """float64 ``[B]`` of features ``[B, F]``."""
        level = (features - np.array(self.means)) / np.array(self.scales)
        odds: np.ndarray = level @ np.array(self.weights) + self.bias
        return odds


@dataclass(frozen=True)
class Level:
    """Calibration of one level.

    Attributes:
        ranking: ranks units by how sure they are.
        knots: log-odds of the ranking, growing, ``M``.
        shares: the share that is right at each knot, not falling, ``M``; straight lines between.
    """

    ranking: Logistic
    knots: tuple[float, ...]
    shares: tuple[float, ...]

    def confidence(self, features: np.ndarray) -> np.ndarray:
        """float64 ``[B]``, from 0 to 1, of features ``[B, F]``."""
        odds = self.ranking.log_odds(features)
        found: np.ndarray = np.interp(odds, self.knots, self.shares)
        return found


@dataclass(frozen=True)
class TextLikeness:
    """Tells text from drawings: by one regression what was read as one or two characters, such as a
    circle, by another all else.

    Attributes:
        short, long: on ``text_likeness.TEXT_FEATURES``; above 0 is text.
    """

    short: Logistic
    long: Logistic

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """float64 ``[B]`` of features ``[B, F]``."""
        return np.where(
            is_short(features), self.short.log_odds(features), self.long.log_odds(features)
        )


@dataclass(frozen=True)
class Calibration:
    """Meaning of a recogniser's confidence.

    Attributes:
        levels: by their names in ``LEVELS``.
        text: tells text from drawings; None where unknown.
        about: plain values that say how it was found out.
    """

    levels: Mapping[str, Level]
    text: TextLikeness | None
    about: Mapping[str, Any]

    def confidences(
        self, level: str, evidence: Evidence, spans: Sequence[tuple[int, int]]
    ) -> list[float]:
        """Return how likely each span of a line's text is right, from 0 to 1."""
        if not spans:
            return []
        found = self.levels[level].confidence(unit_features(evidence, spans))
        return [float(value) for value in found]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "about": dict(self.about),
            "features": list(FEATURES),
            "levels": {
                name: {
                    "ranking": vars(level.ranking),
                    "knots": level.knots,
                    "shares": level.shares,
                }
                for name, level in self.levels.items()
            },
            "text_features": list(TEXT_FEATURES),
            "text": None
            if self.text is None
            else {"short": vars(self.text.short), "long": vars(self.text.long)},
        }


def plain_confidences(evidence: Evidence, spans: Sequence[tuple[int, int]]) -> list[float]:
    """Return the product of the decoder's probabilities over each span: what there is without a
    calibration."""
    return [product(evidence.confidences[begin:end]) for begin, end in spans]


def calibration_path(checkpoint: Path) -> Path:
    """Return where the calibration of a checkpoint is: beside it."""
    return checkpoint.with_name(checkpoint.stem + SUFFIX)


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write the file, whole or not at all."""
    text = json.dumps(calibration.to_dict(), indent=1, allow_nan=False)
    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_calibration(path: Path) -> Calibration:
    """Return the calibration in a file.

    Raises:
        DataError: in one line, the file and what is wrong with it.
    """
    try:
        values = json.loads(read_regular_file(path))
    except (ValueError, RecursionError):
        raise DataError(f"{path}: is no JSON") from None
    try:
        return calibration_of(values)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def calibration_of(values: Any) -> Calibration:
    """Return the calibration that ``Calibration.to_dict`` has made plain values of.

    Raises:
        DataError: what is wrong with them.
    """
    try:
        return _calibration(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        fault = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"is no calibration of a recogniser: {fault}") from None


def _calibration(values: Any) -> Calibration:
    if values["format"] != FORMAT or values["version"] != VERSION:
        raise ValueError(
            f"should be {FORMAT} of version {VERSION}; make it anew with"
            " python -m evaluation.calibrate"
        )
    if values["features"] != list(FEATURES) or values["text_features"] != list(TEXT_FEATURES):
        raise ValueError(
            "it is of other features; make it anew with python -m evaluation.calibrate"
        )
    levels = {name: _level(values["levels"][name]) for name in LEVELS}
    text = values["text"]
    return Calibration(
        levels,
        None if text is None else _text_likeness(text),
        dict(values["about"]),
    )


def _text_likeness(values: Any) -> TextLikeness:
    short, long = (_logistic(values[name], len(TEXT_FEATURES)) for name in ("short", "long"))
    return TextLikeness(short, long)


def _level(values: Any) -> Level:
    knots, shares = _numbers(values["knots"]), _numbers(values["shares"])
    if not 1 <= len(knots) == len(shares) <= _MOST_KNOTS:
        raise ValueError(f"should have 1 to {_MOST_KNOTS} knots, and a share for each")
    if np.any(np.diff(knots) <= 0) or np.any(np.diff(shares) < 0):
        raise ValueError("knots should grow, and shares not fall")
    if not 0 <= shares[0] <= shares[-1] <= 1:
        raise ValueError("shares should be from 0 to 1")
    return Level(_logistic(values["ranking"], len(FEATURES)), knots, shares)


def _logistic(values: Any, number: int) -> Logistic:
    means, scales, weights = (_numbers(values[name]) for name in ("means", "scales", "weights"))
    if {len(means), len(scales), len(weights)} != {number} or min(scales) <= 0:
        raise ValueError(f"should have {number} means, scales above 0 and weights")
    return Logistic(means, scales, weights, _numbers([values["bias"]])[0])


def _numbers(values: Any) -> tuple[float, ...]:
    found = tuple(float(value) for value in values)
    if not all(map(math.isfinite, found)):
        raise ValueError("numbers should be finite")
    return found
