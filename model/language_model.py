"""A language model over characters: how likely a text is, whatever the ink says.

It is trained by ``train.py`` on texts alone (``config_language_model.json``), and helps a
recogniser to choose between what looks alike (shallow fusion, Gulcehre et al. 2015; see
``reading.decoding``).

Shapes: ``B`` texts, ``U`` characters, ``L`` layers, ``H`` hidden units, ``C`` vocabulary.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base.base_loss import BaseLoss
from base.base_metric import BaseMetric
from base.base_model import BaseModel
from base.batch import Batch, mask_from_lengths
from base.registry import LOSSES, METRICS, MODELS
from handwriting.errors import UserError
from handwriting.text.vocabulary import Vocabulary
from model.custom_layers.lstm import compiled_rows, initialise_lstm, is_compiled
from model.decoder_protocols import LanguageScorer
from model.models import Count, Layers, Probability


class LanguageState(NamedTuple):
    """State of the model after the characters so far: ``[B, L, H]`` each."""

    hidden: Tensor
    cell: Tensor


@MODELS.register(provided=("vocabulary",))
class CharacterLanguageModel(BaseModel[Batch]):
    """Stacked LSTMs that predict each character of a line, and its end, from those before.

    Args:
        vocabulary: the characters.
        embedding_size: numbers that stand for a character at the input.
        hidden_size: ``H``, LSTM cells of each layer.
        num_layers: ``L``.
        dropout: probability of dropping a unit of the embedding, between layers and at the output.
    """

    task = "language"

    def __init__(
        self,
        vocabulary: Vocabulary,
        embedding_size: Count = 64,
        hidden_size: Count = 384,
        num_layers: Layers = 1,
        dropout: Probability = 0.3,
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.dropout = dropout
        self.embedding = nn.Embedding(len(vocabulary), embedding_size)
        sizes = [embedding_size, *[hidden_size] * num_layers]
        layers = [nn.LSTM(size, hidden_size, batch_first=True) for size in sizes[:-1]]
        for layer in layers:
            initialise_lstm(layer)
        self.layers = nn.ModuleList(layers)
        self.output = nn.Linear(hidden_size, len(vocabulary))
        nn.init.zeros_(self.output.bias)

    def vocabulary_dimensions(self) -> Mapping[str, tuple[int, int]]:
        """Return the rows of the embedding and of the output."""
        return dict.fromkeys(("embedding.weight", "output.weight", "output.bias"), (0, 0))

    def forward(self, batch: Batch) -> Tensor:
        """Logits ``[B, U+1, C]`` of each character of the texts and of their ends."""
        text = F.pad(batch.text, (1, 0), value=self.vocabulary.sos)  # [B, U+1]
        return self._run(text, self.initial_state(len(text)))[0]

    def initial_state(self, batch_size: int) -> LanguageState:
        """The state before the first character: zeros."""
        weight = self.output.weight
        zeros = weight.new_zeros(batch_size, len(self.layers), weight.shape[1])
        return LanguageState(zeros, zeros)

    def step(self, previous: Tensor, state: LanguageState) -> tuple[Tensor, LanguageState]:
        """One character of ``forward``.

        Args:
            previous: int64 ``[B]``, the latest characters; the first is the vocabulary's start.
            state: what ``initial_state`` or the step before returned.

        Returns:
            log-probabilities ``[B, C]`` of the next character, and the new state.
        """
        logits, state = self._run(previous.unsqueeze(1), state)
        return logits.squeeze(1).log_softmax(dim=1), state

    def for_vocabulary(self, vocabulary: Vocabulary) -> LanguageScorer:
        """The model as it is asked in the character indices of a recogniser's vocabulary.

        Raises:
            UserError: it does not know some of the characters.
        """
        if self.vocabulary == vocabulary:
            return self
        characters = "".join(vocabulary.characters)
        missing = self.vocabulary.unknown(characters)
        if missing:
            raise UserError(
                "language model: it should know all characters of the recogniser, but not"
                f" {' '.join(missing)}; train it on texts that have them"
            )
        specials = [vocabulary.pad, vocabulary.sos, vocabulary.eos, vocabulary.unk]
        indices = [*specials, *self.vocabulary.encode(characters)]
        return _Translated(self, torch.tensor(indices, device=self.output.weight.device))

    def _run(self, text: Tensor, state: LanguageState) -> tuple[Tensor, LanguageState]:
        """Logits ``[B, U, C]`` of what follows each character ``[B, U]``, and the last state."""
        values = F.dropout(self.embedding(text), self.dropout, self.training)
        hidden, cell = [], []
        for index, layer in enumerate(self.layers):
            hidden_before, cell_before = (
                part[:, index].unsqueeze(0).contiguous() for part in state
            )
            values, (last_hidden, last_cell) = _run_layer(
                cast(nn.LSTM, layer), values, (hidden_before, cell_before)
            )
            values = F.dropout(values, self.dropout, self.training)
            hidden.append(last_hidden.squeeze(0))
            cell.append(last_cell.squeeze(0))
        return self.output(values), LanguageState(torch.stack(hidden, 1), torch.stack(cell, 1))


def _run_layer(
    layer: nn.LSTM, values: Tensor, state: tuple[Tensor, Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """A layer over ``[B, U, I]`` from a state of ``[1, B, H]`` each; compiled where that is to be
    had."""
    texts, characters = values.shape[:2]
    if not is_compiled(layer.get_parameter("weight_hh_l0"), characters, texts):
        outputs, (hidden, cell) = layer(values, state)
        return outputs, (hidden, cell)
    rows = values.transpose(0, 1).flatten(0, 1)
    start = (state[0].squeeze(0), state[1].squeeze(0))
    hiddens, cell = compiled_rows(layer, [rows], [texts] * characters, start)
    hiddens = hiddens.unflatten(0, (characters, texts)).transpose(0, 1)
    return hiddens, (hiddens[:, -1].unsqueeze(0), cell.unsqueeze(0))


class _Translated:
    """A language model that is asked in the character indices of another vocabulary."""

    def __init__(self, model: CharacterLanguageModel, indices: Tensor) -> None:
        self._model = model
        self._indices = indices  # int64 [C], of each character of the other vocabulary

    def initial_state(self, batch_size: int) -> LanguageState:
        return self._model.initial_state(batch_size)

    def step(self, previous: Tensor, state: LanguageState) -> tuple[Tensor, LanguageState]:
        log_probs, state = self._model.step(self._indices[previous], state)
        return log_probs.index_select(1, self._indices), state


def character_nll(logits: Tensor, batch: Batch, vocabulary: Vocabulary) -> tuple[Tensor, Tensor]:
    """-log p of each text with its end, nats, and how many characters these are; ``[B]`` each.

    Args:
        logits: ``[B, U+1, C]``, as the model gives them.
        batch: the texts.
        vocabulary: of both.
    """
    padded = F.pad(batch.text, (0, 1))
    counts = batch.text_lengths + 1
    positions = torch.arange(padded.shape[1], device=padded.device)
    targets = padded.masked_fill(positions == batch.text_lengths.unsqueeze(1), vocabulary.eos)
    losses = F.cross_entropy(logits.float().transpose(1, 2), targets, reduction="none")
    mask = mask_from_lengths(counts, padded.shape[1])
    return losses.masked_fill(~mask, 0.0).sum(dim=1), counts


@LOSSES.register(name="character_nll", provided=("vocabulary",))
class CharacterNLL(BaseLoss[Batch]):
    """Mean over the characters of all texts, their ends included, of -log p: nats per character."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def forward(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Scalars ``loss`` and ``weight``, from logits ``[B, U+1, C]``."""
        nll, _ = character_nll(output, batch, self.vocabulary)
        weight = self.num_units(batch)
        return {"loss": nll.sum() / weight, "weight": weight.to(nll.dtype)}

    def num_units(self, batch: Batch) -> Tensor:
        """Return the number of characters, a scalar, that the batch's loss is the mean over."""
        return (batch.text_lengths + 1).sum()


@METRICS.register(name="bits_per_character", provided=("vocabulary",))
class BitsPerCharacter(BaseMetric):
    """Mean over the characters of all texts, their ends included, of -log2 p."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def _count(self, output: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Sum over a batch, from logits ``[B, U+1, C]``."""
        nll, counts = character_nll(output, batch, self.vocabulary)
        return nll.double().sum(), counts.double().sum()

    def compute(self) -> float:
        """Return the mean over all that was counted; nan where nothing was."""
        return super().compute() / math.log(2)
