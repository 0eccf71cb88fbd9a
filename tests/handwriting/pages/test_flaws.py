"""Flaws of ink that show without reading it, and hooks after full stops."""

from collections.abc import Callable

import numpy as np
import pytest

from handwriting.pages import AlignedLine
from handwriting.pages.aligned_text import TracedStroke
from handwriting.pages.flaws import LEAVES_LINE, RUNS_AWAY, ink_flaws
from handwriting.pages.hooks import without_hook

Write = Callable[..., AlignedLine]
TEXT = "some men came home and sang no more"


@pytest.mark.parametrize("angle", [0.0, 0.12])
def test_plain_writing_has_no_flaws(write: Write, angle: float) -> None:
    assert ink_flaws(write(TEXT, angle=angle)) == []
    assert ink_flaws(write("")) == []


def test_a_word_off_its_line_is_a_flaw(write: Write) -> None:
    line = write(TEXT)
    strokes = line.strokes.copy()
    first = np.flatnonzero(line.character_of_step == TEXT.index("came"))[0]
    after = np.flatnonzero(line.character_of_step == TEXT.index("home"))[0]
    strokes[first, 2] -= 60.0
    strokes[after, 2] += 60.0
    assert ink_flaws(AlignedLine(strokes, TEXT, line.character_of_step)) == [LEAVES_LINE]


def test_a_stroke_across_the_page_is_a_flaw(write: Write) -> None:
    line = write(TEXT)
    strokes = line.strokes.copy()
    inner = np.flatnonzero(line.character_of_step == TEXT.index("and") + 1)[5]
    strokes[inner, 1] += 400.0
    assert RUNS_AWAY in ink_flaws(AlignedLine(strokes, TEXT, line.character_of_step))


def _word(stop: list[tuple[float, float]]) -> list[TracedStroke]:
    letter = TracedStroke(np.array([[0.0, 1.0], [0.0, 0.0], [0.5, 0.0]]), np.zeros(3, np.int64))
    return [letter, TracedStroke(np.array(stop), np.ones(len(stop), np.int64))]


def test_a_hook_after_a_full_stop_goes_and_the_stop_stays() -> None:
    hook = [(1.0, 0.0), (1.1, -0.05), (1.6, 0.4), (2.2, 1.2)]
    letter, stop = without_hook(_word(hook), "l.", 1.0)
    assert len(letter.points) == 3
    assert stop.points.tolist() == [[1.1, -0.05]]


def test_a_full_stop_that_is_a_long_stroke_is_its_lowest_part() -> None:
    long = [(1.0, 2.0), (1.0, 1.0), (1.0, 0.1), (1.0, 0.02)]
    _, stop = without_hook(_word(long), "n.", 1.0)
    assert stop.points.tolist() == [[1.0, 0.1], [1.0, 0.02]]


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("l.", [(1.0, 0.0), (1.1, 0.0), (1.1, 0.1)]),  # as short as a full stop
        ("la", [(1.0, 0.0), (1.1, 1.0), (1.6, 0.0)]),  # a letter
        ("l.", [(0.2, 0.0), (0.6, 1.0), (1.0, 0.0)]),  # the letter's own ink, by its place
        ("l.", [(1.0, 1.8), (1.0, 0.9), (1.0, 0.0)]),  # begins high
    ],
)
def test_what_is_no_hook_stays(text: str, stop: list[tuple[float, float]]) -> None:
    word = _word(stop)
    kept = without_hook(word, text, 1.0)
    assert [s.points.tolist() for s in kept] == [s.points.tolist() for s in word]
