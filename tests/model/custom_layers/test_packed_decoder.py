"""The packed decoder against the steps of the model, which autograd could follow."""

from dataclasses import replace

import pytest
import torch
from small_recogniser import VOCABULARY, random_batch, small_model

from model.custom_layers.recurrence import COLUMN_MULTIPLE
from model.decoder_protocols import take_rows
from model.greedy import greedy_text
from model.recognition import Seq2SeqRecognition
from reading.decoding import decode_encoded
from reading.settings import DecodingSettings

attentions = pytest.mark.parametrize("attention", ["location", "additive"])


class Plain:
    """A recogniser that is read step by step."""

    def __init__(self, model: Seq2SeqRecognition) -> None:
        self.ctc_logits = model.ctc_logits
        self.model = model

    def packed(self) -> Seq2SeqRecognition:
        return self.model


@attentions
@torch.no_grad()
def test_packed_and_plain_steps_agree_in_whatever_order_the_lines_are_taken(attention: str) -> None:
    model, batch = small_model(attention=attention), random_batch()
    encoded = model.encode(batch.features, batch.feature_lengths)
    decoder, order = model.packed(), torch.tensor([2, 0, 3, 1])
    states = [each.initial_state(encoded) for each in (model, decoder)]
    for position in range(6):
        previous = torch.randint(0, len(VOCABULARY), (len(batch),))
        (expected, plain), (found, packed) = (
            each.step(previous, state, encoded)
            for each, state in zip((model, decoder), states, strict=True)
        )
        torch.testing.assert_close(found, expected)
        for name in ("cell", "attention", "coverage"):
            torch.testing.assert_close(getattr(packed, name), getattr(plain, name))
        states = [plain, packed]
        if position % 2:
            states = [take_rows(state, order) for state in states]
            encoded = take_rows(encoded, order)


@torch.no_grad()
def test_a_step_of_many_lines_is_that_of_each_alone() -> None:
    """Their number decides in which order of memory the products are taken."""
    model, lines = small_model(), COLUMN_MULTIPLE
    batch = random_batch(tuple(range(1, lines + 1)), ("",) * lines)
    encoded, decoder = model.encode(batch.features, batch.feature_lengths), model.packed()
    previous = torch.arange(lines) % len(VOCABULARY)

    def steps(rows: torch.Tensor) -> torch.Tensor:
        some = take_rows(encoded, rows)
        _, state = decoder.step(previous[rows], decoder.initial_state(some), some)
        return decoder.step(previous[rows], state, some)[0]

    together = steps(torch.arange(lines))
    for row in torch.arange(lines):
        torch.testing.assert_close(steps(row.unsqueeze(0))[0], together[row])


@attentions
@torch.no_grad()
def test_texts_and_scores_are_those_of_plain_steps(attention: str) -> None:
    model, batch = small_model(attention=attention), random_batch()
    model.decoder.output.weight *= 20
    model.decoder.output.bias[VOCABULARY.eos] -= 1
    encoded = model.encode(batch.features, batch.feature_lengths)
    assert greedy_text(model, encoded, VOCABULARY) == greedy_text(Plain(model), encoded, VOCABULARY)
    for settings in (DecodingSettings(), DecodingSettings(beam=3, ctc_weight=0.4, coverage=0.1)):
        for found, expected in zip(
            decode_encoded(model, encoded, VOCABULARY, settings),
            decode_encoded(Plain(model), encoded, VOCABULARY, settings),
            strict=True,
        ):
            assert found.text == expected.text
            assert found.scores == pytest.approx(expected.scores)
            assert found.confidences == pytest.approx(expected.confidences)


@torch.no_grad()
def test_bf16_autocast_stays_near_float32() -> None:
    model, batch = small_model().float(), random_batch()
    batch = replace(batch, features=batch.features.float())
    previous, found = torch.full((len(batch),), VOCABULARY.sos), []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            encoded, decoder = model.encode(batch.features, batch.feature_lengths), model.packed()
            assert decoder.weight.dtype == (torch.bfloat16 if enabled else torch.float32)
            state = decoder.initial_state(encoded)
            for _ in range(3):
                logits, state = decoder.step(previous, state, encoded)
        found.append((logits, state.attention, state.cell))
        assert {each.dtype for each in found[-1]} == {torch.float32}
    torch.testing.assert_close(*found, atol=0.05, rtol=0.05)
