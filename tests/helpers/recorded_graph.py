"""A stand-in for CUDA graphs on the CPU: it records torch operations and replays them.

As a graph does, it replays operations on the very tensors of the capture, with every Python value
as it was then, and refuses operations that would wait for a value.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Callable, tuple, dict, Any]] = []

    def __torch_dispatch__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if function is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        result = function(*args, **(kwargs or {}))
        self.calls.append((function, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        with torch.no_grad():
            for function, args, kwargs, recorded in self.calls:
                result = function(*args, **kwargs)
                for old, new in zip(tree_leaves(recorded), tree_leaves(result), strict=True):
                    if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class RecordedGraphs:
    """Stands in for ``graphs.capture``.

    Attributes:
        captures, replays: how many there were.
    """

    def __init__(self) -> None:
        self.captures = self.replays = 0

    def __call__(self, body: Callable[[], None], device: torch.device) -> Callable[[], None]:
        self.captures += 1
        body()
        recorder = _Recorder()
        with recorder:
            body()

        def replay() -> None:
            self.replays += 1
            recorder.replay()

        return replay
