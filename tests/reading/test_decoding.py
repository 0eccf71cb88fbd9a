"""Decoding with a recogniser of tables, against enumeration and plain loops."""

import dataclasses
import itertools
from typing import NamedTuple

import numpy as np
import pytest
import torch
from table_recogniser import TableRecogniser, table_lines
from torch import Tensor

from handwriting.errors import UserError
from handwriting.runtime.beam_search import COVERAGE_FLOOR
from handwriting.text.vocabulary import Vocabulary
from model.greedy import greedy_text
from reading.ctc import ctc_frames, empty_prefixes, extend, extension_scores
from reading.decoding import decode, decode_encoded
from reading.settings import DecodingSettings

VOCABULARY = Vocabulary("ab")
WIDE = 400  # more than all prefixes of the longest text: the search leaves nothing out
SETTINGS = [
    DecodingSettings(length_normalisation=0.0),
    DecodingSettings(length_normalisation=1.0),
    DecodingSettings(length_normalisation=0.6, ctc_weight=0.4),
    DecodingSettings(ctc_weight=1.0),
    DecodingSettings(language_weight=0.7),
    DecodingSettings(coverage=0.3, ctc_weight=0.3, language_weight=0.5),
]


class BigramState(NamedTuple):
    count: Tensor


class Bigrams:
    """A language model of one table, whose state counts the characters."""

    def __init__(self, size: int) -> None:
        generator = torch.Generator().manual_seed(3)
        self.table = torch.randn(2, size, size, generator=generator).double() * 2

    def for_vocabulary(self, vocabulary: Vocabulary) -> "Bigrams":
        return self

    def initial_state(self, batch_size: int) -> BigramState:
        return BigramState(torch.zeros(batch_size, dtype=torch.int64))

    def step(self, previous: Tensor, state: BigramState) -> tuple[Tensor, BigramState]:
        return self.table[state.count % 2, previous].log_softmax(1), BigramState(state.count + 1)


@pytest.fixture
def model() -> TableRecogniser:
    return TableRecogniser(len(VOCABULARY))


LANGUAGE = Bigrams(len(VOCABULARY))


class Scored(NamedTuple):
    scores: dict[str, float]
    confidences: list[float]
    attention: np.ndarray
    rank: float


def score(model: TableRecogniser, line: Tensor, text: str, settings: DecodingSettings) -> Scored:
    """The scores of a text of one line ``[N, F]``, by feeding it to the models."""
    lengths = torch.tensor([len(line)])
    encoded = model.encode(line.unsqueeze(0), lengths)
    state, language_state = model.initial_state(encoded), LANGUAGE.initial_state(1)
    indices = [*VOCABULARY.encode(text), VOCABULARY.eos]
    previous = torch.tensor([VOCABULARY.sos])
    attention, language, rows = [], 0.0, []
    for index in indices:
        logits, state = model.step(previous, state, encoded)
        spoken, language_state = LANGUAGE.step(previous, language_state)
        attention.append(logits.log_softmax(1)[0, index].item())
        language += spoken[0, index].item()
        rows.append(state.attention[0].numpy())
        previous = torch.tensor([index])
    frames = ctc_frames(encoded.ctc_logits, lengths, VOCABULARY.pad)
    prefix = empty_prefixes(frames, 1, VOCABULARY.pad)
    for index in indices[:-1]:
        parent, character = torch.zeros(1, 1, dtype=torch.int64), torch.full((1, 1), index)
        prefix = extend(frames, prefix, parent, character)
    ends = extension_scores(frames, prefix, VOCABULARY.pad, VOCABULARY.eos)
    ctc = ends[0, 0, VOCABULARY.eos].item()
    weight = settings.ctc_weight
    joint = sum(attention) * (1 - weight) + (weight * ctc if weight else 0.0)
    joint += settings.language_weight * language
    covered = np.log(np.clip(np.sum(rows, axis=0), COVERAGE_FLOOR, 1.0)).sum()
    rank = joint / len(indices) ** settings.length_normalisation + settings.coverage * covered
    scores = {"joint": joint, "attention": sum(attention), "ctc": ctc, "language": language}
    return Scored(scores, np.exp(attention[:-1]).tolist(), np.stack(rows), rank)


def all_texts(longest: int) -> list[str]:
    texts = (itertools.product("ab", repeat=length) for length in range(longest + 1))
    return ["".join(text) for text in itertools.chain(*texts)]


def read(model: TableRecogniser, lengths: list[int], settings: DecodingSettings):
    return decode(model, *table_lines(lengths), VOCABULARY, settings, LANGUAGE)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_search_that_leaves_nothing_out_finds_the_best_of_all_texts(
    model: TableRecogniser, settings: DecodingSettings
) -> None:
    lengths = [5, 1, 4, 3]
    readings = read(model, lengths, dataclasses.replace(settings, beam=WIDE))
    lines, _ = table_lines(lengths)
    for line, length, reading in zip(lines, lengths, readings, strict=True):
        ranked = {
            text: score(model, line[:length], text, settings).rank for text in all_texts(length)
        }
        assert reading.rank == pytest.approx(max(ranked.values()), rel=1e-6)
        assert reading.text == max(ranked, key=ranked.get)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("beam", [1, 3])
def test_all_that_is_returned_is_that_of_the_text(
    model: TableRecogniser, settings: DecodingSettings, beam: int
) -> None:
    lengths = [9, 4, 12, 1]
    lines, _ = table_lines(lengths)
    for line, length, reading in zip(
        lines, lengths, read(model, lengths, dataclasses.replace(settings, beam=beam)), strict=True
    ):
        expected = score(model, line[:length], reading.text, settings)
        assert set(reading.scores) == {
            "joint",
            "attention",
            *(["ctc"] if settings.ctc_weight else []),
            *(["language"] if settings.language_weight else []),
        }
        for name, value in reading.scores.items():
            assert value == pytest.approx(expected.scores[name], rel=1e-9)
        assert reading.score == reading.scores["joint"]
        assert reading.rank == pytest.approx(expected.rank, rel=1e-6)
        assert reading.confidences == pytest.approx(expected.confidences)
        assert reading.attention.shape == (len(reading.text) + 1, length)
        np.testing.assert_allclose(reading.attention, expected.attention, rtol=1e-5)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_line_is_read_the_same_whatever_it_is_batched_with(
    model: TableRecogniser, settings: DecodingSettings
) -> None:
    settings = dataclasses.replace(settings, beam=3)
    lengths = [9, 2, 12, 5, 1, 7, 12, 3]
    together = read(model, lengths, settings)
    lines, _ = table_lines(lengths)
    for line, length, reading in zip(lines, lengths, together, strict=True):
        features, alone = line[:length].unsqueeze(0), torch.tensor([length])
        (single,) = decode(model, features, alone, VOCABULARY, settings, LANGUAGE)
        assert single.text == reading.text
        assert single.rank == pytest.approx(reading.rank, rel=1e-9)
        np.testing.assert_allclose(single.attention, reading.attention, rtol=1e-5)


def test_a_beam_of_one_is_greedy(model: TableRecogniser) -> None:
    lengths = [9, 2, 12, 5, 1, 7, 12, 3, 20, 20]
    readings = read(model, lengths, DecodingSettings())
    encoded = model.encode(*table_lines(lengths))
    texts = greedy_text(model, encoded, VOCABULARY)
    assert texts == [reading.text for reading in readings]
    assert len({len(text) for text in texts}) > 2
    lines, _ = table_lines(lengths)
    for line, length, text in zip(lines, lengths, texts, strict=True):
        alone = model.encode(line[:length].unsqueeze(0), torch.tensor([length]))
        assert greedy_text(model, alone, VOCABULARY) == [text]
        assert text == plain_greedy(model, alone, length)


def plain_greedy(model: TableRecogniser, encoded, longest: int) -> str:
    state, previous, text = model.initial_state(encoded), VOCABULARY.sos, []
    while len(text) < longest:
        logits, state = model.step(torch.tensor([previous]), state, encoded)
        choices = {index: logits[0, index].item() for index in (VOCABULARY.eos, 4, 5)}
        previous = max(choices, key=choices.get)
        if previous == VOCABULARY.eos:
            break
        text.append(previous)
    return VOCABULARY.decode(text)


def test_no_text_is_longer_than_its_line_has_frames(model: TableRecogniser) -> None:
    model.next[:, :, VOCABULARY.eos] = 0.0
    model.next[:, :, 4:] = 0.0
    model.next[:, 0, 4] = 50.0
    lengths = [3, 6, 1]
    features, tensor = table_lines(lengths)
    features = features.abs()
    encoded = model.encode(features, tensor)
    assert greedy_text(model, encoded, VOCABULARY) == ["a" * length for length in lengths]
    for beam in (1, 4):
        settings = DecodingSettings(beam=beam, length_normalisation=0.0)
        readings = decode(model, features, tensor, VOCABULARY, settings)
        assert all(len(each.text) <= n for each, n in zip(readings, lengths, strict=True))


def test_a_wider_beam_that_is_exhaustive_ranks_no_worse(model: TableRecogniser) -> None:
    settings = DecodingSettings(length_normalisation=0.7, ctc_weight=0.3)
    lengths = [6, 6, 5, 4]
    best = read(model, lengths, dataclasses.replace(settings, beam=WIDE))
    for beam in (1, 2, 5):
        narrow = read(model, lengths, dataclasses.replace(settings, beam=beam))
        for wide, other in zip(best, narrow, strict=True):
            assert wide.rank >= other.rank - 1e-9


def test_encoded_lines_can_be_read_with_several_settings(model: TableRecogniser) -> None:
    lengths = [6, 3]
    encoded = model.encode(*table_lines(lengths))
    for settings in SETTINGS:
        again = decode_encoded(model, encoded, VOCABULARY, settings, LANGUAGE)
        assert [each.text for each in again] == [
            each.text for each in read(model, lengths, settings)
        ]


def test_a_score_that_is_not_there_cannot_have_weight() -> None:
    model = TableRecogniser(len(VOCABULARY), ctc=False)
    lines = table_lines([3])
    with pytest.raises(UserError, match="ctc_weight: the recogniser has no CTC output"):
        decode(model, *lines, VOCABULARY, DecodingSettings(ctc_weight=0.2))
    with pytest.raises(UserError, match="language_weight: there is no language model"):
        decode(model, *lines, VOCABULARY, DecodingSettings(language_weight=0.2))
    assert len(decode(model, *lines, VOCABULARY, DecodingSettings(beam=2))) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beam": 0}, "beam: should be 1 to 1,000, got 0"),
        ({"ctc_weight": 1.5}, "ctc_weight: should be 0 to 1, got 1.5"),
        ({"coverage": -0.1}, "coverage: should be 0 to 100, got -0.1"),
        ({"length_normalisation": float("nan")}, "length_normalisation: should be 0 to 100"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        DecodingSettings(**wrong)


def test_scores_that_are_no_numbers_are_an_error(model: TableRecogniser) -> None:
    model.next[:] = torch.nan
    with pytest.raises(ValueError, match="line 0 of the batch: no text has a score"):
        decode(model, *table_lines([3]), VOCABULARY, DecodingSettings(beam=2))
