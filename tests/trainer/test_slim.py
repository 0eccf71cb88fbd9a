"""``python -m trainer.slim``: a checkpoint to share, which evaluates like the one it is made of."""

import shutil
from pathlib import Path

import pytest
import torch
from tiny_checkpoint import make_checkpoint

from handwriting.errors import CheckpointError, UserError
from trainer.checkpointing import load_checkpoint
from trainer.loaded_model import load_model
from trainer.slim import main


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("run") / "model_best.pth")


def test_the_small_one_has_the_weights_that_are_evaluated(whole: Path, tmp_path: Path) -> None:
    small = tmp_path / "shared" / "small.pth"
    main([str(whole), str(small)])
    before, after = load_model(whole, "cpu"), load_model(small, "cpu")
    assert after.config == before.config and after.vocabulary == before.vocabulary
    for old, new in zip(before.model.parameters(), after.model.parameters(), strict=True):
        assert torch.equal(old, new)
    with pytest.raises(CheckpointError, match="weights only"):
        load_checkpoint(small, resumable=True)


def test_nothing_is_overwritten(whole: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    shutil.copyfile(whole, other)
    content = other.read_bytes()
    with pytest.raises(UserError, match=r"other\.pth: is there already"):
        main([str(whole), str(other)])
    assert other.read_bytes() == content
    with pytest.raises(UserError, match="is there already"):
        main([str(whole), str(whole)])


def test_what_is_no_checkpoint_makes_no_file(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("no checkpoint")
    with pytest.raises(CheckpointError, match=r"text\.pth"):
        main([str(tmp_path / "text.pth"), str(tmp_path / "small.pth")])
    assert [file.name for file in tmp_path.iterdir()] == ["text.pth"]
