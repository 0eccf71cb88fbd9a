"""Adaptive weight noise minimises a description length: tested against the definition."""

import math

import pytest
import torch
from torch import Tensor, nn

from model.weight_noise import AdaptiveWeightNoise

NUM_UNITS = 50


@pytest.fixture
def model() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 3).double()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def loss_of(model: nn.Module) -> Tensor:
    inputs = torch.linspace(-1, 1, 20, dtype=torch.float64).view(5, 4)
    return model(inputs).square().mean()


def kl(means: list[Tensor], log_stds: list[Tensor]) -> Tensor:
    """KL divergence between Gaussians, the prior's moments being those of all weights."""
    mean = torch.cat([value.flatten() for value in means])
    std = torch.cat([value.flatten() for value in log_stds]).exp()
    prior_mean = mean.mean()
    prior_std = ((mean - prior_mean).square() + std.square()).mean().sqrt()
    posterior = torch.distributions.Normal(mean, std)
    prior = torch.distributions.Normal(prior_mean, prior_std)
    return torch.distributions.kl_divergence(posterior, prior).sum()


def test_gradients_are_those_of_the_description_length(model) -> None:
    noise = AdaptiveWeightNoise(model.parameters(), NUM_UNITS, initial_std=0.1)
    with torch.no_grad():
        for log_std in noise.log_stds:
            log_std.add_(torch.randn(log_std.shape, generator=seeded(5), dtype=torch.float64))
    noise.perturb(seeded())
    loss_of(model).backward()
    noise.restore()

    means = [parameter.detach().clone().requires_grad_() for parameter in model.parameters()]
    log_stds = [log_std.detach().clone().requires_grad_() for log_std in noise.log_stds]
    generator = seeded()
    sampled = [
        mean + log_std.exp() * torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
        for mean, log_std in zip(means, log_stds, strict=True)
    ]
    names = [name for name, _ in model.named_parameters()]
    weights = dict(zip(names, sampled, strict=True))
    loss = loss_of(lambda x: torch.func.functional_call(model, weights, x))
    (loss + kl(means, log_stds) / NUM_UNITS).backward()
    expected = [value.grad for value in (*means, *log_stds)]
    actual = [value.grad for value in (*model.parameters(), *noise.parameters())]
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-12)


def test_restore_gives_back_the_weights_bit_for_bit(model) -> None:
    before = [parameter.detach().clone() for parameter in model.parameters()]
    noise = AdaptiveWeightNoise(model.parameters(), NUM_UNITS)
    noise.perturb(seeded())
    perturbed = [parameter.detach().clone() for parameter in model.parameters()]
    noise.restore()
    for old, noisy, new in zip(before, perturbed, model.parameters(), strict=True):
        assert not torch.equal(old, noisy)
        assert torch.equal(old, new)


def test_noise_has_the_asked_spread_and_depends_on_the_generator() -> None:
    weights = nn.Parameter(torch.ones(100, 100))
    noise = AdaptiveWeightNoise([weights], NUM_UNITS, initial_std=0.075)
    samples = []
    for seed in (1, 1, 2):
        noise.perturb(seeded(seed))
        samples.append(weights.detach() - 1)
        noise.restore()
    assert samples[0].std().item() == pytest.approx(0.075, rel=0.03)
    assert samples[0].mean().item() == pytest.approx(0, abs=0.004)
    assert torch.equal(samples[0], samples[1])
    assert not torch.equal(samples[0], samples[2])


def test_restore_without_backward_makes_no_gradients(model) -> None:
    noise = AdaptiveWeightNoise(model.parameters(), NUM_UNITS)
    noise.perturb(seeded())
    noise.restore()
    assert all(value.grad is None for value in (*model.parameters(), *noise.parameters()))


def test_frozen_parameters_stay_out(model) -> None:
    model.bias.requires_grad_(False)
    bias = model.bias.clone()
    noise = AdaptiveWeightNoise(model.parameters(), NUM_UNITS)
    noise.perturb(seeded())
    assert torch.equal(model.bias, bias)
    assert [log_std.shape for log_std in noise.log_stds] == [model.weight.shape]


def test_its_state_is_its_standard_deviations(model) -> None:
    noise = AdaptiveWeightNoise(model.parameters(), NUM_UNITS, initial_std=0.2)
    other = AdaptiveWeightNoise(model.parameters(), NUM_UNITS)
    other.load_state_dict(noise.state_dict())
    assert other.log_stds[0][0, 0].item() == pytest.approx(math.log(0.2))
    assert len(noise.state_dict()) == 2  # one a parameter of the model, none of which is included


def test_what_the_data_does_not_need_becomes_noise() -> None:
    """Weights that the loss does not read drift to the prior, those that it reads stay exact."""
    wanted = torch.linspace(-2, 2, 100)
    weights = nn.Parameter(torch.zeros(200))
    noise = AdaptiveWeightNoise([weights], num_units=1000, initial_std=0.1)
    optimizer = torch.optim.Adam([weights, *noise.parameters()], lr=0.02)
    generator = seeded()
    for _ in range(600):
        optimizer.zero_grad()
        noise.perturb(generator)
        (weights[:100] - wanted).square().sum().backward()
        noise.restore()
        optimizer.step()
    stds = noise.log_stds[0].detach().exp()
    assert stds[:100].mean() < 0.05
    assert stds[100:].mean() > 0.5
    torch.testing.assert_close(weights[:100].detach(), wanted, rtol=0, atol=0.1)


def test_order_of_calls_is_checked(model) -> None:
    noise = AdaptiveWeightNoise(model.parameters(), NUM_UNITS)
    with pytest.raises(RuntimeError, match="perturb"):
        noise.restore()
    noise.perturb(seeded())
    with pytest.raises(RuntimeError, match="restore"):
        noise.perturb(seeded())


def test_wrong_settings_are_named(model) -> None:
    with pytest.raises(ValueError, match="got 0, 50"):
        AdaptiveWeightNoise(model.parameters(), NUM_UNITS, initial_std=0)
