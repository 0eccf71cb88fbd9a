"""The recogniser's parts against what torch computes of the same."""

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from model.custom_layers.seq2seq_modules import (
    HIDDEN_SPAN,
    LINES_AT_ONCE,
    BidirectionalLSTM,
    ConvolutionalSubsampling,
    Encoder,
    Memory,
    reversed_order,
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


def test_both_directions_are_those_of_packed_sequences() -> None:
    torch.manual_seed(1)
    layer = BidirectionalLSTM(3, 4).double()
    inputs = drawn(SIZE, len(LENGTHS), 3).requires_grad_()
    found = layer(inputs, reversed_order(LENGTHS, SIZE))
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
def test_an_encoder_gives_the_same_however_many_lines_it_takes_at_once(
    more_points: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    encoder = Encoder(3, (3, 4), 3, 1, 4, 2, 0.0, False).double()
    lengths = torch.randperm(SIZE) + 1
    features = drawn(SIZE, SIZE + more_points, 3).requires_grad_()
    found = []
    for lines in (4, SIZE):
        monkeypatch.setitem(LINES_AT_ONCE, "cpu", lines)
        memory = encoder(features, lengths)
        real = torch.arange(memory.frames.shape[1]) < memory.lengths.unsqueeze(1)
        frames = memory.frames * real.unsqueeze(2)
        gradients = torch.autograd.grad(frames.sin().sum(), [features, *encoder.parameters()])
        found.append((frames, memory.lengths, gradients))
    torch.testing.assert_close(*found)


def test_lines_are_reversed_within_their_lengths() -> None:
    order = reversed_order(torch.tensor([3, 1]), 4)
    assert order.t().tolist() == [[2, 1, 0, 3], [0, 1, 2, 3]]


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
