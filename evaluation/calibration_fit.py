"""The mathematics of calibration: logistic and isotonic regression, and measures of how good it is.

Shapes: ``B`` units, ``F`` features.
"""

import numpy as np

from handwriting.readings.calibration import Level, Logistic

_ROUNDS = 50
_PENALTY = 1e-3  # of the squared weights, for each unit
_MOST_GROUPS = 40
_FEWEST_IN_GROUP = 50
# A group's share is as if it had so many units more, of which the logistic regression is right.
_PRIOR = 25.0
_BINS = 15


def fit_logistic(features: np.ndarray, right: np.ndarray) -> Logistic:
    """Return the logistic regression of what is right, by Newton's method.

    Args:
        features: float64 ``[B, F]``.
        right: bool ``[B]``.
    """
    means, scales = features.mean(axis=0), features.std(axis=0)
    scales = np.where(scales > 1e-9, scales, 1.0)
    rows = np.concatenate([(features - means) / scales, np.ones((len(features), 1))], axis=1)
    penalty = np.full(rows.shape[1], _PENALTY * len(rows))
    penalty[-1] = 1e-6
    weights = np.zeros(rows.shape[1])
    for _ in range(_ROUNDS):
        probability = _sigmoid(rows @ weights)
        gradient = rows.T @ (probability - right) + penalty * weights
        spread = np.maximum(probability * (1 - probability), 1e-9)
        hessian = (rows * spread[:, None]).T @ rows + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        weights -= step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return Logistic(
        tuple(means.tolist()),
        tuple(scales.tolist()),
        tuple(weights[:-1].tolist()),
        float(weights[-1]),
    )


def fit_level(features: np.ndarray, right: np.ndarray) -> Level:
    """Return the calibration of one level: units ranked by a logistic regression, and the share
    that is right among those of each rank, never falling.

    Args:
        features: float64 ``[B, F]``, B >= 1.
        right: bool ``[B]``.
    """
    ranking = fit_logistic(features, right)
    odds = ranking.log_odds(features)
    order = np.argsort(odds, kind="stable")
    number = int(np.clip(len(odds) // _FEWEST_IN_GROUP, 1, _MOST_GROUPS))
    groups = np.array_split(order, number)
    centres = np.array([odds[group].mean() for group in groups])
    expected = _sigmoid(odds)
    shares = np.array(
        [
            (right[group].sum() + _PRIOR * expected[group].mean()) / (len(group) + _PRIOR)
            for group in groups
        ]
    )
    rising = isotonic(shares, np.array([len(group) for group in groups], np.float64))
    distinct = np.concatenate([[True], np.diff(centres) > 1e-9])
    return Level(ranking, tuple(centres[distinct].tolist()), tuple(rising[distinct].tolist()))


def isotonic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the values ``[B]`` nearest to those given that never fall, by pooling those that do
    (Ayer et al. 1955)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        size = 1
        while pools and pools[-1][0] >= value:
            before, heavy, number = pools.pop()
            value = (value * weight + before * heavy) / (weight + heavy)
            weight, size = weight + heavy, size + number
        pools.append((value, weight, size))
    return np.concatenate([np.full(size, value) for value, _, size in pools])


def calibration_error(confidences: np.ndarray, right: np.ndarray) -> float:
    """Return the expected calibration error (Guo et al. 2017): the mean difference of confidence
    and share of right ones over 15 bins of equal width, weighted by their units; nan of none."""
    if not len(confidences):
        return float("nan")
    return float(sum(abs(sure - share) * part for sure, share, part in bins(confidences, right)))


def error_by_chance(confidences: np.ndarray, draws: int = 50) -> float:
    """Return the calibration error that so many units have on the average where every confidence is
    the true probability: what no calibration can go below."""
    random = np.random.default_rng(0)
    size = len(confidences)
    found = [calibration_error(confidences, random.random(size) < confidences)
             for _ in range(draws)]  # fmt: skip
    return float(np.mean(found))


def bins(confidences: np.ndarray, right: np.ndarray) -> list[tuple[float, float, float]]:
    """Return mean confidence, share of right ones, and part of all units, of each bin that has
    any."""
    at = np.minimum((confidences * _BINS).astype(int), _BINS - 1)
    return [
        (float(confidences[at == each].mean()), float(right[at == each].mean()),
         float((at == each).mean()))
        for each in range(_BINS)
        if np.any(at == each)
    ]  # fmt: skip


def area_under_curve(scores: np.ndarray, right: np.ndarray) -> float:
    """Return the probability that a right unit has a higher score than a wrong one, half for equal
    ones; nan where all are right, or none."""
    good, bad = np.sort(scores[right]), scores[~right]
    if not len(good) or not len(bad):
        return float("nan")
    below = np.searchsorted(good, bad, side="left")
    above = len(good) - np.searchsorted(good, bad, side="right")
    return float((above + (len(good) - above - below) / 2).mean() / len(good))


def _sigmoid(odds: np.ndarray) -> np.ndarray:
    values: np.ndarray = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
    return values
