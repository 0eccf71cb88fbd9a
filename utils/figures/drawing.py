"""Pictures: handwriting on a matplotlib figure or in a PNG file, and curves of a training run.

Figures are made directly, never through pyplot, so nothing depends on a display or on global state.
Shapes: ``T`` pen steps.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from handwriting.files import whole_file
from utils.figures.sheet import INK_COLOUR, Ink, PenPath, Sheet, pen_paths, pen_width, single_sheet

_TRAIN_COLOUR = "#98a2b3"
_VALIDATION_COLOUR = "#1d4ed8"
_TEXT_COLOUR = "#344054"
_POINTS_PER_INCH = 72.0
_UNITS = {
    "nll": "nats per line",
    "nll_per_step_raw": "nats per pen step, corpus's units",
    "sse": "squared error per step, normalised",
}


def draw_strokes(
    axes: Axes, strokes: np.ndarray, colour: str = INK_COLOUR, width: float | None = None
) -> None:
    """Draw one line of handwriting on ``axes``, at equal aspect, with nothing but ink in it.

    Args:
        axes: what to draw on; its limits are set to the ink with a margin.
        strokes: ``[T, 3]``, rows ``(end_of_stroke, dx, dy)``, y upwards.
        colour: of the ink.
        width: of the pen in the strokes' units; None for one that suits the ink's size.
    """
    paths = [PenPath(path.points, colour) for path in pen_paths(Ink(strokes))]
    width = pen_width(paths) if width is None else width
    points = np.concatenate([path.points for path in paths] or [np.zeros((1, 2))])
    low, high = points.min(axis=0) - 4 * width, points.max(axis=0) + 4 * width
    axes.set_axis_off()
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_aspect("equal")
    axes.apply_aspect()
    _draw_paths(axes, paths, width * _points_per_unit(axes))


def sheet_figure(sheet: Sheet, dpi: float = 144.0) -> Figure:
    """A page of handwriting as a matplotlib figure of the page's size."""
    size = (sheet.width / _POINTS_PER_INCH, sheet.height / _POINTS_PER_INCH)
    figure = Figure(figsize=size, dpi=dpi, facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0.0, sheet.width)
    axes.set_ylim(sheet.height, 0.0)
    _draw_paths(axes, sheet.paths, sheet.pen_width)
    for text in sheet.texts:
        axes.text(text.x, text.y, text.words, color=text.colour, fontsize=text.size, va="baseline")
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write ``figure`` to ``path`` (the suffix is the format), whole or not at all."""
    with whole_file(path) as temporary:
        figure.savefig(temporary)


def save_sheet_png(sheet: Sheet, path: Path) -> None:
    """Write a page of handwriting as PNG."""
    save_figure(sheet_figure(sheet), path)


def save_png(strokes: np.ndarray, path: Path) -> None:
    """Write one line of strokes ``[T, 3]`` (y upwards) as a PNG picture that fits the ink."""
    save_sheet_png(single_sheet(Ink(strokes)), path)


def save_curves(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the picture of a training run: one panel for each number that validation measures.

    Args:
        history: one row an epoch, as in ``metrics.jsonl``: ``{"epoch": .., "train.NAME": ..,
            "val.NAME": .., ...}``. A number that is None or not finite leaves a gap in its curve;
            epochs that have none at all, such as those without validation, do not.
        path: of the picture; its suffix is the format.
    """
    save_figure(curves_figure(history), path)


def curves_figure(history: Sequence[dict[str, Any]]) -> Figure:
    """The figure that ``save_curves`` writes."""
    names = _curve_names(history)
    columns = min(len(names), 3 if len(names) > 4 else 2)
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(5.2 * columns, 3.6 * lines), dpi=144.0, facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    for position, name in enumerate(names):
        _draw_curves(figure.add_subplot(lines, columns, position + 1), history, name)
    return figure


def _curve_names(history: Sequence[dict[str, Any]]) -> list[str]:
    """The numbers that get a panel: the loss, then all that validation measures."""
    names = {
        key.removeprefix("val."): None for row in history for key in row if key.startswith("val.")
    }
    return ["loss", *(name for name in names if name != "loss")]


def _draw_curves(axes: Axes, history: Sequence[dict[str, Any]], name: str) -> None:
    """One number against the epoch, in training and in validation, as far as it was measured."""
    for key, label, colour in (
        (f"train.{name}", "training", _TRAIN_COLOUR),
        (f"val.{name}", "validation", _VALIDATION_COLOUR),
    ):
        measured = [row for row in history if "epoch" in row and key in row]
        values = np.array([_finite(row[key]) for row in measured])
        if not np.isfinite(values).any():
            continue
        axes.plot(
            [row["epoch"] for row in measured],
            values,
            color=colour,
            marker="o" if len(measured) <= 40 else None,
            markersize=3.5,
            label=f"{label}, last {values[np.isfinite(values)][-1]:.4g}",
        )
    _style_curves(axes, name)


def _style_curves(axes: Axes, name: str) -> None:
    axes.set_title(name, loc="left", fontsize=11, color=_TEXT_COLOUR)
    axes.set_ylabel(_UNITS.get(name, ""), color=_TEXT_COLOUR)
    axes.set_xlabel("epoch", color=_TEXT_COLOUR)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.tick_params(colors=_TEXT_COLOUR, labelsize=9, length=0)
    axes.grid(axis="y", color="#eaecf0", linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color("#d0d5dd")
    if axes.lines:
        axes.legend(frameon=False, fontsize=9, labelcolor=_TEXT_COLOUR)


def _finite(value: Any) -> float:
    """The value as a float, not-a-number for what is missing or not finite."""
    is_number = isinstance(value, int | float) and np.isfinite(value)
    return float(value) if is_number else float("nan")


def _draw_paths(axes: Axes, paths: Sequence[PenPath], width: float) -> None:
    """Paths in data coordinates, the pen's width in typographic points.

    Dots are discs of their own: the Agg renderer draws nothing for a line of no length.
    """
    strokes = [path for path in paths if not path.is_dot]
    dots = [path for path in paths if path.is_dot]
    axes.add_collection(
        LineCollection(
            [path.points for path in strokes],
            colors=[path.colour for path in strokes],
            linewidths=width,
            capstyle="round",
            joinstyle="round",
            clip_on=False,
        ),
        autolim=False,
    )
    if dots:
        centres = np.stack([path.points[0] for path in dots])
        colours = [path.colour for path in dots]
        x, y = centres.T
        axes.scatter(x, y, s=width**2, c=colours, linewidths=0, clip_on=False)


def _points_per_unit(axes: Axes) -> float:
    """Typographic points of one data unit along x."""
    (left, _), (right, _) = axes.transData.transform([(0.0, 0.0), (1.0, 0.0)])
    return float(right - left) * _POINTS_PER_INCH / axes.figure.dpi
