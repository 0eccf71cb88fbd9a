"""A model's weights, laid out once for single pen steps (see ``writing.pen_steps.packed_steps``).

``handwriting.runtime.places`` says where values stand. The output reads all of it; its
weights on the sides are zero but for the bias.

Shapes: ``C`` vocabulary, ``I`` what a layer reads, ``S`` side, ``W`` all states, ``H`` hidden
units, ``L`` layers, ``K`` window components, ``M`` mixture components.
"""

from collections.abc import Iterable
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from handwriting.runtime.places import Places
from model.custom_layers.lstm import FastLSTM, LoopLSTM
from model.custom_layers.lstm_with_gaussian_attention import LSTMWithGaussianAttention
from model.models import STROKE_SIZE, ConditionalHandwriting, StackedHandwriting
from writing.options import PRECISIONS

WIDTH = 16
"""Widths that are a multiple of this suit the processors' vector units."""


class NormWeights(NamedTuple):
    """Layer normalisation of an LSTM layer, see ``LoopLSTM``: ``[4H]``, ``[4H]``, ``[H]``, ``[H]``.
    The layer's own bias, ``gates_bias``, comes after the normalisation."""

    gates_gain: Tensor
    gates_bias: Tensor
    cell_gain: Tensor
    cell_bias: Tensor


class LayerWeights(NamedTuple):
    """An LSTM layer, its gates in the order input, forget, output, candidate, so that all sigmoids
    stand together.

    Attributes:
        weight: ``[4H, I]``, in the type of the layers' products.
        norm: None for no layer normalisation.
    """

    weight: Tensor
    norm: NormWeights | None


class PackedWeights(NamedTuple):
    """A model's weights, copied and laid out for single steps.

    Attributes:
        places: of the states.
        layers: ``L`` layers.
        output: ``[6M+1, W]``; its type is the model's own.
        window: weight ``[3K, H]`` and bias ``[3K, 1]`` of the window; None without one.
    """

    places: Places
    layers: tuple[LayerWeights, ...]
    output: Tensor
    window: tuple[Tensor, Tensor] | None


@torch.no_grad()
def pack(model: StackedHandwriting, precision: str = "float32") -> PackedWeights:
    """The weights as they are now; what the model learns afterwards does not reach them.

    Args:
        model: any of the stacked models.
        precision: of the layers' products. "float32": the model's own type. "bfloat16": faster
            where the processor has units for it; weights, what they are multiplied with, and the
            gates' sums are rounded to 8 bits. The cells, the window and the output stay in the
            model's type.

    Raises:
        ValueError: a precision that is not one of ``PRECISIONS``.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision: one of {', '.join(PRECISIONS)}, got {precision!r}")
    conditional = model if isinstance(model, ConditionalHandwriting) else None
    side_size = STROKE_SIZE + (conditional.num_characters if conditional is not None else 0) + 1
    side_size = -(-side_size // WIDTH) * WIDTH
    places = Places(model.num_layers, model.hidden_size, side_size)
    stack = cast("Iterable[FastLSTM | LoopLSTM]", model.layers)
    layers = [
        _packed_lstm(layer, index, places)
        for index, layer in enumerate(stack, start=int(conditional is not None))
    ]
    window = None
    if conditional is not None:
        attention = conditional.attention
        layers.insert(0, _packed_attention(attention, places))
        window = attention.weight_window.clone(), attention.bias_window.unsqueeze(1).clone()
    weights = [layer.weight for layer in layers]
    if precision == "bfloat16":
        weights = [weight.bfloat16() for weight in weights]
    *weights, output = _together([*weights, _packed_output(model.output, places)])
    packed = [layer._replace(weight=weight) for layer, weight in zip(layers, weights, strict=True)]
    return PackedWeights(places, tuple(packed), output, window)


def _packed_lstm(layer: FastLSTM | LoopLSTM, index: int, places: Places) -> LayerWeights:
    """A layer of a model's stack, the ``index``-th of all."""
    inputs, own, bias = layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0 + layer.bias_hh_l0
    below_size = places.hidden_size if index else 0
    side, below = inputs.split([inputs.shape[1] - below_size, below_size], dim=1)
    parts = {places.side(index).start: side, places.hidden(index).start: own}
    if index:
        parts[places.hidden(index - 1).start] = below
    if isinstance(layer, FastLSTM) or not layer.layer_norm:
        parts[places.one(index)] = bias.unsqueeze(1)
        return LayerWeights(_joined(parts, places.read(index)), None)
    gain, bias = _sigmoids_first(layer.gates_gain), _sigmoids_first(bias)
    norm = NormWeights(gain, bias, layer.cell_gain.clone(), layer.cell_bias.clone())
    return LayerWeights(_joined(parts, places.read(index)), norm)


def _packed_attention(layer: LSTMWithGaussianAttention, places: Places) -> LayerWeights:
    """The first layer of a model whose window it carries."""
    own, window = layer.weight_recurrent.split([layer.hidden_size, layer.num_characters], dim=1)
    parts = {
        places.hidden(0).start: own,
        places.side(0).start: torch.cat([layer.weight_input, window], dim=1),
        places.one(0): layer.bias.unsqueeze(1),
    }
    return LayerWeights(_joined(parts, places.read(0)), None)


def _packed_output(output: nn.Linear, places: Places) -> Tensor:
    joined = output.weight.new_zeros(len(output.weight), places.width)
    for index, weight in enumerate(output.weight.split(places.hidden_size, dim=1)):
        joined[:, places.hidden(index)] = weight
    joined[:, places.one(0)] = output.bias
    return joined


def _joined(parts: dict[int, Tensor], read: slice) -> Tensor:
    """A layer's weight ``[4H, I]``, zero but for the parts ``[4H, ...]``, whose first places among
    the states are given."""
    some = next(iter(parts.values()))
    joined = some.new_zeros(len(some), read.stop - read.start)
    for place, part in parts.items():
        start = place - read.start
        joined[:, start : start + part.shape[1]] = part
    return _sigmoids_first(joined)


def _sigmoids_first(gates: Tensor) -> Tensor:
    """From the order input, forget, candidate, output along the first dimension."""
    entry, forget, candidate, exit_gate = gates.chunk(4)
    return torch.cat([entry, forget, exit_gate, candidate])


def _together(weights: list[Tensor]) -> list[Tensor]:
    """The same weights, each in the memory order of the fastest product on a CPU: float32 by
    columns, bfloat16 by rows; measured for 1 and for 64 lines.

    On a CPU they stand in one piece of NumPy's memory, which asks the system for huge pages where
    torch does not. All weights are read at each step, and in small pages they are more than the
    processor keeps addresses of: one line takes about an eighth longer.
    """
    ordered = [weight if weight.dtype == torch.bfloat16 else weight.t() for weight in weights]
    sizes = [weight.numel() * weight.element_size() for weight in ordered]
    memory = torch.empty(sum(sizes), dtype=torch.uint8, device=weights[0].device)
    if memory.device.type == "cpu":
        memory = torch.from_numpy(np.empty(len(memory), np.uint8))
    packed = []
    for weight, part in zip(ordered, memory.split(sizes), strict=True):
        copy = part.view(weight.dtype).view(weight.shape).copy_(weight)
        packed.append(copy if weight.dtype == torch.bfloat16 else copy.t())
    return packed
