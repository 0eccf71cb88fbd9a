"""The pen steps of a writer, computed with NumPy: what ``docs/export.md`` says, laid out for speed.

Lines are columns, see ``handwriting.runtime.places``. A sigmoid is made of a tanh, of which NumPy
has a quick one: the rows of the gates that take one are halved beforehand, which is exact.

Shapes: ``B`` lines, ``U`` characters with the end of the text, ``C`` vocabulary, ``I`` what a layer
reads, ``H`` hidden units, ``L`` layers, ``K`` window components, ``M`` mixture components.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from handwriting.runtime.places import Places

PEN_SIZE = 3
FEW_LINES = 6
"""Up to so many, products are quicker line by line."""

_EPSILON = 1e-5  # of layer normalisation


class Norm(NamedTuple):
    """Layer normalisation of a layer: of the gates' sums ``[4H, 1]``, of the cell ``[H, 1]``."""

    gates_gain: np.ndarray
    gates_bias: np.ndarray
    cell_gain: np.ndarray
    cell_bias: np.ndarray


@dataclass(frozen=True)
class WriterWeights:
    """The weights of a writer, laid out for single steps. The gates of a layer stand in the order
    input, forget, output, candidate, so that all sigmoids are together.

    Attributes:
        places: of the states.
        layers: ``L`` matrices ``[4H, I]``.
        norms: of each layer, None where it has none.
        window, window_bias: ``[3K, H]``, ``[3K, 1]``.
        output: ``[6M+1, W]``.
        num_characters: ``C``.
        least, greatest: ``[3K, 1]``, ranges of the window's parameters.
        log_phi_floor: a component's weight under its exponential is 0.
    """

    places: Places
    layers: tuple[np.ndarray, ...]
    norms: tuple[Norm | None, ...]
    window: np.ndarray
    window_bias: np.ndarray
    output: np.ndarray
    num_characters: int
    least: np.ndarray
    greatest: np.ndarray
    log_phi_floor: float


def pack(about: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> WriterWeights:
    """Return the weights of an exported writer."""
    num_characters = len(about["symbols"])
    places = Places(about["num_layers"], about["hidden_size"], PEN_SIZE + num_characters + 1)
    numbers = range(places.num_layers)
    components = about["num_window_components"]
    rules = about["window"]
    ranges = [rules[name] for name in ("log_alpha", "log_beta", "log_step")]
    bounds = np.repeat(np.array(ranges, np.float32), components, axis=0)
    norms = [_norm(tensors, f"layers.{layer}") for layer in numbers]
    return WriterWeights(
        places=places,
        layers=tuple(_layer(tensors, places, layer, norms[layer] is None) for layer in numbers),
        norms=tuple(norms),
        window=tensors["window.weight"],
        window_bias=tensors["window.bias"][:, None],
        output=_output(tensors, places),
        num_characters=num_characters,
        least=bounds[:, :1],
        greatest=bounds[:, 1:],
        log_phi_floor=rules["log_phi_floor"],
    )


def _layer(
    tensors: Mapping[str, np.ndarray], places: Places, layer: int, has_bias: bool
) -> np.ndarray:
    read = places.read(layer)
    joined = np.zeros((4 * places.hidden_size, read.stop - read.start), np.float32)
    side = places.side(layer).start
    parts = {side: "pen", side + PEN_SIZE: "window", places.hidden(layer).start: "hidden"}
    if layer:
        parts[places.hidden(layer - 1).start] = "below"
    for start, name in parts.items():
        part = tensors[f"layers.{layer}.{name}"]
        joined[:, start - read.start :][:, : part.shape[1]] = part
    if has_bias:
        joined[:, places.one(layer) - read.start] = tensors[f"layers.{layer}.bias"]
    ordered = _sigmoids_first(joined)
    if has_bias:
        ordered[: 3 * places.hidden_size] *= 0.5
    return ordered


def _norm(tensors: Mapping[str, np.ndarray], layer: str) -> Norm | None:
    if f"{layer}.gates_gain" not in tensors:
        return None
    gain, bias = (_sigmoids_first(tensors[f"{layer}.{name}"]) for name in ("gates_gain", "bias"))
    for gates in (gain, bias):
        gates[: 3 * len(gates) // 4] *= 0.5
    cell = (tensors[f"{layer}.{name}"] for name in ("cell_gain", "cell_bias"))
    return Norm(*(values[:, None] for values in (gain, bias, *cell)))


def _output(tensors: Mapping[str, np.ndarray], places: Places) -> np.ndarray:
    weight, size = tensors["output.weight"], places.hidden_size
    joined = np.zeros((len(weight), places.width), np.float32)
    for layer in range(places.num_layers):
        joined[:, places.hidden(layer)] = weight[:, layer * size : (layer + 1) * size]
    joined[:, places.one(0)] = tensors["output.bias"]
    return joined


def _sigmoids_first(gates: np.ndarray) -> np.ndarray:
    entry, forget, candidate, exit_gate = np.split(gates, 4)
    return np.concatenate([entry, forget, exit_gate, candidate])


class PenSteps:
    """The pen steps of a batch of lines, one after another. It holds the lines' state and changes
    it in place; one object serves one run.

    Args:
        weights: of the writer.
        texts: of each line, the indices of its characters and of the end of the text.

    Attributes:
        phi: ``[B, U]``, the window's weights at the latest step; zero past a line's own text.
        kappa: ``[B, K]``, the positions of its components.
    """

    def __init__(self, weights: WriterWeights, texts: Sequence[Sequence[int]]) -> None:
        self._weights = weights
        places, lines = weights.places, len(texts)
        longest = max(map(len, texts))
        self._text = np.zeros((lines, longest, weights.num_characters), np.float32)
        # Padding is infinitely far away, so that no component weighs it.
        self._positions = np.full((lines, 1, longest), np.inf, np.float32)
        for line, text in enumerate(texts):
            self._text[line, np.arange(len(text)), text] = 1.0
            self._positions[line, 0, : len(text)] = np.arange(len(text))
        self.phi = np.zeros((lines, longest), np.float32)
        self.kappa = np.zeros((lines, len(weights.window) // 3), np.float32)
        states = np.zeros((places.num_sides * places.period, lines), np.float32)
        self._bind(states, np.zeros((places.num_layers, places.hidden_size, lines), np.float32))
        self._sides[:, -1] = 1.0

    def step(self, pen: np.ndarray) -> np.ndarray:
        """Return the raw outputs ``[B, 6M+1]`` after the latest pen step ``[B, 3]`` of each line,
        in normalised units."""
        self._sides[:, :PEN_SIZE] = pen.T
        for index, layer in enumerate(self._layers):
            layer.advance()
            if index == 0:
                self._move_window(layer.hidden)
        raw: np.ndarray = self._outputs.T @ self._weights.output.T
        return raw

    def keep(self, rows: np.ndarray) -> None:
        """Go on with some of the lines only, whose places are ``rows``, int64 ``[B']``."""
        self._text, self._positions = self._text[rows], self._positions[rows]
        self.phi, self.kappa = self.phi[rows], self.kappa[rows]
        self._bind(self._states[:, rows], self._cells[:, :, rows])

    def _move_window(self, hidden: np.ndarray) -> None:
        """The window over the text after the first layer's output ``[H, B]`` (Graves 2013, eq.
        46-51); every layer above, and the first one's next step, gets it."""
        weights, components = self._weights, self.kappa.shape[1]
        found = weights.window @ hidden
        found += weights.window_bias
        np.clip(found, weights.least, weights.greatest, out=found)  # [3K, B]
        np.exp(found[components:], out=found[components:])
        log_alpha, beta, step = found.T.reshape(-1, 3, components, 1).swapaxes(0, 1)  # [B, K, 1]
        self.kappa = self.kappa + step[:, :, 0]
        away = self.kappa[:, :, None] - self._positions  # [B, K, U]
        away *= away
        away *= beta
        log_phi = np.subtract(log_alpha, away, out=away)
        log_phi[log_phi <= weights.log_phi_floor] = -np.inf
        self.phi = np.exp(log_phi, out=log_phi).sum(axis=1)
        self._sides[:, PEN_SIZE:-1] = (self.phi[:, None] @ self._text)[:, 0].T

    def _bind(self, states: np.ndarray, cells: np.ndarray) -> None:
        """Take over states ``[W, B]`` and cells ``[L, H, B]``, and make views that every step would
        else make anew. Of few lines each has its numbers together."""
        weights, lines = self._weights, states.shape[1]
        places = weights.places
        few = lines <= FEW_LINES
        self._states = np.array(states, order="F" if few else "C")
        self._cells = np.array(cells)
        if few:
            self._cells = np.array(cells.swapaxes(1, 2), order="C").swapaxes(1, 2)
        by_side = self._states.T.reshape(lines, places.num_sides, places.period)
        self._sides = by_side.transpose(1, 2, 0)[:, places.side(0)]  # [sides, S, B]
        self._outputs = self._states[: places.width]
        gates = np.empty((4 * places.hidden_size, lines), np.float32, order="F" if few else "C")
        self._layers = [
            _Layer(
                matrix,
                weights.norms[index],
                self._states[places.read(index)],
                self._states[places.hidden(index)],
                cell,
                gates,
            )
            for index, (matrix, cell) in enumerate(zip(weights.layers, self._cells, strict=True))
        ]


class _Layer:
    """One layer of a run: its weights, and views of the states.

    Args:
        weight: ``[4H, I]``.
        norm: of it, if any.
        read: ``[I, B]``, what it reads.
        hidden: ``[H, B]``, its own output among that.
        cell: ``[H, B]``.
        gates: ``[4H, B]``, a place to work in, which all layers share.
    """

    def __init__(
        self,
        weight: np.ndarray,
        norm: Norm | None,
        read: np.ndarray,
        hidden: np.ndarray,
        cell: np.ndarray,
        gates: np.ndarray,
    ) -> None:
        self._weight, self._norm, self._read = weight, norm, read
        self.hidden, self._cell, self._gates = hidden, cell, gates
        size = len(hidden)
        self._sigmoids = gates[: 3 * size]
        self._entry, self._forget, self._exit, self._candidate = np.split(gates, 4)
        self._by_line = (
            list(zip(read.T, gates.T, strict=True)) if gates.shape[1] <= FEW_LINES else []
        )

    def advance(self) -> None:
        """One step."""
        gates, cell, norm = self._gates, self._cell, self._norm
        if self._by_line:
            for read, out in self._by_line:
                np.dot(self._weight, read, out=out)
        else:
            np.matmul(self._weight, self._read, out=gates)
        if norm is not None:
            gates[:] = _normalised(gates) * norm.gates_gain + norm.gates_bias
        np.tanh(gates, out=gates)
        self._sigmoids *= 0.5
        self._sigmoids += 0.5
        cell *= self._forget
        self._entry *= self._candidate
        cell += self._entry
        if norm is None:
            np.tanh(cell, out=self.hidden)
        else:
            np.tanh(_normalised(cell) * norm.cell_gain + norm.cell_bias, out=self.hidden)
        self.hidden *= self._exit


def _normalised(values: np.ndarray) -> np.ndarray:
    """Columns ``[S, B]`` of mean 0 and variance 1."""
    centred = values - values.mean(axis=0)
    scaled: np.ndarray = centred / np.sqrt(np.square(centred).mean(axis=0) + _EPSILON)
    return scaled
