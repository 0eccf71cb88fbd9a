"""The mixture is a probability distribution, and the one that the paper describes.

Shapes: ``N`` steps, ``M`` components.
"""

import math

import pytest
import torch
from torch import Tensor
from torch import distributions as D

from model.mixture import (
    MAX_CORRELATION_LOGIT,
    MAX_LOG_SIGMA,
    BivariateMixture,
    draw_noise,
    mixture_output_size,
)


def random_mixture(
    shape: tuple[int, ...] = (), num_mixtures: int = 4, dtype: torch.dtype = torch.float64
) -> BivariateMixture:
    generator = torch.Generator().manual_seed(3)
    size = (*shape, mixture_output_size(num_mixtures))
    return BivariateMixture.from_output(torch.randn(size, generator=generator, dtype=dtype))


def single_gaussian(log_sigmas: list[float], correlation_logit: float) -> BivariateMixture:
    raw = torch.tensor([0.3, 0.0, 0.5, -0.7, *log_sigmas, correlation_logit], dtype=torch.float64)
    return BivariateMixture.from_output(raw)


def covariances(mixture: BivariateMixture) -> Tensor:
    """``[..., M, 2, 2]`` of the components."""
    sigmas = mixture.log_sigmas.exp()
    correlated = mixture.correlations * sigmas.prod(dim=-1)
    rows = [sigmas[..., 0].square(), correlated, correlated, sigmas[..., 1].square()]
    return torch.stack(rows, dim=-1).unflatten(-1, (2, 2))


def random_steps(num_steps: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    steps = torch.randn(num_steps, 3, generator=generator, dtype=dtype) * 2
    steps[:, 0] = (steps[:, 0] > 0).to(dtype)
    return steps


def test_log_prob_is_that_of_torch_distributions() -> None:
    mixture = random_mixture((50,), 5)
    steps = random_steps(50)
    components = D.MultivariateNormal(mixture.means, covariances(mixture))
    offsets = D.MixtureSameFamily(D.Categorical(logits=mixture.log_weights), components)
    ends = D.Bernoulli(logits=mixture.end_of_stroke_logits)
    expected = offsets.log_prob(steps[:, 1:]) + ends.log_prob(steps[:, 0])
    torch.testing.assert_close(mixture.log_prob(steps), expected, rtol=1e-10, atol=1e-10)


def test_raw_outputs_are_read_in_the_documented_order() -> None:
    raw = torch.arange(13, dtype=torch.float64)
    mixture = BivariateMixture.from_output(raw)
    assert mixture.end_of_stroke_logits == 0
    torch.testing.assert_close(mixture.log_weights, torch.log_softmax(raw[1:3], dim=0))
    assert mixture.means.tolist() == [[3, 5], [4, 6]]
    assert mixture.log_sigmas.tolist() == [[7, 9], [8, 10]]
    assert mixture.correlation_logits.tolist() == [8, 8]  # 11 and 12, cut to the bound


def test_wrong_number_of_outputs_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"6M \+ 1 outputs, got 12"):
        BivariateMixture.from_output(torch.zeros(2, 12))


@pytest.mark.parametrize("correlation_logit", [0.0, 1.0, -3.5, 6.0, -MAX_CORRELATION_LOGIT])
def test_density_integrates_to_one(correlation_logit: float) -> None:
    """Over the plane and both ends of stroke, also when it is next to a line."""
    mixture = single_gaussian([-0.4, 0.6], correlation_logit)
    # Along the main axes of a correlation the density's widths differ; the grid follows them.
    rho = math.tanh(correlation_logit)
    widths = torch.tensor([1 + rho, 1 - rho], dtype=torch.float64).sqrt()
    if correlation_logit < -5 or correlation_logit > 5:
        widths = widths.clamp(min=1 / math.cosh(correlation_logit) / math.sqrt(2))
    line = torch.linspace(-9, 9, 361, dtype=torch.float64)
    along, across = torch.meshgrid(line * widths[0], line * widths[1], indexing="ij")
    z = torch.stack([along + across, along - across], dim=-1) / math.sqrt(2)
    sigmas = mixture.log_sigmas[0].exp()
    offsets = mixture.means[0] + z * sigmas
    area = sigmas.prod() * widths.prod() * (line[1] - line[0]).square()
    total = 0.0
    for end in (0.0, 1.0):
        steps = torch.cat([torch.full_like(offsets[..., :1], end), offsets], dim=-1)
        total += mixture.log_prob(steps).exp().sum() * area
    assert total.item() == pytest.approx(1.0, abs=1e-6)


def test_mixture_of_several_integrates_to_one() -> None:
    mixture = random_mixture(num_mixtures=3)
    line = torch.linspace(-40, 40, 2001, dtype=torch.float64)
    offsets = torch.stack(torch.meshgrid(line, line, indexing="ij"), dim=-1)
    total = mixture.log_prob_offsets(offsets).exp().sum() * (line[1] - line[0]).square()
    assert total.item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("column", range(13))
@pytest.mark.parametrize("value", [-1e4, 1e4])
def test_extreme_outputs_stay_finite(column: int, value: float, dtype: torch.dtype) -> None:
    raw = torch.linspace(-1, 1, 13, dtype=dtype)
    raw = raw.repeat(4, 1)
    raw[:, column] = value
    raw.requires_grad_()
    targets = [[0, 0, 0], [1, 0, 0], [0, 1e4, -1e4], [1, 0.5, 0.5]]
    log_prob = BivariateMixture.from_output(raw).log_prob(torch.tensor(targets, dtype=dtype))
    assert log_prob.isfinite().all()
    log_prob.sum().backward()
    assert raw.grad.isfinite().all()


@pytest.mark.parametrize("sign", [-1e4, 1e4])
def test_all_outputs_extreme_at_once_stay_finite(sign: float) -> None:
    generator = torch.Generator().manual_seed(1)
    raw = sign * torch.randn(200, 25, generator=generator).sign()
    raw.requires_grad_()
    log_prob = BivariateMixture.from_output(raw).log_prob(random_steps(200, torch.float32))
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert raw.grad.isfinite().all()


def test_parameters_keep_to_their_bounds() -> None:
    mixture = BivariateMixture.from_output(torch.full((7,), 1e4))
    assert mixture.log_sigmas.max() == MAX_LOG_SIGMA
    assert mixture.correlation_logits.max() == MAX_CORRELATION_LOGIT


def test_gradient_agrees_with_finite_differences() -> None:
    raw = torch.randn(3, 13, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    raw[0, -2:] = torch.tensor([6.5, -6.5])  # strong correlations
    steps = random_steps(3)
    assert torch.autograd.gradcheck(
        lambda r: BivariateMixture.from_output(r).log_prob(steps), raw.requires_grad_()
    )


def test_float32_follows_float64_at_strong_correlation() -> None:
    """rho^2 rounds to 1 in float32 here; a density that subtracts it from 1 would be infinite."""
    exact = single_gaussian([-1.0, 0.5], 8.0)
    noise = draw_noise((), torch.Generator().manual_seed(0), dtype=torch.float64)
    steps = exact.sample_from_noise(noise).expand(5, 3) + torch.linspace(
        -1e-4, 1e-4, 5, dtype=torch.float64
    ).unsqueeze(1) * torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    rough = BivariateMixture(*(getattr(exact, name).float() for name in vars(exact)))
    torch.testing.assert_close(
        rough.log_prob_offsets(steps[:, 1:].float()).double(),
        exact.log_prob_offsets(steps[:, 1:].float().double()),
        rtol=0.02,
        atol=0.02,
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_outputs_become_float32(dtype: torch.dtype) -> None:
    raw = torch.randn(2, 13, generator=torch.Generator().manual_seed(0)).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        mixture = BivariateMixture.from_output(raw)
        log_prob = mixture.log_prob(random_steps(2, torch.float32))
    assert mixture.means.dtype == log_prob.dtype == torch.float32
    expected = BivariateMixture.from_output(raw.float()).log_prob(random_steps(2, torch.float32))
    assert torch.equal(log_prob, expected)


def test_samples_have_the_mixtures_moments() -> None:
    mixture = random_mixture(num_mixtures=3)
    count = 200_000
    noise = draw_noise((count,), torch.Generator().manual_seed(0), dtype=torch.float64)
    expanded = BivariateMixture(
        *(
            getattr(mixture, name).expand(count, *getattr(mixture, name).shape)
            for name in vars(mixture)
        )
    )
    samples = expanded.sample_from_noise(noise)
    weights = mixture.log_weights.exp()
    mean = mixture.mean()
    spread = mixture.means - mean
    covariance = covariances(mixture) + spread.unsqueeze(-1) * spread.unsqueeze(-2)
    covariance = (weights[:, None, None] * covariance).sum(dim=0)
    error = covariance.diagonal().sqrt() / math.sqrt(count)
    assert ((samples[:, 1:].mean(dim=0) - mean).abs() < 5 * error).all()
    torch.testing.assert_close(samples[:, 1:].T.cov(), covariance, rtol=0.03, atol=0.03)
    ends = samples[:, 0]
    assert set(ends.unique().tolist()) == {0.0, 1.0}
    assert ends.mean().item() == pytest.approx(mixture.end_of_stroke_probability.item(), abs=0.006)


def test_samples_keep_a_strong_correlation() -> None:
    mixture = single_gaussian([0.0, 0.0], -8.0)
    noise = draw_noise((20_000,), torch.Generator().manual_seed(0), dtype=torch.float64)
    parts = (getattr(mixture, name) for name in vars(mixture))
    samples = BivariateMixture(*(part.expand(20_000, *part.shape) for part in parts))
    offsets = samples.sample_from_noise(noise)[:, 1:] - mixture.means[0]
    # Var(x + y) = 2 (1 + rho) = 2 exp(c) / cosh(c)
    expected = 2 * math.exp(-8.0) / math.cosh(8.0)
    assert offsets.sum(dim=1).var().item() == pytest.approx(expected, rel=0.05)


def test_components_are_chosen_by_their_weights() -> None:
    log_weights = torch.tensor([0.0, 0.2, 0.5, 0.3]).double().log()
    mixture = BivariateMixture(
        log_weights=log_weights.expand(5, 4),
        means=torch.arange(4.0).double().view(4, 1).expand(5, 4, 2),
        log_sigmas=torch.full((5, 4, 2), -40.0).double(),
        correlation_logits=torch.zeros(5, 4).double(),
        end_of_stroke_logits=torch.zeros(5).double(),
    )
    noise = torch.zeros(5, 4).double()
    noise[:, 0] = torch.tensor([0.0, 0.19, 0.21, 0.69, 1 - 1e-16])
    assert mixture.sample_from_noise(noise)[:, 1].tolist() == pytest.approx([1, 1, 2, 2, 3])


def test_bias_of_zero_changes_nothing() -> None:
    mixture = random_mixture((7,))
    assert mixture.with_bias(0.0) is mixture
    biased = mixture.with_bias(torch.zeros(7, dtype=torch.float64))
    for name in vars(mixture):
        torch.testing.assert_close(getattr(biased, name), getattr(mixture, name))


def test_bias_follows_the_paper() -> None:
    """Eq. 61: sigma = exp(raw - b); eq. 62: weights = softmax(raw (1 + b))."""
    raw = torch.randn(4, 13, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    mixture, biased = BivariateMixture.from_output(raw), None
    biased = mixture.with_bias(1.5)
    expected = torch.softmax(raw[:, 1:3] * 2.5, dim=-1)
    torch.testing.assert_close(biased.log_weights.exp(), expected)
    ratio = biased.log_sigmas.exp() / mixture.log_sigmas.exp()
    torch.testing.assert_close(ratio, torch.full_like(ratio, math.exp(-1.5)))
    each = mixture.with_bias(torch.tensor([0.0, 1.5, 0.0, 1.5], dtype=torch.float64))
    torch.testing.assert_close(each.log_sigmas[1], biased.log_sigmas[1])
    torch.testing.assert_close(each.log_weights[2], mixture.log_weights[2])


def test_bias_sharpens_samples() -> None:
    mixture = random_mixture((2000,), 1)
    noise = draw_noise((2000,), torch.Generator().manual_seed(0), dtype=torch.float64)
    spreads = [
        (mixture.with_bias(bias).sample_from_noise(noise)[:, 1:] - mixture.means[:, 0]).square()
        for bias in (0.0, 0.5, 2.0)
    ]
    assert spreads[0].mean() > spreads[1].mean() > spreads[2].mean()


def test_negative_bias_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 0, got -1"):
        random_mixture().with_bias(-1)
