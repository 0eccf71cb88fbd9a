"""Running means over batches, and how training shows that it moves."""

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from tqdm import tqdm

_log = logging.getLogger(__name__)


class RunningMeans:
    """Weighted means of named values, kept as sums in float64.

    Attributes:
        lines: lines seen.
        seconds: time taken.
    """

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._weight = 0.0
        self.lines = 0
        self.seconds = 0.0

    def add(self, means: Mapping[str, float], weight: float, lines: int) -> None:
        """Count a batch: its mean values, the units they are over, its lines."""
        for name, value in means.items():
            self._sums[name] = self._sums.get(name, 0.0) + value * weight
        self._weight += weight
        self.lines += lines

    def means(self) -> dict[str, float]:
        """The means over all that was counted; empty where nothing was."""
        return {name: value / self._weight for name, value in self._sums.items()}

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "sums": dict(self._sums),
            "weight": self._weight,
            "lines": self.lines,
            "seconds": self.seconds,
        }

    @classmethod
    def from_states(cls, states: Iterable[dict[str, Any]]) -> "RunningMeans":
        """The means over all that those with these ``state_dict`` have counted."""
        joined = cls()
        for state in states:
            for name, value in state["sums"].items():
                joined._sums[name] = joined._sums.get(name, 0.0) + value
            joined._weight += state["weight"]
            joined.lines += state["lines"]
            joined.seconds += state["seconds"]
        return joined


class Progress:
    """A progress bar, or log lines now and then, or nothing.

    Args:
        label: what moves.
        total: steps in all.
        done: steps done before.
        bar: whether to draw a bar.
        log_seconds: seconds between log lines where there is no bar; None for neither.
    """

    def __init__(
        self, label: str, total: int, done: int, bar: bool, log_seconds: float | None
    ) -> None:
        self._label = label
        self._total = total
        self._done = self._first = done
        self._log_seconds = log_seconds
        self._started = self._logged = time.perf_counter()
        self._bar = (
            tqdm(total=total, initial=done, desc=label, unit=" steps", dynamic_ncols=True)
            if bar
            else None
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, loss: float) -> None:
        """One step is done; ``loss`` is the mean so far."""
        self._done += 1
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
            self._bar.update()
        elif self._log_seconds is not None:
            self._log_now_and_then(loss, self._log_seconds)

    def _log_now_and_then(self, loss: float, period: float) -> None:
        now = time.perf_counter()
        if now - self._logged < period:
            return
        self._logged = now
        rate = (self._done - self._first) / (now - self._started)
        left = duration((self._total - self._done) / rate)
        where = f"{self._label}, step {self._done}/{self._total}"
        _log.info("%s: loss %.4g, %.1f steps/s, %s left", where, loss, rate, left)


def duration(seconds: float) -> str:
    """``1:02:03`` or ``2:03``, as tqdm writes it."""
    return tqdm.format_interval(seconds)
