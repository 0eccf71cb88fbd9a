"""Loggers whose packages are missing are named before a run begins."""

import sys

import pytest

from base.registry import LOGGERS
from handwriting.errors import UserError
from trainer.loggers import check_packages


@pytest.mark.parametrize("name", ["wandb", "trackio", "mlflow"])
def test_a_missing_package_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=f"package {name} cannot.*pip install {name}$") as caught:
        check_packages([LOGGERS[name]()])
    assert "\n" not in str(caught.value)


def test_tensorboard_needs_no_check() -> None:
    check_packages([LOGGERS["tensorboard"]()])
