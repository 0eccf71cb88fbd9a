"""The models, by the name a config gives them.

Shapes: ``B`` lines, ``T`` pen steps, ``U`` characters, ``L`` layers, ``H`` hidden units, ``M``
mixture components, ``K`` window components, ``C`` vocabulary.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from base.base_model import BaseModel
from base.batch import Batch
from base.registry import MODELS
from handwriting.text.vocabulary import Vocabulary
from model.custom_layers.cpu.linear import linear
from model.custom_layers.lstm import FastLSTM, LoopLSTM, clip_gradient, initialise_lstm
from model.custom_layers.lstm_with_gaussian_attention import (
    STEPS_PER_CHARACTER,
    GaussianAttentionState,
    LSTMWithGaussianAttention,
)
from model.mixture import BivariateMixture, mixture_output_size

STROKE_SIZE = 3

# What a config may give.
# Upper ends are far above what one machine trains, and far below what takes long to describe.
Count = Annotated[int, Field(ge=1, le=16_384)]
Layers = Annotated[int, Field(ge=1, le=64)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Bound = Annotated[float, Field(gt=0)]
Pace = Annotated[float, Field(ge=1, le=1000)]


class StackState(NamedTuple):
    """State of stacked layers between two pen steps: ``[L, B, H]`` each."""

    hidden: Tensor
    cell: Tensor


class ConditionalState(NamedTuple):
    """State of the conditional model between two pen steps.

    Attributes:
        attention: of the first layer, with its window.
        stack: of the layers above.
    """

    attention: GaussianAttentionState
    stack: StackState


class WindowPath(NamedTuple):
    """Path of the window: its place at each pen step of a batch.

    Attributes:
        phi: ``[B, T, U+1]``, its weight on each character and on the end of the text.
        kappa: ``[B, T, K]``, the positions of its components, in characters.
    """

    phi: Tensor
    kappa: Tensor


class StackedHandwriting(BaseModel[Batch]):
    """The base of both generating models: layers with skip connections and a mixture output.

    The pen step (and the window, where there is one) feeds every layer and every layer feeds the
    output (the skip connections of Graves 2013, section 2); the output is a mixture density
    (section 4.1). The cells are standard LSTM cells: Graves's have peephole connections besides,
    which ``torch.nn.LSTM`` does not offer.

    Layers are ``FastLSTM`` (``torch.nn.LSTM``, or faster) unless recurrent dropout or layer
    normalisation asks for ``LoopLSTM``, which is slower. Both have the same weights.

    Args:
        side_size: inputs that every layer gets.
        hidden_size: ``H``.
        num_layers: all layers, ``L``.
        num_below: how many of them the model brings itself, at the bottom.
        num_mixtures: ``M``.
        dropout, output_dropout, recurrent_dropout, layer_norm, output_gradient_clip,
        lstm_gradient_clip, recompute_steps: as in the models.
    """

    def __init__(
        self,
        side_size: int,
        hidden_size: int,
        num_layers: int,
        num_below: int,
        num_mixtures: int,
        dropout: float,
        output_dropout: float,
        recurrent_dropout: float,
        layer_norm: bool,
        output_gradient_clip: float | None,
        lstm_gradient_clip: float | None,
        recompute_steps: int | None,
    ) -> None:
        super().__init__()
        self.recompute_steps = recompute_steps
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_mixtures = num_mixtures
        self.dropout = dropout
        self.output_dropout = output_dropout
        self.output_gradient_clip = output_gradient_clip
        options = (recurrent_dropout, layer_norm, lstm_gradient_clip)
        self.layers = nn.ModuleList(
            _lstm(side_size if layer == 0 else side_size + hidden_size, hidden_size, *options)
            for layer in range(num_below, num_layers)
        )
        self.output = nn.Linear(num_layers * hidden_size, mixture_output_size(num_mixtures))
        nn.init.zeros_(self.output.bias)

    def _stack_state(
        self, batch_size: int, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> StackState:
        """Zeros for the layers of the stack, by default where and as the weights are."""
        weight = self.output.weight
        zeros = torch.zeros(
            (len(self.layers), batch_size, self.hidden_size),
            device=weight.device if device is None else device,
            dtype=weight.dtype if dtype is None else dtype,
        )
        return StackState(zeros, zeros)

    def _run_stack(
        self, side: list[Tensor], below: list[Tensor], state: StackState | None
    ) -> tuple[Tensor, StackState]:
        """Raw outputs ``[T, B, 6M+1]``, and the state after them.

        Args:
            side: what every layer gets, ``[T, B, S_i]`` each.
            below: the outputs ``[T, B, H]`` of the layers under the stack.
            state: of the stack; zeros by default.
        """
        outputs, last_hidden, last_cell = list(below), [], []
        for index, layer in enumerate(self.layers):
            dropped = [F.dropout(part, self.dropout, self.training) for part in outputs[-1:]]
            layer_hidden, (hidden, cell) = layer([*side, *dropped], _layer_state(state, index))
            outputs.append(layer_hidden)
            last_hidden.append(hidden)
            last_cell.append(cell)
        raw = self._output(outputs)
        if not self.layers:
            return raw, self._stack_state(side[0].shape[1], side[0].device, side[0].dtype)
        return raw, StackState(torch.cat(last_hidden), torch.cat(last_cell))

    def _output(self, hidden: list[Tensor]) -> Tensor:
        """Raw outputs from the layers' hidden outputs ``[T, B, H]``, in the weights' own precision
        also under autocast: a log-sigma rounded to 8 bits would be a different density.

        Each layer's outputs are dropped out anew.
        """
        with torch.autocast(hidden[0].device.type, enabled=False):
            parts = [part.to(self.output.weight.dtype) for part in hidden]
            if len(parts[0]) == 1 and not self.training:
                features = torch.cat(parts, dim=-1)  # [1, B, L*H]
                return clip_gradient(self.output(features), self.output_gradient_clip)
            parts = [part.flatten(0, 1) for part in parts]
            parts = [F.dropout(part, self.output_dropout, self.training) for part in parts]
            raw = linear(parts, self.output.weight, self.output.bias)
        raw = raw.unflatten(0, hidden[0].shape[:2])
        return clip_gradient(raw, self.output_gradient_clip)

    def _in_chunks(
        self, run: Callable[..., tuple[tuple[Tensor, ...], Any]], strokes: Tensor, state: Any
    ) -> tuple[Tensor, ...]:
        """Return the results of ``run`` for pen steps ``[T, B, 3]``, joined over the steps.

        Args:
            run: takes pen steps and the state before them, gives tensors ``[T, B, ...]`` and the
                state after. With ``recompute_steps`` it gets that many steps at a time, once now
                and once more in the backward pass, where its activations then live.
        """
        if self.recompute_steps is None or not torch.is_grad_enabled():
            return run(strokes, state)[0]
        results = []
        for chunk in strokes.split(self.recompute_steps):
            result, state = checkpoint(run, chunk, state, use_reentrant=False)
            results.append(result)
        return tuple(torch.cat(parts) for parts in zip(*results, strict=True))


@MODELS.register()
class UnconditionalHandwriting(StackedHandwriting):
    """Stacked LSTMs that predict each pen step from those before it (Graves 2013, section 4).

    Args:
        hidden_size: ``H``, LSTM cells of each layer.
        num_layers: ``L``.
        num_mixtures: ``M``.
        dropout: probability of dropping a hidden unit where it feeds the next layer.
        output_dropout: probability of dropping a hidden unit where it feeds the output.
        recurrent_dropout: probability of dropping a unit of a cell's update, see ``LoopLSTM``.
        layer_norm: layer normalisation inside the LSTM layers, see ``LoopLSTM``.
        output_gradient_clip: bound on the absolute derivative of the training loss with respect to
            each network output; Graves's is 100. His loss is the sum over one line: for the mean
            over B lines of such sums (reduction "line") the same bound is 100 / B.
        lstm_gradient_clip: the like for the summed inputs of the LSTM's gates; Graves's is 10.
        recompute_steps: None, or how many pen steps' activations are held at a time in training;
            they are computed once more in the backward pass. For long lines: the memory no longer
            grows with all activations, a step takes about a third longer, the loss is the same.
    """

    task = "unconditional"

    def __init__(
        self,
        hidden_size: Count = 400,
        num_layers: Layers = 3,
        num_mixtures: Count = 20,
        dropout: Probability = 0.0,
        output_dropout: Probability = 0.0,
        recurrent_dropout: Probability = 0.0,
        layer_norm: bool = False,
        output_gradient_clip: Bound | None = None,
        lstm_gradient_clip: Bound | None = None,
        recompute_steps: Count | None = None,
    ) -> None:
        super().__init__(
            STROKE_SIZE, hidden_size, num_layers, 0, num_mixtures, dropout, output_dropout,
            recurrent_dropout, layer_norm, output_gradient_clip, lstm_gradient_clip,
            recompute_steps,
        )  # fmt: skip

    def forward(self, batch: Batch) -> BivariateMixture:
        """Distributions of the pen steps 1 to T-1 of each line, given the steps before.

        Returns:
            mixtures of leading shape ``[B, T-1]``; what stands past a line's length has no
            meaning, and no bearing on what stands before it.
        """
        steps = batch.strokes[:, :-1].transpose(0, 1)  # [T-1, B, 3]
        (raw,) = self._in_chunks(self._advance, steps, None)  # [T-1, B, 6M+1]
        return BivariateMixture.from_output(raw.transpose(0, 1))

    def _advance(self, steps: Tensor, state: StackState | None) -> tuple[tuple[Tensor], StackState]:
        raw, state = self._run_stack([steps], [], state)
        return (raw,), state

    def initial_state(
        self,
        batch_size: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> StackState:
        """The state before the first pen step: zeros, by default where and as the weights are."""
        return self._stack_state(batch_size, device, dtype)

    def step(self, strokes: Tensor, state: StackState) -> tuple[BivariateMixture, StackState]:
        """One pen step of ``forward``.

        Args:
            strokes: ``[B, 3]``, the latest pen step of each line, in normalised units.
            state: what ``initial_state`` or the step before returned.

        Returns:
            the distributions ``[B]`` of the next pen step, and the new state.
        """
        raw, state = self._run_stack([strokes.unsqueeze(0)], [], state)
        return BivariateMixture.from_output(raw.squeeze(0)), state


@MODELS.register(provided=("vocabulary",))
class ConditionalHandwriting(StackedHandwriting):
    """Text to handwriting (Graves 2013, section 5).

    The first layer carries a soft window of ``K`` Gaussians over the characters (section 5.1); the
    window feeds every layer, the rest is the unconditional stack. The text that the window sees
    ends with the vocabulary's end-of-text symbol, the character U+1 of the paper's stopping rule.

    Args:
        vocabulary: the characters; its size is that of the window vector.
        hidden_size: ``H``, LSTM cells of each layer.
        num_layers: ``L``, the layer with the window included.
        num_mixtures: ``M``.
        num_window_components: ``K``.
        steps_per_character: pen steps that a character takes in the data, about: the window's pace
            at the start of training, and the measure of the rules by which texts are written.
        dropout: probability of dropping a hidden unit where it feeds the next layer.
        output_dropout: probability of dropping a hidden unit where it feeds the output.
        recurrent_dropout, layer_norm: of the layers above the first, see ``LoopLSTM``.
        output_gradient_clip, lstm_gradient_clip, recompute_steps: see
            ``UnconditionalHandwriting``.
    """

    task = "conditional"

    def __init__(
        self,
        vocabulary: Vocabulary,
        hidden_size: Count = 400,
        num_layers: Layers = 3,
        num_mixtures: Count = 20,
        num_window_components: Count = 10,
        steps_per_character: Pace = STEPS_PER_CHARACTER,
        dropout: Probability = 0.0,
        output_dropout: Probability = 0.0,
        recurrent_dropout: Probability = 0.0,
        layer_norm: bool = False,
        output_gradient_clip: Bound | None = None,
        lstm_gradient_clip: Bound | None = None,
        recompute_steps: Count | None = None,
    ) -> None:
        num_characters = len(vocabulary)
        super().__init__(
            STROKE_SIZE + num_characters, hidden_size, num_layers, 1, num_mixtures, dropout,
            output_dropout, recurrent_dropout, layer_norm, output_gradient_clip, lstm_gradient_clip,
            recompute_steps,
        )  # fmt: skip
        self.num_characters = num_characters
        self.steps_per_character = steps_per_character
        self._end_of_text = vocabulary.eos
        self.attention = LSTMWithGaussianAttention(
            STROKE_SIZE, hidden_size, num_characters, num_window_components, lstm_gradient_clip,
            steps_per_character,
        )  # fmt: skip

    def vocabulary_dimensions(self) -> Mapping[str, tuple[int, int]]:
        """Return the places of the window vector among the inputs of each layer."""
        window = {"attention.weight_recurrent": (1, self.hidden_size)}
        names = [
            name
            for name, weight in self.layers.named_parameters()
            if "weight_ih" in name or "weight_input" in name
        ]
        return window | {f"layers.{name}": (1, STROKE_SIZE) for name in names}

    def forward(self, batch: Batch) -> BivariateMixture:
        """Distributions of the pen steps 1 to T-1 of each line, given its text and the steps
        before; ``[B, T-1]`` as in ``UnconditionalHandwriting.forward``."""
        return self.forward_with_window(batch)[0]

    def forward_with_window(self, batch: Batch) -> tuple[BivariateMixture, WindowPath]:
        """``forward``, and where the window was at the pen steps 0 to T-2."""
        steps = batch.strokes[:, :-1].transpose(0, 1)  # [T-1, B, 3]
        text = self.encode(batch.text, batch.text_lengths)

        def advance(
            steps: Tensor, state: ConditionalState | None
        ) -> tuple[tuple[Tensor, ...], ConditionalState]:
            attention, stack = (None, None) if state is None else state
            lowest = self.attention(steps.transpose(0, 1), text, attention)
            # What the layer gives lies time-first in memory.
            window, hidden, phi, kappa = (
                part.transpose(0, 1)
                for part in (lowest.window, lowest.hidden, lowest.phi, lowest.kappa)
            )
            raw, stack = self._run_stack([steps, window], [hidden], stack)
            return (raw, phi, kappa), ConditionalState(lowest.state, stack)

        parts = self._in_chunks(advance, steps, None)
        raw, phi, kappa = (part.transpose(0, 1) for part in parts)
        return BivariateMixture.from_output(raw), WindowPath(phi, kappa)

    def encode(self, text: Tensor, text_lengths: Tensor) -> Tensor:
        """One-hot characters ``[B, U+1, C]`` of texts ``[B, U]`` with their ends of text; rows of
        padding are zero. The result has the type of the weights."""
        padded = F.pad(text, (0, 1))
        positions = torch.arange(padded.shape[1], device=text.device)
        ends = text_lengths.unsqueeze(1)
        padded = torch.where(positions == ends, self._end_of_text, padded)
        one_hot = F.one_hot(padded, self.num_characters).to(self.output.weight.dtype)
        return one_hot * (positions <= ends).unsqueeze(2)

    def initial_state(self, text: Tensor) -> ConditionalState:
        """The state before the first pen step, for texts ``[B, U+1, C]`` from ``encode``."""
        stack = self._stack_state(text.shape[0], text.device, text.dtype)
        return ConditionalState(self.attention.initial_state(text), stack)

    def step(
        self, strokes: Tensor, text: Tensor, state: ConditionalState
    ) -> tuple[BivariateMixture, Tensor, ConditionalState]:
        """One pen step of ``forward``.

        Args:
            strokes: ``[B, 3]``, the latest pen step of each line, in normalised units.
            text: ``[B, U+1, C]``, from ``encode``.
            state: what ``initial_state`` or the step before returned.

        Returns:
            the distributions ``[B]`` of the next pen step, the window's weights phi ``[B, U+1]``,
            and the new state.
        """
        attention, phi = self.attention.step(strokes, text, state.attention)
        pen, window, hidden = (
            part.unsqueeze(0) for part in (strokes, attention.window, attention.hidden)
        )
        raw, stack = self._run_stack([pen, window], [hidden], state.stack)
        mixture = BivariateMixture.from_output(raw.squeeze(0))
        return mixture, phi, ConditionalState(attention, stack)


def _lstm(
    input_size: int,
    hidden_size: int,
    recurrent_dropout: float,
    layer_norm: bool,
    gradient_clip: float | None,
) -> FastLSTM | LoopLSTM:
    """The fastest layer that has the options."""
    if recurrent_dropout > 0 or layer_norm:
        return LoopLSTM(input_size, hidden_size, recurrent_dropout, layer_norm, gradient_clip)
    layer = FastLSTM(input_size, hidden_size, gradient_clip)
    initialise_lstm(layer)
    return layer


def _layer_state(state: StackState | None, layer: int) -> tuple[Tensor, Tensor] | None:
    if state is None:
        return None
    return state.hidden[layer : layer + 1], state.cell[layer : layer + 1]
