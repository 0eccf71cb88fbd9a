"""A model from its checkpoint: only what it uses has to fit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_checkpoint import SHORT_LINES, make_checkpoint

import experiments
from handwriting.errors import CheckpointError
from parse_config import ConfigParser
from trainer.checkpointing import load_checkpoint, save_checkpoint
from trainer.loaded_model import load_model, open_data

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


def inkml_folder(folder: Path, size: int = 1) -> Path:
    """Three lines of a zigzag, so large."""
    folder.mkdir()
    for number in range(3):
        points = ", ".join(f"{size * step} {size * (step % 3)}" for step in range(8 + number))
        (folder / f"{number}.inkml").write_text(
            f'<ink><annotation type="truth">ab</annotation><annotation type="split">testset_v'
            f"</annotation><trace>{points}</trace></ink>"
        )
    return folder


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
    data = inkml_folder(tmp_path / "data")
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


MEASURE = {"x_height": 1.0, "path": {"smooth": 0.08, "step": 0.9, "turn": 1.0}}


def in_one_measure(config: dict[str, Any]) -> None:
    config["data_loader"]["args"]["cleaning"].update(MEASURE)


def test_lines_of_any_folder_get_the_size_that_the_model_was_trained_on(
    plain: dict[str, Path], tmp_path: Path
) -> None:
    trained = load_model(changed(plain["unconditional"], tmp_path, in_one_measure))
    small, large = (
        open_data(trained, inkml_folder(tmp_path / f"data-{size}", size), "").corpus.line(0).strokes
        for size in (1, 1000)
    )
    np.testing.assert_allclose(small, large, rtol=1e-3, atol=1e-4)
    unchanged = open_data(load_model(plain["unconditional"]), tmp_path / "data-1000", "")
    assert np.ptp(unchanged.corpus.line(0).strokes) > 100 * np.ptp(small)


def test_a_run_from_weights_gives_its_lines_their_size_but_for_those_that_have_one(
    plain: dict[str, Path], tmp_path: Path
) -> None:
    weights = changed(plain["unconditional"], tmp_path, in_one_measure)
    config = load_checkpoint(plain["unconditional"])["config"]
    (tmp_path / "config.json").write_text(json.dumps(config))

    def cleaning(**loader: Any) -> dict[str, Any]:
        overrides = [(f"data_loader.args.{name}", value) for name, value in loader.items()]
        parser = ConfigParser.from_file(tmp_path / "config.json", overrides, weights=weights)
        found: dict[str, Any] = parser.to_dict()["data_loader"]["args"]["cleaning"]
        return {name: found[name] for name in MEASURE}

    assert cleaning() == MEASURE
    assert cleaning(source={"type": "inkml"}) == MEASURE
    own = {"x_height": 2.0}
    assert cleaning(cleaning=own) == {"x_height": 2.0, "path": None}
    inside = {"sources": [{"name": "a", "source": {"type": "inkml"}, "cleaning": own}]}
    unmeasured = dict.fromkeys(MEASURE)
    assert cleaning(source={"type": "mixed", "args": inside}) == unmeasured
