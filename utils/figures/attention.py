"""Attention of a recogniser over the ink as it read each character.

Two pictures: a compact one with each character under the ink that it was read from
(``attention_sheet``), and all attention weights (``attention_figure``, as in
``utils.figures.window``).

Shapes: ``T`` pen steps, ``N`` feature points, ``N'`` encoder frames, ``U`` characters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from handwriting.ink.drawing import LABEL_COLOUR, PenPath, Text
from utils.figures.sheet import Ink, Sheet, pen_paths, pen_width
from utils.figures.window import WindowedLine, window_figure

COLOURS = ("#1d4ed8", "#c2410c", "#15803d", "#9333ea", "#0e7490", "#b91c1c")
SPACE = "\N{OPEN BOX}"
END = "\N{BLACK LEFT-POINTING TRIANGLE}"

SPAN_COLOUR = "#d5dae2"
# A frame with less of a character's attention than this share of its largest is not part of its
# span.
_SPAN_SHARE = 0.3
_WIDTH = 900.0
_MARGIN = 12.0
_INK_HEIGHT = 90.0
_GAP = 12.0
_LETTER, _LETTER_WIDTH = 10.0, 6.0
_ROW = 3.4
_TITLE_ROOM = 16.0
_PEN = (0.9, 1.8)


@dataclass(frozen=True)
class ReadLine:
    """A line of ink and how it was read.

    Attributes:
        strokes: ``[T, 3]``, rows ``(end_of_stroke, dx, dy)``, y upwards, any unit.
        reading: ``U`` characters.
        attention: ``[U+1, N']``, the weight of each frame as each character, and the end of the
            text, was read.
        positions: ``[N]``, where each feature point lies among the ``T`` pen steps, growing.
        title: words above it, each text a line.
    """

    strokes: np.ndarray
    reading: str
    attention: np.ndarray
    positions: np.ndarray
    title: tuple[str, ...] = ()

    @property
    def frame_of_step(self) -> np.ndarray:
        """int64 ``[T]``, the frame that each pen step belongs to."""
        steps = np.arange(len(self.strokes))
        points = np.clip(np.searchsorted(self.positions, steps), 0, len(self.positions) - 1)
        return self._frame_of_point[points]

    @property
    def frame_x(self) -> np.ndarray:
        """float64 ``[N']``, where each frame's ink is, from left to right, in the ink's unit."""
        x = np.cumsum(self.strokes[:, 1].astype(np.float64))
        points = np.interp(self.positions, np.arange(len(x)), x)  # [N]
        frames, number = self._frame_of_point, self.attention.shape[1]
        counts = np.bincount(frames, minlength=number)
        sums = np.bincount(frames, weights=points, minlength=number)
        means: np.ndarray = sums / np.maximum(counts, 1)
        return means

    @property
    def _frame_of_point(self) -> np.ndarray:
        """int64 ``[N]``: frames share the points evenly, which is right to a few points."""
        points, frames = len(self.positions), self.attention.shape[1]
        frame_of_point: np.ndarray = np.arange(points) * frames // points
        return frame_of_point

    @property
    def character_of_step(self) -> np.ndarray:
        """int64 ``[T]``, the character, or the end (``U``), that looked at each step the most."""
        characters: np.ndarray = self.attention.argmax(axis=0)[self.frame_of_step]
        return characters


def attention_figure(lines: Sequence[ReadLine]) -> Figure:
    """All attention weights of each line under its ink: pen steps from left to right, characters
    downwards."""
    return window_figure(
        [
            WindowedLine(
                line.strokes,
                line.reading,
                line.attention[:, line.frame_of_step].T,  # [T, U+1]
                "   |   ".join(line.title),
            )
            for line in lines
        ]
    )


def attention_sheet(lines: Sequence[ReadLine], width: float = _WIDTH) -> Sheet:
    """Each line's ink, and under it a staircase of the characters that were read.

    A character stands below the ink that it got most from, in that ink's colour; a grey bar shows
    how far its attention spread. Read in order the staircase goes down from left to right; where
    the attention was lost, it jumps.
    """
    paths: list[PenPath] = []
    texts: list[Text] = []
    pens, top = [], _MARGIN
    for line in lines:
        for words in line.title:
            texts.append(Text(_MARGIN, top + 10.0, words, LABEL_COLOUR))
            top += _TITLE_ROOM
        scale = _scale(line, width - 2 * _MARGIN)
        ink, height = _ink(line, scale, top)
        pens.append(pen_width(pen_paths(Ink(line.strokes))) * scale)
        top += height + _GAP
        spans, letters, height = _stairs(line, scale, top, width)
        paths += [*spans, *ink]
        texts += letters
        top += height + 2 * _GAP
    pen = float(np.clip(np.median(pens), *_PEN)) if pens else _PEN[0]
    return Sheet(width, max(top - _GAP, 2 * _MARGIN), pen, paths, texts)


def _points(line: ReadLine) -> np.ndarray:
    """Absolute points ``[T, 2]``."""
    return np.cumsum(line.strokes[:, 1:].astype(np.float64), axis=0)


def _scale(line: ReadLine, width: float) -> float:
    """Page units per ink unit: as wide as the page, unless that is too high."""
    size = np.ptp(_points(line), axis=0)
    rooms = [room / float(side) for room, side in zip((width, _INK_HEIGHT), size, strict=True)
             if side > 0]  # fmt: skip
    return min(rooms, default=1.0)


def _ink(line: ReadLine, scale: float, top: float) -> tuple[list[PenPath], float]:
    """The ink on the page, cut where the character changes, and its height."""
    points = _points(line)
    corner = np.array([points[:, 0].min(), points[:, 1].max()])
    placed = (points - corner) * [scale, -scale] + [_MARGIN, top]
    characters, ends = line.character_of_step, line.strokes[:, 0] > 0.5
    paths, start = [], 0
    for step in range(len(placed)):
        last = step + 1 == len(placed)
        if last or ends[step] or characters[step + 1] != characters[step]:
            # A piece goes on to the first point of the next one, so that no gap shows.
            stop = step + (1 if last or ends[step] else 2)
            paths.append(PenPath(placed[start:stop], _colour(line, characters[step])))
            start = step + 1
    return paths, float(np.ptp(placed[:, 1]))


def _colour(line: ReadLine, character: int) -> str:
    return LABEL_COLOUR if character >= len(line.reading) else COLOURS[character % len(COLOURS)]


def _stairs(
    line: ReadLine, scale: float, top: float, width: float
) -> tuple[list[PenPath], list[Text], float]:
    """The spans and the letters under the ink, and their height."""
    x = line.frame_x
    left = _points(line)[:, 0].min()
    spans, letters = [], []
    for number, weights in enumerate(line.attention):
        y = top + _LETTER + number * _ROW
        seen = x[weights >= _SPAN_SHARE * weights.max()]
        ends = [(value - left) * scale + _MARGIN for value in (seen.min(), seen.max())]
        if ends[1] - ends[0] > _LETTER:
            spans.append(PenPath(np.array([[ends[0], y], [ends[1], y]]), SPAN_COLOUR))
        centre = (x[int(weights.argmax())] - left) * scale + _MARGIN
        is_end = number >= len(line.reading)
        letter = END if is_end else line.reading[number].replace(" ", SPACE)
        place = min(max(float(centre) - _LETTER_WIDTH / 2, 0.0), width - 2 * _LETTER_WIDTH)
        letters.append(Text(place, y, letter, _colour(line, number), _LETTER))
    return spans, letters, _LETTER + len(line.attention) * _ROW
