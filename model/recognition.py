"""The recogniser: pen strokes to text.

Shapes: ``B`` lines, ``N`` feature points, ``F`` features, ``N'`` encoder frames, ``E`` width of the
memory, ``U`` characters, ``C`` vocabulary, ``D`` decoder cells, ``A`` width of the keys.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn
from torch.nn import functional as F

from base.base_model import BaseModel
from base.batch import RecognitionBatch, mask_from_lengths
from base.registry import MODELS
from handwriting.errors import ConfigError
from handwriting.text.vocabulary import Vocabulary
from model.custom_layers.packed_decoder import PackedDecoder
from model.custom_layers.seq2seq_modules import (
    AttentionDecoder,
    DecoderState,
    Encoder,
    Memory,
)
from model.greedy import greedy_text

# Upper ends as in ``model.models``.
Count = Annotated[int, Field(ge=1, le=16_384)]
Layers = Annotated[int, Field(ge=1, le=64)]
Probability = Annotated[float, Field(ge=0, lt=1)]


def _odd(width: int) -> int:
    if width % 2 == 0:
        raise ValueError("should be odd")
    return width


Width = Annotated[int, Field(ge=1, le=999), AfterValidator(_odd)]


class Encoded(NamedTuple):
    """Encoding of lines for decoding, computed once a line; the batch is first everywhere.

    Attributes:
        memory: ``[B, N', E]``.
        keys: ``[B, N', A]``, the memory as attention compares it.
        lengths: int64 ``[B]``, frames of each line.
        start: ``[B, D]``, the decoder's first hidden output.
        mask: bool ``[B, N']``, true on a line's own frames.
    """

    memory: Tensor
    keys: Tensor
    lengths: Tensor
    start: Tensor
    mask: Tensor


class RecognitionOutput(NamedTuple):
    """Output of the model for a batch.

    Attributes:
        logits: ``[B, U+1, C]``, of each character and of the end of text, given the true text
            before it.
        attention: ``[B, U+1, N']``, where the decoder looked for it.
        ctc_logits: ``[B, N', C]``, of the CTC output with padding's index as the blank; None for a
            model without one.
        frame_lengths: int64 ``[B]``.
        text: what the model reads by itself, greedily; None in training.
    """

    logits: Tensor
    attention: Tensor
    ctc_logits: Tensor | None
    frame_lengths: Tensor
    text: list[str] | None


@MODELS.register(provided=("vocabulary", "num_features"))
class Seq2SeqRecognition(BaseModel[RecognitionBatch]):
    """A bidirectional recurrent encoder of pen strokes and an attention decoder of characters
    (Bahdanau, Cho, Bengio 2015), with a CTC output on the encoder beside it (Graves et al. 2006;
    the two trained together as in Kim, Hori, Watanabe 2017).

    Args:
        vocabulary: the characters.
        num_features: ``F``, features of a point.
        channels: of the convolutions under the encoder's recurrent layers.
        kernel_size: points that a convolution sees; odd.
        num_halvings: how many of the convolutions, from the last, halve the number of points.
        encoder_size: cells of each direction of each encoder layer; ``E`` is twice that.
        encoder_layers: recurrent layers of the encoder.
        decoder_size: ``D``.
        embedding_size: of a character.
        attention: "additive" (Bahdanau et al. 2015) or "location" (Chorowski et al. 2015).
        attention_size: ``A``.
        location_width: frames that the location's kernel sees; odd.
        ctc: whether there is a CTC output.
        dropout: in the encoder, of the units of a whole line.
        decoder_dropout: of embeddings and of the output layer.
        layer_norm: layer normalisation after each encoder layer.
        span_dropout: share of the frames under the encoder's recurrent layers that training hides.
        scheduled_sampling: probability that the decoder sees its own last character in training
            instead of the true one (Bengio et al. 2015); above 0 the decoder is slower.

    Raises:
        ConfigError: more halvings than convolutions.
    """

    task = "recognition"

    def __init__(
        self,
        vocabulary: Vocabulary,
        num_features: int,
        channels: Annotated[tuple[Count, ...], Field(min_length=1, max_length=64)] = (64, 128, 192),
        kernel_size: Width = 5,
        num_halvings: Annotated[int, Field(ge=0)] = 2,
        encoder_size: Count = 192,
        encoder_layers: Layers = 3,
        decoder_size: Count = 256,
        embedding_size: Count = 64,
        attention: Literal["additive", "location"] = "location",
        attention_size: Count = 128,
        location_width: Width = 15,
        ctc: bool = True,
        dropout: Probability = 0.2,
        decoder_dropout: Probability = 0.1,
        layer_norm: bool = False,
        scheduled_sampling: Probability = 0.0,
        span_dropout: Probability = 0.0,
    ) -> None:
        super().__init__()
        if num_halvings > len(channels):
            rule = f"should be at most the number of convolutions, {len(channels)}"
            raise ConfigError([f"arch.args.num_halvings: {rule}, got {num_halvings}"])
        self.vocabulary = vocabulary
        self.scheduled_sampling = scheduled_sampling
        self.encoder = Encoder(
            num_features, tuple(channels), kernel_size, num_halvings, encoder_size,
            encoder_layers, dropout, layer_norm, span_dropout,
        )  # fmt: skip
        size = self.encoder.output_size
        self.decoder = AttentionDecoder(
            len(vocabulary), size, decoder_size, embedding_size, attention, attention_size,
            location_width, decoder_dropout,
        )  # fmt: skip
        self.ctc_output = nn.Linear(size, len(vocabulary)) if ctc else None

    def encode(self, features: Tensor, feature_lengths: Tensor) -> Encoded:
        """Encode lines of features ``[B, N, F]`` and lengths ``[B]`` for decoding."""
        memory = self.encoder(features, feature_lengths)
        return Encoded(
            memory.frames,
            self.decoder.keys(memory.frames),
            memory.lengths,
            self.decoder.first_hidden(self.encoder.ends(memory)),
            mask_from_lengths(memory.lengths, memory.frames.shape[1]),
        )

    def ctc_logits(self, encoded: Encoded) -> Tensor | None:
        """``[B, N', C]`` of the CTC output, see ``RecognitionOutput``; None without one."""
        if self.ctc_output is None:
            return None
        logits: Tensor = self.ctc_output(encoded.memory)
        return logits.to(self.ctc_output.weight.dtype)

    def packed(self) -> PackedDecoder:
        """The decoder for many steps without a gradient, with the weights as they are now."""
        return PackedDecoder(self.decoder)

    def initial_state(self, encoded: Encoded) -> DecoderState:
        """The decoder's state before the first character."""
        return self.decoder.initial_state(encoded.start, encoded.memory)

    def step(
        self, previous: Tensor, state: DecoderState, encoded: Encoded
    ) -> tuple[Tensor, DecoderState]:
        """Logits ``[B, C]`` of the next character, and the new state.

        Args:
            previous: int64 ``[B]``, the latest characters; at first the start of text.
            state: what ``initial_state`` or the step before returned.
            encoded: of the same lines.
        """
        return self.decoder.step(previous, state, encoded.memory, encoded.keys, encoded.mask)

    def vocabulary_dimensions(self) -> Mapping[str, tuple[int, int]]:
        """Return the rows of the embedding and of both outputs."""
        names = ["decoder.embedding.weight", "decoder.output.weight", "decoder.output.bias"]
        if self.ctc_output is not None:
            names += ["ctc_output.weight", "ctc_output.bias"]
        return dict.fromkeys(names, (0, 0))

    def forward(self, batch: RecognitionBatch) -> RecognitionOutput:
        """Logits given the true text; in evaluation also what is read without it."""
        encoded = self.encode(batch.features, batch.feature_lengths)
        inputs = F.pad(batch.text, (1, 0), value=self.vocabulary.sos)  # [B, U+1]
        if self.training and self.scheduled_sampling > 0:
            logits, attention = self._scheduled(inputs, encoded)
        else:
            lengths = batch.text_lengths + 1
            logits, attention = self.decoder(
                inputs, lengths, encoded.memory, encoded.keys, encoded.mask, encoded.start
            )
        text = None if self.training else greedy_text(self, encoded, self.vocabulary)
        ctc_logits = self.ctc_logits(encoded)
        return RecognitionOutput(logits, attention, ctc_logits, encoded.lengths, text)

    def _scheduled(self, inputs: Tensor, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """The decoder over characters ``[B, U]``, some of them replaced by what it says itself."""
        state = self.initial_state(encoded)
        replaced = torch.rand(inputs.shape, device=inputs.device) < self.scheduled_sampling
        previous = inputs[:, 0]
        logits: list[Tensor] = []
        attention: list[Tensor] = []
        for position in range(inputs.shape[1]):
            if position:
                said = logits[-1].detach().argmax(dim=1)
                previous = torch.where(replaced[:, position], said, inputs[:, position])
            latest, state = self.step(previous, state, encoded)
            logits.append(latest)
            attention.append(state.attention.detach())
        return torch.stack(logits, dim=1), torch.stack(attention, dim=1)


__all__ = ["Encoded", "Memory", "RecognitionOutput", "Seq2SeqRecognition"]
