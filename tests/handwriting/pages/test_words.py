import numpy as np
import pytest

from handwriting.pages.aligned_text import TracedStroke, extent, traced_strokes
from handwriting.pages.words import split_words

SIZE = 30.0


def _split(line):
    return split_words(traced_strokes(line), line.text, SIZE)


def _segments(strokes):
    """Each pen movement on the paper, and each dot, sorted."""
    moves = [
        tuple(np.concatenate(pair))
        for stroke in strokes
        for pair in zip(stroke.points[:-1], stroke.points[1:], strict=True)
    ]
    dots = [tuple(stroke.points[0]) * 2 for stroke in strokes if len(stroke.points) == 1]
    return sorted(moves + dots)


def _lefts(line):
    return [extent(word.strokes)[0] for word in _split(line).words]


@pytest.mark.parametrize("late_by", [0, 1, 2])
@pytest.mark.parametrize("text", ["it sits on the kitchen table", "in it. a hat. I am at it"])
def test_words_have_their_own_ink_with_dots_and_bars(write, text, late_by):
    line = write(text, late_by=late_by)
    words = _split(line)
    assert [word.text for word in words.words] == text.split()
    for word in words.words:
        late = sum(word.text.count(letter) for letter in "it")
        assert len(word.strokes) == len(word.text) + late
        left, right = extent(word.strokes)
        assert right - left < SIZE * len(word.text)


@pytest.mark.parametrize("text", ["some men sat at home", "in a rush he sang"])
@pytest.mark.parametrize("shift", [-8, -5, -2, 2, 5, 8])
def test_a_window_that_is_early_or_late_by_part_of_a_letter_changes_nothing(write, text, shift):
    line = write(text)
    moved = np.roll(np.maximum.accumulate(line.character_of_step), shift)
    moved[:8], moved[-8:] = 0, len(line.text) - 1
    shifted = type(line)(line.strokes, line.text, moved)
    assert _segments([s for w in _split(line).words for s in w.strokes]) == _segments(
        [s for w in _split(shifted).words for s in w.strokes]
    )
    assert _lefts(line) == _lefts(shifted)


def test_a_stroke_across_a_space_is_cut_at_the_space(write):
    line = write("some men sang", joined=True)
    assert line.strokes[:, 0].sum() == 1
    words = _split(line).words
    assert [len(word.strokes) for word in words] == [1, 1, 1]
    for before, after in zip(words[:-1], words[1:], strict=True):
        cut = before.strokes[-1].points[-1]
        assert np.array_equal(cut, after.strokes[0].points[0])
        last = before.strokes[-1].points[before.strokes[-1].characters < len(before.text) - 1]
        assert last[:, 0].max() + 0.5 * SIZE < cut[0]


@pytest.mark.parametrize("seed", range(20))
def test_no_ink_is_lost_or_drawn_twice_whatever_the_window_says(write, seed):
    generator = np.random.default_rng(seed)
    line = write("it  is not a\ntext to be  read", joined=bool(seed % 2))
    pieces = generator.integers(0, len(line.text), size=12)
    steps = np.sort(generator.integers(0, len(line.strokes), size=11))
    characters = np.repeat(pieces, np.diff(steps, prepend=0, append=len(line.strokes)))
    strokes = traced_strokes(type(line)(line.strokes, line.text, characters))
    words = split_words(strokes, line.text, SIZE)
    kept = [stroke for word in words.words for stroke in word.strokes]
    assert _segments(kept) == _segments(strokes)
    assert {w.text for w in words.words} | set(words.without_ink) == set(line.text.split())


def test_repeated_spaces_and_newlines_are_between_words(write):
    words = _split(write("  one   two\n\nsix  \n"))
    assert [word.text for word in words.words] == ["one", "two", "six"]
    assert [word.newlines for word in words.words] == [0, 0, 2]
    assert words.newlines == 1


def test_a_word_that_the_window_passed_over_is_reported(write):
    line = write("some men sang")
    characters = line.character_of_step.copy()
    characters[(characters >= 5) & (characters < 8)] = 3
    words = _split(type(line)(line.strokes, line.text, characters))
    assert words.without_ink == ("men",)
    assert [word.text for word in words.words] == ["some", "sang"]


def test_ink_without_a_word_is_kept():
    strokes = [TracedStroke(np.array([[0.0, 0.0], [1.0, 2.0]]), np.zeros(2, dtype=np.int64))]
    words = split_words(strokes, "", 1.0).words
    assert [word.text for word in words] == [""]
    assert np.array_equal(words[0].strokes[0].points, strokes[0].points)


def test_characters_of_a_word_count_from_its_start(write):
    for word in _split(write("some men sang")).words:
        seen = np.concatenate([stroke.characters for stroke in word.strokes])
        assert sorted(set(seen.tolist())) == list(range(len(word.text)))
