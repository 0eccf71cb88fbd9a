"""Style fidelity: how well a model keeps the style of a line that it writes on from.

A style is measured by some numbers of a line, and kept as far as the numbers of lines written in
many styles go up and down with those of the lines that the styles are from. How far the numbers of
two real lines by one writer do so is the most to ask for.

Shapes: ``T`` pen steps, ``N`` lines.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from handwriting.ink.levelling import levelled, slant_of
from handwriting.ink.line import Line
from handwriting.ink.measures import height_spread, height_without_extremes, x_height

_FEWEST = 3  # lines that a correlation is taken over


class Style(NamedTuple):
    """Numbers of a line; nan for what it has not, such as gaps of a single word.

    Attributes:
        height: spread of the ink about its level line, in the corpus's units; it tells real
            writers apart a little better than the x-height does.
        strokes: for each character, spaces aside.
        slant: how far upstrokes and downstrokes lean to the right, in widths a height.
        proportions: height of the ink, without extremes, to the width of a character.
        gap: between words, on average, in x-heights.
        joining: how far strokes go to the right, on average over their ink, in x-heights; one that
            joins all letters of its words has long ones.
    """

    height: float
    strokes: float
    slant: float
    proportions: float
    gap: float
    joining: float


def measure_style(strokes: np.ndarray, text: str) -> Style:
    """Measure strokes ``[T, 3]`` that say ``text``."""
    points = np.cumsum(strokes[:, 1:].astype(np.float64), axis=0)
    pen_down = strokes[:-1, 0] < 0.5
    level = levelled(points, pen_down)
    parts = np.split(level, np.flatnonzero(~pen_down) + 1)
    size = x_height(parts, text)
    letters = len("".join(text.split()))
    width = np.ptp(level[:, 0]) / max(len(text), 1)
    return Style(
        height=height_spread(level, pen_down),
        strokes=len(parts) / letters if letters else np.nan,
        slant=slant_of(level, pen_down),
        proportions=height_without_extremes(level[:, 1]) / width if width else np.nan,
        gap=_gap(parts, len(text.split())) / size if size else np.nan,
        joining=_reach(parts) / size if size else np.nan,
    )


def _gap(parts: Sequence[np.ndarray], words: int) -> float:
    """The mean of the widest gaps between strokes, as many as there are between words."""
    left = np.array([part[:, 0].min() for part in parts])
    right = np.array([part[:, 0].max() for part in parts])
    order = np.argsort(left)
    gaps = left[order][1:] - np.maximum.accumulate(right[order])[:-1]
    widest = np.sort(gaps)[::-1][: max(words - 1, 0)]
    return float(widest.mean()) if len(widest) else np.nan


def _reach(parts: Sequence[np.ndarray]) -> float:
    """The mean width of the strokes, each by the length of its ink."""
    lengths = np.array([np.hypot(*np.diff(part, axis=0).T).sum() for part in parts])
    widths = np.array([np.ptp(part[:, 0]) for part in parts])
    return float(np.average(widths, weights=lengths)) if lengths.sum() else np.nan


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
    """Compare the styles to write in with those that came out, over ``N`` lines.

    Returns:
        for each of the numbers Pearson's correlation: 1 for styles that are kept in this, about 0
        for styles that are not; and, under ``NAME_slope``, the slope of the straight line through
        the pairs: how much of a difference between styles came out. Lines that one of the two
        numbers is missing for are left out. None where there are fewer than three, or no
        differences.
    """
    pairs = np.array([styles, written], dtype=np.float64)  # [2, N, 6]
    found: dict[str, Any] = {}
    for at, name in enumerate(Style._fields):
        left, right = pairs[:, np.isfinite(pairs[:, :, at]).all(axis=0), at]
        found[name] = _correlation(left, right)
        found[f"{name}_slope"] = _slope(left, right)
    return found


def _correlation(left: np.ndarray, right: np.ndarray) -> float | None:
    if len(left) < _FEWEST or not (np.ptp(left) and np.ptp(right)):
        return None
    return float(np.corrcoef(left, right)[0, 1])


def _slope(left: np.ndarray, right: np.ndarray) -> float | None:
    if len(left) < _FEWEST or not np.ptp(left):
        return None
    return float(np.polyfit(left, right, 1)[0])
