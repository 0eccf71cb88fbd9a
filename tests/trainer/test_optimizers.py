"""Graves's RMSProp by hand, and every optimizer that a config may name."""

import math

import pytest
import torch
from torch import nn

from base.registry import OPTIMIZERS
from trainer.optimizers import GravesRMSprop


def by_hand(gradients: list[float], lr: float, decay: float, momentum: float, eps: float) -> float:
    """Graves 2013, eq. 38-41, for one weight that starts at 0."""
    n = g = update = weight = 0.0
    for gradient in gradients:
        n = decay * n + (1 - decay) * gradient**2
        g = decay * g + (1 - decay) * gradient
        update = momentum * update - lr * gradient / math.sqrt(n - g**2 + eps)
        weight += update
    return weight


@pytest.mark.parametrize("settings", [(1e-4, 0.95, 0.9, 1e-4), (0.5, 0.5, 0.0, 0.3)])
def test_graves_rmsprop_is_the_papers(settings: tuple[float, float, float, float]) -> None:
    weights = [nn.Parameter(torch.zeros((), dtype=torch.float64)) for _ in range(2)]
    unused = nn.Parameter(torch.ones(2))
    lr, decay, momentum, eps = settings
    optimizer = GravesRMSprop([*weights, unused], lr, decay, momentum, eps)
    gradients = [[0.3, -2.0, 1.5, 1e-3, 7.0], [-4.0, 0.0, 0.0, 2.5, -1e-6]]
    for step in zip(*gradients, strict=True):
        for weight, gradient in zip(weights, step, strict=True):
            weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
    for weight, steps in zip(weights, gradients, strict=True):
        assert weight.item() == pytest.approx(by_hand(steps, *settings), rel=1e-12)
    assert (unused == 1).all()


def test_graves_rmsprop_differs_from_torch_in_where_eps_stands() -> None:
    mine, torchs = (nn.Parameter(torch.zeros(1, dtype=torch.float64)) for _ in range(2))
    optimizers = [
        GravesRMSprop([mine], lr=0.1, eps=1e-4),
        torch.optim.RMSprop([torchs], lr=0.1, alpha=0.95, momentum=0.9, eps=1e-4, centered=True),
    ]
    for weight, optimizer in zip((mine, torchs), optimizers, strict=True):
        weight.grad = torch.full_like(weight, 0.01)
        optimizer.step()
    assert torchs.item() / mine.item() > 4


def test_graves_rmsprop_survives_large_constant_gradients() -> None:
    weight = nn.Parameter(torch.zeros(1000))
    optimizer = GravesRMSprop([weight])
    generator = torch.Generator().manual_seed(0)
    constant = 1e4 * (1 + torch.rand(1000, generator=generator))
    for _ in range(500):
        weight.grad = constant.clone()
        optimizer.step()
    assert weight.isfinite().all()


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_each_lowers_a_quadratic_and_resumes(name: str) -> None:
    def make() -> tuple[nn.Parameter, torch.optim.Optimizer]:
        weight = nn.Parameter(torch.full((3,), 2.0))
        return weight, OPTIMIZERS[name](params=[weight], lr=0.05)

    def train(weight: nn.Parameter, optimizer: torch.optim.Optimizer, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            weight.square().sum().backward()
            optimizer.step()

    weight, optimizer = make()
    train(weight, optimizer, 10)
    assert weight.square().sum() < 11.99
    other, resumed = make()
    train(other, resumed, 6)
    state = resumed.state_dict()
    again, optimizer = make()
    again.data.copy_(other.data)
    optimizer.load_state_dict(state)
    train(again, optimizer, 4)
    assert torch.equal(again, weight)
