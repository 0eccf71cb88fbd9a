"""Style fidelity: how well a model keeps the style of a line that it writes on from.

A style is measured by three numbers of a line, and kept as far as the numbers of lines written in
many styles go up and down with those of the lines that the styles are from. How far the numbers of
two real lines by one writer do so is the most to ask for.

Shapes: ``T`` pen steps, ``N`` lines.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from handwriting.ink.levelling import levelled, slant_of
from handwriting.ink.line import Line
from handwriting.ink.measures import height_spread

_FEWEST = 3  # lines that a correlation is taken over


class Style(NamedTuple):
    """Three numbers of a line.

    Attributes:
        height: spread of the ink about its level line, in the corpus's units; it tells real
            writers apart a little better than the x-height does.
        slant: how far upstrokes and downstrokes lean to the right, in widths a height.
        width: of the ink, for each character, in the corpus's units.
    """

    height: float
    slant: float
    width: float


def measure_style(strokes: np.ndarray, text: str) -> Style:
    """Measure strokes ``[T, 3]`` that say ``text``."""
    points = np.cumsum(strokes[:, 1:].astype(np.float64), axis=0)
    pen_down = strokes[:-1, 0] < 0.5
    level = levelled(points, pen_down)
    width = np.ptp(level[:, 0]) / max(len(text), 1)
    return Style(height_spread(level, pen_down), slant_of(level, pen_down), float(width))


def choose_styles(lines: Sequence[Line], among: Sequence[Line], seed: int) -> list[Line]:
    """Choose for each line another one in whose style its text is to be written: by the same
    writer, where that is known and there is one, or any other.

    Args:
        lines: what is to be written, some of ``among``.
        among: candidates; two at least.
        seed: of the choice.
    """
    of_writer: dict[str, list[int]] = {}
    for at, line in enumerate(among):
        of_writer.setdefault(line.writer, []).append(at)
    generator = np.random.default_rng(seed)
    chosen = []
    for line in lines:
        by_writer = of_writer.get(line.writer, []) if line.writer else []
        others = [at for at in by_writer if among[at] is not line]
        others = others or [at for at, other in enumerate(among) if other is not line]
        chosen.append(among[others[generator.integers(len(others))]])
    return chosen


def style_similarity(styles: Sequence[Style], written: Sequence[Style]) -> dict[str, Any]:
    """Compute Pearson's correlation of each of the numbers, over ``N`` lines, between the styles to
    write in and those that came out: 1 for styles that are kept in this, about 0 for styles that
    are not. None where there are fewer than three lines, or no differences."""
    pairs = np.array([styles, written], dtype=np.float64)  # [2, N, 3]
    return {name: _correlation(*pairs[:, :, at]) for at, name in enumerate(Style._fields)}


def _correlation(left: np.ndarray, right: np.ndarray) -> float | None:
    if len(left) < _FEWEST or not (np.ptp(left) and np.ptp(right)):
        return None
    return float(np.corrcoef(left, right)[0, 1])
