"""Files of exported models."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from handwriting.errors import DataError
from handwriting.runtime.model_file import (
    as_floats,
    in_precision,
    read_model_file,
    write_model_file,
)

RNG = np.random.default_rng(1)
TENSORS = {
    "matrix": RNG.normal(size=(5, 7)).astype(np.float32),
    "kernel": RNG.normal(size=(3, 2, 4)).astype(np.float32),
    "bias": RNG.normal(size=6).astype(np.float32),
}


@pytest.mark.parametrize(
    ("precision", "most"), [("int8", 0.5 / 127), ("float16", 2.0**-11), ("float32", 0.0)]
)
def test_tensors_come_back_as_near_as_their_numbers_are(
    tmp_path: Path, precision: str, most: float
) -> None:
    write_model_file(tmp_path / "m", {"task": "toy"}, in_precision(TENSORS, precision))
    file = read_model_file(tmp_path / "m", "toy")
    assert file.about == {"format": 1, "task": "toy"}
    assert file.tensors.keys() == TENSORS.keys()
    assert np.array_equal(file.tensors["bias"], TENSORS["bias"])
    for name in ("matrix", "kernel"):
        rows = TENSORS[name].reshape(len(TENSORS[name]), -1)
        error = np.abs(file.tensors[name] - TENSORS[name]).reshape(rows.shape)
        assert (error <= most * 1.01 * np.abs(rows).max(axis=1, keepdims=True)).all()
        assert file.tensors[name].dtype == np.float32


def test_a_row_of_zeros_stays_zero() -> None:
    stored = in_precision({"matrix": np.zeros((2, 3), np.float32)}, "int8")
    assert stored["matrix"].dtype == np.int8
    assert np.array_equal(as_floats(stored)["matrix"], np.zeros((2, 3)))


def test_exact_matrices_are_not_rounded() -> None:
    stored = in_precision(TENSORS, "int8", frozenset({"matrix"}))
    assert np.array_equal(stored["matrix"], TENSORS["matrix"])


def broken(path: Path, metadata: dict[str, str] | None, **tensors: np.ndarray) -> Path:
    save_file(tensors, path, metadata)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p, "cannot be read: No such file"),
        (lambda p: p.parent, "cannot be read: Is a directory"),
        (lambda p: p.write_bytes(b"x" * 100) and p, "is no safetensors file"),
        (lambda p: broken(p, None), "is no exported model"),
        (lambda p: broken(p, {"handwriting": "[" * 9999}), "is no exported model"),
        (lambda p: broken(p, {"handwriting": '{"format": 2}'}), "format: should be 1, got '2'"),
        (
            lambda p: broken(p, {"handwriting": '{"format": 1, "task": "other"}'}),
            "task: should be 'toy', got 'other'",
        ),
        (
            lambda p: broken(
                p, {"handwriting": json.dumps({"format": 1, "task": "toy"})},
                weight=np.zeros((2, 2), np.int8),
            ),
            "'weight': should have a scale for each of its rows",
        ),
        (
            lambda p: broken(
                p, {"handwriting": json.dumps({"format": 1, "task": "toy"})}, weight=np.zeros(2)
            ),
            "'weight': should be one of float32, .* got float64",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path, make, message: str) -> None:
    path = make(tmp_path / "model.safetensors")
    with pytest.raises(DataError, match=message) as fault:
        read_model_file(path, "toy")
    assert "\n" not in str(fault.value) and str(path) in str(fault.value)
