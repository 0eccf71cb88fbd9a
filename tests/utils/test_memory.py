"""Freed memory is kept."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAULTS = """
import ctypes, resource, sys
# Pages of 4 KiB, also where the system would take some of 2 MiB: few faults then mean memory kept.
PR_SET_THP_DISABLE = 41
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
from utils.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    raise SystemExit(77)
import torch
for _ in range(12):  # until pieces of the right size are there
    torch.ones(20_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(20_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(what: str) -> int:
    """Page faults of making five tensors of 80 MB, one after the other, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, what], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode == 77:
        pytest.skip("the C library is not glibc")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_memory_that_was_freed_is_used_again_without_a_fault() -> None:
    fresh = 5 * 80_000_000 / resource.getpagesize()
    assert faults("give back") >= fresh
    assert faults("keep") < fresh / 10
