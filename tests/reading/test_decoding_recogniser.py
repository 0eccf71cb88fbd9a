"""Decoding with the real recogniser, against its own forward pass and torch's CTC loss."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from base.batch import RecognitionBatch
from handwriting.readings.line_reading import Reading
from handwriting.text.vocabulary import Vocabulary
from model.greedy import greedy_text
from model.language_model import CharacterLanguageModel
from model.recognition import Seq2SeqRecognition
from reading.decoding import decode, decode_encoded
from reading.settings import DecodingSettings

VOCABULARY = Vocabulary("abcd ")
LENGTHS = [40, 9, 31, 24, 1, 40]
FEATURES = 4
JOINT = DecodingSettings(beam=4, ctc_weight=0.3, language_weight=0.4, coverage=0.01)


@pytest.fixture(scope="module")
def model() -> Seq2SeqRecognition:
    """With random weights, and outputs that are sure of themselves."""
    torch.manual_seed(4)
    made = Seq2SeqRecognition(
        VOCABULARY, FEATURES, channels=(6, 6), encoder_size=6, encoder_layers=1, decoder_size=8,
        embedding_size=4, attention_size=5, location_width=3,
    )  # fmt: skip
    with torch.no_grad():
        made.decoder.output.weight *= 12
        made.decoder.output.bias[VOCABULARY.eos] -= 1
        made.ctc_output.weight *= 5
        made.decoder.weight_energy *= 10
    return made.double().eval()


@pytest.fixture(scope="module")
def language_model() -> CharacterLanguageModel:
    torch.manual_seed(5)
    return CharacterLanguageModel(VOCABULARY, 3, 6).double().eval()


@pytest.fixture(scope="module")
def lines() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(6)
    lengths = torch.tensor(LENGTHS)
    features = torch.randn(len(LENGTHS), max(LENGTHS), FEATURES, generator=generator).double()
    mask = torch.arange(max(LENGTHS)) < lengths.unsqueeze(1)
    return features * mask.unsqueeze(2), lengths


def batch_of(lines: tuple[Tensor, Tensor], texts: list[str]) -> RecognitionBatch:
    features, lengths = lines
    encoded = [torch.tensor(VOCABULARY.encode(text), dtype=torch.int64) for text in texts]
    text = torch.nn.utils.rnn.pad_sequence(encoded, batch_first=True)
    strokes = torch.zeros(len(texts), 1, 3)
    return RecognitionBatch(
        strokes=strokes,
        stroke_lengths=torch.ones_like(lengths),
        text=text,
        text_lengths=torch.tensor([len(each) for each in encoded]),
        line_indices=torch.arange(len(texts)),
        features=features,
        feature_lengths=lengths,
    )


def texts_of(readings: list[Reading]) -> list[str]:
    return [reading.text for reading in readings]


@torch.no_grad()
def test_greedy_forward_and_a_beam_of_one_read_the_same(model, lines) -> None:
    readings = decode(model, *lines, VOCABULARY)
    texts = greedy_text(model, model.encode(*lines), VOCABULARY)
    assert texts == texts_of(readings) == model(batch_of(lines, texts)).text
    assert len({len(text) for text in texts}) > 2


@pytest.mark.parametrize("settings", [DecodingSettings(), DecodingSettings(beam=5), JOINT], ids=str)
@torch.no_grad()
def test_scores_are_those_of_the_text_when_it_is_given(
    model, language_model, lines, settings
) -> None:
    readings = decode(model, *lines, VOCABULARY, settings, language_model)
    batch = batch_of(lines, texts_of(readings))
    output = model(batch)
    log_probs = output.logits.log_softmax(dim=2)
    for row, reading in enumerate(readings):
        targets = [*VOCABULARY.encode(reading.text), VOCABULARY.eos]
        expected = log_probs[row, range(len(targets)), targets]
        assert reading.scores["attention"] == pytest.approx(expected.sum().item(), rel=1e-9)
        assert reading.confidences == pytest.approx(expected[:-1].exp().tolist(), rel=1e-9)
        frames = output.frame_lengths[row]
        attention = output.attention[row, : len(targets), :frames].numpy()
        np.testing.assert_allclose(reading.attention, attention, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_the_ctc_and_language_scores_are_those_of_the_whole_text(
    model, language_model, lines
) -> None:
    readings = decode(model, *lines, VOCABULARY, JOINT, language_model)
    batch = batch_of(lines, texts_of(readings))
    encoded = model.encode(*lines)
    losses = F.ctc_loss(
        model.ctc_logits(encoded).log_softmax(2).transpose(0, 1), batch.text, encoded.lengths,
        batch.text_lengths, blank=VOCABULARY.pad, reduction="none",
    )  # fmt: skip
    spoken = language_model(batch).log_softmax(dim=2)
    for row, reading in enumerate(readings):
        targets = [*VOCABULARY.encode(reading.text), VOCABULARY.eos]
        language = spoken[row, range(len(targets)), targets].sum().item()
        assert reading.scores["ctc"] == pytest.approx(-losses[row].item(), rel=1e-7)
        assert reading.scores["language"] == pytest.approx(language, rel=1e-7)
        joint = 0.7 * reading.scores["attention"] - 0.3 * losses[row].item() + 0.4 * language
        assert reading.score == pytest.approx(joint, rel=1e-7)


@pytest.mark.parametrize("settings", [DecodingSettings(), JOINT], ids=str)
@torch.no_grad()
def test_a_line_is_read_the_same_alone(model, language_model, lines, settings, monkeypatch) -> None:
    encoded = model.encode(*lines)
    together = decode_encoded(model, encoded, VOCABULARY, settings, language_model)
    monkeypatch.setattr("reading.decoding.ROWS", {"cpu": 2 * settings.beam})
    in_parts = decode_encoded(model, encoded, VOCABULARY, settings, language_model)
    features, lengths = lines
    for row, reading in enumerate(together):
        length = lengths[row : row + 1]
        alone = features[row : row + 1, : int(length)]
        (single,) = decode(model, alone, length, VOCABULARY, settings, language_model)
        assert single.text == reading.text == in_parts[row].text
        assert single.score == pytest.approx(reading.score, rel=1e-9)
        assert in_parts[row].rank == pytest.approx(reading.rank, rel=1e-9)
