"""A plain hand for the tests: letters of straight lines with known heights, in x-heights."""

from collections.abc import Callable

import numpy as np
import pytest

from handwriting.ink.line import strokes_from_points
from handwriting.pages import AlignedLine

TALL, HANGING = frozenset("bdhkl"), frozenset("gjpqy")
LATE = {"i": [(0.3, 1.5)], "t": [(0.05, 1.0), (0.55, 1.0)]}
SPACE = 1.7
DENSITY = 12.0


def _letter(character: str) -> list[tuple[float, float]]:
    if character in TALL or character.isupper():
        return [(0.1, 2.0), (0.1, 0.0), (0.2, 1.0), (0.6, 1.0), (0.7, 0.0)]
    if character in HANGING:
        return [(0.1, 1.0), (0.1, 0.0), (0.5, 0.0), (0.6, 1.0), (0.6, -1.0)]
    if character in LATE:
        return [(0.3, 1.0 if character == "i" else 1.8), (0.3, 0.0)]
    if character == ".":
        return [(0.2, 0.0)]
    return [(0.1, 1.0), (0.1, 0.0), (0.5, 0.0), (0.6, 1.0), (0.7, 0.0)]


def _dense(corners: list[tuple[float, float]]) -> np.ndarray:
    points = np.array(corners)
    if len(points) == 1:
        return points
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.union1d(np.linspace(0.0, along[-1], int(along[-1] * DENSITY) + 2), along)
    return np.stack([np.interp(at, along, axis) for axis in points.T], axis=1)


def write_plainly(
    text: str, size: float = 30.0, angle: float = 0.0, joined: bool = False, late_by: int = 0
) -> AlignedLine:
    """Write ``text``.

    Args:
        text: letters, full stops, spaces and newlines.
        size: units to the x-height.
        angle: radians that the line is turned by.
        joined: all in one stroke, across spaces too, but for dots and bars.
        late_by: dots and bars point to the character so far after the space that follows their
            word; 0 for the space itself.
    """
    strokes: list[np.ndarray] = []
    characters: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    x = 0.0
    for at, character in enumerate(text + " "):
        if character.isspace():
            points_at = min(at + late_by, len(text) - 1)
            characters += [np.full(len(stroke), points_at) for stroke in waiting]
            strokes += waiting
            waiting = []
            x += SPACE * (character == " ")
            continue
        letter = _dense(_letter(character)) + [x, 0.0]
        if joined and strokes:
            # Across a space the pen passes it while the window points to it.
            previous = strokes[-1][-1]
            bridge = _dense([tuple(previous), tuple(letter[0])])[1:-1]
            letter, passed = np.concatenate([bridge, letter]), at - characters[-1][-1] > 1
            points_to = np.full(len(letter), at)
            points_to[: len(bridge)] = at - 1 if passed else at
            strokes[-1] = np.concatenate([strokes[-1], letter])
            characters[-1] = np.concatenate([characters[-1], points_to])
        else:
            strokes.append(letter)
            characters.append(np.full(len(letter), at))
        if character in LATE:
            waiting.append(_dense(LATE[character]) + [x, 0.0])
        x += 1.0
    if not strokes:
        return AlignedLine(np.zeros((0, 3), np.float32), text, np.zeros(0, np.int64))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = [size * stroke @ turn for stroke in strokes]
    return AlignedLine(strokes_from_points(points), text, np.concatenate(characters))


@pytest.fixture
def write() -> Callable[..., AlignedLine]:
    return write_plainly
