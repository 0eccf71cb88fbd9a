"""Which ink is whose: words and characters of a line, from the frames of its characters."""

import numpy as np
from ink_samples import waves

from handwriting.ink.line import strokes_from_points
from handwriting.readings.word_division import (
    LinePlaces,
    characters_of_points,
    word_spans,
    words_of_points,
)

LETTERS = 4


def places_of(strokes: list[np.ndarray]) -> LinePlaces:
    """A frame for every tenth point."""
    rows = strokes_from_points(strokes)
    points = np.concatenate(strokes)
    return LinePlaces(points, rows[:, 0] > 0.5, np.arange(len(points)) / 10)


def frames_of(words: int, length: int) -> tuple[str, np.ndarray]:
    """A text of equal words, and frames of its characters where each word has ``length`` frames and
    a space comes with the last one before a word."""
    text, frames = [], []
    for word in range(words):
        if word:
            text.append(" ")
            frames.append(length * word - 0.2)
        text += ["a"] * LETTERS
        frames += list(length * word + length * (np.arange(LETTERS) + 0.5) / LETTERS)
    return "".join(text), np.stack([frames, frames], axis=1)


def test_words_part_where_the_pen_was_lifted() -> None:
    strokes = waves(words=5)
    text, frames = frames_of(5, 12)
    words = words_of_points(places_of(strokes), text, frames)
    assert [np.unique(part).tolist() for part in np.split(words, 5)] == [[0], [1], [2], [3], [4]]


def test_frames_that_are_a_little_late_change_nothing() -> None:
    strokes = waves(words=5)
    text, frames = frames_of(5, 12)
    expected = words_of_points(places_of(strokes), text, frames)
    for late in (-1.0, 0.8):
        assert np.array_equal(words_of_points(places_of(strokes), text, frames + late), expected)


def test_words_that_share_a_stroke_part_in_it() -> None:
    joined = [np.concatenate(waves(words=2))]
    text, frames = frames_of(2, 12)
    words = words_of_points(places_of(joined), text, frames)
    border = int(np.flatnonzero(np.diff(words))[0])
    assert words[0] == 0 and words[-1] == 1 and np.all(np.diff(words) >= 0)
    assert abs(border - len(joined[0]) / 2) <= 15


def test_a_dot_that_came_last_goes_to_the_word_below_it() -> None:
    strokes = waves(words=3)
    dot = np.array([[2.5, 1.8], [2.6, 1.8]])  # over the first word
    text, frames = frames_of(3, 12)
    words = words_of_points(places_of([*strokes, dot]), text, frames)
    assert words[-1] == 0 and words[len(words) // 2] == 1


def test_a_full_stop_stays_with_its_word() -> None:
    strokes = waves(words=2)
    right = strokes[0][:, 0].max()
    strokes[1] = strokes[1] + [1.0, 0.0]
    stop = np.array([[right + 0.9, -0.45], [right + 0.95, -0.45]])
    text, frames = "aaaa. aaaa", frames_of(2, 12)[1]
    frames = np.insert(frames, LETTERS, 12.0, axis=0)
    words = words_of_points(places_of([strokes[0], stop, strokes[1]]), text, frames)
    first = len(strokes[0])
    assert np.all(words[: first + 2] == 0) and np.all(words[first + 2 :] == 1)


def test_more_spaces_than_places_leave_the_last_words_without_ink() -> None:
    stroke = np.array([[0.0, 0.0], [1.0, 1.0]])
    text, frames = frames_of(4, 1)
    words = words_of_points(places_of([stroke]), text, frames)
    assert len(words) == 2 and words.max() <= 3


def test_characters_have_the_ink_of_their_word_in_order() -> None:
    strokes = waves(words=3)
    text, frames = frames_of(3, 12)
    places = places_of(strokes)
    words = words_of_points(places, text, frames)
    owners = characters_of_points(places, text, frames, words)
    assert np.all(np.diff(owners) >= 0)
    for number, (begin, end) in enumerate(word_spans(text)):
        assert set(owners[words == number]) == set(range(begin, end))


def test_words_are_what_spaces_part() -> None:
    assert word_spans("to be") == [(0, 2), (3, 5)]
    assert word_spans(" a  b ") == [(1, 2), (4, 5)]
    assert word_spans("") == [] and word_spans("  ") == []
