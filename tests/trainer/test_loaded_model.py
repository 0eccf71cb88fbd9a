"""A model from its checkpoint: only what it uses has to fit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_checkpoint import SHORT_LINES, make_checkpoint

import experiments
from handwriting.errors import CheckpointError
from trainer.checkpointing import load_checkpoint, save_checkpoint
from trainer.loaded_model import load_model

STRANGE: dict[str, Callable[[dict[str, Any]], None]] = {
    "optimizer": lambda config: config.update(optimizer={"type": "Adam2031", "args": {"x": 1}}),
    "schedule": lambda config: config.update(lr_scheduler={"type": "Never", "args": {}}),
    "reader": lambda config: config["data_loader"]["args"].update(
        source={"type": "papyrus", "args": {"dynasty": 3}}
    ),
    "loader setting": lambda config: config["data_loader"]["args"].update(prefetch="all"),
    "trainer setting": lambda config: config["trainer"].update(warp=9),
    "loss": lambda config: config.update(loss={"type": "regret", "args": {}}),
    "metric": lambda config: config.update(metrics=["joy"]),
    "data loader": lambda config: config["data_loader"].update(type="CloudLoader"),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("plain")
    tasks = ("conditional", "recognition", "unconditional")
    return {task: make_checkpoint(folder / f"{task}.pth", SHORT_LINES, task=task) for task in tasks}


def changed(path: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    checkpoint = load_checkpoint(path)
    change(checkpoint["config"])
    save_checkpoint(folder / path.name, checkpoint)
    return folder / path.name


@pytest.mark.parametrize("what", STRANGE)
def test_a_model_loads_whatever_has_become_of_its_training(
    what: str, plain: dict[str, Path], tmp_path: Path
) -> None:
    for path in plain.values():
        loaded, before = load_model(changed(path, tmp_path, STRANGE[what])), load_model(path)
        for name, weight in before.model.state_dict().items():
            assert torch.equal(loaded.model.state_dict()[name], weight)
        assert loaded.features == before.features


@pytest.mark.parametrize("what", STRANGE)
def test_it_writes_and_reads(what: str, plain: dict[str, Path], tmp_path: Path) -> None:
    writer, reader = (
        changed(plain[task], tmp_path, STRANGE[what]) for task in ("conditional", "recognition")
    )
    letters = "".join(load_model(writer).vocabulary.characters[:2])
    out = ["--out", str(tmp_path / "out"), "--device", "cpu"]
    experiments.main(["-r", str(writer), "--text", letters, "--format", "json", *out])
    ink = tmp_path / "ink.json"
    ink.write_text("[[0, 0, 0], [0, 5, 9], [0, 5, -9], [1, 5, 9]]")
    experiments.main(["-r", str(reader), "--ink", str(ink), "--device", "cpu"])


@pytest.mark.parametrize("what", sorted(STRANGE.keys() - {"loader setting", "data loader"}))
def test_it_is_evaluated_on_data_that_are_named(
    what: str, plain: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The corpus that is named is prepared here, from InkML."""
    monkeypatch.chdir(tmp_path)  # what the checkpoint names for corpora is not beside it
    data = tmp_path / "data"
    data.mkdir()
    for number in range(3):
        points = ", ".join(f"{step} {step % 3}" for step in range(8 + number))
        (data / f"{number}.inkml").write_text(
            f'<ink><annotation type="truth">ab</annotation><annotation type="split">testset_v'
            f"</annotation><trace>{points}</trace></ink>"
        )
    path = changed(plain["unconditional"], tmp_path, STRANGE[what])
    out = ["--out", str(tmp_path / "out"), "--device", "cpu", "--samples", "1", "--steps", "5"]
    experiments.main(["-r", str(path), "--data", str(data), "--bias", "0", *out])
    assert (tmp_path / "out" / "metrics.json").is_file()


def test_what_it_does_use_is_checked(plain: dict[str, Path], tmp_path: Path) -> None:
    path = changed(
        plain["recognition"],
        tmp_path,
        lambda config: config["data_loader"]["args"]["features"].update(spacing=-1),
    )
    with pytest.raises(CheckpointError, match=r"recognition\.pth.*features\.spacing"):
        load_model(path)
    checkpoint = load_checkpoint(plain["unconditional"])
    checkpoint["arch"]["args"]["hidden_size"] = "wide"
    save_checkpoint(tmp_path / "wide.pth", checkpoint)
    with pytest.raises(CheckpointError, match=r"wide\.pth.*arch\.args\.hidden_size.*integer"):
        load_model(tmp_path / "wide.pth")


def test_a_setting_goes_on_working_under_its_old_name(
    plain: dict[str, Path], tmp_path: Path
) -> None:
    def older(config: dict[str, Any]) -> None:
        arguments = config["data_loader"]["args"]
        arguments["joined"] = arguments.pop("concatenate_share")

    assert load_model(changed(plain["conditional"], tmp_path, older)).model is not None
