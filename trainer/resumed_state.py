"""The states of an optimizer and of a schedule from a checkpoint, compared before they are loaded.

torch takes nearly anything for such a state, and fails, or computes something else, steps later.
What a state should look like is asked of a fresh one: keys, kinds of values, shapes.
"""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from handwriting.errors import CheckpointError, UserError
from utils.seeding import preserved_random_state


class Stateful(Protocol):
    """A part with a state, such as a schedule."""

    def state_dict(self) -> dict[str, Any] | None: ...

    def load_state_dict(self, state: dict[str, Any] | None) -> None: ...


@contextmanager
def fits(path: Path, field: str) -> Iterator[None]:
    """Say in one line, with the file and the field, that a part of a checkpoint does not fit.

    Raises:
        CheckpointError: in place of any other exception of the block.
    """
    try:
        yield
    except UserError as error:
        raise CheckpointError(f"{path}: {field}: {error}") from None
    except Exception as error:
        # A state that is not of its part can fail anywhere in it, with any exception.
        reason = (str(error).splitlines() or [""])[0]
        raise CheckpointError(
            f"{path}: {field}: does not fit here ({type(error).__name__}: {reason[:200]})"
        ) from None


def load_schedule(schedule: Stateful, state: dict[str, Any] | None) -> None:
    """Give a schedule its state; ``ValueError`` for one that is not of such a schedule.

    Keys that the schedule does not have, such as those of another version of torch, are left out.
    """
    fresh = schedule.state_dict()
    if fresh is None or state is None:
        if (fresh is None) != (state is None):
            raise ValueError("should be there exactly where there is a schedule")
        return
    if "last_epoch" in fresh and "last_epoch" not in state:
        raise ValueError("last_epoch: is missing")
    kept = {key: value for key, value in state.items() if key in fresh}
    for key, value in kept.items():
        if (problem := _problem(value, fresh[key])) is not None:
            raise ValueError(f"{key}: {problem}")
    schedule.load_state_dict(kept)


def load_optimizer(
    optimizer: torch.optim.Optimizer, state: dict[str, Any], path: Path, stepped: bool
) -> None:
    """Give an optimizer its state.

    Args:
        optimizer: not used so far.
        state: as its ``state_dict`` returns it; its form was checked.
        path: of the checkpoint, for messages.
        stepped: whether the state is of an optimizer that has taken a step.

    Raises:
        CheckpointError: it is not the state of such an optimizer of such weights.
    """
    with fits(path, "optimizer"):
        groups = _checked_groups(optimizer, state["param_groups"])
        expected = _after_a_step(optimizer)
        if expected is not None:
            _check_state(state["state"], expected if stepped else {})
        optimizer.load_state_dict({"state": state["state"], "param_groups": groups})
        if expected is not None:
            _check_next_step(optimizer)


def _checked_groups(
    optimizer: torch.optim.Optimizer, groups: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the groups with the keys that the optimizer's own have."""
    own = optimizer.state_dict()["param_groups"]
    if len(groups) != len(own):
        raise ValueError(f"param_groups: should be {len(own)}, got {len(groups)}")
    checked = []
    for number, (group, fresh) in enumerate(zip(groups, own, strict=True)):
        if group.get("params") != fresh["params"]:
            raise ValueError(f"param_groups.{number}.params: should be those of the model")
        kept = {key: group.get(key, value) for key, value in fresh.items()}
        for key, value in kept.items():
            if (problem := _problem(value, fresh[key])) is not None:
                raise ValueError(f"param_groups.{number}.{key}: {problem}")
        checked.append(kept)
    return checked


def _after_a_step(optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Any]] | None:
    """The state of a copy that has taken a step; None where it takes none this way."""
    try:
        trial = _copy_after_a_step(optimizer)
    except Exception:  # one that needs a closure, or sparse gradients
        return None
    state: dict[int, dict[str, Any]] = trial.state_dict()["state"]
    return state


def _check_next_step(optimizer: torch.optim.Optimizer) -> None:
    """Raise what the next step would, and ``ValueError`` where it would make weights NaN."""
    trial = _copy_after_a_step(optimizer)
    for group in trial.param_groups:
        if not all(bool(torch.isfinite(parameter).all()) for parameter in group["params"]):
            raise ValueError("its next step would make weights that are not finite")


@torch.no_grad()
def _copy_after_a_step(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """A copy, weights included, that has taken a step with gradients of 0."""
    with preserved_random_state():
        trial = copy.deepcopy(optimizer)
        for group in trial.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.zeros_like(parameter)
        trial.step()
    return trial


def _check_state(state: dict[int, dict[str, Any]], expected: dict[int, dict[str, Any]]) -> None:
    for index, values in state.items():
        if index not in expected:
            raise ValueError(f"state.{index}: is of no weight of the model")
        if values.keys() != expected[index].keys():
            names = ", ".join(map(str, expected[index]))
            raise ValueError(f"state.{index}: should have {names}")
        for name, value in values.items():
            problem = _problem(value, expected[index][name])
            if problem is not None:
                raise ValueError(f"state.{index}.{name}: {problem}")


def _problem(value: Any, fresh: Any) -> str | None:
    """Return how a value differs in kind from a fresh one's; None where it does not."""
    if fresh is None or value is None:
        return None
    if isinstance(fresh, Tensor):
        return _tensor_problem(value, fresh)
    if isinstance(fresh, bool) or isinstance(value, bool | Tensor):
        return None if type(value) is type(fresh) else f"should be a {type(fresh).__name__}"
    if isinstance(fresh, int | float):
        return _number_problem(value, fresh)
    if isinstance(fresh, list | tuple):
        if not isinstance(value, list | tuple) or len(value) != len(fresh):
            return f"should be a list of {len(fresh)}"
        problems = (_problem(*pair) for pair in zip(value, fresh, strict=True))
        return next((problem for problem in problems if problem is not None), None)
    if isinstance(fresh, dict):
        same = isinstance(value, dict) and value.keys() == fresh.keys()
        return None if same else "should have other keys"
    return None if isinstance(value, type(fresh)) else f"should be a {type(fresh).__name__}"


def _tensor_problem(value: Any, fresh: Tensor) -> str | None:
    if not isinstance(value, Tensor) or (value.shape, value.dtype) != (fresh.shape, fresh.dtype):
        return f"should be a tensor {list(fresh.shape)} of {fresh.dtype}"
    return None


def _number_problem(value: Any, fresh: float) -> str | None:
    if not isinstance(value, int | float):
        return f"should be a number, got a {type(value).__name__}"
    if math.isnan(value) or (math.isinf(value) and math.isfinite(fresh)):
        return f"should be a finite number, got {value}"
    return None
