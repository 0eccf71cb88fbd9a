"""The networks that read, computed with NumPy: the recogniser's encoder, its CTC output, its
attention decoder, and the language model; what ``docs/export.md`` says.

Weights of gates that take a sigmoid are halved beforehand, as in ``handwriting.runtime.pen_steps``.

Shapes: ``B`` lines, ``N`` feature points, ``F`` features, ``N'`` encoder frames, ``E`` width of the
memory, ``C`` vocabulary, ``S`` cells of a direction, ``D`` decoder cells, ``A`` width of the keys,
``R`` rows of a batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from handwriting.errors import UserError
from handwriting.text.vocabulary import Vocabulary

_EPSILON = 1e-5  # of layer normalisation
_DIRECTIONS = ("ahead", "back")


class Encoded(NamedTuple):
    """Encoding of lines, padded.

    Attributes:
        memory: ``[B, N', E]``, zeros past a line's end.
        keys: ``[B, N', A]``, the memory as attention compares it.
        lengths: int64 ``[B]``, frames of each line.
        start: ``[B, D]``, the decoder's first hidden output.
    """

    memory: np.ndarray
    keys: np.ndarray
    lengths: np.ndarray
    start: np.ndarray


class DecoderState(NamedTuple):
    """State of the decoder between two characters, the batch first everywhere: its hidden output
    and cell ``[R, D]``, the context ``[R, E]``, the latest attention and the sum of all
    ``[R, N']``."""

    hidden: np.ndarray
    cell: np.ndarray
    context: np.ndarray
    attention: np.ndarray
    coverage: np.ndarray

    def rows(self, rows: np.ndarray) -> "DecoderState":
        """The rows that stand in ``rows``."""
        return DecoderState(*(part[rows] for part in self))


class Recogniser:
    """An exported recogniser.

    Args:
        about: of it.
        tensors: of it.
    """

    def __init__(self, about: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
        self.about = about
        self.vocabulary = Vocabulary.from_symbols(about["symbols"])
        self.has_ctc = bool(about["ctc"])
        self._tensors = tensors
        self._convolutions = [
            (
                _taps(tensors[f"convolutions.{at}.weight"]),
                tensors[f"convolutions.{at}.bias"],
                stride,
            )
            for at, stride in enumerate(about["strides"])
        ]
        self._layers = [
            _Bidirectional(tensors, f"encoder.{at}") for at in range(about["encoder_layers"])
        ]
        self._decoder = _Decoder(tensors)

    def encode(self, features: Sequence[np.ndarray]) -> Encoded:
        """Encode lines of features ``[N, F]`` each, ``N >= 1``."""
        frames = [self._subsampled(each) for each in features]
        for layer in self._layers:
            frames = layer.run(frames)
        lengths = np.array([len(each) for each in frames])
        memory = np.zeros((len(frames), lengths.max(), frames[0].shape[1]), np.float32)
        for line, each in enumerate(frames):
            memory[line, : len(each)] = each
        size = memory.shape[2] // 2
        ends = np.stack([np.append(each[-1, :size], each[0, size:]) for each in frames])
        start = np.tanh(self._linear("decoder.start", ends))
        return Encoded(memory, self._linear("decoder.keys", memory), lengths, start)

    def ctc_log_probs(self, encoded: Encoded) -> np.ndarray:
        """Return the logs of CTC's probabilities, float64 ``[B, N', C]``."""
        return log_softmax(self._linear("ctc", encoded.memory).astype(np.float64))

    def initial_state(self, encoded: Encoded) -> DecoderState:
        """The decoder's state before the first character of each line."""
        rows, frames, width = encoded.memory.shape
        nowhere = np.zeros((rows, frames), np.float32)
        context = np.zeros((rows, width), np.float32)
        return DecoderState(encoded.start, np.zeros_like(encoded.start), context, nowhere, nowhere)

    def step(
        self, previous: np.ndarray, state: DecoderState, encoded: Encoded
    ) -> tuple[np.ndarray, DecoderState]:
        """Return logits ``[R, C]`` after the characters ``previous`` ``[R]``, and the state with
        them. The rows are as many for each of the encoded lines, those of a line together."""
        decoder = self._decoder
        hidden, cell = decoder.cell(previous, state)
        attention = decoder.attention(hidden, state, encoded)  # [B, K, N']
        context = (attention @ encoded.memory).reshape(len(hidden), -1)
        attention = attention.reshape(len(hidden), -1)
        logits = decoder.logits(hidden, context)
        return logits, DecoderState(hidden, cell, context, attention, state.coverage + attention)

    def _subsampled(self, values: np.ndarray) -> np.ndarray:
        """Features ``[N, F]`` through the convolutions: frames ``[N', channels]``."""
        for taps, bias, stride in self._convolutions:
            width = taps.shape[0] // values.shape[1]
            padded = np.pad(values, ((width // 2, width // 2), (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)[::stride]
            values = windows.reshape(len(windows), -1) @ taps
            values += bias
            np.maximum(values, 0, out=values)
        return values

    def _linear(self, name: str, values: np.ndarray) -> np.ndarray:
        product: np.ndarray = values @ self._tensors[f"{name}.weight"].T
        product += self._tensors[f"{name}.bias"]
        return product


class LanguageModel:
    """An exported language model, asked in the character indices of a recogniser.

    Args:
        about: of it.
        tensors: of it.
        vocabulary: of the recogniser.

    Raises:
        UserError: it does not know a character of the recogniser.
    """

    def __init__(
        self, about: Mapping[str, Any], tensors: Mapping[str, np.ndarray], vocabulary: Vocabulary
    ) -> None:
        own = Vocabulary.from_symbols(about["symbols"])
        characters = "".join(vocabulary.characters)
        missing = own.unknown(characters)
        if missing:
            raise UserError(
                "language model: it should know all characters of the recogniser, but not"
                f" {' '.join(missing)}"
            )
        specials = [own.pad, own.sos, own.eos, own.unk]
        self._indices = np.array([*specials, *own.encode(characters)])
        layers = range(about["num_layers"])
        halves = _halves(len(tensors["layers.0.bias"]))
        self._hidden = [tensors[f"layers.{at}.hidden"].T * halves for at in layers]
        self._below = [tensors[f"layers.{at}.input"].T * halves for at in layers]
        self._bias = [tensors[f"layers.{at}.bias"] * halves for at in layers]
        self._table = tensors["embedding"] @ self._below[0] + self._bias[0]  # [C, 4H]
        self._output = tensors["output.weight"].T, tensors["output.bias"]

    def initial_state(self, rows: int) -> np.ndarray:
        """The state before the first character: zeros ``[2L, R, H]``."""
        return np.zeros((2 * len(self._hidden), rows, len(self._hidden[0])), np.float32)

    def step(self, previous: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return float64 log-probabilities ``[R, C]`` of the next character after the characters
        ``previous`` ``[R]``, and the new state."""
        after = np.empty_like(state)
        gates = self._table[self._indices[previous]]
        for at, own in enumerate(self._hidden):
            if at:
                gates = after[2 * at - 2] @ self._below[at] + self._bias[at]
            gates += state[2 * at] @ own
            after[2 * at], after[2 * at + 1] = lstm_cell(gates, state[2 * at + 1])
        weight, bias = self._output
        logits = (after[-2] @ weight + bias).astype(np.float64)
        return log_softmax(logits)[:, self._indices], after


class _Decoder:
    """The attention decoder's weights, for single steps."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        halves = _halves(len(tensors["decoder.bias"]))
        table = tensors["decoder.embedding"] @ tensors["decoder.input"].T + tensors["decoder.bias"]
        self._table = table * halves  # [C, 4D]
        self._hidden = np.ascontiguousarray(tensors["decoder.hidden"].T) * halves
        self._context = np.ascontiguousarray(tensors["decoder.context"].T) * halves
        self._query = tensors["decoder.query"].T
        self._energy = tensors["decoder.energy"]
        self._location = _location(tensors.get("decoder.location"))
        self._features = tensors["decoder.features.weight"].T, tensors["decoder.features.bias"]
        self._output = tensors["decoder.output.weight"].T, tensors["decoder.output.bias"]

    def cell(self, previous: np.ndarray, state: DecoderState) -> tuple[np.ndarray, np.ndarray]:
        """Hidden output and cell ``[R, D]``."""
        gates = self._table[previous]
        gates += state.context @ self._context
        gates += state.hidden @ self._hidden
        return lstm_cell(gates, state.cell)

    def attention(self, hidden: np.ndarray, state: DecoderState, encoded: Encoded) -> np.ndarray:
        """Weights ``[B, K, N']``, zero past a line's end."""
        lines, frames, width = encoded.keys.shape
        inner = np.zeros((len(hidden), frames, width), np.float32)
        if self._location is not None:
            windows = _windows(state.attention, state.coverage, len(self._location))
            np.matmul(windows, self._location, out=inner)
        inner += (hidden @ self._query)[:, None]
        by_line = inner.reshape(lines, -1, frames, width)
        by_line += encoded.keys[:, None]
        np.tanh(by_line, out=by_line)
        energy: np.ndarray = by_line @ self._energy  # [B, K, N']
        outside = np.arange(frames) >= encoded.lengths[:, None]
        energy[np.broadcast_to(outside[:, None], energy.shape)] = -np.inf
        energy -= energy.max(axis=2, keepdims=True)
        np.exp(energy, out=energy)
        energy /= energy.sum(axis=2, keepdims=True)
        return energy

    def logits(self, hidden: np.ndarray, context: np.ndarray) -> np.ndarray:
        """``[R, C]``."""
        (features, bias), (output, output_bias) = self._features, self._output
        inner = np.concatenate([hidden, context], axis=1) @ features
        logits: np.ndarray = np.tanh(inner + bias) @ output + output_bias
        return logits


class _Bidirectional:
    """One layer of the encoder in both directions, which take each step together.

    Args:
        tensors: of the recogniser.
        name: of the layer.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], name: str) -> None:
        parts = [f"{name}.{direction}" for direction in _DIRECTIONS]
        halves = _halves(len(tensors[f"{parts[0]}.bias"]))
        inputs = [tensors[f"{part}.input"].T * halves for part in parts]
        self._inputs = np.concatenate(inputs, axis=1)  # [in, 8S]
        self._bias = np.concatenate([tensors[f"{part}.bias"] * halves for part in parts])
        self._hidden = np.stack([tensors[f"{part}.hidden"].T * halves for part in parts])
        self._norm = (
            (tensors[f"{name}.gain"], tensors[f"{name}.bias"])
            if f"{name}.gain" in tensors
            else None
        )

    def run(self, lines: list[np.ndarray]) -> list[np.ndarray]:
        """Frames ``[N', in]`` of each line to ``[N', 2S]``."""
        order = sorted(range(len(lines)), key=lambda line: -len(lines[line]))
        lengths = np.array([len(lines[line]) for line in order])
        stops = np.cumsum(lengths)
        starts = stops - lengths
        gates = np.concatenate([lines[line] for line in order]) @ self._inputs
        gates += self._bias
        ahead, back = np.split(gates, 2, axis=1)
        size = self._hidden.shape[1]
        outputs = np.empty((len(gates), 2 * size), np.float32)
        hidden = np.zeros((2, len(lines), size), np.float32)
        cell = np.zeros_like(hidden)
        for step, count in enumerate(_counts(lengths)):
            of_ahead, of_back = starts[:count] + step, stops[:count] - 1 - step
            both = hidden[:, :count] @ self._hidden
            both[0] += ahead[of_ahead]
            both[1] += back[of_back]
            hidden, cell = lstm_cell(both, cell[:, :count])
            outputs[of_ahead, :size], outputs[of_back, size:] = hidden
        if self._norm is not None:
            outputs = _normalised(outputs) * self._norm[0] + self._norm[1]
        found = dict(zip(order, np.split(outputs, stops[:-1]), strict=True))
        return [found[line] for line in range(len(lines))]


def lstm_cell(gates: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the hidden output and the cell ``[..., S]``.

    Args:
        gates: ``[..., 4S]``, input, forget, candidate, output; all but the candidate's halved.
            They are worked on in place.
        cell: ``[..., S]``, before the step.
    """
    np.tanh(gates, out=gates)
    entry, forget, candidate, output = np.split(gates, 4, axis=-1)
    cell = (0.5 + 0.5 * forget) * cell
    entry *= 0.5
    entry += 0.5
    entry *= candidate
    cell += entry
    hidden = np.tanh(cell)
    output *= 0.5
    output += 0.5
    hidden *= output
    return hidden, cell


def log_softmax(values: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    shifted: np.ndarray = values - values.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def _halves(gates: int) -> np.ndarray:
    """``[4S]``: 1/2 where a gate takes a sigmoid, 1 for the candidate."""
    halves = np.full(gates, 0.5, np.float32)
    halves[gates // 2 : 3 * gates // 4] = 1.0
    return halves


def _counts(lengths: np.ndarray) -> list[int]:
    """Return how many of the lines, longest first, have each of the frames."""
    counts: list[int] = np.searchsorted(-lengths, -np.arange(lengths[0]), side="left").tolist()
    return counts


def _taps(weight: np.ndarray) -> np.ndarray:
    """A kernel ``[out, in, W]`` for windows ``[in, W]``: ``[in W, out]``."""
    return np.ascontiguousarray(weight.reshape(len(weight), -1).T)


def _location(kernel: np.ndarray | None) -> np.ndarray | None:
    """The location's kernel ``[A, 2, V]`` for windows of attention and coverage: ``[2V, A]``."""
    if kernel is None:
        return None
    return np.ascontiguousarray(kernel.reshape(len(kernel), -1).T)


def _windows(attention: np.ndarray, coverage: np.ndarray, size: int) -> np.ndarray:
    """``[R, N', 2V]`` of ``[R, N']`` each: both around each frame, zeros past the ends."""
    width = size // 2
    pairs = np.stack([attention, coverage], axis=1)  # [R, 2, N']
    padded = np.pad(pairs, ((0, 0), (0, 0), (width // 2, width // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=2)  # [R, 2, N', V]
    found: np.ndarray = windows.transpose(0, 2, 1, 3).reshape(*attention.shape, size)
    return found


def _normalised(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=1, keepdims=True)
    scaled: np.ndarray = centred / np.sqrt(
        np.square(centred).mean(axis=1, keepdims=True) + _EPSILON
    )
    return scaled
