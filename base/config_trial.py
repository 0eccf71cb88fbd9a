"""Problems of a config whose values are each of the right type and range.

Some of it only a constructor knows. Torch checks the arguments of its optimizers and schedules
there, and readers theirs; none of these constructors opens a file, so each is called once, on next
to nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from base.config_errors import shown
from base.registry import READERS, did_you_mean
from base.schema import Block, build
from handwriting.errors import ConfigError, UserError


def monitor_lines(monitor: str, metrics: Iterable[str]) -> list[str]:
    """Whether what is monitored is measured: ``monitor`` is "min" or "max" and a name."""
    known = ["loss", *metrics]
    name = monitor.split(" ")[-1]
    if name in known:
        return []
    suggestion = did_you_mean(name, known)
    rule = f"should name one of {', '.join(known)}"
    return [f"trainer.monitor: {rule}, got {shown(monitor)}{suggestion}"]


def trial_lines(data_loader: Block, optimizer: Block, lr_scheduler: Block | None) -> list[str]:
    """Return the complaints of the constructors about these arguments, one line each."""
    lines: list[str] = []
    for name in type(data_loader.args).model_fields:
        block = getattr(data_loader.args, name)
        if isinstance(block, Block) and block.__registry__ is READERS:
            _try(block, {}, f"data_loader.args.{name}", lines)
    if not _builds(optimizer, Optimizer):
        return lines
    parameter = nn.Parameter(torch.zeros(1, 1))
    tried = _try(optimizer, {"params": [parameter]}, "optimizer", lines)
    if tried is not None and lr_scheduler is not None and _builds(lr_scheduler, LRScheduler):
        _try(lr_scheduler, {"optimizer": tried}, "lr_scheduler", lines)
    return lines


def _builds(block: Block, kind: type) -> bool:
    component = block.__registry__[block.type]
    return isinstance(component, type) and issubclass(component, kind)


def _try(block: Block, provided: Mapping[str, Any], path: str, lines: list[str]) -> Any:
    """Build ``block``, or add what is wrong to ``lines`` and return ``None``."""
    try:
        return build(block, provided)
    except (UserError, ValueError, RuntimeError) as error:
        lines.extend(_lines(error, f"{path}.args", block))
        return None


def _lines(error: Exception, path: str, block: Block) -> Iterator[str]:
    if isinstance(error, ConfigError):
        yield from (f"{path}.{problem}" for problem in error.problems)
        return
    message = " ".join(str(error).split()).rstrip(".")
    given = block.args.model_dump(mode="json", exclude_defaults=True)
    yield f"{path}: {message}, got {shown(given)}"
