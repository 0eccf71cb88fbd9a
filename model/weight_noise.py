"""Adaptive weight noise: a Gaussian over the weights in place of the weights.

Graves 2011, "Practical Variational Inference for Neural Networks", as used in Graves 2013, section
4.2: every weight has a mean (the model's parameter) and a standard deviation of its own, both
learned; the noise is drawn anew for every batch. What is minimised is the description length: the
data's negative log-likelihood under noisy weights, plus the KL divergence of the weights' Gaussians
from one common prior Gaussian, whose mean and variance are at their optimum at every step.

Shapes: ``W`` weights in all.
"""

import functools
import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn


class AdaptiveWeightNoise(nn.Module):
    """Learned noise on given parameters.

    Its own parameters, the logs of the standard deviations, go to the optimizer beside the
    model's, and into the checkpoint by ``state_dict``. One training step::

        noise.perturb(generator)         # the model's parameters become a sample of the weights
        criterion(model(batch), batch)["loss"].backward()
        noise.restore()                  # they are the means again; gradients of both are complete
        optimizer.step()

    With the same generator state on every rank the noise is the same there. The gradient for the
    standard deviations is that of the sample itself (w = mean + sigma * noise), which holds for
    the mean loss of a batch; Graves's squared gradients would need those of single lines.

    Args:
        parameters: of the model; those that need no gradient are left out.
        initial_std: standard deviation to start from (Graves 2013: 0.075).
        num_units: how many of what the loss is a mean over (lines, pen steps) the training set
            has. The loss is then the data's cost per unit, and the weights' cost is divided so too.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], num_units: int, initial_std: float = 0.075
    ) -> None:
        super().__init__()
        if initial_std <= 0 or num_units < 1:
            raise ValueError(
                f"initial_std must be positive and num_units at least 1, got {initial_std}, "
                f"{num_units}"
            )
        self.num_units = num_units
        # A plain list: the model's parameters are not this module's.
        self._means = [parameter for parameter in parameters if parameter.requires_grad]
        self.log_stds = nn.ParameterList(
            torch.full_like(mean, math.log(initial_std)) for mean in self._means
        )
        self._saved: list[Tensor] | None = None
        self._noise: list[Tensor] = []

    @torch.no_grad()
    def perturb(self, generator: torch.Generator | None = None) -> None:
        """Replace each parameter by a sample of its Gaussian, until ``restore``."""
        if self._saved is not None:
            raise RuntimeError("the weights are perturbed already: restore() comes first")
        self._saved = [mean.clone() for mean in self._means]
        self._noise = [_normal_like(mean, generator) for mean in self._means]
        for mean, log_std, noise in zip(self._means, self.log_stds, self._noise, strict=True):
            mean.addcmul_(log_std.exp(), noise)

    @torch.no_grad()
    def restore(self) -> None:
        """Put the means back, bit for bit. Where ``backward`` left gradients of the loss, make
        them those of the description length per unit, of means and standard deviations."""
        if self._saved is None:
            raise RuntimeError("the weights are not perturbed: perturb() comes first")
        for mean, saved in zip(self._means, self._saved, strict=True):
            mean.copy_(saved)
        self._saved = None
        if any(mean.grad is not None for mean in self._means):
            self._complete_gradients()
        self._noise = []

    @torch.no_grad()
    def complexity(self) -> Tensor:
        """The weights' cost, a scalar: KL divergence from the prior in nats (Graves 2011, section
        4.2)."""
        _, prior_variance = self._prior()
        num_weights = sum(mean.numel() for mean in self._means)
        # At the optimal prior the quadratic terms add up to W / 2 - W / 2 = 0.
        log_stds = _total(log_std.sum() for log_std in self.log_stds)
        return num_weights * prior_variance.log() / 2 - log_stds

    def _prior(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of the best common prior: the moments of the mixture of all weights'
        Gaussians."""
        num_weights = sum(mean.numel() for mean in self._means)
        prior_mean = _total(mean.sum() for mean in self._means) / num_weights
        spread = _total(
            (mean - prior_mean).square().sum() + (2 * log_std).exp().sum()
            for mean, log_std in zip(self._means, self.log_stds, strict=True)
        )
        return prior_mean, spread / num_weights

    def _complete_gradients(self) -> None:
        """The prior being optimal, its own dependence on the weights drops out of the gradient:
        d KL / d mean = (mean - prior mean) / prior variance and
        d KL / d log sigma = sigma^2 / prior variance - 1."""
        prior_mean, prior_variance = self._prior()
        for mean, log_std, noise in zip(self._means, self.log_stds, self._noise, strict=True):
            loss_gradient = torch.zeros_like(mean) if mean.grad is None else mean.grad
            kl_log_std = (2 * log_std).exp() / prior_variance - 1
            log_std.grad = loss_gradient * noise * log_std.exp() + kl_log_std / self.num_units
            kl_mean = (mean - prior_mean) / prior_variance
            mean.grad = loss_gradient + kl_mean / self.num_units


def _total(scalars: Iterable[Tensor]) -> Tensor:
    """Return the sum of one scalar or more."""
    return functools.reduce(torch.add, scalars)


def _normal_like(tensor: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal noise, drawn where the generator is."""
    device = tensor.device if generator is None else generator.device
    noise = torch.randn(tensor.shape, generator=generator, device=device, dtype=tensor.dtype)
    return noise.to(tensor.device)
