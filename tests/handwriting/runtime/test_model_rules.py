"""Exported models from strangers: what breaks a rule is one line that names the field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported_models import export_tiny

from handwriting.errors import DataError
from handwriting.runtime.model_file import read_model_file, write_model_file
from handwriting.runtime.weights_folder import read_weights

FILES = ("writer", "recogniser", "language_model", "hands")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_tiny(tmp_path_factory.mktemp("exported"))


def changed(
    exported: Path,
    folder: Path,
    name: str,
    change: Callable[[dict[str, Any], dict[str, np.ndarray]], object],
) -> str:
    """The error of reading a model that was changed, without the path before it."""
    file = read_model_file(exported / f"{name}.safetensors")
    about, tensors = json.loads(json.dumps(file.about)), dict(file.tensors)
    change(about, tensors)
    path = folder / f"{name}.safetensors"
    write_model_file(path, about, tensors)
    with pytest.raises(DataError) as raised:
        read_weights(folder, path.name)
    text = str(raised.value)
    assert "\n" not in text and text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")


@pytest.mark.parametrize("name", FILES)
def test_what_the_project_writes_keeps_the_rules(exported: Path, name: str) -> None:
    assert read_weights(exported, f"{name}.safetensors").tensors


@pytest.mark.parametrize("name", FILES)
def test_every_number_of_every_tensor_is_looked_at(
    exported: Path, tmp_path: Path, name: str
) -> None:
    for tensor in read_model_file(exported / f"{name}.safetensors").tensors:
        for bad in (np.nan, np.inf, -1e30):

            def spoil(_: object, tensors: dict[str, np.ndarray], tensor: str = tensor) -> None:
                tensors[tensor] = tensors[tensor].copy()
                tensors[tensor].flat[-1] = bad  # noqa: B023 (called at once)

            assert tensor in changed(exported, tmp_path, name, spoil)


@pytest.mark.parametrize("name", FILES)
def test_every_tensor_has_the_shape_that_the_sizes_say(
    exported: Path, tmp_path: Path, name: str
) -> None:
    for tensor in read_model_file(exported / f"{name}.safetensors").tensors:
        message = changed(
            exported, tmp_path, name, lambda _, tensors, tensor=tensor: tensors.pop(tensor)
        )
        assert message == f"{tensor!r}: is missing"
        changed(
            exported, tmp_path, name,
            lambda _, tensors, tensor=tensor: tensors.update({tensor: tensors[tensor][None]}),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("writer", ("normalisation", "std"), [0, 1], "normalisation.std[0]: should be a number"),
        ("writer", ("limits", "more_steps"), 10**9, "limits.more_steps: should be a whole number"),
        ("writer", ("limits", "more_steps"), True, "limits.more_steps: should be a whole number"),
        ("writer", ("pieces", "longest"), 0, "pieces.longest: should be a whole number from 1"),
        ("writer", ("pieces", "extra"), 1, "pieces: 'extra' is not known"),
        ("writer", ("hidden_size",), 9, "'layers.0.pen': should have the shape [36, 3]"),
        ("writer", ("window", "log_beta"), [3, 1], "window.log_beta: 3 should be less than 1"),
        ("writer", ("symbols",), ["a"] * 9, "symbols: should be a list that begins with <pad>"),
        ("recogniser", ("features", "time"), True, "feature_names: should be dx, dy"),
        ("recogniser", ("features", "spacing"), "0.3", "features.spacing: should be a number"),
        ("recogniser", ("encoder_layers",), 10**6, "encoder_layers: should be a whole number"),
        ("recogniser", ("reading", "ctc_weight"), 2, "reading.ctc_weight: should be a number"),
        ("language_model", ("num_layers",), None, "num_layers: should be a whole number"),
        ("hands", ("hands",), [{"name": "\x1b", "text": "a", "bias": 0}], "hands[0].name: should"),
        ("hands", ("hands",), "lena", "hands: should be a list"),
    ],
)
def test_a_field_out_of_its_range_is_named(
    exported: Path, tmp_path: Path, name: str, place: tuple[str, ...], value: Any, message: str
) -> None:
    def change(about: dict[str, Any], _: object) -> None:
        *outer, last = place
        for key in outer:
            about = about[key]
        about[last] = value

    assert changed(exported, tmp_path, name, change).startswith(message)
