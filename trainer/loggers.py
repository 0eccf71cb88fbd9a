"""The loggers that a config may name."""

import importlib
from collections.abc import Iterable

from base.registry import LOGGERS
from handwriting.errors import UserError
from logger.run_logger import MlflowLogger, RunLogger, TensorboardLogger, TrackioLogger, WandbLogger

_BY_NAME: dict[str, type[RunLogger]] = {
    "tensorboard": TensorboardLogger,
    "wandb": WandbLogger,
    "trackio": TrackioLogger,
    "mlflow": MlflowLogger,
}

for _name, _logger in _BY_NAME.items():
    LOGGERS.add(_logger, _name)


def check_packages(loggers: Iterable[RunLogger]) -> None:
    """Check that the packages of loggers can be imported.

    Raises:
        UserError: one cannot; names it.
    """
    for name in (each.package for each in loggers if each.package is not None):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise UserError(
                f"trainer.loggers: the package {name} cannot be imported ({error}); install it"
                f" with: pip install {name}"
            ) from None
