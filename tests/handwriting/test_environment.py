"""Errors of the machine and of the program are told apart, and the former said as they are."""

import errno
import os

import numpy as np
import pytest

from handwriting.environment import fault_line, reason


def system(number: int, *names: str | None) -> OSError:
    return OSError(number, os.strerror(number), *names)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (system(errno.ENOSPC, "a.pth"), "a.pth: No space left on device"),
        (system(errno.EACCES, "a"), "a: Permission denied"),
        (system(errno.EROFS, "a", None, "b"), "a -> b: Read-only file system"),
        (system(errno.EFBIG), "File too large"),
        (system(errno.EMFILE, "a\x1b[31m\udcff"), "a\\x1b[31m\\udcff: Too many open files"),
        (system(errno.EPIPE, "standard output"), "standard output: nobody reads it any more"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory"), "not enough"),
        (RuntimeError("std::bad_alloc"), "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "not enough memory"),
        (ImportError("a.so: failed to map segment from shared object"), "not enough memory"),
        (OSError("8000 requested and 4096 written"), "cannot be written whole"),
        (ValueError("embedded null byte"), "NUL"),
    ],
)
def test_faults_of_the_machine(error: Exception, line: str) -> None:
    said = fault_line(error)
    assert said is not None and line in said and said.isprintable()


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug"),
        RuntimeError("shapes do not match"),
        KeyError("a"),
        OSError("something"),
        system(errno.EINVAL),
        UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range(128)"),
        ImportError("No module named 'x'"),
    ],
)
def test_faults_of_the_program(error: Exception) -> None:
    assert fault_line(error) is None


def test_memory_that_numpy_does_not_get_is_said_with_its_size() -> None:
    with pytest.raises(MemoryError) as caught:
        np.zeros(2**58)
    said = fault_line(caught.value)
    assert said is not None and said.startswith("not enough memory (Unable to allocate 2.00 EiB")


def test_the_cause_behind_an_error_is_found_and_what_it_followed_is_not() -> None:
    with pytest.raises(RuntimeError) as caused:
        raise RuntimeError("cannot save") from system(errno.ENOSPC, "a")
    assert fault_line(caused.value) == "a: No space left on device"
    with pytest.raises(KeyError) as followed:
        try:
            raise system(errno.ENOENT, "a")
        except OSError:
            raise KeyError("a bug in what should mend it")  # noqa: B904
    assert fault_line(followed.value) is None
    assert reason(caused.value) == "No space left on device"
    assert reason(RuntimeError("two\nlines")) == "two lines"
