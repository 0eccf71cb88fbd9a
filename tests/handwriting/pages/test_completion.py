"""Accents and shapes in the ink of a model."""

import string
from collections.abc import Callable

import numpy as np
import pytest

from handwriting.ink.line import points_from_strokes, strokes_from_points
from handwriting.pages import AlignedLine
from handwriting.pages.completion import Hand, complete, drawn, measure_hand
from handwriting.text.spelling import spell
from handwriting.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary(string.ascii_lowercase + " .")
SIZE = 30.0
Write = Callable[..., AlignedLine]


def completed(write: Write, text: str, slant: float = 0.0, **options: float) -> AlignedLine:
    """The text as the plain hand writes it, leaning by ``slant``, with what it lacks."""
    spelling = spell(text, VOCABULARY)
    line = write(spelling.written, size=SIZE, **options)
    strokes = line.strokes.copy()
    strokes[:, 1] += slant * strokes[:, 2]
    (found,) = complete([AlignedLine(strokes, line.text, line.character_of_step)], [spelling])
    assert found.text == text
    return found


def ink_of(line: AlignedLine, at: int) -> list[np.ndarray]:
    """The points, in x-heights, of each stroke of a character."""
    starts = np.cumsum([0, *map(len, points_from_strokes(line.strokes))])
    return [
        points / SIZE
        for points, start in zip(points_from_strokes(line.strokes), starts[:-1], strict=True)
        if line.character_of_step[start] == at
    ]


@pytest.mark.parametrize("slant", [0.0, 0.4])
@pytest.mark.parametrize(("text", "at"), [("some mén", 6), ("cán", 1), ("čas", 0), ("sňow", 1)])
def test_an_accent_is_over_its_letter_in_the_slant_of_the_hand(
    write: Write, text: str, at: int, slant: float
) -> None:
    line = completed(write, text, slant)
    letter, accent = ink_of(line, at)
    baseline = min(points[:, 1].min() for points in ink_of(line, at))
    upright = [points[:, 0] - slant * (points[:, 1] - baseline) for points in (letter, accent)]
    assert abs(np.mean([upright[1].min(), upright[1].max()]) - upright[0].mean()) < 0.25
    top = letter[:, 1].max()
    assert top < accent[:, 1].min() and accent[:, 1].max() < top + 1
    assert np.ptp(accent, axis=0).max() < 0.7


def test_marks_below_and_across(write: Write) -> None:
    letter, cedilla = ink_of(completed(write, "çan"), 0)
    assert cedilla[:, 1].max() < 0.3 + letter[:, 1].min() and cedilla[:, 1].min() < -0.2
    letter, bar = ink_of(completed(write, "maøn"), 2)
    assert letter[:, 1].min() - 0.3 < bar[:, 1].min() and bar[:, 1].max() < letter[:, 1].max() + 0.3


def test_an_i_loses_its_dot_to_an_accent_and_keeps_it_without(write: Write) -> None:
    plain, accented, bare = (
        len(points_from_strokes(completed(write, f"m{i}n").strokes)) for i in "iíı"
    )
    assert (plain, accented, bare) == (4, 4, 3)


def test_an_accent_is_written_after_its_word(write: Write) -> None:
    line = completed(write, "mén sea")
    owners = line.character_of_step[line.strokes[:, 0] > 0.5]
    assert owners.tolist() == [0, 1, 2, 1, 4, 5, 6]


@pytest.mark.parametrize(("text", "at"), [("a€ mob", 1), ("€a mob", 0), ("a€b mob", 1)])
def test_a_shape_stands_where_it_belongs(write: Write, text: str, at: int) -> None:
    line = completed(write, text)
    extents = [
        (min(x.min() for x in xs), max(x.max() for x in xs))
        for xs in (
            [points[:, 0] for points in ink_of(line, index)]
            for index, character in enumerate(text)
            if character != " "
        )
    ]
    for (_, end), (start, _) in zip(extents[:-1], extents[1:], strict=True):
        assert end < start
    gaps = np.array([b[0] - a[1] for a, b in zip(extents[:-1], extents[1:], strict=True)])
    space = text.index(" ") - 1
    assert gaps[space] > 1.0 and (np.delete(gaps, space) < 0.6).all()
    heights = np.concatenate(ink_of(line, at))[:, 1]
    base = min(points[:, 1].min() for points in ink_of(line, text.index("m")))
    assert abs(heights.min() - base) < 0.2 and 1.5 < np.ptp(heights) < 2.3


def test_a_piece_of_shapes_alone_has_the_size_of_the_others(write: Write) -> None:
    spellings = [spell(text, VOCABULARY) for text in ("some men", "€")]
    lines = [write(spelling.written, size=SIZE) for spelling in spellings]
    _, sign = complete(lines, spellings)
    assert 1.5 * SIZE < np.ptp(np.cumsum(sign.strokes[:, 2])) < 2.3 * SIZE


def test_a_text_that_the_model_wrote_alone_keeps_its_ink(write: Write) -> None:
    line = completed(write, "some men", angle=0.1)
    assert np.array_equal(line.strokes, write("some men", size=SIZE, angle=0.1).strokes)


def test_measures_of_a_hand(write: Write) -> None:
    line = write("some men came home", size=SIZE)
    strokes = line.strokes.copy()
    strokes[:, 1] += 0.3 * strokes[:, 2]
    hand = measure_hand([AlignedLine(strokes, line.text, line.character_of_step)])
    assert hand.x_height == pytest.approx(SIZE, rel=0.05)
    assert hand.slant == pytest.approx(0.3, abs=0.1)
    assert measure_hand([]) == Hand()


def test_a_drawn_character_leans_as_the_hand() -> None:
    (upright,) = drawn("l", Hand(2.0, 0.0))
    (leaning,) = drawn("l", Hand(2.0, 0.5))
    assert np.ptp(upright[:, 0]) < 0.1
    assert np.ptp(leaning[:, 0]) == pytest.approx(0.5 * np.ptp(leaning[:, 1]), rel=0.05)
    strokes_from_points([upright, leaning])
