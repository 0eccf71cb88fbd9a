"""The settings of training: the config's ``trainer`` block."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from base.registry import LOGGERS
from logger.run_logger import RunLogger, TensorboardLogger

Positive = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class TrainerSettings:
    """Settings of training: how long, how, and which files it keeps.

    Attributes:
        epochs: passes over the training lines, in all, also when a run is resumed.
        save_dir: folder that runs are kept under, in ``models/`` and ``log/``.
        save_minutes: minutes after which a checkpoint is written within an epoch, measured from
            the last one; None for none within epochs.
        save_period: epochs between checkpoints. One is also written when the monitored value
            improves, at the end, and when training is interrupted.
        monitor: "min" or "max" and the name of a metric, or "loss", of the validation lines.
        early_stop: stop after this many epochs without improvement; None for never.
        clip_grad_norm: largest norm of the gradient of all weights; None for no limit.
        precision: "bfloat16" computes the model's forward pass in mixed precision, "tf32" has an
            NVIDIA GPU round what it multiplies in a training step to 10 bits; the loss, the
            weights and all validation stay in float32.
        averaging: decay of the exponential moving average of the weights, a step; None for none.
            The averaged weights are those that are validated, sampled from and evaluated.
        weight_noise: initial standard deviation of adaptive weight noise (Graves 2011), for models
            trained with it; None for none.
        sample_period: epochs between pictures of samples; 0 for one at the end only,
            None for none.
        tensorboard: whether to write events for tensorboard; false leaves it out of the loggers.
        loggers: that take the run's scalars and pictures: "tensorboard", "wandb", "trackio" and
            "mlflow", each by its own package; None for tensorboard alone.
        progress: whether to show a progress bar; None: when stderr is a terminal.
        log_seconds: seconds between the lines that stand in for the progress bar.
        deterministic: have a GPU compute the same bits each time, at some cost in speed. The CPU
            always does, with the same number of threads.
    """

    epochs: Positive = 50
    save_dir: str = "saved"
    save_period: Positive = 1
    save_minutes: Annotated[float, Field(gt=0)] | None = None
    monitor: Annotated[str, Field(pattern=r"^(min|max) \S+$")] = "min nll"
    early_stop: Positive | None = None
    clip_grad_norm: Annotated[float, Field(gt=0)] | None = None
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    averaging: Annotated[float, Field(gt=0, lt=1)] | None = None
    weight_noise: Annotated[float, Field(gt=0)] | None = None
    sample_period: Annotated[int, Field(ge=0)] | None = 10
    tensorboard: bool = True
    loggers: tuple[Annotated[RunLogger, LOGGERS], ...] | None = None
    progress: bool | None = None
    log_seconds: Annotated[float, Field(gt=0)] = 30.0
    deterministic: bool = False

    def run_loggers(self) -> list[RunLogger]:
        """Return the loggers that are on, not opened yet."""
        if self.loggers is None:
            return [TensorboardLogger()] if self.tensorboard else []
        kept = (each for each in self.loggers if not isinstance(each, TensorboardLogger))
        return list(self.loggers if self.tensorboard else kept)
