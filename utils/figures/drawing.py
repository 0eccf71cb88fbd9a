"""Curves of a training run, and pictures as files.

Figures are made directly, never through pyplot, so nothing depends on a display or on global state.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from handwriting.files import whole_file

_TRAIN_COLOUR = "#98a2b3"
_VALIDATION_COLOUR = "#1d4ed8"
_TEXT_COLOUR = "#344054"
_UNITS = {
    "nll": "nats per line",
    "nll_per_step_raw": "nats per pen step, corpus's units",
    "sse": "squared error per step, normalised",
}


def save_figure(figure: Figure | Image.Image, path: Path) -> None:
    """Write a figure or picture to ``path`` (the suffix is the format), whole or not at all."""
    with whole_file(path) as temporary:
        if isinstance(figure, Figure):
            figure.savefig(temporary)
        else:
            figure.save(temporary)


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
