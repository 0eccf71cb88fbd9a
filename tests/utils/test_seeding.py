"""Random states come back exactly, also through a file of tensors and plain values."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from utils.seeding import (
    make_deterministic,
    preserved_random_state,
    random_state,
    restore_random_state,
    seed_everything,
)


def draw() -> list[float]:
    gaussian = random.gauss(0, 1)  # of these, Python and NumPy keep a second one for later
    legacy = np.random.standard_normal()  # noqa: NPY002
    return [random.random(), gaussian, legacy, torch.rand(()).item(), torch.randn(()).item()]


def test_the_same_seed_gives_the_same_numbers() -> None:
    seed_everything(5)
    first = draw()
    seed_everything(5)
    assert draw() == first
    seed_everything(6)
    assert not set(draw()) & set(first)
    seed_everything(2**32 + 1)  # a seed and a rank


def test_a_state_goes_through_a_file(tmp_path: Path) -> None:
    seed_everything(1)
    draw()
    torch.save(random_state(), tmp_path / "state.pth")
    expected = [draw() for _ in range(3)]
    seed_everything(2)
    restore_random_state(torch.load(tmp_path / "state.pth", weights_only=True))
    assert [draw() for _ in range(3)] == expected


def test_deterministic_algorithms_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    try:
        make_deterministic()
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.deterministic
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"]
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = False


def test_a_detour_changes_nothing() -> None:
    seed_everything(1)
    expected = draw()
    seed_everything(1)
    with preserved_random_state():
        draw()
        seed_everything(9)
    assert draw() == expected
