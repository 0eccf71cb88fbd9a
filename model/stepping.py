"""Single pen steps of a model, made fast for sampling.

A model's own ``step`` calls its layers as sequences of length one: for each, ``torch.nn.LSTM``
brings its weights into another layout, two products and their sum are made where one does, and
every intermediate result is a new tensor. Here the weights are packed once (``pack``), so that a
layer is one product, into buffers that stay. What it computes is what ``step`` computes in
evaluation mode; the tests hold the two together.

The packed weight is ``[I+H, 4H]`` and contiguous, lines are rows: of the four layouts (weight or
its transpose, lines as rows or as columns) the fastest product on a CPU, or as fast as any, for
1 to 64 lines. One line is bound by the memory that the weights are read from, many by arithmetic.

Shapes: ``B`` lines, ``U`` characters, ``C`` vocabulary, ``I`` inputs of a layer, ``S`` inputs that
every layer gets (pen step and window), ``H`` hidden units, ``L`` layers, ``K`` window components,
``M`` mixture components.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.custom_layers.lstm import LoopLSTM
from model.custom_layers.lstm_with_gaussian_attention import (
    LSTMWithGaussianAttention,
    positions_and_mask,
    window_weights,
)
from model.models import STROKE_SIZE, ConditionalHandwriting, StackedHandwriting


class NormWeights(NamedTuple):
    """Layer normalisation of an LSTM layer, see ``LoopLSTM``: ``[4H]``, ``[H]``, ``[H]``."""

    gates_gain: Tensor
    cell_gain: Tensor
    cell_bias: Tensor


class LayerWeights(NamedTuple):
    """An LSTM layer, its gates in the order input, forget, output, candidate, so that all sigmoids
    stand together.

    Attributes:
        weight: ``[I+H, 4H]``; rows: what every layer gets, the layer below, the layer's own state.
        bias: ``[4H]``.
        norm: None for no layer normalisation.
    """

    weight: Tensor
    bias: Tensor
    norm: NormWeights | None


class PackedWeights(NamedTuple):
    """A model's weights, copied and laid out for single steps.

    Attributes:
        layers: ``L`` layers.
        output: weight ``[L*H, 6M+1]`` and bias ``[6M+1]``.
        window: weight ``[H, 3K]`` and bias ``[3K]`` of the window; None without one.
    """

    layers: tuple[LayerWeights, ...]
    output: tuple[Tensor, Tensor]
    window: tuple[Tensor, Tensor] | None


@torch.no_grad()
def pack(model: StackedHandwriting) -> PackedWeights:
    """The weights as they are now; what the model learns afterwards does not reach them."""
    layers = [_pack_layer(layer) for layer in model.layers]
    window = None
    if isinstance(model, ConditionalHandwriting):
        layers.insert(0, _pack_attention(model.attention))
        attention = model.attention
        window = _product(attention.weight_window), attention.bias_window.clone()
    output = _product(model.output.weight), model.output.bias.clone()
    together = _together([layer.weight for layer in layers])
    packed = [layer._replace(weight=weight) for layer, weight in zip(layers, together, strict=True)]
    return PackedWeights(tuple(packed), output, window)


class PenSteps:
    """The pen steps of a batch of lines, one after another.

    It holds the lines' state and changes it in place; one object serves one run.

    Args:
        weights: from ``pack``.
        batch_size: ``B``.
    """

    def __init__(self, weights: PackedWeights, batch_size: int) -> None:
        self._weights = weights
        self._layers = [_LayerState(layer, batch_size) for layer in weights.layers]
        self._bind(batch_size)

    def step(self, strokes: Tensor) -> Tensor:
        """The raw outputs ``[B, 6M+1]`` (see ``BivariateMixture.from_output``) after the latest
        pen step ``[B, 3]`` of each line."""
        self._pen.copy_(strokes)
        first, *others = self._layers
        below = first.advance(self._features[0])
        self._look(below)
        for layer, features in zip(others, self._features[1:], strict=True):
            layer.read(self._side, below)
            below = layer.advance(features)
        weight, bias = self._weights.output
        return torch.addmm(bias, self._all_features, weight)

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the lines only, whose places are ``rows``, int64 ``[B']``."""
        for layer in self._layers:
            layer.keep(rows)
        self._bind(len(rows))

    def _look(self, hidden: Tensor) -> None:
        """What happens between the first layer, whose output ``[B, H]`` this is, and the next."""

    def _bind(self, batch_size: int) -> None:
        """Views that every step would else make anew."""
        hidden_size = self._layers[0].hidden_size
        first = self._layers[0].joined
        self._side = first[:, : first.shape[1] - hidden_size]  # [B, S]
        self._pen = self._side[:, :STROKE_SIZE]
        self._all_features = first.new_empty(batch_size, len(self._layers) * hidden_size)
        self._features = self._all_features.split(hidden_size, dim=1)


class TextPenSteps(PenSteps):
    """The pen steps of a batch of lines whose text is given.

    Args:
        weights: from ``pack``, of a ``ConditionalHandwriting``.
        text: ``[B, U+1, C]``, from its ``encode``.

    Attributes:
        phi: ``[B, U+1]``, the window's weights at the latest step.
        kappa: ``[B, K]``, the positions of its components.
    """

    def __init__(self, weights: PackedWeights, text: Tensor) -> None:
        super().__init__(weights, len(text))
        self._text = text
        self._positions, self._mask = positions_and_mask(text)
        self.phi = text.new_zeros(text.shape[:2])
        self.kappa = text.new_zeros(len(text), weights.window[1].shape[0] // 3)

    def keep(self, rows: Tensor) -> None:
        """See ``PenSteps.keep``."""
        super().keep(rows)
        self._text, self._mask = self._text[rows], self._mask[rows]
        self.phi, self.kappa = self.phi[rows], self.kappa[rows]

    def _look(self, hidden: Tensor) -> None:
        """Move the window; every layer above, and the first one's next step, gets it."""
        weight, bias = self._weights.window
        parameters = torch.addmm(bias, hidden, weight)
        components, self.kappa = window_weights(parameters, self.kappa, self._positions, self._mask)
        self.phi = components.sum(1)
        window = torch.bmm(self.phi.unsqueeze(1), self._text).squeeze(1)
        self._side[:, STROKE_SIZE:].copy_(window)


class _LayerState:
    """One layer of a run: its weights and the state of ``B`` lines.

    Attributes:
        joined: ``[B, I+H]``, what the product reads: the layer's inputs and its own last output.
        cell: ``[B, H]``.
    """

    def __init__(self, weights: LayerWeights, batch_size: int) -> None:
        self._weights = weights
        self.hidden_size = weights.weight.shape[1] // 4
        self.joined = weights.weight.new_zeros(batch_size, weights.weight.shape[0])
        self.cell = weights.weight.new_zeros(batch_size, self.hidden_size)
        self._bind()

    def read(self, side: Tensor, below: Tensor) -> None:
        """Take in what every layer gets, ``[B, S]``, and the output of the layer below."""
        size = side.shape[1]
        self.joined[:, :size] = side
        self.joined[:, size : size + self.hidden_size] = below

    def advance(self, hidden: Tensor) -> Tensor:
        """One step of the layer, its output written to ``hidden`` ``[B, H]`` and returned."""
        self._sum_gates()
        self._sigmoids.sigmoid_()
        self._candidate.tanh_()
        self.cell.mul_(self._forget).addcmul_(self._entry, self._candidate)
        torch.tanh(self._read_out(), out=hidden)
        hidden.mul_(self._exit)
        self._own.copy_(hidden)
        return hidden

    def keep(self, rows: Tensor) -> None:
        """See ``PenSteps.keep``."""
        self.joined, self.cell = self.joined[rows], self.cell[rows]
        self._bind()

    def _sum_gates(self) -> None:
        weight, bias, norm = self._weights
        if norm is None:
            torch.addmm(bias, self.joined, weight, out=self._gates)
        else:
            summed = self.joined @ weight
            self._gates.copy_(F.layer_norm(summed, bias.shape, norm.gates_gain, bias))

    def _read_out(self) -> Tensor:
        norm = self._weights.norm
        if norm is None:
            return self.cell
        return F.layer_norm(self.cell, self.cell.shape[-1:], norm.cell_gain, norm.cell_bias)

    def _bind(self) -> None:
        """Views that every step would else make anew."""
        size = self.hidden_size
        self._own = self.joined[:, -size:]
        self._gates = self.joined.new_empty(len(self.joined), 4 * size)
        self._sigmoids = self._gates[:, : 3 * size]
        self._entry, self._forget, self._exit, self._candidate = self._gates.split(size, dim=1)


def _pack_layer(layer: nn.LSTM | LoopLSTM) -> LayerWeights:
    weight = torch.cat([layer.weight_ih_l0, layer.weight_hh_l0], dim=1)  # [4H, I+H]
    bias = layer.bias_ih_l0 + layer.bias_hh_l0
    norm = None
    if getattr(layer, "layer_norm", False):
        gain = _sigmoids_first(layer.gates_gain)
        norm = NormWeights(gain, layer.cell_gain.clone(), layer.cell_bias.clone())
    return LayerWeights(_product(_sigmoids_first(weight)), _sigmoids_first(bias), norm)


def _pack_attention(layer: LSTMWithGaussianAttention) -> LayerWeights:
    of_hidden, of_window = layer.weight_recurrent.split(
        [layer.hidden_size, layer.num_characters], dim=1
    )
    weight = torch.cat([layer.weight_input, of_window, of_hidden], dim=1)
    return LayerWeights(_product(_sigmoids_first(weight)), _sigmoids_first(layer.bias), None)


def _sigmoids_first(gates: Tensor) -> Tensor:
    """From the order input, forget, candidate, output along the first dimension."""
    entry, forget, candidate, exit_gate = gates.chunk(4)
    return torch.cat([entry, forget, exit_gate, candidate])


def _together(weights: list[Tensor]) -> list[Tensor]:
    """The same weights, on a CPU in one piece of NumPy's memory.

    NumPy asks the system for huge pages where torch does not. All weights are read at each step,
    and in small pages they are more than the processor keeps addresses of: one line takes about an
    eighth longer.
    """
    kind = {torch.float32: np.float32, torch.float64: np.float64}.get(weights[0].dtype)
    if kind is None or weights[0].device.type != "cpu":
        return weights
    sizes = [weight.numel() for weight in weights]
    memory = torch.from_numpy(np.empty(sum(sizes), dtype=kind))
    parts = [
        part.view(weight.shape) for part, weight in zip(memory.split(sizes), weights, strict=True)
    ]
    for part, weight in zip(parts, weights, strict=True):
        part.copy_(weight)
    return parts


def _product(weight: Tensor) -> Tensor:
    """A copy, transposed and contiguous."""
    return weight.t().clone(memory_format=torch.contiguous_format)
