"""Words that a reading shows to be missing or there twice."""

import pytest

from handwriting.text.reading_flaws import word_flaws

TEXT = "the quick brown fox"


@pytest.mark.parametrize("reading", [TEXT, "thequick brownfox", "tho quich brewn fex", "The quick"])
def test_small_mistakes_of_a_reader_are_no_flaws(reading: str) -> None:
    flaws = word_flaws(TEXT, reading)
    assert not any("quick" in flaw for flaw in flaws)
    if reading != "The quick":
        assert flaws == []


def test_a_missing_word_is_named() -> None:
    assert word_flaws(TEXT, "the brown fox") == ["misses 'quick'"]


def test_a_word_that_is_there_twice_is_named() -> None:
    (flaw,) = word_flaws(TEXT, "the quick brown brown fox")
    assert flaw.startswith("has more than ")


@pytest.mark.parametrize(("text", "reading"), [("", ""), ("", "abc"), ("a", ""), ("I am", "am")])
def test_short_texts_have_no_words_to_miss(text: str, reading: str) -> None:
    assert word_flaws(text, reading) == []
