"""The optimizers a config may name: those of torch.optim, and the RMSProp of Graves 2013."""

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, overload

import torch
from pydantic import Field
from torch import Tensor

from base.registry import OPTIMIZERS

# LBFGS evaluates the loss several times a step, SparseAdam wants sparse gradients and Muon takes
# matrices only: none of them can train these models in this loop.
UNFIT = {"Optimizer", "LBFGS", "SparseAdam", "Muon"}


def _register_torch_optimizers() -> None:
    for name, optimizer in vars(torch.optim).items():
        if (
            inspect.isclass(optimizer)
            and issubclass(optimizer, torch.optim.Optimizer)
            and name not in UNFIT
        ):
            OPTIMIZERS.add(optimizer, name, provided=("params",))


_register_torch_optimizers()


@OPTIMIZERS.register(provided=("params",))
class GravesRMSprop(torch.optim.Optimizer):
    """Centred RMSProp with momentum as Graves 2013 has it (eq. 38-45).

    ``torch.optim.RMSprop(centered=True)`` is not the same: it adds ``eps`` after the root and has
    the learning rate outside the momentum, which differs when a schedule changes it.

    Args:
        params: what to optimize.
        lr: step size; the paper's is 1e-4.
        decay: of the running means of the gradient and of its square.
        momentum: share of the last update that is repeated.
        eps: added to the variance under the root, so that it bounds the step at
            ``lr * gradient / sqrt(eps)``.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: Annotated[float, Field(gt=0)] = 1e-4,
        decay: Annotated[float, Field(ge=0, lt=1)] = 0.95,
        momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
        eps: Annotated[float, Field(gt=0)] = 1e-4,
    ) -> None:
        super().__init__(params, {"lr": lr, "decay": decay, "momentum": momentum, "eps": eps})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            used = [parameter for parameter in group["params"] if parameter.grad is not None]
            if used:
                self._update(used, group)
        return loss

    def _update(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [each.grad for each in parameters if each.grad is not None]
        squares, means, updates = self._state_of(parameters)
        weight = 1 - group["decay"]
        torch._foreach_mul_(squares, group["decay"])
        torch._foreach_addcmul_(squares, gradients, gradients, weight)  # eq. 38, 42
        torch._foreach_lerp_(means, gradients, weight)  # eq. 39, 43
        scale = torch._foreach_addcmul(squares, means, means, -1.0)
        # Rounding can leave a variance a little under 0, and more than eps under it when the
        # gradients are large and alike.
        torch._foreach_clamp_min_(scale, 0.0)
        torch._foreach_add_(scale, group["eps"])
        torch._foreach_sqrt_(scale)
        torch._foreach_mul_(updates, group["momentum"])
        torch._foreach_addcdiv_(updates, gradients, scale, -group["lr"])  # eq. 40, 44
        torch._foreach_add_(parameters, updates)  # eq. 41, 45

    def _state_of(self, parameters: list[Tensor]) -> tuple[list[Tensor], ...]:
        names = ("square_mean", "mean", "update")
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter].update({name: torch.zeros_like(parameter) for name in names})
        return tuple([self.state[parameter][name] for parameter in parameters] for name in names)
