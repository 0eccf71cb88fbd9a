"""One thread a process: two test processes share two cores, and sums come in the same order.

``HANDWRITING_TEST_ONEDNN=0`` has torch compute without oneDNN, as on processors that it does not
know; ``.ci/settings`` runs the tests under this and other settings of a processor.

Fixtures for all tests: checkpoints of tiny models.
"""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

if os.environ.get("HANDWRITING_TEST_ONEDNN") == "0":
    import torch

    torch.backends.mkldnn.enabled = False


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a model that reads."""
    return _checkpoint(tmp_path_factory, "recognition")


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a model that writes a text."""
    return _checkpoint(tmp_path_factory, "conditional")


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of exported tiny models, as the package takes them."""
    from exported_models import export_tiny

    return export_tiny(tmp_path_factory.mktemp("exported"))


def _checkpoint(tmp_path_factory: pytest.TempPathFactory, task: str) -> Path:
    # Imported here, so that tests of handwriting/ need no torch.
    from tiny_checkpoint import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp(task) / "model_best.pth", task=task)
