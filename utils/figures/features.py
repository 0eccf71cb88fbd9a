"""The picture of what a recogniser sees of a line of ink: as written, as corrected, as points.

Shapes: ``T`` pen steps, ``N`` points after resampling.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

_INK, _LINE, _LABEL = "#1d2939", "#60a5fa", "#344054"
_START, _INSIDE = "#c2410c", "#1d4ed8"
# In inches.
_WIDTH = 12.0
_MARGIN = 0.15
_TITLE = 0.25
_SHORTEST, _TALLEST = 0.3, 1.8


class _Features(Protocol):
    """The part of ``handwriting.ink.features.InkFeatures`` that is used here."""

    def normalise(self, strokes: np.ndarray) -> np.ndarray: ...

    def points(self, normalised: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


def features_figure(
    lines: Sequence[np.ndarray], features: _Features, titles: Sequence[str] = ()
) -> Figure:
    """Each line three times: the ink as it is, the ink corrected, and the points that are left.

    The corrected ink has the two lines between which the small letters should lie. Points that
    start a stroke have another colour and are larger.

    Args:
        lines: strokes ``[T, 3]`` of each, rows ``(end_of_stroke, dx, dy)``, y upwards, any unit.
        features: corrects and resamples them, an ``InkFeatures``.
        titles: words above each line; none where there are fewer.
    """
    titles = [*titles, *[""] * (len(lines) - len(titles))]
    panels = [_panels(strokes, features) for strokes in lines]
    heights = [[_height(points) for points, _ in rows] for rows in panels]
    top = sum(_TITLE + sum(row) for row in heights) + _MARGIN
    figure = Figure(figsize=(_WIDTH, top), dpi=110.0, facecolor="white")
    for rows, row_heights, title in zip(panels, heights, titles, strict=True):
        top -= _TITLE
        figure.text(_MARGIN / _WIDTH, top / figure.get_figheight(), title, fontsize=9, color=_LABEL)
        for number, ((points, marks), height) in enumerate(zip(rows, row_heights, strict=True)):
            top -= height
            axes = _add_axes(figure, points, top, height)
            if number == 1:
                for edge in (-0.5, 0.5):
                    axes.axhline(edge, color=_LINE, linewidth=0.8, zorder=0)
            (_draw_points if number == 2 else _draw_ink)(axes, points, marks)
    return figure


def _panels(strokes: np.ndarray, features: _Features) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points ``[T or N, 2]`` of the three rows, and whether each starts a stroke."""
    corrected = features.normalise(strokes)
    return [_placed(strokes), _placed(corrected), features.points(corrected)]


def _placed(strokes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    starts = np.concatenate([[True], strokes[:-1, 0] > 0.5])
    return np.cumsum(strokes[:, 1:].astype(np.float64), axis=0), starts


def _height(points: np.ndarray) -> float:
    """In inches: true to shape as far as the ink is not too tall."""
    width, height = np.ptp(points, axis=0)
    shape = height / width if width > 0 else np.inf
    return float(np.clip(shape * (_WIDTH - 2 * _MARGIN), _SHORTEST, _TALLEST)) + _MARGIN


def _add_axes(figure: Figure, points: np.ndarray, bottom: float, height: float) -> Axes:
    """Axes at equal aspect, from the ink's left edge."""
    full = figure.get_figheight()
    axes = figure.add_axes(
        (
            _MARGIN / _WIDTH,
            bottom / full,
            1 - 2 * _MARGIN / _WIDTH,
            (height - _MARGIN) / full,
        )
    )
    low, high = points.min(axis=0), points.max(axis=0)
    axes.set_xlim(low[0], max(high[0], low[0] + 1e-6))
    axes.set_ylim(low[1], max(high[1], low[1] + 1e-6))
    axes.set_aspect("equal", adjustable="box", anchor="W")
    axes.set_axis_off()
    return axes


def _draw_ink(axes: Axes, points: np.ndarray, starts: np.ndarray) -> None:
    strokes = np.split(points, np.flatnonzero(starts)[1:])
    dots = np.array([stroke[0] for stroke in strokes if len(stroke) == 1]).reshape(-1, 2)
    axes.add_collection(
        LineCollection(strokes, colors=_INK, linewidths=1.2, capstyle="round", clip_on=False),
        autolim=False,
    )
    x, y = dots.T
    axes.scatter(x, y, s=4.0, color=_INK, linewidths=0, clip_on=False)


def _draw_points(axes: Axes, points: np.ndarray, starts: np.ndarray) -> None:
    for marked, colour, size in ((~starts, _INSIDE, 3.0), (starts, _START, 9.0)):
        x, y = points[marked].T
        axes.scatter(x, y, s=size, color=colour, linewidths=0, clip_on=False)
