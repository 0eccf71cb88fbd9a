"""The recogniser's decoder with its weights laid out once for many steps without a gradient.

What follows a character alone, the embedding's share of the gates with their bias, is a table. What
follows the hidden output and the context is one product: the output's features of this step, and
the share of the gates of the next step. So a step begins with a row of the table and takes three
products with weights, of which one is large. Inside a step lines are columns, as in
``custom_layers.recurrence``, and for the same reason.

Shapes: ``B`` lines, ``N'`` encoder frames, ``E`` width of the memory, ``C`` vocabulary, ``D``
decoder cells, ``A`` width of the keys.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from model.custom_layers.recurrence import (
    COLUMN_MULTIPLE,
    cell_forward,
    fast_tanh,
    product_type,
)
from model.custom_layers.seq2seq_modules import AttentionDecoder


class PackedState(NamedTuple):
    """State between two characters, the batch first everywhere.

    Attributes:
        cell: ``[B, D]``, of the LSTM.
        gates: ``[B, 4D]``, the share of its next gates that is known before the character is.
        attention: ``[B, N']``, its latest weights.
        coverage: ``[B, N']``, the sum of its weights so far.
    """

    cell: Tensor
    gates: Tensor
    attention: Tensor
    coverage: Tensor


class PackedDecoder:
    """Takes the steps of ``AttentionDecoder.step``, each in less time.

    It serves until the weights change: some are copied, some are the decoder's own. Made under
    autocast, it has the large weights in the lower precision, and its steps belong under it too.

    Args:
        decoder: in evaluation mode.
    """

    @torch.no_grad()
    def __init__(self, decoder: AttentionDecoder) -> None:
        inputs, features = decoder.weight_embedding, decoder.features
        # Outside of autocast, which would round what need not be.
        with torch.autocast(inputs.weight.device.type, enabled=False):
            self.table = inputs(decoder.embedding.weight).t().contiguous()  # [4D, C]
        gates = torch.cat([decoder.weight_hidden, decoder.weight_context], dim=1)
        weight = torch.cat([gates, features.weight])  # [5D, D+E]
        self.weight = weight.to(product_type(weight))
        self.bias = features.bias.unsqueeze(1)
        self.decoder = decoder

    @torch.no_grad()
    def initial_state(self, encoded: Any) -> PackedState:
        """The state before the first character of lines as the recogniser encodes them."""
        state = self.decoder.initial_state(encoded.start, encoded.memory)
        gates, _ = self._products(state.hidden, state.context)
        return PackedState(state.cell, gates.t(), state.attention, state.coverage)

    @torch.no_grad()
    def step(
        self, previous: Tensor, state: PackedState, encoded: Any
    ) -> tuple[Tensor, PackedState]:
        """Logits ``[B, C]`` after the characters ``previous`` ``[B]``, and the state with them."""
        gates = self.table.index_select(1, previous).add_(state.gates.t())
        cell, hidden = gates.new_empty(2, len(gates) // 4, len(previous))
        cell_forward(gates, state.cell.t(), cell, hidden)
        attention = self.decoder.attention(
            hidden.t(), state.attention, state.coverage, encoded.keys, encoded.mask
        )
        gates, features = self._products(hidden.t(), _weighted_sum(attention, encoded.memory))
        logits = self.decoder.logits_of(fast_tanh(features + self.bias).t())
        return logits, PackedState(cell.t(), gates.t(), attention, state.coverage + attention)

    def _products(self, hidden: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The next gates' share ``[4D, B]``, and the output's features ``[D, B]`` before their bias
        and tanh."""
        joined = torch.cat([hidden, context], dim=1).to(self.weight.dtype)  # [B, D+E]
        if len(joined) % COLUMN_MULTIPLE == 0:
            product = self.weight @ joined.t()
        else:
            product = F.linear(joined, self.weight).t()
        of_gates, features = product.split([len(self.table), len(self.bias)])
        return of_gates, features


def _weighted_sum(weights: Tensor, memory: Tensor) -> Tensor:
    """``[B, E]``, the frames of the memory ``[B, N', E]`` summed with weights ``[B, N']``.

    On a CPU it is a sum of embeddings: a product with a single row takes twice the time there.
    """
    weights = weights.to(memory.dtype)
    if memory.device.type != "cpu":
        return torch.bmm(weights.unsqueeze(1), memory).squeeze(1)
    frames = torch.arange(weights.numel(), dtype=torch.int32).view_as(weights)
    return F.embedding_bag(frames, memory.flatten(0, 1), per_sample_weights=weights, mode="sum")
