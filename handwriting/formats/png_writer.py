"""Pages as PNG pictures."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from handwriting.pages.options import WriteOptions
from handwriting.pages.page import (
    DOT_OF_PEN,
    INK_COLOUR,
    MM_PER_INCH,
    PAPER_COLOUR,
    RULE_COLOUR,
    RULE_WIDTH,
    Page,
    is_dot,
)

_POINTS_PER_MM = 72.0 / MM_PER_INCH


def write_png(page: Page, path: Path, options: WriteOptions) -> None:
    """Write one page at ``options.dpi``."""
    page_figure(page, options.dpi).savefig(path, format="png")


def page_figure(page: Page, dpi: float) -> Figure:
    """A page as a matplotlib figure of its size on paper."""
    size = (page.width / MM_PER_INCH, page.height / MM_PER_INCH)
    figure = Figure(figsize=size, dpi=dpi, facecolor=PAPER_COLOUR)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0.0, page.width)
    axes.set_ylim(page.height, 0.0)
    axes.add_collection(_rules(page), autolim=False)
    strokes = list(page.strokes())
    axes.add_collection(
        LineCollection(
            [stroke for stroke in strokes if not is_dot(stroke)],
            colors=INK_COLOUR,
            linewidths=page.pen_width * _POINTS_PER_MM,
            capstyle="round",
            joinstyle="round",
        ),
        autolim=False,
    )
    # Discs of their own, since the renderer draws nothing for a line of no length.
    dots = [stroke[0] for stroke in strokes if is_dot(stroke)]
    if dots:
        area = (DOT_OF_PEN * page.pen_width * _POINTS_PER_MM) ** 2
        x, y = zip(*dots, strict=True)
        axes.scatter(x, y, s=area, c=INK_COLOUR, linewidths=0)
    return figure


def _rules(page: Page) -> LineCollection:
    segments = [[(0.0, y), (page.width, y)] for y in page.rules]
    width = RULE_WIDTH * _POINTS_PER_MM
    return LineCollection(segments, colors=RULE_COLOUR, linewidths=width, zorder=0)
