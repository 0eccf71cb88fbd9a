"""Exports of tiny models and of the shipped ones, for the page's tests."""

import shutil
from pathlib import Path

import pytest

from handwriting.runtime.weights_folder import HANDS


def _export(checkpoint: Path, folder: Path) -> None:
    from evaluation.runtime_export import write_export
    from trainer.loaded_model import load_model

    write_export(load_model(checkpoint, "cpu"), folder)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the exports of a tiny writer and a tiny recogniser."""
    from tiny_checkpoint import make_checkpoint

    folder = tmp_path_factory.mktemp("tiny_weights")
    for task in ("conditional", "recognition", "language"):
        checkpoint = make_checkpoint(tmp_path_factory.mktemp(task) / "model.pth", task=task)
        _export(checkpoint, folder)
    return folder


@pytest.fixture(scope="session")
def shipped_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the exports of the shipped models, and the hands."""
    from utils.shipped import checkpoint_path

    folder = tmp_path_factory.mktemp("weights")
    for name in ("conditional", "recognition", "language_model"):
        _export(checkpoint_path(name), folder)
    shutil.copyfile(checkpoint_path("conditional").with_name(HANDS), folder / HANDS)
    return folder
