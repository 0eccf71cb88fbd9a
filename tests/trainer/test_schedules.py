"""Learning-rate schedules: the shape of the built-in one, and that all of them resume."""

import math
from typing import Any

import pytest
import torch
from tiny_checkpoint import contents
from torch import nn

from base.registry import LR_SCHEDULERS, OPTIMIZERS
from handwriting.errors import UserError
from trainer.checkpointing import load_checkpoint, save_checkpoint
from trainer.schedules import Schedule, WarmupDecay

# Arguments that have no default.
NEEDED: dict[str, dict[str, Any]] = {
    "CosineAnnealingLR": {"T_max": 10},
    "CosineAnnealingWarmRestarts": {"T_0": 3},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 0.5},
    "ExponentialLR": {"gamma": 0.9},
    "MultiStepLR": {"milestones": [2, 6]},
    "OneCycleLR": {"max_lr": 0.5, "total_steps": 30},
    "StepLR": {"step_size": 3},
    "WarmupDecay": {"warmup_steps": 3, "decay": "linear", "decay_steps": 8},
}


def sgd(lr: float = 0.1) -> torch.optim.Optimizer:
    parameter = nn.Parameter(torch.ones(1))
    parameter.grad = torch.ones(1)
    return torch.optim.SGD([parameter], lr=lr, momentum=0.9)


def rates(name: str, optimizer: torch.optim.Optimizer, schedule: Schedule, epochs: int) -> list:
    values = []
    for epoch in range(epochs):
        for _ in range(2):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.after_step()
        schedule.after_epoch(float(epoch < 2))
    return values


@pytest.mark.parametrize("name", list(LR_SCHEDULERS))
def test_each_goes_on_from_a_checkpoint_as_if_never_stopped(tmp_path: Any, name: str) -> None:
    def make() -> tuple[torch.optim.Optimizer, Schedule]:
        optimizer = sgd()
        return optimizer, Schedule(LR_SCHEDULERS[name](optimizer, **NEEDED.get(name, {})))

    whole = rates(name, *make(), 12)
    optimizer, schedule = make()
    first = rates(name, optimizer, schedule, 5)
    state = {"optimizer": optimizer.state_dict(), "scheduler": schedule.state_dict()}
    save_checkpoint(tmp_path / "c.pth", {**contents(), **state})
    state = load_checkpoint(tmp_path / "c.pth")
    optimizer, schedule = make()
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["scheduler"])
    # ReduceLROnPlateau depends on the values, which begin anew here: only the first epochs of
    # it can be compared.
    second = rates(name, optimizer, schedule, 7)
    compared = 2 if name == "ReduceLROnPlateau" else len(second)
    assert (first + second)[: 10 + compared] == whole[: 10 + compared]
    assert len(set(whole)) > 1 or name == "ReduceLROnPlateau"


def test_plateau_follows_the_monitored_value() -> None:
    optimizer = sgd(1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    schedule = Schedule(scheduler)
    seen = []
    for value in (3.0, 2.0, 2.5, 2.5, 2.5, 2.5):
        optimizer.step()
        schedule.after_step()
        schedule.after_epoch(value)
        seen.append(optimizer.param_groups[0]["lr"])
    assert seen == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]


def factors(steps: int, **settings: Any) -> list[float]:
    optimizer = sgd(2.0)
    schedule = Schedule(WarmupDecay(optimizer, **settings))
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"] / 2.0)
        optimizer.step()
        schedule.after_step()
        schedule.after_epoch(0.0)
    return values


def test_warm_up_is_a_straight_line_to_the_full_rate() -> None:
    assert factors(6, warmup_steps=4) == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])
    assert factors(3) == [1, 1, 1]


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        ("linear", [1, 0.8, 0.6, 0.4, 0.2, 0.2]),
        ("cosine", [1, 0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2, 0.6, None, 0.2, 0.2]),
        ("exponential", [1, 0.2**0.25, 0.2**0.5, 0.2**0.75, 0.2, 0.2**1.25]),
        ("inverse_sqrt", [1, 0.8**0.5, (4 / 6) ** 0.5, (4 / 7) ** 0.5, 0.5**0.5, (4 / 9) ** 0.5]),
        ("none", [1] * 6),
    ],
)
@pytest.mark.parametrize("warmup", [0, 5])
def test_decay(decay: str, expected: list[float | None], warmup: int) -> None:
    seen = factors(6 + warmup, warmup_steps=warmup, decay=decay, decay_steps=4, final_factor=0.2)[
        warmup:
    ]
    for got, wanted in zip(seen, expected, strict=True):
        assert wanted is None or got == pytest.approx(wanted)


def test_no_scheduler_is_a_constant_rate() -> None:
    schedule = Schedule(None)
    schedule.after_step()
    schedule.after_epoch(1.0)
    assert schedule.state_dict() is None


def test_one_cycle_that_is_over_is_the_users_fault() -> None:
    optimizer = sgd()
    schedule = Schedule(LR_SCHEDULERS["OneCycleLR"](optimizer, max_lr=1.0, total_steps=2))
    with pytest.raises(UserError, match="lr_scheduler: .*total"):
        for _ in range(5):
            optimizer.step()
            schedule.after_step()


def test_torch_classes_are_there_by_name() -> None:
    assert {"Adam", "AdamW", "SGD", "RMSprop", "GravesRMSprop"} <= set(OPTIMIZERS)
    assert "LBFGS" not in OPTIMIZERS
    assert {"StepLR", "CosineAnnealingLR", "ReduceLROnPlateau"} <= set(LR_SCHEDULERS)
    assert "LambdaLR" not in LR_SCHEDULERS
