"""The picture of a ``DensityMap``: where the pen was expected, and which mixture components said so
(Graves 2013, figure 10).

Shapes: ``T`` pen steps, ``M`` mixture components, ``Y``, ``X`` rows and columns of pixels.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_COLOURS = "BuPu"
_INK, _LABEL = "#0f172a", "#344054"
# In inches.
_WIDTH = 12.5
_LEFT, _RIGHT = 0.6, 0.2
_TITLE, _AXIS, _GAP = 0.35, 0.5, 0.35
_SHORTEST, _TALLEST = 0.5, 3.0
_WEIGHTS = 1.6
# Densities of ink are hundreds of times those of pen-up moves; a small power shows both.
_POWER = 0.35
# Where the pen rests, densities are far above all others.
_BRIGHTEST = 0.99


@dataclass(frozen=True, eq=False)
class DensityMap:
    """Sum of the densities of the pen's next place, over all steps of a line.

    Attributes:
        values: float32 ``[Y, X]``, in 1 / (unit * unit); the first row is the lowest.
        left, right, bottom, top: edges of the picture, in the unit of the points.
        points: ``[T, 2]``, where the pen was.
        end_of_stroke: bool ``[T]``.
        weights: ``[T-1, M]``, the mixture weights of the steps 1 to T-1.
    """

    values: np.ndarray
    left: float
    right: float
    bottom: float
    top: float
    points: np.ndarray
    end_of_stroke: np.ndarray
    weights: np.ndarray


def density_figure(density: DensityMap, title: str = "") -> Figure:
    """The densities with the ink drawn over them, and below, the mixture weights of each step.

    Args:
        density: of one line.
        title: words above it.
    """
    inner = _WIDTH - _LEFT - _RIGHT
    shape = density.values.shape[0] / density.values.shape[1]
    map_height = float(np.clip(shape * inner, _SHORTEST, _TALLEST))
    full = _TITLE + map_height + _GAP + _WEIGHTS + _AXIS
    figure = Figure(figsize=(_WIDTH, full), dpi=144.0, facecolor="white")
    figure.text(_LEFT / _WIDTH, 1 - 0.7 * _TITLE / full, title, fontsize=9, color=_LABEL)

    def add_axes(bottom: float, height: float) -> Axes:
        return figure.add_axes((_LEFT / _WIDTH, bottom / full, inner / _WIDTH, height / full))

    axes = add_axes(_AXIS + _WEIGHTS + _GAP, map_height)
    edges = (density.left, density.right, density.bottom, density.top)
    seen = density.values[density.values > 0]
    brightest = float(np.quantile(seen, _BRIGHTEST)) if len(seen) else 1.0
    norm = PowerNorm(_POWER, vmin=0.0, vmax=max(brightest, 1e-30))
    axes.imshow(density.values, extent=edges, origin="lower", cmap=_COLOURS, norm=norm)
    strokes = np.split(density.points, np.flatnonzero(density.end_of_stroke)[:-1] + 1)
    axes.add_collection(
        LineCollection(strokes, colors=_INK, linewidths=0.4, alpha=0.7), autolim=False
    )
    axes.set_axis_off()

    axes = add_axes(_AXIS, _WEIGHTS)
    steps, components = density.weights.shape
    axes.imshow(
        density.weights.T,
        extent=(0.5, steps + 0.5, components + 0.5, 0.5),
        aspect="auto",
        interpolation="nearest",
        cmap=_COLOURS,
        vmin=0.0,
        vmax=1.0,
    )
    axes.set_xlabel("pen step", fontsize=8, color=_LABEL)
    axes.set_ylabel("mixture component", fontsize=8, color=_LABEL)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(labelsize=7, colors=_LABEL)
    return figure
