"""Reading lines of ink with a recogniser."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from handwriting.ink.features import InkFeatures
from handwriting.ink.line import strokes_from_points
from handwriting.readings.line_reading import Reading
from handwriting.text.vocabulary import Vocabulary
from model.recognition import Seq2SeqRecognition
from reading.decoding import ctc_greedy, decode
from reading.line_reader import LineReader
from reading.settings import DecodingSettings

VOCABULARY = Vocabulary("abc ")
FEATURES = InkFeatures()
READING = Reading("ab", -1.0, (0.5, 0.125), np.zeros((3, 2), np.float32), {}, -1.0)


@pytest.fixture
def model() -> Seq2SeqRecognition:
    torch.manual_seed(3)
    return Seq2SeqRecognition(
        VOCABULARY, FEATURES.size, channels=(4, 5), kernel_size=3, encoder_size=4,
        encoder_layers=1, decoder_size=5, embedding_size=3, attention_size=4, location_width=3,
    )  # fmt: skip


@pytest.fixture
def lines() -> list[np.ndarray]:
    at = np.linspace(0, 8 * np.pi, 90)
    points = np.stack([at / 2, 1 - np.cos(at)], axis=1)
    return [strokes_from_points([points[:length]]) for length in (90, 30, 60, 2, 1)]


def test_lines_are_read_as_one_by_one_in_their_order(
    model: Seq2SeqRecognition, lines: list[np.ndarray]
) -> None:
    settings = DecodingSettings(beam=2)
    found = LineReader(model, VOCABULARY, FEATURES, settings, batch_size=2).read(lines)
    for line, reading in zip(lines, found, strict=True):
        features = torch.from_numpy(FEATURES.compute(line))[None]
        lengths = torch.tensor([features.shape[1]])
        (alone,) = decode(model, features, lengths, VOCABULARY, settings)
        assert reading.text == alone.text and reading.score == pytest.approx(alone.score, abs=1e-4)


def test_the_size_of_the_ink_does_not_matter(
    model: Seq2SeqRecognition, lines: list[np.ndarray]
) -> None:
    reader = LineReader(model, VOCABULARY, FEATURES)
    large = [line * np.array([1, 1000, 1000], dtype=np.float32) for line in lines]
    assert [r.text for r in reader.read(large)] == [r.text for r in reader.read(lines)]
    assert reader.read([]) == []


def test_a_line_is_read_by_attention_and_by_ctc(
    model: Seq2SeqRecognition, lines: list[np.ndarray]
) -> None:
    reader = LineReader(model, VOCABULARY, FEATURES, batch_size=2)
    found = reader.read_twice(lines)
    assert [attention for attention, _ in found] == [r.text for r in reader.read(lines)]
    for line, (_, ctc) in zip(lines, found, strict=True):
        features = torch.from_numpy(FEATURES.compute(line))[None]
        encoded = model.encode(features, torch.tensor([features.shape[1]]))
        logits = model.ctc_logits(encoded)
        assert logits is not None
        assert [ctc] == ctc_greedy(logits, encoded.lengths, VOCABULARY)
    assert reader.read_twice([]) == []


def test_the_model_is_put_in_evaluation_mode(model: Seq2SeqRecognition) -> None:
    model.train()
    assert not LineReader(model, VOCABULARY, FEATURES).model.training


def test_confidence_is_the_geometric_mean() -> None:
    assert READING.confidence == pytest.approx(0.25)
    assert replace(READING, confidences=(0.0, 1.0)).confidence < 1e-100
    assert replace(READING, confidences=()).confidence is None
