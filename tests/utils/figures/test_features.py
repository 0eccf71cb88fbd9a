"""The picture of what a recogniser sees of ink."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from handwriting.ink.features import InkFeatures
from handwriting.ink.line import points_from_strokes, strokes_from_points
from utils.figures.features import features_figure

FEATURES = InkFeatures()


def make_line(count: int = 12) -> np.ndarray:
    """Slanted bars from left to right, a dot behind them."""
    bars = [np.array([[30.0 * n + 12, 40], [30 * n, 0], [30 * n + 10, 0]]) for n in range(count)]
    return strokes_from_points([*bars, np.array([[30.0 * count, 50.0]])])


def drawn_strokes(axes: Axes) -> list[np.ndarray]:
    (strokes,) = [part for part in axes.collections if isinstance(part, LineCollection)]
    return strokes.get_segments()


def test_each_line_is_shown_as_written_as_corrected_and_as_points() -> None:
    lines = [make_line(), make_line(5)]
    figure = features_figure(lines, FEATURES)
    assert len(figure.axes) == 6
    for number, line in enumerate(lines):
        written, corrected, resampled = figure.axes[3 * number : 3 * number + 3]
        normalised = FEATURES.normalise(line)
        for axes, strokes in ((written, line), (corrected, normalised)):
            expected = points_from_strokes(strokes)
            # A dot is drawn as one, not as a stroke.
            found = [stroke for stroke in drawn_strokes(axes) if len(stroke) > 1]
            assert len(found) == len(expected) - 1
            for stroke, points in zip(found, expected, strict=False):
                np.testing.assert_allclose(stroke, points)
            (dots,) = [part for part in axes.collections if not isinstance(part, LineCollection)]
            np.testing.assert_allclose(dots.get_offsets(), expected[-1])
        points, starts = FEATURES.points(normalised)
        inside, first = resampled.collections
        np.testing.assert_allclose(inside.get_offsets(), points[~starts])
        np.testing.assert_allclose(first.get_offsets(), points[starts])


def test_points_that_start_a_stroke_stand_out() -> None:
    inside, first = features_figure([make_line()], FEATURES).axes[2].collections
    assert to_hex(inside.get_facecolor()[0]) != to_hex(first.get_facecolor()[0])
    assert first.get_sizes()[0] > inside.get_sizes()[0]


def test_the_corrected_ink_alone_has_the_lines_that_small_letters_lie_between() -> None:
    written, corrected, points = features_figure([make_line()], FEATURES).axes
    assert [line.get_ydata()[0] for line in corrected.get_lines()] == [-0.5, 0.5]
    assert not written.get_lines() and not points.get_lines()


def test_the_features_that_are_given_are_what_is_shown() -> None:
    coarse = features_figure([make_line()], InkFeatures(spacing=1.0)).axes[2]
    fine = features_figure([make_line()], InkFeatures(spacing=0.1)).axes[2]
    counts = [len(axes.collections[0].get_offsets()) for axes in (coarse, fine)]
    assert counts[1] > 5 * counts[0]
    slanted = features_figure([make_line()], InkFeatures(correct_slant=False)).axes[1]
    upright = features_figure([make_line()], FEATURES).axes[1]
    leans = [drawn_strokes(axes)[0] for axes in (slanted, upright)]
    assert leans[0][0, 0] - leans[0][1, 0] > 0.1
    assert abs(leans[1][0, 0] - leans[1][1, 0]) < 1e-6


def test_nothing_is_distorted_or_hidden_by_the_line_below() -> None:
    figure = features_figure([make_line(), make_line(3), make_line(60)], FEATURES, ["one"])
    edges = [axes.get_position() for axes in figure.axes]
    assert all(axes.get_aspect() == 1.0 for axes in figure.axes)
    assert all(above.y0 > below.y1 for above, below in zip(edges, edges[1:], strict=False))
    assert edges[-1].y0 >= 0 and edges[0].y1 <= 1
    for axes, strokes in zip(figure.axes[::3], (make_line(), make_line(3)), strict=False):
        points = np.concatenate(points_from_strokes(strokes))
        np.testing.assert_allclose(axes.get_xlim(), (points[:, 0].min(), points[:, 0].max()))
        np.testing.assert_allclose(axes.get_ylim(), (points[:, 1].min(), points[:, 1].max()))


def test_titles_stand_above_their_lines() -> None:
    figure = features_figure([make_line(), make_line(5)], FEATURES, ["the first"])
    first, second = figure.texts
    assert (first.get_text(), second.get_text()) == ("the first", "")
    tops = [axes.get_position().y1 for axes in figure.axes[::3]]
    bottom = figure.axes[2].get_position().y0
    assert first.get_position()[1] >= tops[0] and bottom > second.get_position()[1] >= tops[1]


@pytest.mark.parametrize(
    "strokes",
    [
        [[1, 0, 0]],
        [[0, 0, 0], [1, 0, 0]],
        [[1, 0, 0], [1, 5, 5]],
        [[0, 0, 0], [1, 0, 9]],
        [[0, 0, 0], [0, 9, 0]],
        [[0, 0, 0], [0, 1e7, 0], [1, 0, 1e-7]],
    ],
)
def test_any_ink_can_be_drawn(strokes: list) -> None:
    figure = features_figure([np.array(strokes, dtype=np.float32)], FEATURES)
    figure.canvas.draw()
    assert figure.get_figheight() < 7


def test_an_empty_picture() -> None:
    figure = features_figure([], FEATURES)
    figure.canvas.draw()
    assert not figure.axes
