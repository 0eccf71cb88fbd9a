"""Other readings of lines and words."""

import math

import pytest

from handwriting.readings.alternatives import line_alternatives, word_alternatives


def test_shares_of_a_lines_readings_follow_their_probabilities() -> None:
    found = line_alternatives(
        "to be", math.log(0.6), [("lo be", math.log(0.2)), ("to he", math.log(0.2))]
    )
    assert [other.text for other in found] == ["lo be", "to he"]
    assert [other.share for other in found] == pytest.approx([0.2, 0.2])


def test_words_get_what_other_readings_have_in_their_place() -> None:
    others = [("lo be", math.log(0.2)), ("lo he", math.log(0.1)), ("to be or", math.log(0.1))]
    first, second = word_alternatives("to be", math.log(0.6), others)
    assert [(other.text, round(other.share, 6)) for other in first] == [("lo", 0.3)]
    assert [(other.text, round(other.share, 6)) for other in second] == [("he", 0.1)]


def test_a_line_alone_has_no_alternatives() -> None:
    assert line_alternatives("to be", -1.0, []) == ()
    assert word_alternatives("to be", -1.0, []) == [(), ()]
