"""Drawing one pen step of many lines from raw outputs, in few operations.

Shapes: ``B`` lines, ``M`` mixture components.
"""

import torch
from torch import Tensor

from handwriting.runtime.drawing import MixtureBounds, draw_one
from model.mixture import MAX_CORRELATION_LOGIT, MAX_LOG_SIGMA

_BOUNDS = MixtureBounds(MAX_LOG_SIGMA, MAX_CORRELATION_LOGIT)


def sample_pen_steps(raw: Tensor, bias: Tensor, noise: Tensor) -> Tensor:
    """Draw as ``BivariateMixture.from_output(raw).with_bias(bias).sample_from_noise(noise)`` does,
    beyond rounding; the tests hold the two together. Only the component that is chosen is made a
    Gaussian of.

    Args:
        raw: ``[B, 6M+1]``, see ``BivariateMixture.from_output``.
        bias: ``[B]``, at least 0.
        noise: ``[B, 4]``.

    Returns:
        ``[B, 3]``, rows (end_of_stroke, dx, dy).
    """
    bias = bias.unsqueeze(1)
    num_mixtures = (raw.shape[1] - 1) // 6
    by_kind = raw[:, 1:].unflatten(1, (6, num_mixtures))  # [B, 6, M]
    log_weights = by_kind[:, 0]
    shares = torch.addcmul(log_weights, log_weights, bias).softmax(dim=1).cumsum(dim=1)  # [B, M]
    threshold = noise[:, :1] * shares[:, -1:]
    component = torch.searchsorted(shares, threshold, right=True).clamp_(max=num_mixtures - 1)
    chosen = by_kind.gather(2, component.unsqueeze(1).expand(-1, 6, 1)).squeeze(2)  # [B, 6]
    _, means, log_sigmas, logit = chosen.split([1, 2, 2, 1], dim=1)
    sigmas = (log_sigmas.clamp(-MAX_LOG_SIGMA, MAX_LOG_SIGMA) - bias).exp_()  # [B, 2]
    logit = logit.clamp(-MAX_CORRELATION_LOGIT, MAX_CORRELATION_LOGIT)  # [B, 1]
    normal_x, normal_y = noise[:, 2:].split(1, dim=1)  # [B, 1]
    correlated_y = torch.addcmul(normal_y / logit.cosh(), logit.tanh(), normal_x)
    offsets = torch.addcmul(means, sigmas, torch.cat([normal_x, correlated_y], dim=1))
    ends = noise[:, 1:2] < raw[:, :1].sigmoid()
    return torch.cat([ends.to(raw.dtype), offsets], dim=1)


def sample_one_pen_step(raw: Tensor, bias: Tensor, noise: Tensor) -> Tensor:
    """``sample_pen_steps`` for one line on a CPU, in Python's numbers: for so few, torch takes
    several times as long to begin its operations. ``[1, 6M+1]``, ``[1]``, ``[1, 4]`` to
    ``[1, 3]``."""
    (values,), (numbers,) = raw.tolist(), noise.tolist()
    return raw.new_tensor([draw_one(values, bias.item(), numbers, _BOUNDS)])
