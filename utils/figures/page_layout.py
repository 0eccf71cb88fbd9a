"""A page of ink as it was read: blocks, lines, words, and what is no writing."""

from collections.abc import Sequence

import numpy as np

from handwriting.ink.drawing import PenPath, Text
from handwriting.readings.result import Box, ReadPage, StrokePart
from utils.figures.attention import COLOURS
from utils.figures.sheet import Sheet

_MARGIN = 24.0
_TALLEST = 1200.0
_PEN = 1.1
_BLOCK_COLOUR, _OTHER_COLOUR = "#c7cdd8", "#98a2b3"
_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
_ROOM = 6.0  # between a block's ink and its frame
_WORD_COLOUR, _DOUBT_COLOUR = "#b9c4d6", "#f2b8b5"
_SURE = 0.5
_WORD_SIZE = 9.0


def read_page_sheet(page: ReadPage, width: float = 900.0) -> Sheet:
    """Return a page as it was read: each line in a colour of its own, with its text below; each
    word in a box, paler where it is uncertain; each block in a frame; other ink in grey with its
    kind.

    Args:
        page: that has ink.
        width: of the page; a tall one is narrower.
    """
    points = np.concatenate(page.ink)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.maximum(high - low, 1e-9)
    scale = min((width - 2 * _MARGIN) / extent[0], _TALLEST / extent[1])

    def placed(points: np.ndarray) -> np.ndarray:
        at: np.ndarray = (points - (low[0], high[1])) * (scale, -scale) + _MARGIN
        return at

    def framed(box: Box, room: float) -> np.ndarray:
        corners = placed(np.array([(box.left, box.top), (box.right, box.bottom)]))
        first, last = corners.min(axis=0) - room, corners.max(axis=0) + room
        frame: np.ndarray = first + np.array(_CORNERS) * (last - first)
        return frame

    def inked(parts: Sequence[StrokePart], colour: str) -> list[PenPath]:
        return [
            PenPath(placed(page.ink[part.stroke][part.begin : part.end]), colour) for part in parts
        ]

    paths = [PenPath(framed(block.box, _ROOM), _BLOCK_COLOUR) for block in page.blocks]
    words: list[Text] = []
    for number, line in enumerate(page.lines):
        colour = COLOURS[number % len(COLOURS)]
        for word in line.words:
            if word.box is not None:
                sure = word.confidence is not None and word.confidence >= _SURE
                box = _WORD_COLOUR if sure else _DOUBT_COLOUR
                paths.append(PenPath(framed(word.box, 1.0), box))
                corner = framed(word.box, 0.0)[2]
                left = framed(word.box, 0.0)[0, 0]
                words.append(Text(left, corner[1] + 9.0, word.text, colour, _WORD_SIZE))
        paths += inked(line.strokes, colour)
    for other in page.others:
        paths += inked(other.strokes, _OTHER_COLOUR)
        corner = framed(other.box, 0.0)[3]
        words.append(Text(corner[0], corner[1] + 9.0, other.kind, _OTHER_COLOUR))
    height = float(extent[1] * scale) + 2 * _MARGIN
    return Sheet(float(extent[0] * scale) + 2 * _MARGIN, height, _PEN, paths, words)
