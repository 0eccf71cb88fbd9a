"""Fast ways of computing that are held to the plain one before they are used.

A fast way that was compiled for a machine may be wrong on it: a compiler, a processor, a GPU or a
library that nobody has tried. So at its first use in a process it computes something small, results
and gradients, beside the plain way; where they differ, the plain way is used, and a line of the log
says so.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

_log = logging.getLogger(__name__)

# What both ways give, by name: the fast way's and the plain way's.
Pairs = Mapping[str, tuple[Tensor, Tensor]]


class Verified:
    """Whether a fast way may be used; found out once, when it is first asked.

    Args:
        name: of what is computed, for the log.
        compare: computes something small both ways. It runs in a thread of its own, where neither
            autocast nor a gradient mode nor a hook of the caller's is on; it should draw no global
            random numbers.
        tolerance: the largest difference, as a share of the plain result (of norms).
    """

    def __init__(self, name: str, compare: Callable[[], Pairs], tolerance: float) -> None:
        self._name = name
        self._compare = compare
        self._tolerance = tolerance
        self._agrees: bool | None = None
        self._lock = threading.Lock()

    @property
    def is_known(self) -> bool:
        """Whether it was asked before."""
        return self._agrees is not None

    def __bool__(self) -> bool:
        """Whether both ways agree."""
        with self._lock:
            if self._agrees is None:
                fault = self._in_thread()
                self._agrees = fault is None
                if fault is not None:
                    _log.warning("%s: the plain way is used, since %s", self._name, fault)
            return self._agrees

    def _in_thread(self) -> str | None:
        found: list[str | None] = []
        thread = threading.Thread(target=lambda: found.append(self._fault()))
        thread.start()
        thread.join()
        return found[0]

    def _fault(self) -> str | None:
        """Return what differs in the fast way; None where nothing does."""
        try:
            pairs = self._compare()
        except Exception as error:  # Whatever it is, there is a way that works.
            return f"the fast one failed ({_first_line(error)})"
        for name, (fast, plain) in pairs.items():
            difference = relative_difference(fast, plain)
            if not difference <= self._tolerance:
                return f"the fast one's {name} differ by {difference:.2g} of their size"
        return None


def relative_difference(values: Tensor, expected: Tensor) -> float:
    """The norm of the difference as a share of that of what is expected."""
    values, expected = values.detach().double(), expected.detach().double()
    size = float(expected.norm())
    difference = float((values - expected).norm())
    return difference / size if size else difference


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def gradients_of(leaves: Sequence[Tensor]) -> Tensor:
    """Return the gradients of leaves one after the other, flat; those of none are left out."""
    return torch.cat([leaf.grad.flatten() for leaf in leaves if leaf.grad is not None])
