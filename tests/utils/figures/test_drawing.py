"""Pictures, judged by their pixels."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from utils.figures.drawing import (
    curves_figure,
    draw_strokes,
    save_curves,
    save_png,
    save_sheet_png,
    sheet_figure,
)
from utils.figures.sheet import Ink, Row, Sheet, contact_sheet, single_sheet


def pixels(figure: Figure) -> np.ndarray:
    """Darkness ``[height, width]`` of each pixel, 0 for paper to 1 for black."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return 1.0 - np.asarray(canvas.buffer_rgba())[..., :3].mean(axis=-1) / 255.0


def dark_at(sheet: Sheet, image: np.ndarray, point: np.ndarray) -> bool:
    scale = image.shape[1] / sheet.width
    column, row = (point * scale).astype(int)
    return image[row, column] > 0.5


def test_first_and_last_point_of_every_stroke_and_the_dots_have_ink() -> None:
    strokes = np.array([[0, 0, 0], [0, 9, 9], [1, 9, -9], [1, 8, 15], [0, 5, -15], [1, 0, 9]])
    sheet = single_sheet(Ink(strokes), pen=3.0)
    image = pixels(sheet_figure(sheet))
    assert len(sheet.paths) == 3
    for path in sheet.paths:
        assert dark_at(sheet, image, path.points[0]) and dark_at(sheet, image, path.points[-1])


def test_a_dot_is_a_round_disc_as_wide_as_the_pen() -> None:
    sheet = single_sheet(Ink(np.array([[1.0, 0, 0]])), pen=20.0)
    image = pixels(sheet_figure(sheet))
    dark = image / image.max()
    scale = image.shape[1] / sheet.width
    assert dark.sum() == pytest.approx(np.pi * (10 * scale) ** 2, rel=0.03)
    rows, columns = np.nonzero(dark > 0.5)
    assert np.ptp(rows) + 1 == pytest.approx(20 * scale, abs=2)
    assert np.ptp(columns) + 1 == pytest.approx(20 * scale, abs=2)


def test_strokes_end_round() -> None:
    """Beyond a stroke's last point there is ink for half a pen's width, but none in the corners."""
    sheet = single_sheet(Ink(np.array([[0.0, 0, 0], [1, 50, 0]])), pen=20.0)
    image = pixels(sheet_figure(sheet))
    end = sheet.paths[0].points[-1]
    assert dark_at(sheet, image, end + [8, 0])
    assert not dark_at(sheet, image, end + [8, 8]) and not dark_at(sheet, image, end + [12, 0])


def test_y_grows_upwards_in_pictures() -> None:
    rising = np.array([[0.0, 0, 0], [1, 50, 50]])
    sheet = single_sheet(Ink(rising))
    image = pixels(sheet_figure(sheet))
    rows, columns = np.nonzero(image > 0.5)
    assert np.corrcoef(rows, columns)[0, 1] < -0.99


def test_draw_strokes_on_any_axes_has_equal_aspect_and_a_pen_in_the_units_of_the_ink() -> None:
    figure = Figure(figsize=(8, 3), dpi=100)
    axes = figure.add_subplot(1, 2, 1)
    draw_strokes(axes, np.array([[0.0, 0, 0], [1, 200, 0], [0, -100, -50], [1, 0, 100]]), width=10)
    image = pixels(figure)
    rows, columns = np.nonzero(image > 0.5)
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(210 / 110, rel=0.03)
    units_per_pixel = 210 / (np.ptp(columns) + 1)
    assert image[:, columns.min() + 20].sum() / image.max() * units_per_pixel == pytest.approx(
        10, rel=0.1
    )


def test_draw_strokes_draws_no_ink_at_all() -> None:
    figure = Figure()
    draw_strokes(figure.add_subplot(), np.zeros((0, 3)))
    assert not pixels(figure).any()


def test_pngs_are_written_whole_and_have_the_size_of_the_page(tmp_path: Path) -> None:
    sheet = contact_sheet([Row("bias 0", [Ink(np.array([[0.0, 0, 0], [1, 9, 9]]))])], width=300)
    save_sheet_png(sheet, tmp_path / "new" / "sheet.png")
    save_png(np.array([[0.0, 0, 0], [1, 9, 9]]), tmp_path / "new" / "one.png")
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["one.png", "sheet.png"]
    with Image.open(tmp_path / "new" / "sheet.png") as image:
        assert image.size == (600, int(sheet.height * 2))


HISTORY = [
    {"epoch": 1, "step": 5, "train.loss": 3.0, "val.loss": 2.5, "val.nll": 90.0, "lr": 0.1},
    {"epoch": 2, "step": 10, "train.loss": None, "lr": 0.1},
    {"epoch": 3, "step": 15, "train.loss": 1.0, "val.loss": 0.9, "val.nll": 70.0, "lr": 0.1},
]


def lines_of(figure: Figure, panel: int) -> dict[str, list[tuple[float, float]]]:
    lines = figure.axes[panel].get_lines()
    return {
        line.get_label().split(",")[0]: list(zip(*line.get_data(), strict=True)) for line in lines
    }


def test_curves_show_the_measured_numbers() -> None:
    figure = curves_figure(HISTORY)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "nll"]
    loss = lines_of(figure, 0)
    assert loss["validation"] == [(1, 2.5), (3, 0.9)]
    assert [loss["training"][i] for i in (0, 2)] == [(1, 3.0), (3, 1.0)]
    assert np.isnan(loss["training"][1][1])
    assert lines_of(figure, 1) == {"validation": [(1, 90.0), (3, 70.0)]}


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_curves_are_saved_from_the_first_epoch_on(tmp_path: Path, rows: int) -> None:
    save_curves(HISTORY[:rows], tmp_path / "loss_curve.png")
    assert [file.name for file in tmp_path.iterdir()] == ["loss_curve.png"]


def test_page_units_are_points_so_the_pen_has_its_width_in_the_figure() -> None:
    sheet = contact_sheet([Row("", [Ink(np.array([[0.0, 0, 0], [1, 90, 0]]))])], width=200)
    (lines,) = sheet_figure(sheet).axes[0].collections
    assert lines.get_linewidth() == [sheet.pen_width]
