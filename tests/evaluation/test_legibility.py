"""How well a recogniser reads what a model writes."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from evaluation.legibility import legibility
from handwriting.ink.line import Line
from handwriting.readings.line_reading import Reading
from handwriting.runtime.scorers import Critic, by_legibility
from handwriting.runtime.synthesised_line import SynthesisedLine

TEXTS = ["abc", "de fg"]


class FakeReader:
    """Reads what the first offset of a line says: the place of a text among ``known``."""

    def __init__(self, known: Sequence[str]) -> None:
        self.known = known

    def read(self, lines: Sequence[np.ndarray]) -> list[Reading]:
        texts = [self.known[int(line[1, 1])] for line in lines]
        return [Reading(text, 0.0, (), np.zeros((1, 1)), {}, 0.0) for text in texts]

    def read_twice(self, lines: Sequence[np.ndarray]) -> list[tuple[str, ...]]:
        return [(reading.text, reading.text) for reading in self.read(lines)]


class TwoReaders(FakeReader):
    """Reads the same by attention, and by CTC what the second offset says."""

    def read_twice(self, lines: Sequence[np.ndarray]) -> list[tuple[str, ...]]:
        return [(self.known[int(line[1, 1])], self.known[int(line[1, 2])]) for line in lines]


def strokes_of(place: int) -> np.ndarray:
    return np.array([[0, 0, 0], [1, place, 0]], dtype=np.float32)


def real(place: int, text: str) -> Line:
    return Line(strokes_of(place), text, "w", f"line-{place}", "testset_v")


def ink(place: int, text: str, at_limit: bool = False, log_prob: float = 0.0) -> SynthesisedLine:
    strokes = strokes_of(place)
    return SynthesisedLine(strokes, text, np.ones((2, 2)), np.zeros(2, int), at_limit, log_prob, 1)


def test_written_lines_are_counted_beside_the_real_ones() -> None:
    reader = FakeReader(["abc", "de fx", "xxc", "de fg"])
    written = {
        0.5: [ink(2, "abc"), ink(1, "de fg", at_limit=True)],
        1.0: [ink(0, "abc"), ink(3, "de fg")],
    }
    found = legibility(written, [real(0, "abc"), real(1, "de fg")], reader)
    assert found.rows == [
        {"ink": "real", "bias": None, "lines": 2, "reached_step_limit": None, "cer": 1 / 8,
         "wer": 1 / 3, "exact": 0.5, "cer_ratio": 1.0},
        {"ink": "written", "bias": 0.5, "lines": 2, "reached_step_limit": 1, "cer": 3 / 8,
         "wer": 2 / 3, "exact": 0.0, "cer_ratio": pytest.approx(3.0)},
        {"ink": "written", "bias": 1.0, "lines": 2, "reached_step_limit": 0, "cer": 0.0,
         "wer": 0.0, "exact": 1.0, "cer_ratio": 0.0},
    ]  # fmt: skip
    assert len(found.lines) == 6
    assert found.lines[2] == {
        "ink": "written", "bias": 0.5, "source_id": "line-0", "reached_step_limit": False,
        "character_errors": 2, "characters": 3, "text": "abc", "reading": "xxc",
    }  # fmt: skip


def test_there_is_no_ratio_to_no_errors() -> None:
    found = legibility({0.0: [ink(1, "abc")]}, [real(0, "abc")], FakeReader(["abc", "b"]))
    assert [row["cer_ratio"] for row in found.rows] == [None, None]


def test_the_draw_with_the_fewest_errors_wins() -> None:
    reader = FakeReader(["abc", "abx", "a"])
    scores = by_legibility(reader)([ink(2, "abc"), ink(0, "abc", log_prob=-50), ink(1, "abc")])
    assert np.argmax(scores) == 1 and scores[2] > scores[0]


def test_of_equals_the_likelier_wins_and_never_over_fewer_errors() -> None:
    reader = FakeReader(["abc", "abx"])
    draws = [
        ink(0, "abc", log_prob=log_prob) for log_prob in (-9.0, -3.0, math.nan, -5.0)
    ]  # fmt: skip
    scores = by_legibility(reader)([*draws, ink(1, "abc", log_prob=900.0)])
    assert np.nanargmax(scores) == 1
    assert scores[0] < scores[3] < scores[1]
    assert scores[4] < scores[0]


def test_what_the_cap_ended_is_out() -> None:
    scores = by_legibility(FakeReader(["abc", "x"]))([ink(0, "abc", at_limit=True), ink(1, "abc")])
    assert scores[0] == -math.inf and scores[1] > -math.inf


def test_a_quirk_of_one_of_two_readings_is_not_enough() -> None:
    draws = [ink(0, "abc"), ink(1, "abc")]
    draws[0].strokes[1, 2], draws[1].strokes[1, 2] = 2, 1
    # "abc" and "xyz" of the first, "abx" twice of the second.
    scores = by_legibility(TwoReaders(["abc", "abx", "xyz"]))(draws)
    assert scores[1] > scores[0]


def test_a_word_is_missing_if_all_readings_say_so() -> None:
    line = ink(0, "some words")
    agreed = Critic(FakeReader(["some"]))([line])
    assert agreed == [["misses 'words'"]]
    line.strokes[1, 2] = 1
    assert Critic(TwoReaders(["some", "some words"]))([line]) == [[]]
    assert Critic()([line]) == [[]]


def test_several_recognisers_have_a_say_each() -> None:
    draws = [ink(0, "abc"), ink(1, "abc")]
    likes_first, likes_second = FakeReader(["abc", "axc"]), FakeReader(["xyz", "abc"])
    scores = by_legibility(likes_first, likes_second)(draws)
    assert scores[1] > scores[0]
    assert Critic(FakeReader(["some"]), FakeReader(["some words"]))([ink(0, "some words")]) == [[]]
