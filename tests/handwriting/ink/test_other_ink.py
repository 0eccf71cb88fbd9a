"""Ink that is no writing."""

import numpy as np
import pytest
from ink_samples import page, waves

from handwriting.ink.other_ink import InkKind, find_other_ink


def path(*corners: tuple[float, float]) -> np.ndarray:
    """A stroke along straight sides, with a point at each tenth of an x-height."""
    sides = [
        np.linspace(a, b, max(int(10 * np.hypot(b[0] - a[0], b[1] - a[1])), 2))
        for a, b in zip(corners[:-1], corners[1:], strict=True)
    ]
    return np.concatenate(sides)


ZIGZAG = path(*[(6.0 + 5.0 * (at % 2), 0.2 + 0.08 * at) for at in range(9)])
CASES = {
    "underline": (path((6.0, -0.4), (11.0, -0.45)), InkKind.UNDERLINE, (1,)),
    "strike-out": (path((6.0, 0.5), (11.0, 0.5)), InkKind.STRIKE_OUT, (1,)),
    "scribble": (ZIGZAG, InkKind.STRIKE_OUT, (1,)),
    "frame": (path((-1, -2), (24, -2), (24, 3), (-1, 3), (-1, -2)), InkKind.FRAME, (0, 1, 2, 3)),
    "rule": (path((-3.0, -1.0), (40.0, -1.2)), InkKind.RULE, ()),
    "upright rule": (path((-2.0, -3.0), (-2.0, 4.0)), InkKind.RULE, ()),
    "diagonal": (path((30.0, -4.0), (40.0, 4.0)), InkKind.DRAWING, ()),
    "box": (path((30, 0), (40, 0), (40, 9), (30, 9), (30, 0)), InkKind.DRAWING, ()),
}


@pytest.mark.parametrize("name", CASES)
def test_ink_that_is_no_writing_has_its_kind(name: str) -> None:
    stroke, kind, marks = CASES[name]
    (other,) = find_other_ink([*waves(), stroke])
    assert (other.kind, other.strokes, other.marks) == (kind, (4,), marks)


def test_an_arrow_has_its_head() -> None:
    arrow = [path((30.0, 0.0), (40.0, 3.0)), path((38.5, 3.5), (40.0, 3.0), (39.0, 1.8))]
    (other,) = find_other_ink([*waves(), *arrow])
    assert (other.kind, other.strokes) == (InkKind.DRAWING, (4, 5))


@pytest.mark.parametrize(
    "stroke",
    [
        path((6.0, 1.4), (9.6, 1.5)),  # a long bar of a t
        path((25.0, 0.5), (29.0, 0.5)),  # a dash
        path((25.0, -0.5), (26.5, 2.5)),  # a slash
    ],
)
def test_bars_of_letters_and_signs_are_writing(stroke: np.ndarray) -> None:
    assert find_other_ink([*waves(), stroke]) == []


def test_a_page_of_writing_has_nothing_else() -> None:
    strokes, _ = page(6)
    assert find_other_ink(strokes) == []
    assert find_other_ink([]) == []
