"""The recogniser's parts against what torch computes of the same."""

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from model.custom_layers.seq2seq_modules import (
    BLOCK_PADDING,
    HIDDEN_SPAN,
    BidirectionalLSTM,
    ConvolutionalSubsampling,
    Encoder,
    FrameRows,
    Memory,
    block_stops,
    frame_rows,
    span_dropout,
)

LENGTHS = torch.tensor([3, 9, 1, 8])
SIZE = 9


def drawn(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def packed_layer(layer: BidirectionalLSTM) -> nn.LSTM:
    """``torch.nn.LSTM`` with the same weights in both directions."""
    both = nn.LSTM(layer.ahead.input_size, layer.ahead.hidden_size, bidirectional=True).double()
    state = {**layer.ahead.state_dict()}
    state.update({f"{name}_reverse": value for name, value in layer.back.state_dict().items()})
    both.load_state_dict(state)
    return both


def packed(both: nn.LSTM, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs ``[N', B, 2H]`` and the last outputs of both directions ``[B, 2H]``."""
    sequence = pack_padded_sequence(inputs, LENGTHS, enforce_sorted=False)
    outputs, (hidden, _) = both(sequence)
    return pad_packed_sequence(outputs)[0], torch.cat(list(hidden), dim=1)


def as_rows(values: Tensor, rows: FrameRows) -> Tensor:
    """``[N', B, E]`` to rows."""
    return values.transpose(0, 1).flatten(0, 1)[rows.frames]


def as_frames(values: Tensor, rows: FrameRows) -> Tensor:
    """Rows to ``[N', B, E]``."""
    return values[rows.places].unflatten(0, (len(LENGTHS), SIZE)).transpose(0, 1)


@pytest.mark.parametrize("most_padding", [1, 4, 99])
def test_both_directions_are_those_of_packed_sequences(
    most_padding: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BLOCK_PADDING, "cpu", most_padding)
    torch.manual_seed(1)
    layer = BidirectionalLSTM(3, 4).double()
    inputs = drawn(SIZE, len(LENGTHS), 3).requires_grad_()
    rows = frame_rows(LENGTHS, SIZE)
    found = as_frames(layer(as_rows(inputs, rows), rows), rows)
    expected, last = packed(packed_layer(layer), inputs)
    real = (torch.arange(SIZE).unsqueeze(1) < LENGTHS).unsqueeze(2)
    torch.testing.assert_close(found * real, expected)
    weights = drawn(SIZE, len(LENGTHS), 8) * real
    gradients = [
        torch.autograd.grad((outputs * weights).sum(), inputs)[0] for outputs in (found, expected)
    ]
    torch.testing.assert_close(*gradients)
    encoder = Encoder(3, (3,), 1, 0, 4, 1, 0.0, False)
    torch.testing.assert_close(encoder.ends(Memory(found.transpose(0, 1), LENGTHS)), last)


@pytest.mark.parametrize("more_points", [0, 6])
def test_an_encoder_gives_the_same_in_blocks_of_whatever_size(
    more_points: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    encoder = Encoder(3, (3, 4), 3, 1, 4, 2, 0.0, False).double()
    lengths = torch.randperm(SIZE) + 1
    features = drawn(SIZE, SIZE + more_points, 3).requires_grad_()
    found = []
    for most_padding in (1, 4, 99):
        monkeypatch.setitem(BLOCK_PADDING, "cpu", most_padding)
        memory = encoder(features, lengths)
        real = torch.arange(memory.frames.shape[1]) < memory.lengths.unsqueeze(1)
        frames = memory.frames * real.unsqueeze(2)
        gradients = torch.autograd.grad(frames.sin().sum(), [features, *encoder.parameters()])
        found.append((frames, memory.lengths, gradients))
    torch.testing.assert_close(found[0], found[2])
    torch.testing.assert_close(found[1], found[2])


@pytest.mark.parametrize(
    ("lengths", "most_padding", "stops"),
    [
        ([5, 5, 5], 1, [5]),
        ([1, 4, 3], 1, [3, 4]),
        ([1, 4, 3], 3, [4]),
        ([1, 4, 3], 99, [4]),
        ([2, 2, 2, 3, 9, 9], 3, [3, 9]),
        ([1, 3, 5, 7, 9, 11], 6, [5, 11]),
        ([7], 1, [7]),
    ],
)
def test_a_block_ends_once_it_has_so_much_padding(
    lengths: list[int], most_padding: int, stops: list[int]
) -> None:
    assert block_stops(lengths, most_padding) == stops


def test_rows_are_blocks_of_the_lines_that_go_on_and_reverse_within_lengths(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BLOCK_PADDING, "cpu", 1)
    rows = frame_rows(torch.tensor([1, 4, 3]), 5)
    assert [tuple(size) for size in rows.sizes] == [(3, 3), (1, 1)]
    assert rows.lines.tolist() == [1, 2, 0, 1, 2, 0, 1, 2, 0, 1]
    frames = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert rows.frames.tolist() == [
        line * 5 + frame for line, frame in zip(rows.lines.tolist(), frames, strict=True)
    ]
    assert rows.places[rows.frames].tolist() == list(range(10))
    # The line of one frame has two of padding, which stay.
    assert rows.reverse.tolist() == [9, 7, 2, 6, 4, 5, 3, 1, 8, 0]


@pytest.mark.parametrize("num_halvings", [0, 1, 2])
def test_a_line_has_the_frames_that_its_convolutions_alone_would_give(num_halvings: int) -> None:
    torch.manual_seed(1)
    layer = ConvolutionalSubsampling(3, (4, 5), 5, num_halvings).double()
    features = drawn(len(LENGTHS), SIZE, 3)
    frames, lengths = layer(features, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        values = features[row, :length].t().unsqueeze(0)
        for convolution in layer.convolutions:
            values = convolution(values).relu()
        assert lengths[row] == values.shape[2]
        torch.testing.assert_close(frames[: lengths[row], row], values[0].t())
    assert len(frames) == lengths.max()


def test_spans_are_hidden_in_training_alone_and_about_the_share_that_is_asked_for() -> None:
    torch.manual_seed(0)
    frames = torch.ones(3000, 4, 2)
    hidden = span_dropout(frames, 0.3, training=True) == 0
    assert torch.equal(hidden[..., 0], hidden[..., 1])
    share = hidden[HIDDEN_SPAN:].double().mean().item()
    assert share == pytest.approx(0.3, abs=0.03)
    for line in hidden[..., 0].t().tolist():
        spans = [len(list(run)) for value, run in itertools.groupby(line) if value]
        assert min(spans[:-1]) == HIDDEN_SPAN  # the last may end with the line
    assert span_dropout(frames, 0.3, training=False) is frames
    short = span_dropout(torch.ones(1, 2000, 1), 0.3, training=True)
    assert 0 < (short == 0).double().mean() < 0.3
