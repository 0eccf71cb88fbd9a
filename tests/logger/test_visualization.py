"""What is written for tensorboard is what its reader finds."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from logger.visualization import TensorboardWriter, figure_pixels


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_scalars_and_pictures(tmp_path: Path) -> None:
    writer = TensorboardWriter(tmp_path)
    writer.scalars({"val.nll": 2.5, "lr": 0.1}, 3)
    writer.figures({"samples": Figure(figsize=(2, 1), dpi=50)}, 3)
    writer.flush()
    events = read(tmp_path)
    assert [(e.step, e.value) for e in events.Scalars("val/nll")] == [(3, 2.5)]
    assert events.Scalars("lr")[0].value == pytest.approx(0.1)
    picture = events.Images("samples")[0]
    assert (picture.step, picture.width, picture.height) == (3, 100, 50)
    writer.close()


def test_steps_after_the_one_resumed_from_are_hidden(tmp_path: Path) -> None:
    writer = TensorboardWriter(tmp_path)
    for step in (1, 2, 3):
        writer.scalars({"loss": 1.0}, step)
    writer.close()
    writer = TensorboardWriter(tmp_path, after_step=2)
    writer.scalars({"loss": 5.0}, 4)
    writer.close()
    assert [e.step for e in read(tmp_path).Scalars("loss")] == [1, 2, 4]


def test_nowhere(tmp_path: Path) -> None:
    writer = TensorboardWriter(None)
    writer.scalars({"loss": 1.0}, 1)
    writer.figures({}, 1)
    writer.flush()
    writer.close()
    assert not list(tmp_path.iterdir())


def test_pixels_of_a_figure() -> None:
    figure = Figure(figsize=(2, 1), dpi=10, facecolor="red")
    pixels = figure_pixels(figure)
    assert pixels.shape == (10, 20, 3)
    assert (pixels == np.array([255, 0, 0])).all()
