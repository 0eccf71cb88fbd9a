"""The learning-rate schedules a config may name: those of torch, and warm-up with decay."""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

import trainer.optimizers  # noqa: F401 - a config that names a schedule names an optimizer too
from base.registry import LR_SCHEDULERS
from handwriting.errors import UserError

# Bases and aliases, and those whose arguments are functions or other schedules.
UNFIT = {
    *("LRScheduler", "_LRScheduler", "LambdaLR", "MultiplicativeLR"),
    *("SequentialLR", "ChainedScheduler"),
}
PROVIDED = ("optimizer", "last_epoch", "verbose")
PER_STEP = (lr_scheduler.OneCycleLR, lr_scheduler.CyclicLR)


def _register_torch_schedules() -> None:
    for name, schedule in vars(lr_scheduler).items():
        if inspect.isclass(schedule) and issubclass(schedule, LRScheduler) and name not in UNFIT:
            LR_SCHEDULERS.add(schedule, name, PROVIDED)


_register_torch_schedules()


@LR_SCHEDULERS.register(provided=("optimizer",))
class WarmupDecay(LRScheduler):
    """Rises to the optimizer's learning rate over some steps, then falls; moves every step.

    With ``s`` the number of steps taken, the learning rate is multiplied by
    ``min(1, (s + 1) / warmup_steps)`` and, with ``d = s - warmup_steps`` (at least 0), by

    - ``"none"``: 1
    - ``"linear"``, ``"cosine"``: from 1 to ``final_factor`` at ``d = decay_steps``, a straight line
      or half a cosine, ``final_factor`` after it
    - ``"exponential"``: ``final_factor ** (d / decay_steps)``, and it goes on falling
    - ``"inverse_sqrt"``: ``sqrt(decay_steps / (decay_steps + d))``, and it goes on falling

    Args:
        optimizer: what it steers.
        warmup_steps: steps until the full learning rate; 0 for none.
        decay: the shape of the fall.
        decay_steps: length of the fall in steps.
        final_factor: what is left of the learning rate after ``decay_steps``.
    """

    per_step = True

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        warmup_steps: Annotated[int, Field(ge=0)] = 0,
        decay: Literal["none", "linear", "cosine", "exponential", "inverse_sqrt"] = "none",
        decay_steps: Annotated[int, Field(ge=1)] = 10000,
        final_factor: Annotated[float, Field(gt=0, le=1)] = 0.1,
    ) -> None:
        self.warmup_steps = warmup_steps
        self.decay = decay
        self.decay_steps = decay_steps
        self.final_factor = final_factor
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        """Return the factor of the learning rate after ``step`` steps."""
        warmup = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        return warmup * self._decay(max(0, step - self.warmup_steps))

    def _decay(self, step: int) -> float:
        share = min(1.0, step / self.decay_steps)
        if self.decay == "linear":
            return 1 + (self.final_factor - 1) * share
        if self.decay == "cosine":
            return self.final_factor + (1 - self.final_factor) * (1 + math.cos(math.pi * share)) / 2
        if self.decay == "exponential":
            return float(self.final_factor ** (step / self.decay_steps))
        if self.decay == "inverse_sqrt":
            return math.sqrt(self.decay_steps / (self.decay_steps + step))
        return 1.0

    def get_lr(self) -> list[float | Tensor]:
        """The learning rate of each parameter group, from the number of steps alone."""
        return [rate * self.factor(self.last_epoch) for rate in self.base_lrs]


class Schedule:
    """When a scheduler moves: after each step, or after each epoch with the monitored value.

    ``OneCycleLR``, ``CyclicLR`` and those with a true attribute ``per_step`` move each step. Their
    ``UserError`` says so when training is longer than a schedule was made for.

    Args:
        scheduler: a scheduler of torch, or None for a constant learning rate.
    """

    def __init__(self, scheduler: LRScheduler | None) -> None:
        self._scheduler = scheduler
        self._per_step = isinstance(scheduler, PER_STEP) or getattr(scheduler, "per_step", False)

    def after_step(self) -> None:
        """To be called once after each step of the optimizer."""
        if self._scheduler is not None and self._per_step:
            _move(self._scheduler.step)

    def after_epoch(self, monitored: float) -> None:
        """To be called once after each epoch, with the value that is monitored."""
        if self._scheduler is None or self._per_step:
            return
        if isinstance(self._scheduler, lr_scheduler.ReduceLROnPlateau):
            _move(functools.partial(self._scheduler.step, monitored))
        else:
            _move(self._scheduler.step)

    def state_dict(self) -> dict[str, Any] | None:
        """Plain values; None without a scheduler."""
        return None if self._scheduler is None else self._scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """The inverse of ``state_dict``."""
        if self._scheduler is not None and state is not None:
            self._scheduler.load_state_dict(state)


def _move(step: Callable[[], None]) -> None:
    try:
        step()
    except (ValueError, ArithmeticError) as error:  # such as a period of 0, from a checkpoint
        raise UserError(f"lr_scheduler: {error}") from None
