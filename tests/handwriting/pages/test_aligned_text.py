import numpy as np
import pytest

from handwriting.pages import AlignedLine, split_text
from handwriting.pages.aligned_text import traced_strokes

TEXT = (
    "One day I shall write this down.  It was late;\n\nnobody came, and nobody was missed, so"
    " we went home again.\n\n\nThe end of it all\n"
)


def test_split_text_keeps_every_word_and_newline():
    pieces = split_text(TEXT, longest=25)
    assert " ".join(pieces).split() == TEXT.split()
    assert [piece.count("\n") for piece in pieces if "\n" in piece] == [2, 3, 1]
    assert all(piece.rstrip("\n") == piece.strip() for piece in pieces)


@pytest.mark.parametrize("longest", [10, 25, 40])
def test_split_text_makes_pieces_of_even_length(longest):
    pieces = [piece.rstrip("\n") for piece in split_text("some words " * 20, longest=longest)]
    assert max(map(len, pieces)) <= longest
    assert min(map(len, pieces)) >= max(map(len, pieces)) - 2 * len("words ")


def test_split_text_leaves_a_long_word_whole():
    assert split_text("a " + "b" * 30 + " c", longest=10) == ["a", "b" * 30, "c"]


def test_split_text_keeps_newlines_before_the_first_word():
    assert split_text("\n\nhello") == ["\n\n", "hello"]


def test_split_text_of_nothing():
    assert split_text(" \t ") == []


def test_ink_ends_before_a_value_that_is_not_finite(write):
    line = write("name")
    strokes = line.strokes.copy()
    strokes[50, 1] = np.nan
    kept = traced_strokes(AlignedLine(strokes, line.text, line.character_of_step))
    assert sum(len(stroke.points) for stroke in kept) == 50


def test_characters_past_the_text_count_as_its_last(write):
    line = write("name")
    late = AlignedLine(line.strokes, line.text, line.character_of_step + 3)
    assert {c for stroke in traced_strokes(late) for c in stroke.characters.tolist()} == {3}


def test_lengths_must_agree(write):
    line = write("name")
    with pytest.raises(ValueError, match=r"character_of_step must be \[\d+\]"):
        AlignedLine(line.strokes, line.text, line.character_of_step[:-1])
