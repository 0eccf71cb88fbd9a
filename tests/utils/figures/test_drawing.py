"""Curves of training runs, and pictures as files."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from utils.figures.drawing import (
    curves_figure,
    save_curves,
    save_figure,
)

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


def test_figures_and_images_are_written_whole(tmp_path: Path) -> None:
    for name, picture in (("a", curves_figure(HISTORY)), ("b", Image.new("RGB", (7, 5)))):
        save_figure(picture, tmp_path / "new" / f"{name}.png")
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["a.png", "b.png"]
    with Image.open(tmp_path / "new" / "b.png") as image:
        assert image.size == (7, 5)
