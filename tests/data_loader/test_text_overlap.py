import pytest

from data_loader.text_overlap import shared_lines, words

PAGE = [
    "The quick brown fox jumps",
    "over the lazy dog, and then",
    "it sleeps.",
    "Nothing of this is known",
]


def test_words_have_no_case_and_no_punctuation():
    assert words("Don't STOP (the) x-ray: 3.5 Élan_") == [
        *("don", "t", "stop", "the", "x", "ray", "3", "5", "élan_"),
    ]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([["a quick BROWN fox, jumps over us"]], [1, 1, 0, 0]),  # over the end of the line
        ([["brown fox jumps over", "a lazy dog"]], [0, 0, 0, 0]),  # four words in a row
        ([["the lazy dog and", "then it stays"]], [0, 1, 1, 0]),
        ([["It sleeps"]], [0, 0, 1, 0]),  # a whole line, however short
        ([["nothing", "of this is known, as"]], [0, 0, 0, 1]),
        ([["nothing"], ["of this is known, as"]], [0, 0, 0, 0]),  # texts of their own
        ([[]], [0, 0, 0, 0]),
        ([], [0, 0, 0, 0]),
        ([PAGE], [1, 1, 1, 1]),
    ],
)
def test_lines_with_a_word_of_a_shared_run_are_found(others, expected):
    assert shared_lines(PAGE, others).tolist() == [bool(each) for each in expected]


def test_a_run_may_be_longer():
    other = [["quick brown fox jumps over the moon"]]
    assert shared_lines(PAGE, other, run=6).tolist() == [True, True, False, False]
    assert not shared_lines(PAGE, other, run=7).any()


def test_lines_without_words_are_never_shared():
    assert shared_lines(["", "...", "word"], [["", "...", "other"]]).tolist() == [False] * 3
    assert shared_lines([], [PAGE]).tolist() == []
