"""Drawing pen steps from a mixture of Gaussians, and their density (Graves 2013, eq. 18-26, 61-62).

Shapes: ``B`` lines, ``M`` mixture components.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

_MOST_EXPONENT = 700.0  # math.exp of more raises an error
_LOG_FOUR_PI = math.log(4 * math.pi)


@dataclass(frozen=True)
class MixtureBounds:
    """Bounds of the mixture's raw outputs, in absolute value; see ``model.mixture``.

    Attributes:
        max_log_sigma: of the logs of standard deviations.
        max_correlation_logit: of correlations before tanh.
    """

    max_log_sigma: float = 15.0
    max_correlation_logit: float = 8.0


def draw_one(
    raw: Sequence[float], bias: float, noise: Sequence[float], bounds: MixtureBounds
) -> tuple[float, float, float]:
    """Draw the pen step (end_of_stroke, dx, dy) of one line, in Python's numbers: for so few, they
    are quicker than arrays.

    Args:
        raw: ``6M+1`` raw outputs: end of stroke logit, then M each of mixture weight logits, means
            x, y, log standard deviations x, y, correlations before tanh.
        bias: of the sampling, at least 0.
        noise: two numbers uniform in [0, 1), two from the standard normal distribution.
        bounds: of the raw outputs.
    """
    num_mixtures = (len(raw) - 1) // 6
    uniform, of_end, normal_x, normal_y = noise
    log_weights = raw[1 : num_mixtures + 1]
    top = max(log_weights)
    shares = list(accumulate(math.exp((value - top) * (1 + bias)) for value in log_weights))
    component = min(bisect_right(shares, uniform * shares[-1]), num_mixtures - 1)
    _, mean_x, mean_y, *log_sigmas, logit = raw[1 + component :: num_mixtures]
    sigma_x, sigma_y = (
        math.exp(_bounded(log_sigma, bounds.max_log_sigma) - bias) for log_sigma in log_sigmas
    )
    logit = _bounded(logit, bounds.max_correlation_logit)
    correlated_y = math.tanh(logit) * normal_x + normal_y / math.cosh(logit)
    is_end = of_end < 1 / (1 + math.exp(-_bounded(raw[0], _MOST_EXPONENT)))
    return float(is_end), mean_x + sigma_x * normal_x, mean_y + sigma_y * correlated_y


def draw_many(
    raw: np.ndarray, bias: np.ndarray, noise: np.ndarray, bounds: MixtureBounds
) -> np.ndarray:
    """Return the pen steps ``[B, 3]`` of many lines: ``draw_one`` of each.

    Args:
        raw: float32 ``[B, 6M+1]``.
        bias: float32 ``[B]``.
        noise: float32 ``[B, 4]``.
        bounds: of the raw outputs.
    """
    lines, num_mixtures = np.arange(len(raw)), (raw.shape[1] - 1) // 6
    by_kind = raw[:, 1:].reshape(len(raw), 6, num_mixtures)
    scaled = by_kind[:, 0] * (1 + bias)[:, None]
    shares = np.exp(scaled - scaled.max(axis=1, keepdims=True)).cumsum(axis=1)  # [B, M]
    component = (shares <= noise[:, :1] * shares[:, -1:]).sum(axis=1)
    chosen = by_kind[lines, :, np.minimum(component, num_mixtures - 1)]  # [B, 6]
    limit = np.float32(bounds.max_log_sigma)
    sigmas = np.exp(np.clip(chosen[:, 3:5], -limit, limit) - bias[:, None])
    limit = np.float32(bounds.max_correlation_logit)
    logit = np.clip(chosen[:, 5], -limit, limit)
    drawn = np.empty((len(raw), 3), raw.dtype)
    drawn[:, 0] = noise[:, 1] < 0.5 + 0.5 * np.tanh(0.5 * raw[:, 0])
    drawn[:, 1] = noise[:, 2]
    drawn[:, 2] = np.tanh(logit) * noise[:, 2] + noise[:, 3] / np.cosh(logit)
    drawn[:, 1:] *= sigmas
    drawn[:, 1:] += chosen[:, 1:3]
    return drawn


def log_prob(raw: np.ndarray, steps: np.ndarray, bounds: MixtureBounds) -> np.ndarray:
    """Return the log-densities ``[...]`` of pen steps ``[..., 3]`` under raw outputs
    ``[..., 6M+1]``, without a bias; the numerics are those of ``model.mixture``."""
    by_kind = raw[..., 1:].reshape(*raw.shape[:-1], 6, -1)
    logits, mean_x, mean_y, log_x, log_y, correlation = np.moveaxis(by_kind, -2, 0)
    log_x, log_y = (
        np.clip(each, -bounds.max_log_sigma, bounds.max_log_sigma) for each in (log_x, log_y)
    )
    limit = bounds.max_correlation_logit
    double = 2 * np.clip(correlation, -limit, limit)
    zx = (steps[..., 1, None] - mean_x) * np.exp(-log_x)
    zy = (steps[..., 2, None] - mean_y) * np.exp(-log_y)
    along = np.square(zx + zy) * (1 + np.exp(-double))
    across = np.square(zx - zy) * (1 + np.exp(double))
    log_cosh = np.logaddexp(0, double) - double / 2  # + log 2
    logs = logits + log_cosh - log_x - log_y - (along + across) / 8
    of_offsets = _log_sum(logs) - _log_sum(logits) - _LOG_FOUR_PI
    of_end = -np.logaddexp(0, (1 - 2 * steps[..., 0]) * raw[..., 0])
    total: np.ndarray = of_offsets + of_end
    return total


def _log_sum(logs: np.ndarray) -> np.ndarray:
    top = logs.max(axis=-1, keepdims=True)
    summed: np.ndarray = np.log(np.exp(logs - top).sum(axis=-1)) + top[..., 0]
    return summed


def _bounded(value: float, most: float) -> float:
    return min(max(value, -most), most)
