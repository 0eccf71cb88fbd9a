"""Lines composed from writers' own characters and words."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from line_helpers import ListReader

from base.registry import READERS
from data_loader.cleaning import Cleaning
from data_loader.corpus import prepare_corpus
from data_loader.readers.composed import ComposedReader
from data_loader.readers.composed_grammar import KINDS, draw_text
from data_loader.readers.composed_ink import PLACE_OF, Hand, Spacing, compose
from handwriting.errors import ConfigError, DataError
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points
from parse_config import project_components

PRINTABLE = "".join(map(chr, range(33, 127)))
STEADY = Spacing(0.3, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)


def glyph(character: str, x_height: float, at: float = 0.0) -> np.ndarray:
    """A character as a box of the usual height, wherever its writer put it."""
    low, high = PLACE_OF[character]
    height = max(high - low, 0.05) * x_height
    width = 0.6 * x_height
    corners = [[0, 0], [width, 0], [width, height], [0, height], [0, 0]]
    return np.array(corners, dtype=float) + (7.0, at)


def samples(writer: str, characters: str, x_height: float, split: str) -> Iterator[Line]:
    for number, character in enumerate(characters):
        strokes = strokes_from_points([glyph(character, x_height, at=31.0 * number)])
        yield Line(strokes, character, writer, f"{writer}-{number}", split)


def hand(characters: str = PRINTABLE, x_height: float = 10.0) -> Hand:
    made = Hand()
    for line in samples("anna", characters, x_height, "trainset"):
        made.add(line)
    return made


def boxes(strokes: np.ndarray) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right, top of each stroke."""
    return [(*stroke.min(axis=0), *stroke.max(axis=0)) for stroke in points_from_strokes(strokes)]


def test_a_writers_x_height_is_that_of_the_ink() -> None:
    for x_height in (3.0, 10.0, 250.0):
        assert hand(x_height=x_height).x_height == pytest.approx(x_height, rel=1e-3)
        assert hand("0123456789", x_height).x_height == pytest.approx(x_height, rel=1e-3)


def test_characters_stand_where_they_belong() -> None:
    """Boxes of the usual heights, whatever their place was as they were written."""
    x_height = 10.0
    strokes = compose(hand(), PRINTABLE, STEADY, np.random.default_rng(1))
    found = boxes(strokes)
    start = found[0][1] - PLACE_OF["!"][0] * x_height
    for character, (_, bottom, _, top) in zip(PRINTABLE, found, strict=True):
        low, high = PLACE_OF[character]
        middle = (low + high) / 2 * x_height
        assert (bottom + top) / 2 - start == pytest.approx(middle, abs=0.1 * x_height), character


def test_spaces_are_wider_than_the_gaps_of_letters() -> None:
    strokes = compose(hand(), "ab cd", STEADY, np.random.default_rng(1))
    gaps = [right[0] - left[2] for left, right in zip(boxes(strokes), boxes(strokes)[1:])]  # noqa: B905
    assert gaps == pytest.approx([3.0, 13.0, 3.0], abs=0.01)


def test_a_word_is_taken_whole_where_the_writer_wrote_it() -> None:
    made = hand("xy", 10.0)
    loop = np.array([[0.0, 0.0], [40.0, 10.0], [80.0, 0.0]])
    made.add(Line(strokes_from_points([loop]), "nun", "anna", "w", "trainset"))
    assert made.can_write("nun") and made.can_write("xyx") and not made.can_write("nux")
    (stroke,) = points_from_strokes(compose(made, "nun", STEADY, np.random.default_rng(0)))
    assert np.allclose(np.diff(stroke, axis=0), np.diff(loop, axis=0), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_of_every_kind_are_printable_and_differ(kind: str) -> None:
    random = np.random.default_rng(3)
    texts = [draw_text(random, ["red", "house", "tree"], {kind: 1.0}) for _ in range(200)]
    assert all(set(text) <= set(PRINTABLE + " ") and text.strip() for text in texts)
    assert len(set(texts)) > 20
    again = np.random.default_rng(3)
    assert texts == [draw_text(again, ["red", "house", "tree"], {kind: 1.0}) for _ in range(200)]


def test_the_kinds_together_have_every_character() -> None:
    random = np.random.default_rng(4)
    texts = [draw_text(random, ["jazz", "quilt"], dict.fromkeys(KINDS, 1.0)) for _ in range(4000)]
    assert set("".join(texts)) == set(PRINTABLE + " ")


def two_writers() -> ListReader:
    lines = [
        *samples("anna", PRINTABLE, 10.0, "trainset"),
        *samples("ben", "0123456789", 30.0, "testset_v"),
    ]
    return ListReader(lines)


def test_each_line_is_one_writers_in_that_writers_split_and_size() -> None:
    lines = list(ComposedReader(two_writers(), num_lines=60, seed=2).read())
    assert {(line.writer, line.split) for line in lines} == {
        ("anna", "trainset"),
        ("ben", "testset_v"),
    }
    for line in lines:
        assert set(line.text) <= set("0123456789 ") or line.writer == "anna"
        tallest = max(top - bottom for _, bottom, _, top in boxes(line.strokes))
        assert (tallest > 40.0) == (line.writer == "ben")
        assert len(points_from_strokes(line.strokes)) == len(line.text.replace(" ", ""))


def test_the_same_seed_gives_the_same_lines_and_another_does_not() -> None:
    def texts(seed: int) -> list[str]:
        return [line.text for line in ComposedReader(two_writers(), num_lines=20, seed=seed).read()]

    assert texts(1) == texts(1) != texts(2)


def test_a_corpus_is_prepared_of_them(tmp_path: Path) -> None:
    reader = ComposedReader(two_writers(), num_lines=25, text_shares={"digits": 1.0})
    corpus = prepare_corpus(reader, Cleaning(), tmp_path)
    assert len(corpus) == 25 and set("".join(map(corpus.text, range(25)))) <= set("0123456789 ")


def test_wrong_settings_and_sources() -> None:
    with pytest.raises(ConfigError, match="text_shares: should name some of numbers, .* got poems"):
        ComposedReader(two_writers(), text_shares={"poems": 1.0})
    with pytest.raises(ConfigError, match="got none"):
        ComposedReader(two_writers(), text_shares={})
    sentence = Line(np.zeros((3, 3), np.float32), "two words", "anna", "1", "trainset")
    with pytest.raises(DataError, match="no writer with characters or words"):
        list(ComposedReader(ListReader([sentence])).read())


def test_a_config_composes_of_a_source_but_not_of_composed_lines() -> None:
    project_components()
    part = READERS.without("composed", "mixed")
    assert "unipen" in part and "composed" not in part and "mixed" not in list(part)
