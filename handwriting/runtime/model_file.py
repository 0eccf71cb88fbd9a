"""Files of exported models: ``safetensors``, with all that is no number in its metadata.

The metadata have one key, ``handwriting``, whose value is JSON: see ``docs/export.md``. A tensor is
float32, float16 or rounded to bytes: int8 rows, ``NAME``, with a float32 scale for each row,
``NAME.scale``, that the row is multiplied by. Whole numbers that are no weights are int32.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from handwriting.errors import DataError
from handwriting.files import open_regular_file, whole_file
from handwriting.quoting import quoted

FORMAT = 1
KEY = "handwriting"
SCALE = ".scale"
_MOST = 127.0
_TYPES = tuple(map(np.dtype, (np.float32, np.float16, np.int8, np.int32)))


@dataclass(frozen=True)
class ModelFile:
    """Contents of a file.

    Attributes:
        about: plain values: the model's task, sizes, vocabulary, rules.
        tensors: by name; those rounded to bytes are float32 again.
    """

    about: dict[str, Any]
    tensors: dict[str, np.ndarray]


def write_model_file(
    path: Path, about: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> None:
    """Write a file whole, or not at all; tensors are written as they are, see ``in_precision``."""
    text = json.dumps({"format": FORMAT, **about}, ensure_ascii=False, allow_nan=False)
    contiguous = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    with whole_file(path) as unfinished:
        unfinished.write_bytes(save(contiguous, {KEY: text}))


def read_model_file(path: Path, task: str | None = None) -> ModelFile:
    """Read a file.

    Args:
        path: of it.
        task: that its model should have; None for any.

    Raises:
        DataError: it cannot be read, is no exported model, is of another format, or of another
            task; in one line, naming the file.
    """
    try:
        open_regular_file(path).close()
        with safe_open(path, framework="numpy") as file:
            about = _about(path, file.metadata() or {}, task)
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except SafetensorError as error:
        raise DataError(f"{path}: is no safetensors file ({quoted(str(error))})") from None
    return ModelFile(about, _floats(path, stored))


def in_precision(
    tensors: Mapping[str, np.ndarray], precision: str, exact: frozenset[str] = frozenset()
) -> dict[str, np.ndarray]:
    """Return float32 tensors as a file has them.

    Args:
        tensors: by name.
        precision: one of ``precisions.PRECISIONS``, of matrices and kernels; vectors stay float32.
        exact: names of matrices that stay float32 too.
    """
    stored: dict[str, np.ndarray] = {}
    for name, value in tensors.items():
        if value.ndim < 2 or name in exact or precision == "float32":
            stored[name] = value.astype(np.float32)
        elif precision == "float16":
            stored[name] = value.astype(np.float16)
        else:
            stored[name], stored[name + SCALE] = _rounded(value)
    return stored


def as_floats(stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the float32 tensors that those of a file stand for; the inverse of ``in_precision``
    but for the rounding."""
    floats = {}
    for name, value in stored.items():
        if name.endswith(SCALE):
            continue
        floats[name] = value if value.dtype == np.int32 else value.astype(np.float32)
        if value.dtype == np.int8:
            scales = stored[name + SCALE]
            with np.errstate(over="ignore", invalid="ignore"):  # for whoever checks the numbers
                floats[name] *= scales.reshape(-1, *[1] * (value.ndim - 1))
    return floats


def _rounded(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``[R, ...]`` as int8, and the scale ``[R]`` of each; a row of zeros has the scale 1."""
    largest = np.abs(value).reshape(len(value), -1).max(axis=1)
    scales = np.where(largest > 0, largest / _MOST, 1.0).astype(np.float32)
    rows = np.rint(value / scales.reshape(-1, *[1] * (value.ndim - 1)))
    return np.clip(rows, -_MOST, _MOST).astype(np.int8), scales


def _about(path: Path, metadata: Mapping[str, str], task: str | None) -> dict[str, Any]:
    try:
        about = json.loads(metadata[KEY])
    except (KeyError, ValueError, RecursionError):
        raise DataError(f"{path}: is no exported model: its metadata have no {KEY!r}") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else None
        raise DataError(f"{path}: format: should be {FORMAT}, got {quoted(str(found))}")
    if task is not None and about.get("task") != task:
        raise DataError(f"{path}: task: should be {task!r}, got {quoted(str(about.get('task')))}")
    return about


def _floats(path: Path, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    for name, value in stored.items():
        if value.dtype not in _TYPES:
            names = ", ".join(map(str, _TYPES))
            raise DataError(f"{path}: {quoted(name)}: should be one of {names}, got {value.dtype}")
        if value.dtype == np.int8:
            scales = stored.get(name + SCALE)
            if scales is None or scales.shape != value.shape[:1]:
                raise DataError(f"{path}: {quoted(name)}: should have a scale for each of its rows")
    return as_floats(stored)
