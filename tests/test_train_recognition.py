"""``config_recognition.json`` through ``train.py``'s own main function, on a few short lines."""

import json
import sys
from pathlib import Path

import pytest
import torch
from tiny_checkpoint import RECOGNISER

import train
from handwriting.errors import ConfigError
from model.recognition import Seq2SeqRecognition
from parse_config import ConfigParser
from trainer.checkpointing import load_checkpoint
from trainer.loaded_model import load_model

CONFIG = Path(__file__).parents[1] / "config_recognition.json"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared")


def settings(corpus: Path, folder: Path, **more: object) -> list[str]:
    """Command-line words that make the config small."""
    source = {"num_lines": 30, "num_writers": 3, "min_characters": 3, "max_characters": 6}
    values = {
        "data_loader.args.source": {"type": "synthetic", "args": source},
        "data_loader.args.cache_dir": str(corpus),
        "data_loader.args.limit": 6,
        "data_loader.args.epoch_lines": None,
        "data_loader.args.concatenate_share": 0,
        "data_loader.args.batch_size": 3,
        **{f"arch.args.{name}": value for name, value in RECOGNISER.items()},
        "trainer.epochs": 2,
        "trainer.save_dir": str(folder / "saved"),
        "trainer.tensorboard": False,
        "trainer.averaging": 0.5,
        **more,
    }
    return [
        word for name, value in values.items() for word in ("--set", f"{name}={json.dumps(value)}")
    ]


def run_train(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", *words, "--device", "cpu"])
    train.main()


def run_files(folder: Path) -> tuple[Path, list[dict]]:
    """The last checkpoint of the only run, and its history."""
    (checkpoint,) = folder.glob("saved/models/recognition/*/checkpoint.pth")
    (log,) = folder.glob("saved/log/recognition/*/metrics.jsonl")
    return checkpoint, [json.loads(line) for line in log.read_text().splitlines()]


def test_the_config_trains_stops_and_goes_on(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two epochs at once are one epoch and one more, scheduled sampling and dropout included."""
    weights = []
    for name, epochs in (("whole", (2,)), ("parts", (1, 2))):
        folder = tmp_path / name
        words = settings(
            corpus, folder, **{"trainer.epochs": epochs[0], "arch.args.scheduled_sampling": 0.3}
        )
        run_train(monkeypatch, "-c", str(CONFIG), *words)
        for total in epochs[1:]:
            checkpoint, _ = run_files(folder)
            run_train(monkeypatch, "-r", str(checkpoint), "--set", f"trainer.epochs={total}")
        checkpoint, history = run_files(folder)
        assert [row["epoch"] for row in history] == [1, 2]
        for value in ("train.loss", "train.nll_attention", "train.nll_ctc", "val.loss", "val.cer"):
            assert all(row[value] > 0 for row in history), value
        weights.append(load_checkpoint(checkpoint)["model"])
    torch.testing.assert_close(*weights, rtol=0, atol=0)
    model = load_model(checkpoint, "cpu").model
    assert isinstance(model, Seq2SeqRecognition)
    assert not model.training


def test_bf16_and_additive_attention_train(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {
        "trainer.precision": "bfloat16",
        "trainer.epochs": 1,
        "arch.args.attention": "additive",
        "arch.args.layer_norm": True,
        "loss.args.ctc_weight": 0,
        "arch.args.ctc": False,
    }
    run_train(monkeypatch, "-c", str(CONFIG), *settings(corpus, tmp_path, **more))
    _, (row,) = run_files(tmp_path)
    assert row["val.loss"] > 0
    assert "train.nll_ctc" not in row


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("arch.args.kernel_size", 4, r"arch\.args\.kernel_size: should be odd, got 4"),
        ("arch.args.location_width", 6, r"arch\.args\.location_width: should be odd, got 6"),
        ("arch.args.attention", "dot", r"arch\.args\.attention: should be .*got \"dot\""),
        ("loss.args.ctc_weight", 1.5, r"loss\.args\.ctc_weight: should be .* got 1\.5"),
    ],
)
def test_settings_that_cannot_be_are_found_before_anything_is_read(
    setting: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        ConfigParser.from_file(CONFIG, [(setting, value)])


def test_parts_that_do_not_fit_each_other_are_one_clear_line(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = settings(corpus, tmp_path, **{"arch.args.ctc": False})
    with pytest.raises(ConfigError, match=r"loss\.args\.ctc_weight: should be 0 for a model"):
        run_train(monkeypatch, "-c", str(CONFIG), *words)
