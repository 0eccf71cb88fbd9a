"""Hands: what of them is embedded, what it is learned from, and whose hand a line is said to be."""

import numpy as np
import pytest

from evaluation.hand_embedding import FEWEST_LINES, HandEmbedding, KnownHands, hand_features
from handwriting.ink.line import Line, strokes_from_points

TEXT = "abc de"


def line_by(writer: int, number: int) -> Line:
    """Two words of waves: a writer's have a slant, a width and a number of strokes of their own."""
    chance = np.random.default_rng((writer, number))
    own = np.random.default_rng(writer)
    lean, wide, letters = own.normal(0, 0.5), own.uniform(0.5, 2), int(own.integers(1, 4))
    strokes = []
    for word in range(2):
        for letter in range(letters):
            way = np.linspace(0, 12 / letters, 40)
            x = wide * way + 18 * wide * word + 14 * wide / letters * letter
            y = np.sin(way * 2.5) * chance.normal(1, 0.05)
            strokes.append(np.stack([x + (lean + chance.normal(0, 0.05)) * y, y], axis=1))
    return Line(strokes_from_points(strokes), TEXT, f"w{writer}", f"{writer}-{number}", "")


def test_features_do_not_depend_on_size_and_place() -> None:
    line = line_by(1, 1)
    large = line.strokes * np.array([1, 8, 8], np.float32)
    np.testing.assert_allclose(
        hand_features(large, TEXT), hand_features(line.strokes, TEXT), atol=1e-4
    )


def test_lines_of_one_writer_lie_together_though_none_was_learned_from() -> None:
    embedding = HandEmbedding.of(line_by(writer, at) for writer in range(20) for at in range(6))
    assert embedding is not None
    strangers = [line_by(writer, at) for writer in range(100, 108) for at in range(5)]
    hands = KnownHands.of(embedding, strangers, strangers, seed=1)
    assert hands is not None and len(set(hands.writers)) == 8
    styles, texts = strangers[::5], strangers[1::5]
    own = hands.retrieval(styles, texts, [(line.strokes, line.text) for line in texts])
    assert own == {"retrieval": 1.0, "hands": 8, "in_hands": 8}
    of_others = [*texts[1:], texts[0]]
    wrong = hands.retrieval(styles, texts, [(line.strokes, line.text) for line in of_others])
    assert wrong["retrieval"] == 0.0


def test_the_line_itself_is_not_what_it_is_compared_with() -> None:
    """A writer's one line in another's hand is found with that other's lines, not with itself."""
    embedding = HandEmbedding.of(line_by(writer, at) for writer in range(20) for at in range(6))
    assert embedding is not None
    lines = [line_by(writer, at) for writer in (100, 103) for at in range(6)]
    odd = Line(line_by(103, 9).strokes, TEXT, "w100", "odd", "")
    hands = KnownHands.of(embedding, [odd, *lines], lines, seed=1)
    assert hands is not None
    found = hands.retrieval([lines[0]], [odd], [(odd.strokes, odd.text)])
    assert found == {"retrieval": 0.0, "hands": 2, "in_hands": 1}


def test_too_few_writers_or_lines_are_not_learned_from() -> None:
    lines = [line_by(writer, at) for writer in range(30) for at in range(FEWEST_LINES - 1)]
    assert HandEmbedding.of(lines) is None
    assert HandEmbedding.of(line_by(writer, at) for writer in range(3) for at in range(9)) is None
    unknown = [Line(line.strokes, TEXT, "", "", "") for line in lines * 9]
    assert HandEmbedding.of(unknown) is None


@pytest.mark.parametrize("strokes", [[[1, 0, 0]], [[1, 0, 0], [1, 1, 0]], [[0, 0, 0], [1, 3, 0]]])
def test_ink_of_next_to_nothing_has_features(strokes: list[list[float]]) -> None:
    assert np.isfinite(hand_features(np.array(strokes, np.float32), "a")).all()
