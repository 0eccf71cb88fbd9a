"""The distribution of one pen step: a mixture of bivariate Gaussians and a Bernoulli.

Graves 2013, "Generating Sequences With Recurrent Neural Networks", section 4.1, eq. 15-25: the
offset (dx, dy) comes from ``M`` Gaussians with correlation, the end of stroke from a coin.

Shapes: ``M`` mixture components; ``...`` any leading dimensions, such as lines and pen steps.

Numerics. With z the offset from a component's mean in standard deviations and rho = tanh(c), the
exponent of a Gaussian is written

    (zx^2 - 2 rho zx zy + zy^2) / (2 (1 - rho^2))
        = ((zx + zy)^2 (1 + exp(-2c)) + (zx - zy)^2 (1 + exp(2c))) / 8

and its normaliser -log(1 - rho^2) / 2 = log cosh(c), so that no 1 - rho^2 is ever subtracted,
divided by or guarded. Instead of an epsilon in the density, which then would not integrate to 1,
the family itself is bounded: ``|log sigma| <= MAX_LOG_SIGMA`` and ``|c| <= MAX_CORRELATION_LOGIT``,
where a raw output beyond the bound counts as the bound (and gets no gradient). Within these bounds
log-probabilities and their gradients are finite in float32 as long as means and targets are below
about 1e5 in absolute value, whatever the raw outputs are.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_LOG_SIGMA = 15.0
"""Standard deviations lie in [exp(-15), exp(15)], 3e-7 to 3e6 normalised units."""

MAX_CORRELATION_LOGIT = 8.0
"""Correlations lie in [-tanh(8), tanh(8)]: 1 - |rho| is at least 2e-7."""

NOISE_SIZE = 4
"""Numbers of noise that one sample takes, see ``BivariateMixture.sample_from_noise``."""

_LOG_TWO = math.log(2)
_LOG_TWO_PI = math.log(2 * math.pi)


def mixture_output_size(num_mixtures: int) -> int:
    """Raw network outputs that a mixture of ``num_mixtures`` components takes."""
    return 6 * num_mixtures + 1


@dataclass(frozen=True, eq=False)
class BivariateMixture:
    """Mixtures of bivariate Gaussians over (dx, dy), each with a Bernoulli end of stroke.

    Attributes:
        log_weights: ``[..., M]``, logs of the mixture weights; they sum to 1 over ``M``.
        means: ``[..., M, 2]``, in the unit of the offsets (normalised).
        log_sigmas: ``[..., M, 2]``, logs of the standard deviations.
        correlation_logits: ``[..., M]``; the correlation is their tanh.
        end_of_stroke_logits: ``[...]``; the probability of an end of stroke is their sigmoid.
    """

    log_weights: Tensor
    means: Tensor
    log_sigmas: Tensor
    correlation_logits: Tensor
    end_of_stroke_logits: Tensor

    @classmethod
    def from_output(cls, raw: Tensor) -> "BivariateMixture":
        """Mixtures from raw network outputs ``[..., 6M + 1]`` (Graves 2013, eq. 18-22).

        The columns are: end of stroke (1), weights (M), means x, y (M each), log-sigmas x, y
        (M each), correlations (M). Graves's end of stroke is the sigmoid of minus its output; here
        of plus. Half-precision outputs become float32, so the mixture never is less.
        """
        num_mixtures = (raw.shape[-1] - 1) // 6
        if raw.shape[-1] != mixture_output_size(num_mixtures):
            raise ValueError(f"a mixture takes 6M + 1 outputs, got {raw.shape[-1]}")
        if raw.dtype in (torch.float16, torch.bfloat16):
            raw = raw.float()
        m = num_mixtures
        end_of_stroke, weights, means, scales = raw.split([1, m, 2 * m, 3 * m], dim=-1)
        log_sigmas, correlations = scales.split([2 * m, m], dim=-1)
        log_sigmas = log_sigmas.clamp(-MAX_LOG_SIGMA, MAX_LOG_SIGMA)
        return cls(
            log_weights=F.log_softmax(weights, dim=-1),
            means=_pairs(means),  # [..., M, 2]
            log_sigmas=_pairs(log_sigmas),  # [..., M, 2]
            correlation_logits=correlations.clamp(-MAX_CORRELATION_LOGIT, MAX_CORRELATION_LOGIT),
            end_of_stroke_logits=end_of_stroke.squeeze(-1),
        )

    @property
    def num_mixtures(self) -> int:
        """``M``."""
        return self.log_weights.shape[-1]

    @property
    def correlations(self) -> Tensor:
        """``[..., M]``, in (-1, 1)."""
        return self.correlation_logits.tanh()

    @property
    def end_of_stroke_probability(self) -> Tensor:
        """``[...]``, in [0, 1]."""
        return self.end_of_stroke_logits.sigmoid()

    def log_prob(self, target: Tensor) -> Tensor:
        """Log-density ``[...]`` in nats of pen steps ``[..., 3]`` (eq. 23-26)."""
        return self.log_prob_offsets(target[..., 1:]) + self.log_prob_end_of_stroke(target[..., 0])

    def log_prob_offsets(self, offsets: Tensor) -> Tensor:
        """Log-density ``[...]`` of the offsets ``[..., 2]`` alone."""
        log_sigma_x, log_sigma_y = self.log_sigmas.unbind(-1)
        mean_x, mean_y = self.means.unbind(-1)
        zx = (offsets[..., :1] - mean_x) * torch.exp(-log_sigma_x)
        zy = (offsets[..., 1:] - mean_y) * torch.exp(-log_sigma_y)
        double_logits = 2 * self.correlation_logits
        along = (zx + zy).square() * (1 + torch.exp(-double_logits))
        across = (zx - zy).square() * (1 + torch.exp(double_logits))
        log_cosh = F.softplus(double_logits) - self.correlation_logits  # + log 2
        log_scale = self.log_weights + log_cosh - log_sigma_x - log_sigma_y
        components = log_scale - (along + across) / 8
        return components.logsumexp(dim=-1) - (_LOG_TWO + _LOG_TWO_PI)

    def log_prob_end_of_stroke(self, end_of_stroke: Tensor) -> Tensor:
        """Log-probability ``[...]`` of the ends of stroke ``[...]``, 0 or 1, alone."""
        return F.logsigmoid((2 * end_of_stroke - 1) * self.end_of_stroke_logits)

    def mean(self) -> Tensor:
        """Mean offset ``[..., 2]``."""
        return (self.log_weights.exp().unsqueeze(-1) * self.means).sum(dim=-2)

    def with_bias(self, bias: float | Tensor) -> "BivariateMixture":
        """The same mixtures sharpened by a sampling bias (Graves 2013, section 5.4, eq. 61-62).

        Args:
            bias: at least 0, where 0 changes nothing; a number, or a tensor of the mixture's
                leading shape ``[...]``.
        """
        if not isinstance(bias, Tensor):
            if bias < 0:
                raise ValueError(f"a sampling bias is at least 0, got {bias}")
            if bias == 0:
                return self
            bias = torch.full_like(self.end_of_stroke_logits, bias)
        bias = bias.unsqueeze(-1)
        return BivariateMixture(
            log_weights=F.log_softmax(self.log_weights * (1 + bias), dim=-1),
            means=self.means,
            log_sigmas=self.log_sigmas - bias.unsqueeze(-1),
            correlation_logits=self.correlation_logits,
            end_of_stroke_logits=self.end_of_stroke_logits,
        )

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Pen steps ``[..., 3]``, rows (end_of_stroke, dx, dy).

        Args:
            generator: on any device; the noise is drawn there. Default: torch's own.
        """
        shape = self.end_of_stroke_logits.shape
        device = generator.device if generator is not None else self.log_weights.device
        noise = draw_noise(shape, generator, device, self.log_weights.dtype)
        return self.sample_from_noise(noise.to(self.log_weights.device))

    def sample_from_noise(self, noise: Tensor) -> Tensor:
        """Pen steps ``[..., 3]`` that given noise makes.

        Args:
            noise: ``[..., 4]``: two numbers uniform in [0, 1), that choose the component and the
                end of stroke, and two from the standard normal distribution, for the offset.
        """
        component = self._component_at(noise[..., 0]).unsqueeze(-1)  # [..., 1]
        pair = component.unsqueeze(-1).expand(*component.shape, 2)  # [..., 1, 2]
        means = self.means.gather(-2, pair).squeeze(-2)  # [..., 2]
        sigmas = self.log_sigmas.gather(-2, pair).squeeze(-2).exp()  # [..., 2]
        logits = self.correlation_logits.gather(-1, component).squeeze(-1)
        normal_x, normal_y = noise[..., 2], noise[..., 3]
        # sqrt(1 - rho^2) = 1 / cosh(c) keeps its precision where rho rounds to 1.
        correlated_y = logits.tanh() * normal_x + normal_y / logits.cosh()
        offsets = means + sigmas * torch.stack([normal_x, correlated_y], dim=-1)
        ends = noise[..., 1] < self.end_of_stroke_probability
        return torch.cat([ends.unsqueeze(-1).to(offsets.dtype), offsets], dim=-1)

    def _component_at(self, uniform: Tensor) -> Tensor:
        """Index ``[...]`` of the component whose share of [0, 1) holds ``uniform`` ``[...]``."""
        cumulative = self.log_weights.exp().cumsum(dim=-1)
        threshold = uniform.unsqueeze(-1) * cumulative[..., -1:]
        return (cumulative <= threshold).sum(dim=-1).clamp(max=self.num_mixtures - 1)


def draw_noise(
    shape: tuple[int, ...] | torch.Size,
    generator: torch.Generator | None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Noise ``[*shape, 4]`` for ``BivariateMixture.sample_from_noise``."""
    half = (*shape, NOISE_SIZE // 2)
    uniform = torch.rand(half, generator=generator, device=device, dtype=dtype)
    normal = torch.randn(half, generator=generator, device=device, dtype=dtype)
    return torch.cat([uniform, normal], dim=-1)


def _pairs(columns: Tensor) -> Tensor:
    """``[..., 2M]`` (all of x, then all of y) as ``[..., M, 2]``: a view in which each axis stays
    contiguous, which the arithmetic of the density reads faster."""
    pairs: Tensor = columns.unflatten(-1, (2, -1)).transpose(-1, -2)
    return pairs
