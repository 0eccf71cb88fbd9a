"""The weights of models by the names that exported files give them (``docs/export.md``).

They are views of a model's parameters, so that exported values, rounded or not, can be put back.
Gates stand in the order input, forget, candidate, output, as in ``torch.nn.LSTM``.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from model.custom_layers.lstm import FastLSTM, LoopLSTM
from model.language_model import CharacterLanguageModel
from model.models import STROKE_SIZE, ConditionalHandwriting
from model.recognition import Seq2SeqRecognition

Model = TypeVar("Model", ConditionalHandwriting, Seq2SeqRecognition, CharacterLanguageModel)

_NORM = ("gates_gain", "cell_gain", "cell_bias")
_DIRECTIONS = ("ahead", "back")


@torch.no_grad()
def for_export(model: Model) -> Model:
    """Return a copy in float64 on the CPU whose layers have one bias: the second is zero."""
    copied = copy.deepcopy(model).cpu().double().eval()
    for module in copied.modules():
        if isinstance(module, nn.LSTM | LoopLSTM):
            first, second = (module.get_parameter(f"bias_{name}_l0") for name in ("ih", "hh"))
            first.add_(second)
            second.zero_()
    return copied


def tensors_of(model: Model) -> dict[str, np.ndarray]:
    """Return the weights of a model from ``for_export``, float32."""
    views = weights_by_name(model)
    return {name: view.detach().float().numpy().copy() for name, view in views.items()}


@torch.no_grad()
def load_tensors(model: Model, tensors: Mapping[str, np.ndarray]) -> None:
    """Put tensors into a model from ``for_export``."""
    for name, view in weights_by_name(model).items():
        view.copy_(torch.from_numpy(tensors[name]))


def weights_by_name(model: Model) -> dict[str, Tensor]:
    """Return views of the parameters of a model from ``for_export``."""
    if isinstance(model, ConditionalHandwriting):
        return _of_writer(model)
    if isinstance(model, Seq2SeqRecognition):
        return _of_recogniser(model)
    return _of_language_model(model)


def _of_writer(model: ConditionalHandwriting) -> dict[str, Tensor]:
    first = model.attention
    own, window = first.weight_recurrent.split([first.hidden_size, first.num_characters], dim=1)
    found = {
        "layers.0.pen": first.weight_input,
        "layers.0.window": window,
        "layers.0.hidden": own,
        "layers.0.bias": first.bias,
        "window.weight": first.weight_window,
        "window.bias": first.bias_window,
        **_linear("output", model.output),
    }
    sizes = [STROKE_SIZE, model.num_characters, model.hidden_size]
    for index, layer in enumerate(cast("Iterable[FastLSTM | LoopLSTM]", model.layers), start=1):
        parts = _lstm(f"layers.{index}", layer)
        inputs = parts.pop(f"layers.{index}.input").split(sizes, dim=1)
        names = (f"layers.{index}.{name}" for name in ("pen", "window", "below"))
        found |= parts | dict(zip(names, inputs, strict=True))
        if isinstance(layer, LoopLSTM) and layer.layer_norm:
            found |= {f"layers.{index}.{name}": layer.get_parameter(name) for name in _NORM}
    return found


def _of_recogniser(model: Seq2SeqRecognition) -> dict[str, Tensor]:
    decoder, encoder = model.decoder, model.encoder
    found = {
        "decoder.embedding": decoder.embedding.weight,
        "decoder.input": decoder.weight_embedding.weight,
        "decoder.bias": decoder.weight_embedding.bias,
        "decoder.context": decoder.weight_context,
        "decoder.hidden": decoder.weight_hidden,
        "decoder.query": decoder.weight_query,
        "decoder.energy": decoder.weight_energy,
        **_linear("decoder.keys", decoder.keys),
        **_linear("decoder.start", decoder.start),
        **_linear("decoder.features", decoder.features),
        **_linear("decoder.output", decoder.output),
    }
    if decoder.weight_location is not None:
        found["decoder.location"] = decoder.weight_location
    if model.ctc_output is not None:
        found |= _linear("ctc", model.ctc_output)
    for index, layer in enumerate(encoder.subsampling.convolutions):
        found |= _linear(f"convolutions.{index}", layer)
    for index, layer in enumerate(encoder.layers):
        for direction in _DIRECTIONS:
            name = f"encoder.{index}.{direction}"
            found |= _lstm(name, cast(nn.LSTM, getattr(layer, direction)))
    for index, norm in enumerate(encoder.norms):
        if isinstance(norm, nn.LayerNorm):
            found |= {f"encoder.{index}.gain": norm.weight, f"encoder.{index}.bias": norm.bias}
    return found


def _of_language_model(model: CharacterLanguageModel) -> dict[str, Tensor]:
    found = {"embedding": model.embedding.weight, **_linear("output", model.output)}
    for index, layer in enumerate(cast("Iterable[nn.LSTM]", model.layers)):
        found |= _lstm(f"layers.{index}", layer)
    return found


def _linear(name: str, layer: nn.Module) -> dict[str, Tensor]:
    return {f"{name}.{part}": layer.get_parameter(part) for part in ("weight", "bias")}


def _lstm(name: str, layer: nn.LSTM | LoopLSTM) -> dict[str, Tensor]:
    return {
        f"{name}.input": layer.get_parameter("weight_ih_l0"),
        f"{name}.hidden": layer.get_parameter("weight_hh_l0"),
        f"{name}.bias": layer.get_parameter("bias_ih_l0"),
    }
