"""Readings in doubt, and a language model that leaves numbers alone."""

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from handwriting.readings.line_reading import Reading
from handwriting.text.vocabulary import Vocabulary
from reading.decoding import LettersAlone
from reading.doubt import ctc_reading, less_doubtful

VOCABULARY = Vocabulary("abc12")


def logits(path: str) -> Tensor:
    """Logits ``[N', C]`` of a path, ``-`` for the blank."""
    indices = [VOCABULARY.pad if one == "-" else VOCABULARY.encode(one)[0] for one in path]
    return 8.0 * torch.nn.functional.one_hot(torch.tensor(indices), len(VOCABULARY)).float()


def test_a_path_of_ctc_is_a_reading() -> None:
    found = ctc_reading(logits("-aab-bc--"), VOCABULARY)
    assert found.text == "abbc"
    assert found.attention.shape == (5, 9)
    assert np.allclose(found.attention.sum(axis=1), 1.0)
    assert found.attention[:, 1:3].nonzero()[0].tolist() == [0, 0]
    assert len(found.confidences) == 4 and min(found.confidences) > 0.9
    assert found.score == pytest.approx(9 * float(logits("a")[0].log_softmax(0).max()), rel=1e-3)
    assert ctc_reading(logits("---"), VOCABULARY).text == ""


class Encoded(NamedTuple):
    lengths: Tensor


class Recogniser:
    """Has CTC logits alone."""

    def __init__(self, logits: Tensor | None) -> None:
        self.logits = logits

    def encode(self, features: Tensor, feature_lengths: Tensor) -> Any: ...

    def packed(self) -> Any: ...

    def ctc_logits(self, encoded: Any) -> Tensor | None:
        return self.logits


def reading(text: str) -> Reading:
    return Reading(text, 0.0, (1.0,) * len(text), np.zeros((len(text) + 1, 9)), {}, 0.0)


@pytest.mark.parametrize(
    ("attention", "path", "text"),
    [
        (4 * "abcab1", 4 * "abcab2" + "---", 4 * "abcab1"),  # one edit in six characters
        (14 * "abc", 7 * "abc" + "------", 7 * "abc"),
        ("a", 4 * "abcab2" + "---", 4 * "abcab2"),
        (8 * "abc", 27 * "-", 8 * "abc"),  # nothing read says nothing
        ("a", "abcab2---", "a"),  # too short to be lost in
    ],
)
def test_ctc_is_taken_where_it_differs_much(attention: str, path: str, text: str) -> None:
    encoded = Encoded(torch.tensor([len(path)]))
    recogniser = Recogniser(logits(path)[None])
    (found,) = less_doubtful(recogniser, encoded, [reading(attention)], VOCABULARY)
    assert found.text == text


def test_without_ctc_readings_stay() -> None:
    readings = [reading("abc")]
    encoded = Encoded(torch.tensor([9]))
    assert less_doubtful(Recogniser(None), encoded, readings, VOCABULARY) is readings


class Prose:
    """Gives every character but the digits what it says."""

    def initial_state(self, batch_size: int) -> None:
        return None

    def step(self, previous: Tensor, state: None) -> tuple[Tensor, None]:
        scores = torch.tensor([0.0, 0.0, 1.0, 0.0, 5.0, 3.0, 1.0, -9.0, -11.0], dtype=torch.float64)
        return scores.log_softmax(0).repeat(len(previous), 1), None


def test_a_language_model_has_no_say_in_numbers() -> None:
    scorer = LettersAlone(Prose(), VOCABULARY)
    previous = torch.tensor(VOCABULARY.encode("a1"))
    plain, _ = Prose().step(previous, None)
    found, _ = scorer.step(previous, scorer.initial_state(2))
    letters, digits = VOCABULARY.encode("abc"), VOCABULARY.encode("12")
    usual = float((plain[0].exp() * plain[0]).sum())
    assert torch.equal(found[0, letters], plain[0, letters])
    assert found[0, digits].tolist() == pytest.approx([usual, usual])
    assert found[1].tolist() == pytest.approx([usual] * len(VOCABULARY))
