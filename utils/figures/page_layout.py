"""A page of ink with its layout drawn over it: blocks, lines, and what is no writing."""

from collections.abc import Sequence

import numpy as np

from handwriting.ink.drawing import PenPath, Text
from handwriting.ink.page_layout import Block, OtherInk, PageLayout
from utils.figures.attention import COLOURS
from utils.figures.sheet import Sheet

_MARGIN = 24.0
_TALLEST = 1200.0
_PEN = 1.1
_BLOCK_COLOUR, _BASELINE_COLOUR, _OTHER_COLOUR = "#c7cdd8", "#d5dae2", "#98a2b3"
_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
_ROOM = 6.0  # between a block's ink and its frame


def layout_sheet(
    strokes: Sequence[np.ndarray],
    layout: PageLayout,
    texts: Sequence[str] = (),
    width: float = 900.0,
) -> Sheet:
    """Return a page: each line in a colour of its own on its baseline, with its number in the order
    of reading (and its text, where that is given); each block in a frame; other ink in grey with
    its kind.

    Args:
        strokes: arrays of points ``[n, 2]``, at least one, y upwards, as ``layout`` was found for.
        layout: of the page.
        texts: of the lines, in the order of ``layout.lines``.
        width: of the page; a tall one is narrower.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = np.maximum(high - low, 1e-9)
    scale = min((width - 2 * _MARGIN) / extent[0], _TALLEST / extent[1])

    def placed(points: np.ndarray) -> np.ndarray:
        at: np.ndarray = (points - (low[0], high[1])) * (scale, -scale) + _MARGIN
        return at

    on_page = [placed(stroke) for stroke in strokes]
    paths: list[PenPath] = []
    words: list[Text] = []
    for block in layout.blocks:
        paths.append(PenPath(_frame(block, on_page), _BLOCK_COLOUR))
    for number, line in enumerate(layout.lines):
        colour = COLOURS[number % len(COLOURS)]
        baseline = placed(np.array(line.baseline))
        paths.append(PenPath(baseline, _BASELINE_COLOUR))
        paths += [PenPath(on_page[at], colour) for at in line.strokes]
        text = f"{number + 1} {texts[number]}" if number < len(texts) else f"{number + 1}"
        words.append(Text(baseline[0, 0] - 14.0, baseline[0, 1] + 10.0, text, colour))
    for other in layout.others:
        paths += [PenPath(on_page[at], _OTHER_COLOUR) for at in other.strokes]
        words.append(_kind(other, on_page))
    height = float(extent[1] * scale) + 2 * _MARGIN
    return Sheet(float(extent[0] * scale) + 2 * _MARGIN, height, _PEN, paths, words)


def _frame(block: Block, on_page: Sequence[np.ndarray]) -> np.ndarray:
    points = np.concatenate([on_page[at] for line in block.lines for at in line.strokes])
    low, high = points.min(axis=0) - _ROOM, points.max(axis=0) + _ROOM
    corners: np.ndarray = low + np.array(_CORNERS) * (high - low)
    return corners


def _kind(other: OtherInk, on_page: Sequence[np.ndarray]) -> Text:
    points = np.concatenate([on_page[at] for at in other.strokes])
    return Text(points[:, 0].min(), points[:, 1].max() + 9.0, other.kind.value, _OTHER_COLOUR)
