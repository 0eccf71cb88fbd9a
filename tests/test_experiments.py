"""``experiments.py`` from a checkpoint to its numbers and pictures."""

import csv
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from patience import A_HANG
from PIL import Image
from tiny_checkpoint import SYNTHETIC, make_checkpoint

import experiments
from base.registry import METRICS
from handwriting.errors import UserError
from trainer.checkpointing import save_checkpoint
from trainer.loaded_model import load_model, open_data

ROOT = Path(__file__).parent.parent
PICTURES = ["density.png", "primed.png", "primed.svg", "samples.png", "samples.svg"]
FAST = ["--device", "cpu", "--samples", "1", "--bias", "0", "2"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_checkpoint(tmp_path_factory.mktemp("run") / "model_best.pth", SYNTHETIC)


@pytest.fixture(scope="module")
def results(checkpoint: Path) -> Path:
    """The results of the plain command, where it puts them."""
    experiments.main(["-r", str(checkpoint), *FAST])
    return checkpoint.parent / "evaluation-model_best-testset_v"


def numbers_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def test_the_plain_command_leaves_numbers_lines_and_pictures(results: Path) -> None:
    assert sorted(file.name for file in results.iterdir()) == sorted(
        ["metrics.json", "lines.csv", *PICTURES]
    )
    for name in PICTURES:
        if name.endswith(".png"):
            with Image.open(results / name) as image:
                assert image.convert("L").getextrema()[0] < 100
        else:
            assert len(ElementTree.parse(results / name).findall(".//{*}path")) > 1


def test_numbers_are_those_of_the_metrics_on_the_whole_split(
    checkpoint: Path, results: Path
) -> None:
    """The config's limit of two lines is training's affair."""
    trained = load_model(checkpoint, "cpu")
    loader = open_data(trained, None, "")
    (batch,) = loader.evaluation("testset_v", 1000)
    report = numbers_of(results)
    with torch.no_grad():
        output = trained.model(batch)
    for name in ("nll", "nll_per_step_raw", "sse"):
        metric = METRICS[name](normalisation=trained.normalisation)
        metric.update(output, batch)
        assert report[name] == pytest.approx(metric.compute(), rel=1e-5)
    assert report["lines"] == len(batch) == len(loader.corpus.split("testset_v")) > 2
    assert report["steps"] == int((batch.stroke_lengths - 1).sum())
    assert (report["split"], report["epoch"], report["step"]) == ("testset_v", 2, 6)
    assert report["averaged"] is False and report["device"] == "cpu"


def test_the_table_has_every_line_with_its_ids_and_text(checkpoint: Path, results: Path) -> None:
    trained = load_model(checkpoint, "cpu")
    corpus = open_data(trained, None, "").corpus
    with open(results / "lines.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["line_index"]) for row in rows] == corpus.split("testset_v").tolist()
    for row in rows:
        line = corpus.line(int(row["line_index"]))
        assert (row["source_id"], row["writer"], row["text"]) == (
            line.source_id,
            line.writer,
            line.text,
        )
        assert int(row["steps"]) == len(line.strokes) - 1
    nll = np.mean([float(row["nll"]) for row in rows])
    assert numbers_of(results)["nll"] == pytest.approx(nll)


def test_the_numbers_are_printed(
    checkpoint: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    experiments.main(["-r", str(checkpoint), "--out", str(tmp_path / "out"), "--bs", "3", *FAST])
    printed = capsys.readouterr().out
    report, before = numbers_of(tmp_path / "out"), numbers_of(results)
    for name in ("nll", "nll_per_step_raw", "sse"):
        assert f"{report[name]:.4f}" in printed
        assert report[name] == pytest.approx(before[name], rel=1e-5)
    assert str(tmp_path / "out") in printed and str(checkpoint) in printed


def test_the_same_seed_gives_the_same_pictures(
    checkpoint: Path, results: Path, tmp_path: Path
) -> None:
    def draw(seed: str) -> dict[str, bytes]:
        out = tmp_path / seed
        experiments.main(["-r", str(checkpoint), "--out", str(out), "--seed", seed, *FAST])
        return {name: (out / name).read_bytes() for name in PICTURES}

    assert draw("1") == {name: (results / name).read_bytes() for name in PICTURES}
    other = draw("2")
    assert all(other[name] != (results / name).read_bytes() for name in PICTURES)


def test_another_split_and_fewer_lines(checkpoint: Path, tmp_path: Path) -> None:
    experiments.main(
        ["-r", str(checkpoint), "--split", "testset_t", "--limit", "3", "--steps", "9", *FAST]
    )
    report = numbers_of(checkpoint.parent / "evaluation-model_best-testset_t")
    assert (report["split"], report["lines"]) == ("testset_t", 3)


def test_averaged_weights_are_the_ones_evaluated(tmp_path: Path, results: Path) -> None:
    path = make_checkpoint(tmp_path / "averaged.pth", SYNTHETIC, averaged=True)
    experiments.main(["-r", str(path), "--out", str(tmp_path / "out"), *FAST])
    report = numbers_of(tmp_path / "out")
    assert report["nll"] == numbers_of(results)["nll"] and report["averaged"] is True


def test_samples_alone_need_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path = make_checkpoint(tmp_path / "moved.pth", SYNTHETIC)
    checkpoint = torch.load(path, weights_only=True)
    source = {"type": "iam_ondb", "args": {"data_dir": str(tmp_path / "absent")}}
    checkpoint["config"]["data_loader"]["args"]["source"] = source
    save_checkpoint(path, checkpoint)
    with pytest.raises(UserError, match=r"absent.*--data PATH.*--samples-only") as fault:
        experiments.main(["-r", str(path), *FAST])
    assert "\n" not in str(fault.value)
    experiments.main(["-r", str(path), "--samples-only", "--steps", "20", *FAST])
    folder = tmp_path / "evaluation-moved-samples"
    assert sorted(file.name for file in folder.iterdir()) == [
        "density.png", "samples.png", "samples.svg"
    ]  # fmt: skip


def test_other_data_are_named_and_never_taken_by_mistake(checkpoint: Path, tmp_path: Path) -> None:
    """A model of other ink, whose config takes whatever it finds."""
    changed = torch.load(checkpoint, weights_only=True)
    changed["normalisation"]["std"] = [3.0, 2.0]
    path = tmp_path / "other.pth"
    save_checkpoint(path, changed)
    with pytest.raises(UserError, match="not the data that the model was trained on.*--data"):
        experiments.main(["-r", str(path), *FAST])
    assert [file.name for file in tmp_path.iterdir()] == ["other.pth"]


def test_data_in_a_named_folder(checkpoint: Path, tmp_path: Path) -> None:
    from data_loader.export import write_strokes_npy

    trained = load_model(checkpoint, "cpu")
    corpus = open_data(trained, None, "").corpus
    write_strokes_npy(corpus.lines(), tmp_path / "ink")
    arguments = ["-r", str(checkpoint), "--data", str(tmp_path / "ink"), "--split", "trainset"]
    experiments.main([*arguments, "--out", str(tmp_path / "out"), *FAST, "--steps", "9"])
    with open(tmp_path / "out" / "lines.csv", newline="", encoding="utf-8") as file:
        texts = {row["text"] for row in csv.DictReader(file)}
    assert texts < {line.text for line in corpus.lines()}


def test_a_named_folder_without_data_is_an_error(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "absent"):
        with pytest.raises(UserError, match=name) as fault:
            experiments.main(["-r", str(checkpoint), "--data", str(tmp_path / name), *FAST])
        assert "\n" not in str(fault.value)


def test_an_unknown_split_is_named_beside_the_known_ones(checkpoint: Path) -> None:
    before = sorted(checkpoint.parent.iterdir())
    with pytest.raises(UserError, match="'testset_x'.*'testset_t', 'testset_v', 'trainset'"):
        experiments.main(["-r", str(checkpoint), "--split", "testset_x", *FAST])
    assert sorted(checkpoint.parent.iterdir()) == before


def test_nothing_is_left_when_evaluation_fails(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("evaluation.command.save_sheet", fail)
    with pytest.raises(KeyboardInterrupt):
        experiments.main(["-r", str(checkpoint), "--out", str(tmp_path / "out"), *FAST])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "-1"], "--limit: a whole number from 1 to 100,000,000, got '-1'"),
        (["--limit", "many"], "--limit: a whole number from 1 to 100,000,000, got 'many'"),
        (["--bs", "0"], "--bs: a whole number from 1 to 10,000, got '0'"),
        (["--samples", "0"], "--samples: a whole number from 1 to 100,000, got '0'"),
        (["--steps", "1"], "--steps: a whole number from 2 to 100,000, got '1'"),
        (["--seed", "-1"], "--seed: a whole number from 0 to 9,223,372,036,854,775,807, got '-1'"),
        (["--bias", "0", "-0.5"], "--bias: a number from 0 to 100, got '-0.5'"),
        (["--bias", "nan"], "--bias: a number from 0 to 100, got 'nan'"),
        (["--device", "abacus"], "device.*'?abacus"),
        (["--unknown"], "unrecognized arguments: --unknown"),
        (["--style", "a"], "--style: is for writing, which needs --text or --text-file"),
        (["--ruled"], "--ruled: is for writing, which needs --text or --text-file"),
    ],
)
def test_wrong_arguments_are_named(checkpoint: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as fault:
        experiments.main(["-r", str(checkpoint), *arguments])
    assert "\n" not in str(fault.value)


def test_the_command_ends_with_one_line_and_exit_code_2(tmp_path: Path) -> None:
    command = [sys.executable, "experiments.py", "-r", str(tmp_path / "none.pth")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=A_HANG)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"error: {tmp_path / 'none.pth'}: no such file\n"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conditional")
    return make_checkpoint(folder / "model_best.pth", task="conditional")


def test_a_model_with_text_is_measured_on_what_it_writes_too(
    conditional: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    options = ["--device", "cpu", "--samples", "2", "--limit", "3", "--bias", "0.5", "1"]
    experiments.main(["-r", str(conditional), "--out", str(tmp_path / "out"), *options])
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "density.png",
        "lines.csv",
        "metrics.json",
        "primed.png",
        "primed.svg",
        "samples.png",
        "samples.svg",
        "styles.png",
        "styles.svg",
        "window.png",
    ]
    report = numbers_of(tmp_path / "out")
    assert report["task"] == "conditional" and report["lines"] == 3
    printed = capsys.readouterr().out
    for name in ("nll", "nll_per_step_raw", "sse"):
        assert f"{report[name]:.4f}" in printed
    assert [row["bias"] for row in report["written"]] == [0.5, 1.0]
    for row in report["written"]:
        assert row["lines"] == 2 and 0 <= row["reached_step_limit"] <= 2
        assert all(name in printed for name in row)


def test_a_model_with_text_draws_samples_without_data(conditional: Path, tmp_path: Path) -> None:
    options = ["--device", "cpu", "--samples-only", "--bias", "1"]
    experiments.main(["-r", str(conditional), "--out", str(tmp_path / "out"), *options])
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    pictures = ["samples.png", "samples.svg", "styles.png", "styles.svg", "window.png"]
    assert names == ["density.png", *pictures]
