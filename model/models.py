"""The models, by the name a config gives them.

Shapes: ``B`` lines, ``T`` pen steps, ``L`` layers, ``H`` hidden units, ``M`` mixture components.
"""

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from base.base_model import BaseModel
from base.registry import MODELS
from data_loader.batch import Batch
from model.custom_layers.lstm import LoopLSTM, clip_gradient, initialise_lstm
from model.mixture import BivariateMixture, mixture_output_size

STROKE_SIZE = 3

# What a config may give.
Count = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Bound = Annotated[float, Field(gt=0)]


class UnconditionalState(NamedTuple):
    """What the model remembers between two pen steps: ``[L, B, H]`` each."""

    hidden: Tensor
    cell: Tensor


@MODELS.register()
class UnconditionalHandwriting(BaseModel):
    """Stacked LSTMs that predict each pen step from those before it (Graves 2013, section 4).

    The input feeds every layer and every layer feeds the output (the skip connections of section
    2); the output is a mixture density (section 4.1). The cells are standard LSTM cells: Graves's
    have peephole connections besides, which ``torch.nn.LSTM`` does not offer.

    Layers are ``torch.nn.LSTM`` unless ``recurrent_dropout``, ``layer_norm`` or
    ``lstm_gradient_clip`` asks for ``LoopLSTM``, which is slower. Both have the same weights.

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
    """

    task = "unconditional"

    def __init__(
        self,
        hidden_size: Count = 400,
        num_layers: Count = 3,
        num_mixtures: Count = 20,
        dropout: Probability = 0.0,
        output_dropout: Probability = 0.0,
        recurrent_dropout: Probability = 0.0,
        layer_norm: bool = False,
        output_gradient_clip: Bound | None = None,
        lstm_gradient_clip: Bound | None = None,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_mixtures = num_mixtures
        self.dropout = dropout
        self.output_dropout = output_dropout
        self.output_gradient_clip = output_gradient_clip
        options = (recurrent_dropout, layer_norm, lstm_gradient_clip)
        self.layers = nn.ModuleList(
            _lstm(STROKE_SIZE if layer == 0 else STROKE_SIZE + hidden_size, hidden_size, *options)
            for layer in range(num_layers)
        )
        self.output = nn.Linear(num_layers * hidden_size, mixture_output_size(num_mixtures))
        nn.init.zeros_(self.output.bias)

    def forward(self, batch: Batch) -> BivariateMixture:
        """Distributions of the pen steps 1 to T-1 of each line, given the steps before.

        Returns:
            mixtures of leading shape ``[B, T-1]``; what stands past a line's length has no
            meaning, and no bearing on what stands before it.
        """
        steps = batch.strokes[:, :-1].transpose(0, 1)  # [T-1, B, 3]
        raw, _ = self._run(steps, None)  # [T-1, B, 6M+1]
        return BivariateMixture.from_output(raw.transpose(0, 1))

    def initial_state(
        self,
        batch_size: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> UnconditionalState:
        """The state before the first pen step: zeros, by default where and as the weights are."""
        weight = self.output.weight
        zeros = torch.zeros(
            (self.num_layers, batch_size, self.hidden_size),
            device=weight.device if device is None else device,
            dtype=weight.dtype if dtype is None else dtype,
        )
        return UnconditionalState(zeros, zeros)

    def step(
        self, strokes: Tensor, state: UnconditionalState
    ) -> tuple[BivariateMixture, UnconditionalState]:
        """One pen step of ``forward``.

        Args:
            strokes: ``[B, 3]``, the latest pen step of each line, in normalised units.
            state: what ``initial_state`` or the step before returned.

        Returns:
            the distributions ``[B]`` of the next pen step, and the new state.
        """
        raw, state = self._run(strokes.unsqueeze(0), state)
        return BivariateMixture.from_output(raw.squeeze(0)), state

    def _run(
        self, steps: Tensor, state: UnconditionalState | None
    ) -> tuple[Tensor, UnconditionalState]:
        """Raw outputs ``[T, B, 6M+1]`` for pen steps ``[T, B, 3]``, and the state after them."""
        hidden = cell = None
        layers_hidden, last_hidden, last_cell = [], [], []
        layer_inputs = steps
        for index, layer in enumerate(self.layers):
            if index > 0:
                below = F.dropout(layers_hidden[-1], self.dropout, self.training)
                layer_inputs = torch.cat([steps.to(below.dtype), below], dim=-1)  # [T, B, 3+H]
            layer_hidden, (hidden, cell) = layer(layer_inputs, _layer_state(state, index))
            layers_hidden.append(layer_hidden)
            last_hidden.append(hidden)
            last_cell.append(cell)
        features = torch.cat(layers_hidden, dim=-1)  # [T, B, L*H]
        raw = self._output(F.dropout(features, self.output_dropout, self.training))
        return raw, UnconditionalState(torch.cat(last_hidden), torch.cat(last_cell))

    def _output(self, features: Tensor) -> Tensor:
        """Raw outputs, in the weights' own precision also under autocast: a log-sigma rounded to
        8 bits would be a different density."""
        with torch.autocast(features.device.type, enabled=False):
            raw = self.output(features.to(self.output.weight.dtype))
        return clip_gradient(raw, self.output_gradient_clip)


def _lstm(
    input_size: int,
    hidden_size: int,
    recurrent_dropout: float,
    layer_norm: bool,
    gradient_clip: float | None,
) -> nn.LSTM | LoopLSTM:
    """The fastest layer that has the options."""
    if recurrent_dropout > 0 or layer_norm or gradient_clip is not None:
        return LoopLSTM(input_size, hidden_size, recurrent_dropout, layer_norm, gradient_clip)
    layer = nn.LSTM(input_size, hidden_size)
    initialise_lstm(layer)
    return layer


def _layer_state(state: UnconditionalState | None, layer: int) -> tuple[Tensor, Tensor] | None:
    if state is None:
        return None
    return state.hidden[layer : layer + 1], state.cell[layer : layer + 1]
