"""The parts of the recogniser: an encoder of pen strokes and a decoder with attention.

Padding changes nothing: convolutions see zeros past a line's end as they do past the batch's, the
backward LSTM starts at each line's own last frame, attention gives padded frames no weight.

Shapes: ``B`` lines, ``N`` feature points, ``F`` features, ``N'`` encoder frames, ``E`` width of the
memory, ``U`` characters, ``C`` vocabulary, ``D`` decoder cells, ``A`` width of the keys.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base.batch import mask_from_lengths
from model.custom_layers.attention_recurrence import (
    AttentionSteps,
    AttentionWeights,
    attend_over_text,
    attention_energies,
)
from model.custom_layers.lstm import compiled_rows, initialise_lstm, is_compiled

STRIDE = 2
# Frames that are hidden together in training.
HIDDEN_SPAN = 3
# Frames of padding in a block of what the encoder works on at once, before another block begins:
# they take about the time that another block costs. On other devices one block has all frames,
# padding included, which they do in the same time.
BLOCK_PADDING = {"cpu": 64}


class Memory(NamedTuple):
    """Output of the encoder.

    Attributes:
        frames: ``[B, N', E]``; rows past a line's length have no meaning.
        lengths: int64 ``[B]``, frames of each line.
    """

    frames: Tensor
    lengths: Tensor


class DecoderState(NamedTuple):
    """State of the decoder between two characters, the batch first everywhere.

    Attributes:
        hidden, cell: ``[B, D]``, of the LSTM.
        context: ``[B, E]``, the memory as attention saw it last.
        attention: ``[B, N']``, its latest weights.
        coverage: ``[B, N']``, the sum of its weights so far.
    """

    hidden: Tensor
    cell: Tensor
    context: Tensor
    attention: Tensor
    coverage: Tensor


class ConvolutionalSubsampling(nn.Module):
    """One-dimensional convolutions over the points of a line; the last ones halve their number.

    Args:
        num_features: ``F``.
        channels: of each convolution.
        kernel_size: points that each sees, odd.
        num_halvings: how many of them, from the last, have a stride of 2.
    """

    def __init__(
        self, num_features: int, channels: tuple[int, ...], kernel_size: int, num_halvings: int
    ) -> None:
        super().__init__()
        sizes = (num_features, *channels)
        first_halving = len(channels) - num_halvings
        convolutions = [
            nn.Conv1d(
                sizes[at],
                sizes[at + 1],
                kernel_size,
                stride=STRIDE if at >= first_halving else 1,
                padding=kernel_size // 2,
            )
            for at in range(len(channels))
        ]
        for convolution in convolutions:
            nn.init.kaiming_uniform_(convolution.weight, nonlinearity="relu")
            if convolution.bias is not None:
                nn.init.zeros_(convolution.bias)
        self.convolutions = nn.ModuleList(convolutions)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``[B, N, F]`` to frames, time first ``[N', B, E]``, and their lengths."""
        mask = mask_from_lengths(lengths, features.shape[1])
        values = (features * mask.unsqueeze(2)).transpose(1, 2)  # [B, F, N]
        for convolution in cast("Iterable[nn.Conv1d]", self.convolutions):
            values = _convolved(convolution, values)
            lengths = _strided(lengths, convolution)
            # What is past a line's end must be zero for the next convolution, bias or not.
            mask = mask_from_lengths(lengths, values.shape[2])
            values = (values * mask.unsqueeze(1)).relu_()
        return values.permute(2, 0, 1), lengths


def _convolved(convolution: nn.Conv1d, values: Tensor) -> Tensor:
    """``convolution(values)`` of ``[B, C, N]``.

    On a CPU it is one of images of height 1, whose channels may lie together in memory, as they do
    in features and in frames. Those of one dimension are brought into another order and back.
    """
    if values.device.type != "cpu":
        convolved: Tensor = convolution(values)
        return convolved
    stride, padding = (1, *convolution.stride), (0, *convolution.padding)
    weight = convolution.weight.unsqueeze(2)
    return F.conv2d(values.unsqueeze(2), weight, convolution.bias, stride, padding).squeeze(2)


def _strided(length: Tensor, convolution: nn.Conv1d) -> Tensor:
    """Return the number of places of a convolution with full padding over so many values."""
    stride = convolution.stride[0]
    return (length + stride - 1) // stride


class FrameRows(NamedTuple):
    """Places of the frames of lines as rows ``[R, E]``, with little padding between them.

    The rows are blocks of frames ``[frames, lines]``, one block after the other in time. The
    longest line is the first, so that the lines that go on after a block are the first of it.

    Attributes:
        sizes: frames and lines of each block.
        lines: int64 ``[R]``, the line of each row.
        frames: int64 ``[R]``, the place of each row among padded frames ``[B N']``.
        places: int64 ``[B N']``, the row of each padded frame; any row for those that have none.
        reverse: int64 ``[R]``, the order of rows that reverses each line within its own length.
    """

    sizes: list[tuple[int, int]]
    lines: Tensor
    frames: Tensor
    places: Tensor
    reverse: Tensor


def frame_rows(lengths: Tensor, size: int) -> FrameRows:
    """The rows of lines of some lengths ``[B]``, each at least 1, padded to ``size``."""
    device = lengths.device
    order, stops = torch.arange(len(lengths), device=device), [size]
    if device.type in BLOCK_PADDING:
        order = lengths.argsort(descending=True)
        stops = block_stops(lengths.tolist(), BLOCK_PADDING[device.type])
    starts = [0, *stops[:-1]]
    blocks = [_block(order, lengths, *block) for block in zip(starts, stops, strict=True)]
    sizes = [block.shape[1:] for block in blocks]
    line, frame = torch.cat([block.flatten(1) for block in blocks], dim=1)  # [R] each
    frames = line * size + frame
    places = frames.new_zeros(len(lengths) * size)
    places[frames] = torch.arange(len(frames), device=device)
    mirrored = lengths[line] - 1 - frame
    reverse = places[line * size + torch.where(mirrored < 0, frame, mirrored)]
    return FrameRows([(frames, lines) for frames, lines in sizes], line, frames, places, reverse)


def block_stops(lengths: Sequence[int], most_padding: int) -> list[int]:
    """Return the ends of blocks in time, for lines of some lengths: after the end of a line that
    leaves the block with so much padding, and at the end of all."""
    stops, ended, padding = [0], 0, 0
    for length, longer in itertools.pairwise(sorted(lengths)):
        ended += length > stops[-1]
        padding += ended * (longer - length)
        if padding >= most_padding:
            stops.append(longer)
            ended, padding = 0, 0
    if stops[-1] < max(lengths):
        stops.append(max(lengths))
    return stops[1:]


def _block(order: Tensor, lengths: Tensor, start: int, stop: int) -> Tensor:
    """int64 ``[2, frames, lines]``, the lines and the frames of a block."""
    if start > 0:
        order = order[: int((lengths > start).sum())]
    frames = torch.arange(start, stop, device=order.device)
    return torch.stack(torch.broadcast_tensors(order, frames.unsqueeze(1)))


class _Reordered(torch.autograd.Function):
    """Rows of ``values`` in an order, which another order takes back.

    So the gradient is taken in that other order, which is many times quicker than the sums that
    autograd would make of an indexing.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, order: Tensor, back: Tensor) -> Tensor:
        ctx.back = back
        return values.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad.index_select(0, ctx.back), None, None


class BidirectionalLSTM(nn.Module):
    """One layer in both directions over lines of different lengths.

    Two one-directional layers over blocks of frames, the backward one over reversed lines: packed
    sequences would do the same, but take the processors' fused layers away.

    Args:
        input_size: ``I``.
        hidden_size: cells of each direction, ``H``.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(input_size, hidden_size)
        self.back = nn.LSTM(input_size, hidden_size)
        initialise_lstm(self.ahead)
        initialise_lstm(self.back)

    def forward(self, inputs: Tensor, rows: FrameRows) -> Tensor:
        """Rows ``[R, I]`` to ``[R, 2H]``."""
        ahead = _over_blocks(self.ahead, inputs, rows.sizes)
        back = _over_blocks(self.back, _reversed(inputs, rows), rows.sizes)
        return torch.cat([ahead, _reversed(back, rows)], dim=1)


def _reversed(values: Tensor, rows: FrameRows) -> Tensor:
    """Rows ``[R, E]`` with each line in reverse, which taken twice is as before."""
    reordered: Tensor = _Reordered.apply(values, rows.reverse, rows.reverse)
    return reordered


def _over_blocks(layer: nn.LSTM, rows: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
    """``[R, I]`` to ``[R, H]``; a block begins with the states that its lines ended the last in."""
    lines = sizes[0][1]
    # Without gradients the library's layers are as fast.
    steps = sum(frames for frames, _ in sizes)
    weight = layer.get_parameter("weight_hh_l0")
    if torch.is_grad_enabled() and is_compiled(weight, steps, lines):
        counts = [count for frames, count in sizes for _ in range(frames)]
        zeros = weight.new_zeros(lines, layer.hidden_size)
        return compiled_rows(layer, [rows], counts, (zeros, zeros))[0]
    outputs, state = [], None
    for block, size in zip(rows.split([math.prod(size) for size in sizes]), sizes, strict=True):
        if state is not None:
            state = tuple(each[:, : size[1]] for each in state)
        output, state = layer(block.view(*size, -1), state)
        outputs.append(output.flatten(0, 1))
    return torch.cat(outputs)


class Encoder(nn.Module):
    """Convolutions that shorten the line, then bidirectional LSTM layers.

    Args:
        num_features: ``F``.
        channels, kernel_size, num_halvings: see ``ConvolutionalSubsampling``.
        hidden_size: cells of each direction of each layer.
        num_layers: LSTM layers.
        dropout: probability of dropping an input of a layer, for a whole line at once (Gal,
            Ghahramani 2016).
        layer_norm: normalise what each LSTM layer gives (Ba, Kiros, Hinton 2016).
        span_dropout: share of the frames under the LSTM layers that training hides, some
            neighbours together (Park et al. 2019, "SpecAugment", section 2).
    """

    def __init__(
        self,
        num_features: int,
        channels: tuple[int, ...],
        kernel_size: int,
        num_halvings: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        layer_norm: bool,
        span_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.span_dropout = span_dropout
        self.subsampling = ConvolutionalSubsampling(
            num_features, channels, kernel_size, num_halvings
        )
        self.output_size = 2 * hidden_size
        self.dropout = dropout
        self.layers = nn.ModuleList(
            BidirectionalLSTM(self.output_size if layer else channels[-1], hidden_size)
            for layer in range(num_layers)
        )
        self.norms = nn.ModuleList(
            nn.LayerNorm(self.output_size) if layer_norm else nn.Identity()
            for _ in range(num_layers)
        )

    def forward(self, features: Tensor, lengths: Tensor) -> Memory:
        """Features ``[B, N, F]`` of lines of some lengths ``[B]`` to their memory."""
        values, lengths = self.subsampling(features, lengths)
        values = span_dropout(values, self.span_dropout, self.training)
        rows = frame_rows(lengths, len(values))
        values = values.transpose(0, 1).flatten(0, 1)  # [B N', E]
        values = _Reordered.apply(values, rows.frames, rows.places)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            values = norm(layer(self._dropped(values, rows), rows))
        values = _Reordered.apply(self._dropped(values, rows), rows.places, rows.frames)
        return Memory(values.unflatten(0, (len(lengths), -1)), lengths)

    def _dropped(self, values: Tensor, rows: FrameRows) -> Tensor:
        """Rows ``[R, E]`` with the same units of a line dropped in all of its rows."""
        if not self.training or self.dropout == 0:
            return values
        kept = F.dropout(values.new_ones(rows.sizes[0][1], values.shape[1]), self.dropout)
        return values * kept.index_select(0, rows.lines)

    def ends(self, memory: Memory) -> Tensor:
        """``[B, E]``: what each direction gave last, which is what it knows of the whole line."""
        ahead, back = memory.frames.chunk(2, dim=2)
        lines = torch.arange(len(memory.lengths), device=memory.lengths.device)
        return torch.cat([ahead[lines, memory.lengths - 1], back[:, 0]], dim=1)


def whole_line_dropout(values: Tensor, probability: float, training: bool) -> Tensor:
    """``[N', B, E]`` with the same units of a line dropped at all of its frames."""
    if not training or probability == 0:
        return values
    kept = F.dropout(values.new_ones(1, *values.shape[1:]), probability)
    return values * kept


def span_dropout(values: Tensor, share: float, training: bool) -> Tensor:
    """``[N', B, E]``, in training with about this share of each line's frames set to 0, in spans of
    ``HIDDEN_SPAN``; what is left keeps its size, as ink that is there does."""
    if not training or share == 0:
        return values
    # A frame stays if no span begins at it or shortly before it.
    begins = 1 - (1 - share) ** (1 / HIDDEN_SPAN)
    first = torch.rand(values.shape[:2], device=values.device) < begins
    hidden = first.clone()
    for after in range(1, HIDDEN_SPAN):
        hidden[after:] |= first[:-after]
    return values.masked_fill(hidden.unsqueeze(2), 0.0)


class AttentionDecoder(nn.Module):
    """An LSTM over the characters so far, which attends to the memory at each of them.

    Args:
        vocabulary_size: ``C``.
        memory_size: ``E``.
        hidden_size: ``D``.
        embedding_size: of a character.
        attention: "additive" (Bahdanau, Cho, Bengio 2015, appendix A.1.2) or "location", which
            adds where it looked last and so far (Chorowski et al. 2015, eq. 8).
        attention_size: ``A``.
        location_width: frames that the location's kernel sees, odd.
        dropout: probability of dropping a unit of an embedding and of the output layer.
    """

    def __init__(
        self,
        vocabulary_size: int,
        memory_size: int,
        hidden_size: int,
        embedding_size: int,
        attention: Literal["additive", "location"],
        attention_size: int,
        location_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.embedding = nn.Embedding(vocabulary_size, embedding_size)
        self.weight_embedding = nn.Linear(embedding_size, 4 * hidden_size)
        self.weight_context = nn.Parameter(torch.empty(4 * hidden_size, memory_size))
        self.weight_hidden = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.weight_query = nn.Parameter(torch.empty(attention_size, hidden_size))
        self.weight_energy = nn.Parameter(torch.empty(attention_size))
        self.weight_location = None
        if attention == "location":
            self.weight_location = nn.Parameter(torch.empty(attention_size, 2, location_width))
        self.keys = nn.Linear(memory_size, attention_size)
        self.start = nn.Linear(memory_size, hidden_size)
        self.features = nn.Linear(hidden_size + memory_size, hidden_size)
        self.output = nn.Linear(hidden_size, vocabulary_size)
        self._initialise()

    def _initialise(self) -> None:
        with torch.no_grad():
            for weight in (self.weight_embedding.weight, self.weight_context, self.weight_query):
                nn.init.xavier_uniform_(weight)
            for gate in self.weight_hidden.chunk(4):
                nn.init.orthogonal_(gate)
            self.weight_energy.uniform_(-1, 1).mul_(1 / math.sqrt(len(self.weight_energy)))
            if self.weight_location is not None:
                self.weight_location.uniform_(-0.1, 0.1)
            self.weight_embedding.bias.zero_()
            self.weight_embedding.bias[self.hidden_size : 2 * self.hidden_size] = 1.0

    def initial_state(self, start: Tensor, frames: Tensor) -> DecoderState:
        """The state before the first character.

        Args:
            start: ``[B, D]``, from ``first_hidden``.
            frames: ``[B, N', E]``.
        """
        lines, length, size = frames.shape
        nowhere = start.new_zeros(lines, length)
        return DecoderState(
            start, torch.zeros_like(start), start.new_zeros(lines, size), nowhere, nowhere
        )

    def first_hidden(self, ends: Tensor) -> Tensor:
        """``[B, D]`` from the ends of the encoder's top layer ``[B, E]``."""
        return torch.tanh(self.start(ends)).to(self.start.weight.dtype)

    def forward(
        self,
        characters: Tensor,
        lengths: Tensor,
        frames: Tensor,
        keys: Tensor,
        mask: Tensor,
        start: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Logits ``[B, U, C]`` after each of the characters ``[B, U]``, and the attention
        ``[B, U, N']``; what is past a text's length ``[B]`` has no meaning."""
        # The longest texts first, so that those which go on are always the first ones.
        order = lengths.argsort(descending=True)
        characters, frames, keys, mask, start = (
            each.index_select(0, order) for each in (characters, frames, keys, mask, start)
        )
        embedded = whole_line_dropout(
            self.embedding(characters.t()), self.dropout, self.training
        )  # [U, B, .]
        inputs = self.weight_embedding(embedded).to(start.dtype)
        weights = AttentionWeights(
            self.weight_context,
            self.weight_hidden,
            self.weight_query,
            self.weight_energy,
            self.weight_location,
        )
        steps = attend_over_text(
            inputs, frames, keys, mask, start, torch.zeros_like(start), weights,
            _going_on(lengths, len(inputs)),
        )  # fmt: skip
        back = order.argsort()
        logits, attention = (
            each.index_select(1, back).transpose(0, 1)
            for each in (self._logits(steps), steps.attention)
        )
        return logits, attention

    def step(
        self, previous: Tensor, state: DecoderState, frames: Tensor, keys: Tensor, mask: Tensor
    ) -> tuple[Tensor, DecoderState]:
        """Logits ``[B, C]`` after the characters ``previous`` ``[B]``, and the state with them."""
        embedded = F.dropout(self.embedding(previous), self.dropout, self.training)
        gates = self.weight_embedding(embedded)
        gates = torch.addmm(gates, state.context, self.weight_context.t())
        gates = torch.addmm(gates, state.hidden, self.weight_hidden.t())
        hidden, cell = lstm_cell(gates.to(state.cell.dtype), state.cell)
        attention = self.attention(hidden, state.attention, state.coverage, keys, mask)
        context = torch.bmm(attention.to(frames.dtype).unsqueeze(1), frames).squeeze(1)
        context = context.to(hidden.dtype)
        state = DecoderState(hidden, cell, context, attention, state.coverage + attention)
        return self._logits(AttentionSteps(hidden, context, attention)), state

    def attention(
        self, hidden: Tensor, attention: Tensor, coverage: Tensor, keys: Tensor, mask: Tensor
    ) -> Tensor:
        """Return the attention: a weight for each frame, ``[B, N']``.

        Args:
            hidden: ``[B, D]``, the step's.
            attention, coverage: ``[B, N']``, of the step before.
            keys, mask: ``[B, N', A]`` and ``[B, N']``.
        """
        query = F.linear(hidden, self.weight_query)
        energy = attention_energies(
            keys, query, attention, coverage, self.weight_energy, self.weight_location
        )
        return energy.to(hidden.dtype).masked_fill(~mask, -torch.inf).softmax(dim=1)

    def _logits(self, steps: AttentionSteps) -> Tensor:
        features = torch.cat([steps.hidden, steps.context], dim=-1)
        return self.logits_of(torch.tanh(self.features(features)))

    def logits_of(self, features: Tensor) -> Tensor:
        """Logits ``[..., C]`` of the output layer's features ``[..., D]``; float32 or better, since
        losses and scores are made of them."""
        logits: Tensor = self.output(F.dropout(features, self.dropout, self.training))
        return logits.to(self.output.weight.dtype)


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """The LSTM's hidden output and its cell ``[B, D]``, of the gates' summed inputs ``[B, 4D]``
    (input, forget, candidate, output) and the cell before."""
    entry, forget, candidate, output = gates.chunk(4, dim=1)
    cell = torch.addcmul(forget.sigmoid() * cell, entry.sigmoid(), candidate.tanh())
    return output.sigmoid() * cell.tanh(), cell


def _going_on(lengths: Tensor, size: int) -> Sequence[int] | None:
    """Return how many of the texts have each of so many characters; None, which is all, where
    counting would make a processor wait for a device that does all of them in the same time."""
    if lengths.device.type != "cpu":
        return None
    return (lengths > torch.arange(size).unsqueeze(1)).sum(dim=1).tolist()
