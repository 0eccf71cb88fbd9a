"""The base of trainers: epochs, a monitored value, an end."""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Any

from base.registry import did_you_mean
from handwriting.errors import ConfigError


class Monitor:
    """Which epoch was best so far, and how long ago that was.

    Args:
        rule: "min" or "max" and the name of the value, as in "min nll".
        patience: epochs without improvement after which to stop; None for never.
        names: the values there will be.

    Raises:
        ConfigError: the rule is not of this form, or there will be no value of this name.
    """

    def __init__(self, rule: str, patience: int | None, names: Collection[str]) -> None:
        mode, _, self.name = rule.partition(" ")
        if mode not in ("min", "max") or self.name not in names:
            expected = f"must be 'min' or 'max' and one of {', '.join(sorted(names))}"
            hint = did_you_mean(self.name, names)
            raise ConfigError([f"trainer.monitor: {expected}, got {rule!r}{hint}"])
        self._sign = 1 if mode == "min" else -1
        self._patience = patience
        self.best_value: float | None = None
        self.best_epoch: int | None = None
        self.epochs_without_improvement = 0

    def update(self, value: float, epoch: int) -> bool:
        """Take the value of an epoch; true when it is the best so far. A NaN never is."""
        best = math.inf if self.best_value is None else self._sign * self.best_value
        improved = self._sign * value < best
        if improved:
            self.best_value, self.best_epoch = value, epoch
        self.epochs_without_improvement = 0 if improved else self.epochs_without_improvement + 1
        return improved

    @property
    def is_exhausted(self) -> bool:
        """Whether to stop early."""
        return self._patience is not None and self.epochs_without_improvement >= self._patience

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "best": {"value": self.best_value, "epoch": self.best_epoch},
            "early_stop": self.epochs_without_improvement,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of ``state_dict``; other keys of ``state`` are not looked at."""
        self.best_value, self.best_epoch = state["best"]["value"], state["best"]["epoch"]
        self.epochs_without_improvement = state["early_stop"]


class BaseTrainer(ABC):
    """Trains for some epochs, or until a monitored value has stopped improving.

    Args:
        epochs: epochs in all, those before a resume included.
        monitor: the value that decides which epoch is best.

    Attributes:
        epoch: epochs completed.
        monitored: the monitored value of the last completed epoch; None before the first.
    """

    def __init__(self, epochs: int, monitor: Monitor) -> None:
        self.epochs = epochs
        self.monitor = monitor
        self.epoch = 0
        self.monitored: float | None = None

    def train(self) -> None:
        """Train from where the state is to the end."""
        self._start()
        while self.epoch < self.epochs and not self.monitor.is_exhausted:
            values = self._run_epoch()
            self.epoch += 1
            self.monitored = self._monitored_value(values)
            improved = self.monitor.update(self.monitored, self.epoch)
            self._finish_epoch(values, improved)
        self._finish()

    @abstractmethod
    def _start(self) -> None:
        """Called once before the first epoch."""

    @abstractmethod
    def _run_epoch(self) -> dict[str, float]:
        """Train one epoch and validate; returns the values to be kept of it, by name."""

    @abstractmethod
    def _monitored_value(self, values: dict[str, float]) -> float:
        """The value that ``monitor`` follows, among those of an epoch."""

    @abstractmethod
    def _finish_epoch(self, values: dict[str, float], improved: bool) -> None:
        """Called after each epoch, once it is counted and ``monitor`` knows its value."""

    @abstractmethod
    def _finish(self) -> None:
        """Called once after the last epoch."""
