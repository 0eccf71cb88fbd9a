"""Rules that the contents of an exported model keep, checked once, as its file is read.

A model may come from a stranger: its numbers are finite and in ranges in which the work is bounded,
and its tensors have the shapes that its sizes say (``docs/export.md``). What breaks a rule is one
line that names the file and the field.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.errors import DataError
from handwriting.ink.features import InkFeatures
from handwriting.limits import MOST_BEAM, MOST_BIAS, MOST_DRAWS, MOST_WEIGHT
from handwriting.quoting import quoted
from handwriting.runtime.model_file import ModelFile
from handwriting.text.vocabulary import SPECIALS

MOST_CELLS = 16_384
MOST_LAYERS = 64
_MOST_NAME = 200
_MOST_WEIGHT = 1e6
"""Of trained weights none comes near; sums and squares of so large ones are still finite."""

Check = Callable[[Any, str], None]
"""Takes a value and the name of its field; raises ``_Broken``."""

Shape = tuple[int | str, ...]
"""A size is a number, or a name: sizes of the same name are equal."""


class _Broken(Exception):
    """A rule is broken: the field, and what it should be."""


def check_model(path: Path, file: ModelFile) -> None:
    """Check the contents of a model file.

    Raises:
        DataError: a field or a tensor is missing or not as the module says.
    """
    fields, tensors = _RULES[file.about["task"]]
    try:
        _fields(fields, file.about, "")
        for name, value in file.tensors.items():
            if not (np.abs(value) <= _MOST_WEIGHT).all():
                raise _Broken(
                    f"{quoted(name)}: has numbers that are not finite, or above {_MOST_WEIGHT:,.0f}"
                )
        _check_shapes(file.tensors, tensors(file.about))
        if file.about["task"] == "hands":
            _check_strokes(file.tensors)
    except _Broken as broken:
        raise DataError(f"{path}: {broken}") from None


def _check_shapes(tensors: Mapping[str, np.ndarray], wanted: Iterator[tuple[str, Shape]]) -> None:
    sizes: dict[str, int] = {}
    for name, shape in wanted:
        if name not in tensors:
            raise _Broken(f"{quoted(name)}: is missing")
        found = tensors[name].shape
        known = tuple(
            sizes.setdefault(size, got) if isinstance(size, str) else size
            for size, got in zip(shape, found, strict=False)
        )
        if len(found) != len(shape) or found != known or 0 in found:
            raise _Broken(f"{quoted(name)}: should have the shape {list(known)}, got {list(found)}")


def _check_strokes(tensors: Mapping[str, np.ndarray]) -> None:
    for name, strokes in tensors.items():
        ends = strokes[:, 0]
        if not np.isin(ends, (0.0, 1.0)).all() or ends[-1] != 1.0:
            raise _Broken(f"{quoted(name)}: should have 0 or 1 for ends of strokes, 1 at its end")


def _should(name: str, be: str, value: Any) -> _Broken:
    return _Broken(f"{name}: should be {be}, got {quoted(str(value))}")


def _whole(least: int, most: int) -> Check:
    def check(value: Any, name: str) -> None:
        if type(value) is not int or not least <= value <= most:
            raise _should(name, f"a whole number from {least:,} to {most:,}", value)

    return check


def _number(least: float, most: float) -> Check:
    def check(value: Any, name: str) -> None:
        is_number = type(value) in (int, float) and math.isfinite(value)
        if not is_number or not least <= value <= most:
            raise _should(name, f"a number from {least:g} to {most:g}", value)

    return check


def _flag(value: Any, name: str) -> None:
    if not isinstance(value, bool):
        raise _should(name, "true or false", value)


def _text(value: Any, name: str) -> None:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _should(name, "a text that can be printed", value)


def _name(value: Any, name: str) -> None:
    _text(value, name)
    if len(value) > _MOST_NAME:
        raise _should(name, f"of {_MOST_NAME} letters at most", value)


def _or_null(check: Check) -> Check:
    return lambda value, name: None if value is None else check(value, name)


def _list(check: Check, least: int, most: int) -> Check:
    def check_all(value: Any, name: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise _should(name, f"a list of {least:,} to {most:,} values", value)
        for number, each in enumerate(value):
            check(each, f"{name}[{number}]")

    return check_all


def _pair(check: Check) -> Check:
    return _list(check, 2, 2)


def _fields(checks: Mapping[str, Check], value: Mapping[str, Any], prefix: str) -> None:
    for key, check in checks.items():
        if key not in value:
            raise _Broken(f"{prefix}{key}: is missing")
        check(value[key], prefix + key)


def _record(**checks: Check) -> Check:
    """An object with these keys and no others."""

    def check(value: Any, name: str) -> None:
        if not isinstance(value, dict):
            raise _should(name, "an object", value)
        for key in value.keys() - checks.keys():
            raise _Broken(f"{name}: {quoted(key)} is not known")
        _fields(checks, value, f"{name}.")

    return check


def _all_of(*checks: Check) -> Check:
    def check(value: Any, name: str) -> None:
        for each in checks:
            each(value, name)

    return check


def _ascending(first: str | int, last: str | int) -> Check:
    def check(value: Any, name: str) -> None:
        if not value[first] < value[last]:
            raise _Broken(f"{name}: {value[first]:g} should be less than {value[last]:g}")

    return check


def _symbols(value: Any, name: str) -> None:
    _list(_text, len(SPECIALS) + 1, 1_114_112)(value, name)
    own = value[len(SPECIALS) :]
    if tuple(value[: len(SPECIALS)]) != SPECIALS:
        raise _should(name, f"a list that begins with {', '.join(SPECIALS)}", value)
    if any(len(each) != 1 for each in own) or len(set(own)) < len(own):
        raise _Broken(f"{name}: should be single characters, each once")


def _hand_names(value: Any, name: str) -> None:
    names = [each["name"] for each in value]
    if len(set(names)) < len(names):
        raise _Broken(f"{name}: has a name twice")


_cells = _whole(1, MOST_CELLS)
_range = _all_of(_pair(_number(-50, 50)), _ascending(0, 1))
_size_and_path = _record(
    x_height=_or_null(_number(1e-6, 1e6)),
    path=_or_null(_record(smooth=_number(1e-3, 1), step=_number(1e-3, 10), turn=_number(1e-3, 3))),
)
_WRITER = {
    "symbols": _symbols,
    "normalisation": _record(mean=_pair(_number(-1e6, 1e6)), std=_pair(_number(1e-6, 1e6))),
    "measure": _or_null(_size_and_path),
    "hidden_size": _cells,
    "num_layers": _whole(1, MOST_LAYERS),
    "num_mixtures": _cells,
    "num_window_components": _cells,
    "layer_norm": _flag,
    "window": _record(
        log_alpha=_range, log_beta=_range, log_step=_range, log_phi_floor=_number(-100, 0)
    ),
    "mixture": _record(max_log_sigma=_number(0, 30), max_correlation_logit=_number(0, 20)),
    "bias": _number(0, MOST_BIAS),
    "stalled_pen": _all_of(
        _record(carried=_number(0, 1), resting_pace=_number(0, 1e6), moving_pace=_number(0, 1e6)),
        _ascending("resting_pace", "moving_pace"),
    ),
    "stalled_window": _all_of(
        _record(long_stay=_number(0, 1e6), longest_stay=_number(0, 1e6)),
        _ascending("long_stay", "longest_stay"),
    ),
    "limits": _record(
        steps_per_character=_number(1, 1000),
        more_steps=_whole(0, 10_000),
        of_style_pace=_number(0, 100),
    ),
    "pieces": _record(
        longest=_whole(1, 1000),
        candidates=_whole(1, MOST_DRAWS),
        shortest_example=_whole(0, 1000),
        attempts=_whole(1, 64),
    ),
}
_WEIGHTS_OF_READING = ("length_normalisation", "coverage", "language_weight")
_RECOGNISER = {
    "symbols": _symbols,
    "features": _record(
        spacing=_number(0.01, 10),
        **dict.fromkeys(
            ("correct_slope", "correct_slant", "fit_lines", "surroundings", "time"), _flag
        ),
    ),
    "feature_names": _list(_name, 1, 1000),
    "strides": _list(_whole(1, 8), 0, 8),
    "kernel_size": _whole(1, 99),
    "encoder_size": _cells,
    "encoder_layers": _whole(1, MOST_LAYERS),
    "layer_norm": _flag,
    "decoder_size": _cells,
    "location": _flag,
    "ctc": _flag,
    "reading": _record(
        beam=_whole(1, MOST_BEAM),
        **dict.fromkeys(
            ("length_normalisation", "coverage", "language_weight"), _number(0, MOST_WEIGHT)
        ),
        ctc_weight=_number(0, 1),
    ),
}
_LANGUAGE_MODEL = {
    "symbols": _symbols,
    "num_layers": _whole(1, MOST_LAYERS),
    "hidden_size": _cells,
}
_HAND = _record(name=_name, text=_text, bias=_or_null(_number(0, MOST_BIAS)))
_HANDS = {"hands": _all_of(_list(_HAND, 0, 10_000), _hand_names)}


def _writer_shapes(about: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    size, characters = about["hidden_size"], len(about["symbols"])
    gates, components = 4 * size, about["num_window_components"]
    for at in range(about["num_layers"]):
        layer = f"layers.{at}"
        yield f"{layer}.pen", (gates, 3)
        yield f"{layer}.window", (gates, characters)
        yield f"{layer}.hidden", (gates, size)
        yield f"{layer}.bias", (gates,)
        if at:
            yield f"{layer}.below", (gates, size)
        if at and about["layer_norm"]:
            yield f"{layer}.gates_gain", (gates,)
            yield f"{layer}.cell_gain", (size,)
            yield f"{layer}.cell_bias", (size,)
    yield "window.weight", (3 * components, size)
    yield "window.bias", (3 * components,)
    outputs = 6 * about["num_mixtures"] + 1
    yield "output.weight", (outputs, about["num_layers"] * size)
    yield "output.bias", (outputs,)


def _recogniser_shapes(about: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    computed = InkFeatures(**about["features"]).names
    if tuple(about["feature_names"]) != computed:
        raise _should("feature_names", ", ".join(computed), about["feature_names"])
    symbols, cells, hidden = len(about["symbols"]), about["encoder_size"], about["decoder_size"]
    below: int | str = len(about["feature_names"])
    for at in range(len(about["strides"])):
        yield f"convolutions.{at}.weight", (f"channels {at}", below, about["kernel_size"])
        yield f"convolutions.{at}.bias", (f"channels {at}",)
        below = f"channels {at}"
    for at in range(about["encoder_layers"]):
        for direction in ("ahead", "back"):
            lstm = f"encoder.{at}.{direction}"
            yield f"{lstm}.input", (4 * cells, below)
            yield f"{lstm}.hidden", (4 * cells, cells)
            yield f"{lstm}.bias", (4 * cells,)
        below = 2 * cells
        if about["layer_norm"]:
            yield f"encoder.{at}.gain", (below,)
            yield f"encoder.{at}.bias", (below,)
    if about["ctc"]:
        yield "ctc.weight", (symbols, below)
        yield "ctc.bias", (symbols,)
    yield "decoder.embedding", (symbols, "embedding")
    yield "decoder.input", (4 * hidden, "embedding")
    yield "decoder.bias", (4 * hidden,)
    yield "decoder.context", (4 * hidden, below)
    yield "decoder.hidden", (4 * hidden, hidden)
    yield "decoder.query", ("keys", hidden)
    yield "decoder.energy", ("keys",)
    if about["location"]:
        yield "decoder.location", ("keys", 2, "around")
    for name, shape in (
        ("keys", ("keys", below)),
        ("start", (hidden, below)),
        ("features", ("combined", hidden + below if isinstance(below, int) else "joined")),
        ("output", (symbols, "combined")),
    ):
        yield f"decoder.{name}.weight", shape
        yield f"decoder.{name}.bias", shape[:1]


def _language_shapes(about: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    symbols, size = len(about["symbols"]), about["hidden_size"]
    yield "embedding", (symbols, "embedding")
    for at in range(about["num_layers"]):
        yield f"layers.{at}.input", (4 * size, size if at else "embedding")
        yield f"layers.{at}.hidden", (4 * size, size)
        yield f"layers.{at}.bias", (4 * size,)
    yield "output.weight", (symbols, size)
    yield "output.bias", (symbols,)


def _hand_shapes(about: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    for hand in about["hands"]:
        yield hand["name"], (f"steps of {hand['name']}", 3)


_RULES: dict[str, tuple[dict[str, Check], Callable[..., Iterator[tuple[str, Shape]]]]] = {
    "conditional": (_WRITER, _writer_shapes),
    "recognition": (_RECOGNISER, _recogniser_shapes),
    "language": (_LANGUAGE_MODEL, _language_shapes),
    "hands": (_HANDS, _hand_shapes),
}
