"""``experiments.py`` on a recogniser, from its checkpoint to its numbers and its report."""

import csv
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny_checkpoint import SHORT_LINES, make_checkpoint

import experiments
from base.registry import METRICS
from handwriting.errors import UserError
from trainer.loaded_model import load_model, open_data

FILES = [
    "attention.png",
    "confusions.csv",
    "features.png",
    "lines.csv",
    "metrics.json",
    "readings.png",
    "readings.svg",
    "report.html",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("run")
    for task in ("recognition", "language"):
        make_checkpoint(folder / f"{task}.pth", SHORT_LINES, task=task)
    return folder


def evaluate(folder: Path, out: Path, *words: str) -> Path:
    checkpoint = str(folder / "recognition.pth")
    experiments.main(["-r", checkpoint, "--device", "cpu", "--out", str(out), *words])
    return out


def test_the_plain_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = evaluate(folder, tmp_path / "out", "--limit", "4", "--samples", "2")
    assert sorted(file.name for file in out.iterdir()) == FILES
    printed = capsys.readouterr().out
    report = json.loads((out / "metrics.json").read_text())
    assert f"{100 * report['cer']:.2f}" in printed
    for words in ("all characters", "no case or punctuation", "57 symbols", "greedy"):
        assert words in printed
    trained = load_model(folder / "recognition.pth", "cpu")
    loader = open_data(trained, None, "")
    (batch,) = loader.evaluation("testset_v", 10, 4)
    metric = METRICS["cer"](vocabulary=trained.vocabulary)
    with torch.no_grad():
        metric.update(trained.model(batch), batch)
    assert report["cer"] == metric.compute() and report["lines"] == 4
    with Image.open(out / "readings.png") as image:
        assert image.convert("L").getextrema()[0] < 120


def test_all_decodings(folder: Path, tmp_path: Path) -> None:
    out = evaluate(
        folder, tmp_path / "out", "--limit", "2", "--samples", "1", "--beam", "2",
        "--ctc-weight", "0.2", "--language-model", str(folder / "language.pth"),
    )  # fmt: skip
    rows = json.loads((out / "metrics.json").read_text())["decodings"]
    keys = ["greedy", "beam", "beam_ctc", "beam_ctc_language"]
    assert [row["decoding"] for row in rows[::3]] == keys
    with open(out / "lines.csv", newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2
    assert all(float(line[f"{key}.score"]) < 0 for line in lines for key in keys)
    assert list(lines[0])[-1] == "text"
    assert "beam 2 + CTC 0.2 + language model 0.5" in (out / "report.html").read_text()


def test_options_that_a_recogniser_has_no_use_for(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--bias: is for models that write"):
        evaluate(folder, tmp_path / "out", "--bias", "1")
    assert not (tmp_path / "out").exists()
