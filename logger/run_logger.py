"""Loggers of a run: where its scalars and pictures go, each by its own package.

A logger is made from its settings alone and costs nothing until a run opens it, so that a config is
checked without the package. Files and servers are the package's own matter: addresses and keys come
from its environment variables, never from a config, which may be a stranger's.
"""

import importlib
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image


_log = logging.getLogger(__name__)


class LoggerRefused(Exception):
    """A logger's package began no run; the message, of one line, says which and why."""


@dataclass(frozen=True)
class LoggedRun:
    """A run as its loggers know it.

    Attributes:
        folder: of the run's logs.
        name: of the experiment.
        run_id: tells the runs of that name apart.
        resumed_step: the step that the run goes on from; None for a new run.
    """

    folder: Path
    name: str
    run_id: str
    resumed_step: int | None = None

    @property
    def title(self) -> str:
        """Name of this run among all runs."""
        return f"{self.name}-{self.run_id}"


class RunLogger(ABC):
    """Takes the scalars and pictures of one run; ``open`` comes first, ``close`` last.

    Attributes:
        package: that the logger needs, by the name it is imported and installed by; None for none.
    """

    package: str | None = None

    @abstractmethod
    def open(self, run: LoggedRun) -> None:
        """Begin a run, or go on with it where ``run.resumed_step`` says so."""

    @abstractmethod
    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve; ``train.loss`` goes under ``train/loss``."""

    @abstractmethod
    def figures(self, figures: "Mapping[str, Figure | Image.Image]", step: int) -> None:
        """Pictures, by name."""

    def flush(self) -> None:  # noqa: B027 - most packages send by themselves
        """Have all that was given on the disk, where the logger keeps files."""

    @abstractmethod
    def close(self) -> None:
        """End the run's log; without effect where none was opened."""


class TensorboardLogger(RunLogger):
    """Events for tensorboard, in the folder of the run's log."""

    def __init__(self) -> None:
        from logger.visualization import TensorboardWriter  # matplotlib

        self._writer = TensorboardWriter(None)

    def open(self, run: LoggedRun) -> None:
        """Begin a file of events; what was written after the resumed step is hidden."""
        from logger.visualization import TensorboardWriter

        self._writer = TensorboardWriter(run.folder, run.resumed_step)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve."""
        self._writer.scalars(values, step)

    def figures(self, figures: "Mapping[str, Figure | Image.Image]", step: int) -> None:
        """Pictures, by name."""
        self._writer.figures(figures, step)

    def flush(self) -> None:
        """Have all that was given on the disk."""
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class WandbLogger(RunLogger):
    """Weights & Biases, by the package ``wandb``; ``WANDB_MODE=offline`` keeps it on the disk.

    Args:
        project: the project that the run belongs to.
    """

    package = "wandb"

    def __init__(self, project: str = "handwriting") -> None:
        self.project = project
        self._run: Any = None

    def open(self, run: LoggedRun) -> None:
        """Begin the run, or go on with the one of the same id."""
        self._run = importlib.import_module("wandb").init(
            project=self.project, id=run.title, name=run.title, resume="allow", dir=str(run.folder)
        )
        # wandb drops points of a step it has passed, which a resumed run may have: its own count.
        self._run.define_metric("*", step_metric="step")

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve."""
        self._run.log({"step": step, **_with_slashes(values)})

    def figures(self, figures: "Mapping[str, Figure | Image.Image]", step: int) -> None:
        """Pictures, by name."""
        make = importlib.import_module("wandb").Image
        pictures = {name: make(pixels) for name, pixels in _pixels(figures).items()}
        self._run.log({"step": step, **pictures})

    def close(self) -> None:
        """End the run."""
        if self._run is not None:
            self._run.finish()


class TrackioLogger(RunLogger):
    """Trackio's dashboard on this computer, by the package ``trackio``.

    Args:
        project: the project that the run belongs to.
    """

    package = "trackio"

    def __init__(self, project: str = "handwriting") -> None:
        self.project = project
        self._run: Any = None

    def open(self, run: LoggedRun) -> None:
        """Begin the run, or go on with the one of the same name."""
        self._run = importlib.import_module("trackio").init(
            project=self.project, name=run.title, resume="allow"
        )

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve."""
        self._run.log(_with_slashes(values), step=step)

    def figures(self, figures: "Mapping[str, Figure | Image.Image]", step: int) -> None:
        """Pictures, by name."""
        make = importlib.import_module("trackio").Image
        pictures = {name: make(pixels) for name, pixels in _pixels(figures).items()}
        self._run.log(pictures, step=step)

    def close(self) -> None:
        """End the run."""
        if self._run is not None:
            self._run.finish()


class MlflowLogger(RunLogger):
    """MLflow, by the package ``mlflow`` or ``mlflow-skinny``; ``MLFLOW_TRACKING_URI`` says where.

    Args:
        experiment: the experiment that the run belongs to; it is made where it is not there.
    """

    package = "mlflow"
    _TAG = "handwriting.run"

    def __init__(self, experiment: str = "handwriting") -> None:
        self.experiment = experiment
        self._client: Any = None
        self._run_id = ""

    def open(self, run: LoggedRun) -> None:
        """Begin the run, or go on with the one that has its name as a tag."""
        client = self._client = importlib.import_module("mlflow").MlflowClient()
        known = client.get_experiment_by_name(self.experiment)
        where = client.create_experiment(self.experiment) if known is None else known.experiment_id
        found = client.search_runs([where], f"tags.`{self._TAG}` = '{run.title}'", max_results=1)
        if found:
            self._run_id = found[0].info.run_id
            client.update_run(self._run_id, status="RUNNING")
        else:
            made = client.create_run(where, tags={self._TAG: run.title}, run_name=run.title)
            self._run_id = made.info.run_id

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve."""
        for name, value in _with_slashes(values).items():
            self._client.log_metric(self._run_id, name, value, step=step)

    def figures(self, figures: "Mapping[str, Figure | Image.Image]", step: int) -> None:
        """Pictures, as ``NAME_STEP.png``."""
        for name, pixels in _pixels(figures).items():
            self._client.log_image(self._run_id, pixels, f"{name}_{step}.png")

    def close(self) -> None:
        """End the run."""
        if self._client is not None:
            self._client.set_terminated(self._run_id)


class RunLoggers:
    """All loggers of a run as one; without any, nothing is logged.

    Args:
        loggers: that are open.
    """

    def __init__(self, loggers: Iterable[RunLogger] = ()) -> None:
        self._loggers = list(loggers)

    @classmethod
    def opened(cls, loggers: Iterable[RunLogger], run: LoggedRun) -> "RunLoggers":
        """Begin a run with every logger.

        Raises:
            LoggerRefused: a package begins no run; those before it are closed.
        """
        opened = cls()
        for logger in loggers:
            try:
                logger.open(run)
            except Exception as error:
                opened.close()
                if logger.package is None:
                    raise
                message = f"{logger.package} began no run: {_first_line(error)}"
                raise LoggerRefused(message) from error
            opened._loggers.append(logger)
        return opened

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve."""
        self._each(lambda logger: logger.scalars(values, step))

    def figures(self, figures: "Mapping[str, Figure | Image.Image]", step: int) -> None:
        """Pictures, by name."""
        self._each(lambda logger: logger.figures(figures, step))

    def flush(self) -> None:
        """Have all that was given on the disk."""
        self._each(lambda logger: logger.flush())

    def close(self) -> None:
        """Close all of them."""
        self._each(lambda logger: logger.close())

    def _each(self, do: Callable[[RunLogger], None]) -> None:
        """Let every logger do something. A package that fails, as one does whose server is away, is
        given nothing more; the run goes on."""
        for logger in tuple(self._loggers):
            try:
                do(logger)
            except Exception:
                if logger.package is None:  # our own: a fault of the disk or of ours
                    raise
                self._drop(logger)

    def _drop(self, logger: RunLogger) -> None:
        self._loggers.remove(logger)
        _log.warning(
            "%s failed and is given nothing more of this run: %s",
            logger.package,
            _first_line(sys.exc_info()[1]),
        )


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _pixels(figures: "Mapping[str, Figure | Image.Image]") -> dict[str, Any]:
    """The pixels of pictures; matplotlib is imported only where there are some to log."""
    from logger.visualization import figure_pixels

    return {name: figure_pixels(figure) for name, figure in figures.items()}


def _with_slashes(values: Mapping[str, float]) -> dict[str, float]:
    return {name.replace(".", "/"): value for name, value in values.items()}
