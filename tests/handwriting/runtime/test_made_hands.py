"""Hands that a writer makes up: they are told apart by what people see."""

from pathlib import Path

import numpy as np
import pytest

from handwriting import Reader, Writer
from handwriting.errors import UserError
from handwriting.ink.line import strokes_from_points
from handwriting.runtime.made_hands import NAMES, farthest_apart, make_hands, measures_of_hand


def zigzag(width: float = 1.0, slant: float = 0.0, joined: bool = True) -> np.ndarray:
    """Strokes ``[T, 3]`` up and down, of 20 letters without an extender."""
    x = np.arange(40) * width / 2
    y = np.arange(40) % 2 * 1.0
    points = np.stack([x + slant * y, y], axis=1)
    return strokes_from_points([points] if joined else np.split(points, 20))


def test_measures_tell_slant_joining_and_width() -> None:
    plain = np.array(measures_of_hand(zigzag(), "n" * 20))
    slanted = np.array(measures_of_hand(zigzag(slant=0.5), "n" * 20))
    apart = np.array(measures_of_hand(zigzag(joined=False), "n" * 20))
    wide = np.array(measures_of_hand(zigzag(width=2.0), "n" * 20))
    assert slanted[0] - plain[0] == pytest.approx(0.5, abs=0.1)
    assert (plain[1], apart[1]) == (1 / 20, 1.0)
    assert wide[2] == pytest.approx(2 * plain[2], rel=0.1)


def test_measures_do_not_depend_on_size() -> None:
    strokes = zigzag()
    large = strokes * [1, 7, 7]
    assert measures_of_hand(large, "n" * 20) == pytest.approx(measures_of_hand(strokes, "n" * 20))


def test_rows_are_chosen_far_apart() -> None:
    random = np.random.default_rng(3)
    rows = random.normal(size=(200, 3))
    chosen = farthest_apart(rows, 12)
    assert len(set(chosen)) == 12
    nearest = [np.sort(np.linalg.norm(rows[chosen] - row, axis=1))[1] for row in rows[chosen]]
    among_any = [np.sort(np.linalg.norm(rows[:12] - row, axis=1))[1] for row in rows[:12]]
    assert min(nearest) > 2 * min(among_any)
    assert farthest_apart(rows[:3], 12) != [] and len(farthest_apart(rows[:3], 12)) == 3


def test_each_name_has_a_line_of_its_own(exported: Path) -> None:
    hands = make_hands(Writer(exported), candidates=30, example="it is as on it")
    assert [hand.name for hand in hands] == list(NAMES[: len(hands)])
    lines = {hand.example.strokes.tobytes() for hand in hands}
    assert len(lines) == len(hands) > 3


def test_no_hand_is_made_of_what_cannot_be_read(exported: Path) -> None:
    """The recogniser of the test reads nothing right."""
    with pytest.raises(UserError, match="no line that can be an example"):
        make_hands(Writer(exported), Reader(exported, beam=1), 4, "it is as on it")
