"""Scalars and pictures for tensorboard."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FLUSH_SECONDS = 30


class TensorboardWriter:
    """Writes events to a folder, or nowhere.

    Args:
        folder: where the events go; None for nowhere.
        after_step: a run that is resumed from this step; what a viewer would show of later steps,
            written before the run was stopped, is hidden from it.
    """

    def __init__(self, folder: Path | None, after_step: int | None = None) -> None:
        self._writer = None if folder is None else _writer_to(folder, after_step)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve; ``train.loss`` goes under ``train/loss``."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name.replace(".", "/"), value, step)

    def figures(self, figures: Mapping[str, Figure], step: int) -> None:
        """Pictures, by name."""
        if self._writer is not None:
            for name, figure in figures.items():
                self._writer.add_image(name, figure_pixels(figure), step, dataformats="HWC")

    def flush(self) -> None:
        """Have all that was given on the disk."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Flush and close the file."""
        if self._writer is not None:
            self._writer.close()


def _writer_to(folder: Path, after_step: int | None) -> "SummaryWriter":
    # Imported here since it takes about a second.
    from torch.utils.tensorboard import SummaryWriter

    purge_step = None if after_step is None else after_step + 1
    return SummaryWriter(str(folder), purge_step=purge_step, flush_secs=FLUSH_SECONDS)


def figure_pixels(figure: Figure) -> np.ndarray:
    """The picture of a figure, uint8 ``[height, width, 3]``, drawn without any window system."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels: np.ndarray = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    return pixels
