"""The picture of a window over a text: which characters it looked at, at each pen step, beside the
ink that was written meanwhile (Graves 2013, figure 14).

Shapes: ``T`` pen steps, ``U`` characters, ``P`` pieces of ink.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

_COLOURS = ("#1d4ed8", "#c2410c", "#15803d", "#9333ea", "#0e7490", "#b91c1c")
_LABEL_COLOUR = "#344054"
_LEADER_COLOUR = "#cbd2dc"
_SPACE = "\N{OPEN BOX}"
_END = "end"

# In inches.
_WIDTH = 12.5
_LEFT, _RIGHT = 0.75, 0.25
_ROW = 0.115
_TALLEST_INK = 1.6
_LEADERS = 0.45
_TITLE = 0.4
_AXIS = 0.55
_FONT_SIZE = 7.0


@dataclass(frozen=True)
class WindowedLine:
    """A line of ink and the window that wrote it.

    Attributes:
        strokes: ``[T, 3]``, rows ``(end_of_stroke, dx, dy)``, y upwards, any unit.
        text: ``U`` characters.
        phi: ``[T, U+1]``, the window's weight on each character, and on the end of the text, as
            each row of ``strokes`` was written.
        title: words above it.
    """

    strokes: np.ndarray
    text: str
    phi: np.ndarray
    title: str = ""


def window_figure(lines: Sequence[WindowedLine]) -> Figure:
    """Each line's ink above its window: pen steps from left to right, characters downwards.

    A character's row has the colour of the ink that was written as the window lay on it; thin lines
    lead from where the ink of each word begins to the step at which it does.
    """
    panels = [_cut_to_finite(line) for line in lines]
    heights = [_panel_height(panel) for panel in panels]
    figure = Figure(figsize=(_WIDTH, max(sum(heights), 1.0)), dpi=144.0, facecolor="white")
    top = sum(heights)
    for panel, height in zip(panels, heights, strict=True):
        _draw_panel(figure, panel, top)
        top -= height
    return figure


def _cut_to_finite(line: WindowedLine) -> WindowedLine:
    """Cut off all from the first value that is not finite."""
    finite = np.isfinite(line.strokes).all(axis=1) & np.isfinite(line.phi).all(axis=1)
    length = max(len(finite) if finite.all() else int(np.argmin(finite)), 1)
    strokes = np.nan_to_num(line.strokes[:length].astype(np.float64), posinf=0.0, neginf=0.0)
    return WindowedLine(strokes, line.text, np.nan_to_num(line.phi[:length]), line.title)


def _points(line: WindowedLine) -> np.ndarray:
    """Absolute points ``[T, 2]``."""
    return np.cumsum(line.strokes[:, 1:], axis=0)


def _ink_height(line: WindowedLine) -> float:
    """In inches: true to shape as far as the ink is not too tall."""
    width, height = np.ptp(_points(line), axis=0)
    shape = height / width if width > 0 else 1.0
    return float(np.clip(shape * (_WIDTH - _LEFT - _RIGHT), 0.3, _TALLEST_INK))


def _panel_height(line: WindowedLine) -> float:
    return _TITLE + _ink_height(line) + _LEADERS + _map_height(line) + _AXIS


def _map_height(line: WindowedLine) -> float:
    return _ROW * (len(line.text) + 1)


def _draw_panel(figure: Figure, line: WindowedLine, top: float) -> None:
    """Draw one line with its upper edge ``top`` inches above the figure's lower edge."""
    ink_top = top - _TITLE
    ink = _add_axes(figure, ink_top - _ink_height(line), _ink_height(line))
    map_top = ink_top - _ink_height(line) - _LEADERS
    heat = _add_axes(figure, map_top - _map_height(line), _map_height(line))
    ink.set_title(line.title, loc="left", fontsize=10, color=_LABEL_COLOUR, pad=10)
    _draw_ink(ink, line)
    _draw_map(heat, line)
    _draw_leaders(figure, ink, heat, line)


def _add_axes(figure: Figure, bottom: float, height: float) -> Axes:
    width, full = figure.get_size_inches()
    return figure.add_axes(
        (_LEFT / width, bottom / full, (width - _LEFT - _RIGHT) / width, height / full)
    )


def _draw_ink(axes: Axes, line: WindowedLine) -> None:
    """The ink, each pen step in the colour of its character."""
    points, pieces, colours = _points(line), [], []
    looked_at = line.phi.argmax(axis=1)  # [T]
    starts_stroke = np.concatenate([[True], line.strokes[:-1, 0] > 0.5])
    for step in range(len(points)):
        is_dot = starts_stroke[step] and line.strokes[step, 0] > 0.5
        if is_dot or not starts_stroke[step]:
            # A line of no length is not drawn at all, so a dot is a very short one.
            before = points[step] - [1e-3 * np.ptp(points), 0.0] if is_dot else points[step - 1]
            pieces.append((before, points[step]))
            colours.append(_COLOURS[looked_at[step] % len(_COLOURS)])
    axes.add_collection(
        LineCollection(pieces, colors=colours, linewidths=1.5, capstyle="round"), autolim=False
    )
    low, high = points.min(axis=0), points.max(axis=0)
    axes.set_xlim(low[0], max(high[0], low[0] + 1e-6))
    axes.set_ylim(low[1], max(high[1], low[1] + 1e-6))
    axes.set_aspect("equal", adjustable="box", anchor="W")
    axes.apply_aspect()
    for piece in axes.collections:
        piece.set_clip_on(False)
    axes.set_axis_off()


def _draw_map(axes: Axes, line: WindowedLine) -> None:
    """phi as an image ``[U+1, T]``: white for none, its character's colour for the most."""
    weight = np.clip(line.phi.T / max(np.quantile(line.phi.max(axis=1), 0.9), 1e-6), 0.0, 1.0)
    rows = np.array([to_rgb(_COLOURS[row % len(_COLOURS)]) for row in range(len(weight))])
    image = 1.0 - weight[:, :, None] * (1.0 - rows[:, None, :])  # [U+1, T, 3]
    axes.imshow(image, aspect="auto", interpolation="nearest", origin="upper")
    labels = [_SPACE if character == " " else character for character in line.text]
    axes.set_yticks(range(len(weight)), [*labels, _END], fontsize=_FONT_SIZE)
    for row, label in enumerate(axes.get_yticklabels()):
        label.set_color(_COLOURS[row % len(_COLOURS)])
    axes.set_xlabel("pen steps", color=_LABEL_COLOUR, fontsize=9)
    axes.tick_params(length=0, labelsize=_FONT_SIZE)
    axes.tick_params(axis="x", colors=_LABEL_COLOUR)
    for spine in axes.spines.values():
        spine.set_color(_LEADER_COLOUR)


def _draw_leaders(figure: Figure, ink: Axes, heat: Axes, line: WindowedLine) -> None:
    """Lines from the left edge of each word's ink to its first pen step, and on down the map."""
    points, steps = _points(line), _first_steps(line)
    to_figure = figure.transFigure.inverted()
    for step in steps:
        left, _ = to_figure.transform(ink.transData.transform((points[step, 0], 0.0)))
        _, upper = to_figure.transform(ink.transAxes.transform((0.0, 0.0)))
        right, lower = to_figure.transform(heat.transData.transform((step, -0.5)))
        figure.add_artist(_leader(figure, [(left, upper), (right, lower)]))
        heat.axvline(step, color=_LEADER_COLOUR, linewidth=0.6, zorder=3, alpha=0.8)


def _leader(figure: Figure, ends: list[tuple[float, float]]) -> LineCollection:
    return LineCollection(
        [ends], colors=_LEADER_COLOUR, linewidths=0.6, transform=figure.transFigure
    )


def _first_steps(line: WindowedLine) -> list[int]:
    """The first pen step at which the window lies on each word, of those that it reaches."""
    looked_at = line.phi.argmax(axis=1)
    starts = [
        at
        for at, character in enumerate(line.text)
        if character != " " and (at == 0 or line.text[at - 1] == " ")
    ]
    reached = [np.flatnonzero(looked_at >= start) for start in starts]
    return sorted({int(steps[0]) for steps in reached if len(steps)})
