"""Random states: set from a seed, read as plain values, put back, kept through a detour."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch (all devices) with ``seed``."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - what other libraries draw from
    torch.manual_seed(seed)


def make_deterministic() -> None:
    """Have CUDA pick algorithms that give the same bits each time, at some cost in speed.

    To be called before anything runs on a GPU. On the CPU, with the same number of threads, the
    results are the same anyway.
    """
    # cuBLAS reads this when it starts; without it, torch refuses recurrent layers on a GPU.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.use_deterministic_algorithms(True)


def random_state(device: torch.device | str = "cpu") -> dict[str, Any]:
    """The random states of Python, NumPy, torch and ``device``, as tensors and plain values."""
    version, internal, gauss = random.getstate()
    of_numpy = np.random.get_state(legacy=False)  # noqa: NPY002
    keys, position = of_numpy["state"]["key"], of_numpy["state"]["pos"]
    keys = torch.from_numpy(keys.astype(np.int64))
    device = torch.device(device)
    cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return {
        "python": [version, torch.tensor(internal, dtype=torch.int64), gauss],
        "numpy": [keys, position, of_numpy["has_gauss"], of_numpy["gauss"]],
        "torch": torch.get_rng_state(),
        "cuda": cuda,
    }


def restore_random_state(state: dict[str, Any], device: torch.device | str = "cpu") -> None:
    """The inverse of ``random_state``. A GPU keeps its own state when ``state`` is of a CPU."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal.tolist()), gauss))
    keys, position, has_gauss, cached = state["numpy"]
    numpy_state = ("MT19937", keys.numpy().astype(np.uint32), position, has_gauss, cached)
    np.random.set_state(numpy_state)  # noqa: NPY002
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] is not None and torch.device(device).type == "cuda":
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)


@contextmanager
def preserved_random_state(device: torch.device | str = "cpu") -> Iterator[None]:
    """Leaves the random states as they were before the block, whatever the block draws."""
    state = random_state(device)
    try:
        yield
    finally:
        restore_random_state(state, device)
