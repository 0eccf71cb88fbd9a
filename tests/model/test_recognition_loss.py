"""The recogniser's loss is what its definition says, counted by hand."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from small_recogniser import LENGTHS, TEXTS, VOCABULARY, random_batch
from torch import Tensor

from handwriting.errors import ConfigError
from model.loss import Seq2SeqNLL
from model.recognition import RecognitionOutput

FRAMES = (5, 3, 1, 6)
UNITS = sum(len(text) + 1 for text in TEXTS)


def random_output(ctc: bool = True, frames: tuple[int, ...] = FRAMES) -> RecognitionOutput:
    generator = torch.Generator().manual_seed(4)
    longest, size = max(map(len, TEXTS)) + 1, len(VOCABULARY)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).requires_grad_()

    return RecognitionOutput(
        logits=drawn(len(TEXTS), longest, size),
        attention=torch.zeros(len(TEXTS), longest, max(frames)),
        ctc_logits=drawn(len(TEXTS), max(frames), size) if ctc else None,
        frame_lengths=torch.tensor(frames),
        text=None,
    )


def attention_loss(output: RecognitionOutput, smoothing: float) -> float:
    total = 0.0
    for row, text in enumerate(TEXTS):
        log_probs = output.logits[row].log_softmax(1)
        for position, index in enumerate([*VOCABULARY.encode(text), VOCABULARY.eos]):
            log_prob = log_probs[position]
            total -= (1 - smoothing) * log_prob[index].item() + smoothing * log_prob.mean().item()
    return total / UNITS


def ctc_probability(probabilities: Tensor, target: list[int]) -> float:
    """The sum over all ways ``[N']`` that read as ``target`` without repeats and blanks."""
    total = 0.0
    symbols = sorted({*target, VOCABULARY.pad})  # other ways read as something else
    for way in itertools.product(symbols, repeat=len(probabilities)):
        merged = [symbol for symbol, _ in itertools.groupby(way)]
        if [symbol for symbol in merged if symbol != VOCABULARY.pad] == target:
            total += math.prod(probabilities[n, symbol].item() for n, symbol in enumerate(way))
    return total


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_attention_part_is_the_mean_over_all_characters_and_ends(smoothing: float) -> None:
    losses = Seq2SeqNLL(VOCABULARY, 0.0, smoothing)(random_output(), random_batch())
    assert losses["weight"].item() == UNITS
    assert losses["loss"].item() == pytest.approx(attention_loss(random_output(), smoothing))
    assert losses["nll_attention"].item() == losses["loss"].item()


def test_the_ctc_part_is_the_sum_over_all_ways_to_write_the_text() -> None:
    output = random_output()
    losses = Seq2SeqNLL(VOCABULARY, ctc_weight=1.0)(output, random_batch())
    probabilities = output.ctc_logits.softmax(dim=2)
    total = sum(
        -math.log(ctc_probability(probabilities[row, :frames], VOCABULARY.encode(TEXTS[row])))
        for row, frames in enumerate(FRAMES)
    )
    assert losses["loss"].item() == pytest.approx(total / UNITS, rel=1e-5)


def test_the_parts_are_joined_by_the_weight() -> None:
    losses = Seq2SeqNLL(VOCABULARY, ctc_weight=0.3)(random_output(), random_batch())
    joined = 0.7 * losses["nll_attention"] + 0.3 * losses["nll_ctc"]
    torch.testing.assert_close(losses["loss"].detach(), joined)


@pytest.mark.parametrize("ctc_weight", [0.0, 0.3, 1.0])
def test_both_outputs_get_a_gradient_whatever_the_weight(ctc_weight: float) -> None:
    """Of zeros at least: data-parallel training waits for every one."""
    output = random_output()
    Seq2SeqNLL(VOCABULARY, ctc_weight)(output, random_batch())["loss"].backward()
    assert output.logits.grad.ne(0).any() == (ctc_weight < 1)
    assert output.ctc_logits.grad.ne(0).any() == (ctc_weight > 0)


def test_a_line_of_too_few_frames_has_no_ctc_loss() -> None:
    """ "ab ca" has two frames here, and one text has a character twice, which needs a blank."""
    frames = (2, 3, 1, 3)
    batch = random_batch(LENGTHS, ("ab ca", "b", "", "aaa"))
    output = random_output(frames=frames)
    losses = Seq2SeqNLL(VOCABULARY, ctc_weight=1.0)(output, batch)
    assert losses["loss"].isfinite()
    losses["loss"].backward()
    gradient = output.ctc_logits.grad
    assert gradient.isfinite().all()
    assert gradient.ne(0).flatten(1).any(dim=1).tolist() == [False, True, True, False]


def test_padding_counts_for_nothing() -> None:
    batch, output = random_batch(), random_output()
    criterion = Seq2SeqNLL(VOCABULARY, ctc_weight=0.3, label_smoothing=0.1)
    expected = criterion(output, batch)["loss"]
    beyond = torch.arange(output.logits.shape[1]) > batch.text_lengths.unsqueeze(1)
    logits = output.logits.masked_fill(beyond.unsqueeze(2), 9.0)
    outside = torch.arange(max(FRAMES)) >= output.frame_lengths.unsqueeze(1)
    ctc_logits = output.ctc_logits.masked_fill(outside.unsqueeze(2), -9.0)
    filled = output._replace(logits=logits, ctc_logits=ctc_logits)
    assert torch.equal(criterion(filled, batch)["loss"], expected)
    text = batch.text.masked_fill(~batch.text_mask, VOCABULARY.unk)
    assert torch.equal(criterion(output, replace(batch, text=text))["loss"], expected)


def test_texts_without_any_character_have_a_loss() -> None:
    batch = random_batch((4, 2), ("", ""))
    output = random_output(frames=(2, 1))
    output = RecognitionOutput(*(part[:2, :1] for part in output[:2]), *(
        part[:2] for part in output[2:4]), None)  # fmt: skip
    losses = Seq2SeqNLL(VOCABULARY, ctc_weight=0.5)(output, batch)
    assert losses["weight"].item() == 2
    assert losses["loss"].isfinite()


def test_a_model_without_ctc_output_needs_a_weight_of_zero() -> None:
    output = random_output(ctc=False)
    assert "nll_ctc" not in Seq2SeqNLL(VOCABULARY, 0.0)(output, random_batch())
    message = r"loss\.args\.ctc_weight: should be 0 for a model without CTC .*, got 0\.3"
    with pytest.raises(ConfigError, match=message):
        Seq2SeqNLL(VOCABULARY, 0.3)(output, random_batch())


def test_deterministic_algorithms_give_the_same_loss() -> None:
    criterion = Seq2SeqNLL(VOCABULARY, ctc_weight=0.5)
    expected = criterion(random_output(), random_batch())["loss"]
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.equal(criterion(random_output(), random_batch())["loss"], expected)
    finally:
        torch.use_deterministic_algorithms(False)
