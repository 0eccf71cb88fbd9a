"""Texts of some characters alone, or of a list: in greedy, beam and CTC decoding."""

import itertools
from pathlib import Path

import pytest
import torch
from table_recogniser import TableRecogniser, table_lines

from handwriting.errors import UserError
from handwriting.text.vocabulary import Vocabulary
from reading.constraints import (
    Constraint,
    allowed_characters,
    of_characters,
    of_texts,
    read_texts,
)
from reading.ctc import ctc_greedy
from reading.decoding import decode
from reading.settings import DecodingSettings, Request

VOCABULARY = Vocabulary("abc12")
LENGTHS = [5, 3, 6, 4]
WORDS = ("ab", "abc", "c1", "2")
SETTINGS = {
    "greedy": DecodingSettings(),
    "beam": DecodingSettings(beam=6),
    "ctc": DecodingSettings(beam=6, ctc_weight=1.0),
    "both": DecodingSettings(beam=6, ctc_weight=0.4, length_normalisation=0.0),
}


def texts(settings: DecodingSettings, constraint: Constraint | None) -> list[str]:
    model = TableRecogniser(len(VOCABULARY))
    request = Request(constraint=constraint)
    return [
        reading.text
        for reading in decode(model, *table_lines(LENGTHS), VOCABULARY, settings, request=request)
    ]


@pytest.mark.parametrize("name", SETTINGS)
def test_only_allowed_characters_are_read(name: str) -> None:
    free = "".join(texts(SETTINGS[name], None))
    found = texts(SETTINGS[name], of_characters("a1", VOCABULARY))
    assert set(free) - set("a1") and set("".join(found)) <= set("a1") and any(found)


@pytest.mark.parametrize("name", SETTINGS)
def test_only_listed_texts_are_read(name: str) -> None:
    found = texts(SETTINGS[name], of_texts(WORDS, VOCABULARY))
    assert set(found) <= set(WORDS)


def test_a_wide_beam_finds_the_best_of_the_list() -> None:
    """Each text alone has a score; the best of all is what the search over all of them finds."""
    settings = DecodingSettings(beam=8, length_normalisation=0.0)
    model = TableRecogniser(len(VOCABULARY))
    lines = table_lines(LENGTHS)

    def scores(words: tuple[str, ...]) -> list[float]:
        request = Request(constraint=of_texts(words, VOCABULARY))
        found = decode(model, *lines, VOCABULARY, settings, request=request)
        return [reading.score for reading in found]

    alone = [scores((word,)) for word in WORDS]
    assert scores(WORDS) == pytest.approx([max(line) for line in zip(*alone, strict=True)])


def test_all_characters_allowed_changes_nothing() -> None:
    everything = of_characters("abc12", VOCABULARY)
    for settings in SETTINGS.values():
        assert texts(settings, everything) == texts(settings, None)


def test_best_path_of_ctc_keeps_to_the_characters() -> None:
    model = TableRecogniser(len(VOCABULARY))
    encoded = model.encode(*table_lines(LENGTHS))
    assert encoded.ctc_logits is not None
    allowed = of_characters("b2", VOCABULARY).characters
    found = ctc_greedy(encoded.ctc_logits, encoded.lengths, VOCABULARY, allowed)
    assert set("".join(found)) <= set("b2") and any(found)


def test_an_automaton_follows_the_texts_it_was_made_of() -> None:
    constraint = of_texts(WORDS, VOCABULARY)
    for text in map("".join, itertools.product("abc12", repeat=2)):
        states = constraint.first(1)
        known = True
        for index in VOCABULARY.encode(text):
            known = known and bool(constraint.allowed(states, len(VOCABULARY))[0, index])
            states = constraint.after(states, torch.tensor([index]))
        ends = bool(constraint.allowed(states, len(VOCABULARY))[0, VOCABULARY.eos])
        assert (known and ends) == (text in WORDS)


def test_what_allow_names() -> None:
    assert allowed_characters("digits", VOCABULARY) == "12"
    assert allowed_characters("letters", VOCABULARY) == "abc"
    assert allowed_characters("c1c", VOCABULARY) == "1c"
    with pytest.raises(UserError, match="--allow: .*got 'xz'"):
        allowed_characters("axz", VOCABULARY)
    with pytest.raises(UserError, match="--allow digits: the model knows no digits"):
        allowed_characters("digits", Vocabulary("ab"))


def test_words_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("ab\n\n c1 \nab\n", encoding="utf-8")
    assert read_texts(path, VOCABULARY) == ["ab", "c1"]
    for content, message in (
        (b"\n", "1 to .* lines, got 0"),
        (b"ax", "'x' of 'ax'"),
        (b"\xff", "UTF-8"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=message) as fault:
            read_texts(path, VOCABULARY)
        assert "\n" not in str(fault.value)


def test_the_best_texts_of_a_line_come_in_order() -> None:
    settings = DecodingSettings(beam=40)
    model = TableRecogniser(len(VOCABULARY))
    (line,) = decode(
        model, *table_lines([4]), VOCABULARY, settings, request=Request(alternatives=5)
    )
    found = [line, *line.alternatives]
    assert len({reading.text for reading in found}) == len(found) == 5
    ranks = [reading.rank for reading in found]
    assert ranks == sorted(ranks, reverse=True)
    (alone,) = decode(model, *table_lines([4]), VOCABULARY, settings)
    assert (alone.text, alone.score) == (line.text, line.score) and alone.alternatives == ()


def test_places_are_growing_frames_of_the_line() -> None:
    model = TableRecogniser(len(VOCABULARY))
    request = Request(places=True)
    for length, reading in zip(
        LENGTHS, decode(model, *table_lines(LENGTHS), VOCABULARY, request=request), strict=True
    ):
        assert reading.ctc_text is not None
        if reading.frames is not None:
            flat = reading.frames.flatten()
            assert len(reading.frames) == len(reading.text) == len(reading.ctc_confidences)
            assert all(flat[1:] >= flat[:-1]) and (not len(flat) or flat.max() < length)
            assert all(0 <= sure <= 1 for sure in reading.ctc_confidences)


def test_a_recogniser_without_ctc_has_no_places() -> None:
    model = TableRecogniser(len(VOCABULARY), ctc=False)
    (reading,) = decode(model, *table_lines([4]), VOCABULARY, request=Request(places=True))
    assert reading.frames is None and reading.ctc_text is None
