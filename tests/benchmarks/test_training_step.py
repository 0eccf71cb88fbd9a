"""What the benchmark of a training step measures beside time."""

import sys

import pytest
import torch

from benchmarks.training_step import _alone, _memory_growth, _options

MEBIBYTE = 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_memory_of_a_step_is_its_own_however_large_the_process_that_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["training_step", "--hidden-size", "16"])
    options = _options()
    large = torch.ones(600 * MEBIBYTE // 4)
    growth = _alone(_memory_growth, "model", 4, 200, options)
    assert large[-1] == 1
    # The gates of three layers alone: 3 * 4 * 16 * 4 * 200 numbers.
    assert 0.5 < growth < 200
