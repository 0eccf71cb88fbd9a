"""Error rates against cases worked out by hand."""

import math

import pytest

from handwriting.text.error_rates import (
    ALL,
    FOLDED,
    LABEL_SETS,
    SYMBOLS_57,
    TASK_57,
    Edit,
    ErrorCounts,
    align,
    confusions,
    count_errors,
    fold,
    line_errors,
    to_57,
)


@pytest.mark.parametrize(
    ("reference", "reading", "errors"),
    [
        ("kitten", "sitting", 3),  # k -> s, e -> i, g inserted
        ("Saturday", "Sunday", 3),  # a, t deleted, r -> n
        ("a cat", "acat", 1),  # a space is a character
        ("ab", "ba", 2),  # no transpositions
        ("abc", "", 3),
        ("", "ab", 2),
        ("", "", 0),
    ],
)
def test_character_errors_by_hand(reference: str, reading: str, errors: int) -> None:
    counts = line_errors(reference, reading)
    assert counts.character_errors == errors
    assert counts.characters == len(reference)
    assert counts.exact == (errors == 0)


@pytest.mark.parametrize(
    ("reference", "reading", "errors", "words"),
    [
        ("the end.", "the end", 1, 2),  # punctuation belongs to its word
        ("the end.", "the  end. ", 0, 2),  # how much white space there is does not matter
        ("in deed", "indeed", 2, 2),  # one substituted, one deleted
        ("a b c d", "a c d", 1, 4),
        ("a", "b a c", 2, 1),
        ("", "a", 1, 0),
    ],
)
def test_word_errors_by_hand(reference: str, reading: str, errors: int, words: int) -> None:
    counts = line_errors(reference, reading)
    assert (counts.word_errors, counts.words) == (errors, words)


def test_rates_are_over_the_corpus_and_not_means_of_lines() -> None:
    counts = count_errors([("abcdefgh i", "abcdefgh i"), ("ab", "xy"), ("", "z")])
    assert counts == ErrorCounts(3, 1, 3, 12, 2, 3)
    assert counts.cer == 3 / 12
    assert counts.wer == 2 / 3
    assert counts.exact_rate == 1 / 3


def test_of_nothing_there_is_no_rate() -> None:
    assert math.isnan(count_errors([]).cer)
    assert math.isnan(count_errors([]).exact_rate)
    empty = count_errors([("", "ab")])
    assert math.isnan(empty.cer) and math.isnan(empty.wer) and empty.exact_rate == 0


def test_folding_drops_case_and_punctuation() -> None:
    assert fold('"Don\'t re-read 3 + 4!"  he SAID') == "dont reread 3 4 he said"
    assert fold(" ... ") == ""
    assert fold("a\ufffd.") == "a\ufffd"  # an unknown character is nothing to be dropped
    assert line_errors('"Don\'t!"', "dont", FOLDED).exact == 1
    assert line_errors("A 1", "a 2", FOLDED).character_errors == 1


def test_there_are_57_symbols() -> None:
    assert len(SYMBOLS_57) == len(set(SYMBOLS_57)) == 57
    everything = "".join(map(chr, range(32, 0x250)))
    assert set(to_57(everything)) == set(SYMBOLS_57)
    assert to_57('Ab, "c". 1960; é') == 'Ab, "c". ##### #'


def test_in_57_symbols_digits_are_not_told_apart() -> None:
    assert line_errors("in 1960?", "in 2847!", TASK_57).character_errors == 0
    assert line_errors("in 1960?", "in 2847!", ALL).character_errors == 5
    assert line_errors("in 1960", "in 196", TASK_57).character_errors == 1
    assert line_errors("end.", "end,", TASK_57).character_errors == 1


def test_label_sets_are_named_and_described() -> None:
    assert list(LABEL_SETS) == ["all", "folded", "57"]
    assert all(label_set.description for label_set in LABEL_SETS.values())


def test_alignment_puts_both_texts_together_again() -> None:
    edits = align("the cat sat", "he cut satz")
    assert edits == [
        Edit("delete", "t", ""),
        Edit("equal", "he c", "he c"),
        Edit("replace", "a", "u"),
        Edit("equal", "t sat", "t sat"),
        Edit("insert", "", "z"),
    ]
    assert align("", "") == []


def test_confusions_count_each_error() -> None:
    table = confusions([("the cat", "he cut"), ("cat", "cutz"), ("same", "same")])
    assert table.substitutions == {("a", "u"): 2}
    assert table.deletions == {"t": 1}
    assert table.insertions == {"z": 1}
    assert table.written["a"] == 3 and table.written["t"] == 3
    assert table.rows() == [("a", "u", 2), ("", "z", 1), ("t", "", 1)]


def test_confusions_add_up_to_the_character_errors() -> None:
    pairs = [("Saturday night", "Sunday nihgt"), ("12 kittens", "sitting"), ("", "x")]
    for label_set in LABEL_SETS.values():
        total = sum(count for *_, count in confusions(pairs, label_set).rows())
        assert total == count_errors(pairs, label_set).character_errors
