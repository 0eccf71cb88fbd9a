"""``python -m trainer.slim``: a checkpoint to share, which evaluates like the one it is made of."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from tiny_checkpoint import make_checkpoint

from handwriting.errors import CheckpointError, UserError
from trainer.checkpointing import evaluation_weights, load_checkpoint, slim
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


def test_half_precision_is_half_as_large_and_nearly_the_same(whole: Path, tmp_path: Path) -> None:
    full, half = tmp_path / "full.pth", tmp_path / "half.pth"
    main([str(whole), str(full)])
    main([str(whole), str(half), "--half"])
    number = sum(weight.numel() for weight in load_model(full, "cpu").model.parameters())
    # A file begins each tensor at a multiple of 64 bytes.
    assert full.stat().st_size - half.stat().st_size >= number
    pairs = zip(
        load_model(full, "cpu").model.parameters(),
        load_model(half, "cpu").model.parameters(),
        strict=True,
    )
    for exact, rounded in pairs:
        assert rounded.dtype == exact.dtype == torch.float32
        torch.testing.assert_close(rounded, exact, rtol=2**-10, atol=2**-24)


def test_a_weight_that_half_precision_cannot_hold_is_named(whole: Path) -> None:
    checkpoint = load_checkpoint(whole)
    name = next(iter(evaluation_weights(checkpoint)))
    evaluation_weights(checkpoint)[name].view(-1)[0] = 1e6
    assert slim(checkpoint)["model"][name].view(-1)[0] == 1e6
    with pytest.raises(UserError, match=re.escape(name)):
        slim(checkpoint, half=True)


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
