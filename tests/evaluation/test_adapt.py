"""``python -m evaluation.adapt``: a tiny recogniser and a few lines of "own" ink."""

import itertools
import json
import logging
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from tiny_checkpoint import SHORT_LINES, make_checkpoint

import evaluation.adaptation as adaptation
import experiments
from data_loader.export import write_inkml
from data_loader.readers.ink_files import InkFilesReader
from data_loader.readers.inkml import InkmlReader
from data_loader.readers.synthetic import SyntheticReader
from evaluation import adapt
from evaluation.adaptation_config import Adaptation
from handwriting.errors import Interrupted, UserError, run_command
from handwriting.ink.line import Line
from parse_config import ConfigParser
from reading.recogniser import line_reader
from trainer.checkpointing import load_checkpoint
from trainer.loaded_model import load_model

NEW = "§¶"
FILES = ["adaptation.json", "config.json", "loss_curve.png", "metrics.jsonl", "recognition.pth"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkpoints, own ink with two new characters, and other ink."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("adapt")
    for task in ("recognition", "conditional"):
        make_checkpoint(place / f"{task}.pth", SHORT_LINES, task=task)
    reader = SyntheticReader(num_lines=24, num_writers=3, min_characters=3, max_characters=5)
    lines = list(reader.read())
    write_own(place / "own", [line for line in lines if line.writer == "w000"])
    other = [line for line in lines if line.writer != "w000"]
    splits = itertools.cycle(["trainset", "trainset", "testset_v"])
    write_inkml((replace(line, split=next(splits)) for line in other), place / "other")
    return place


def write_own(folder: Path, lines: list[Line]) -> None:
    folder.mkdir()
    rows = []
    for number, line in enumerate(lines):
        ink = json.dumps({"strokes": line.strokes.tolist()})
        (folder / f"{number}.json").write_text(ink)
        rows.append(f"{number}.json\t{line.text}{NEW}\n")
    (folder / "texts.tsv").write_text("".join(rows), encoding="utf-8")


def options(place: Path, target: Path, **changes: object) -> list[str]:
    values = {
        "weights": place / "recognition.pth",
        "ink": place / "own",
        "other": place / "other",
        "prepared": place / "prepared",
        "out": target,
        "device": "cpu",
    } | changes
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


def settings(place: Path, out: Path, **changes: object) -> Adaptation:
    basic = Adaptation(
        weights=place / "recognition.pth",
        ink=place / "own",
        out=out,
        epochs=6,
        epoch_lines=32,
        lr=0.02,
        other=str(place / "other"),
        prepared=str(place / "prepared"),
    )
    return replace(basic, **changes)


@pytest.fixture(scope="module")
def done(place: Path) -> tuple[Path, list[dict]]:
    """The folder of an adaptation, and its table."""
    out = place / "mine"
    return out, adaptation.adapt(settings(place, out))


@cache
def edits(a: str, b: str) -> int:
    """Levenshtein's distance, by its definition."""
    if not a or not b:
        return len(a) + len(b)
    other = edits(a[1:], b[1:]) + (a[0] != b[0])
    return min(other, edits(a[1:], b) + 1, edits(a, b[1:]) + 1)


def error_rate(checkpoint: Path, lines: list[Line]) -> str:
    """The character error rate in percent, read and counted without the evaluation's code."""
    reader = line_reader(load_model(checkpoint, "cpu"), "", careful=False)
    readings = reader.read([line.strokes for line in lines])
    errors = sum(edits(line.text, found.text) for line, found in zip(lines, readings, strict=True))
    return f"{100 * errors / sum(len(line.text) for line in lines):.2f}"


def test_the_table_has_the_errors_of_held_out_lines_before_and_after(place: Path, done) -> None:
    out, rows = done
    readers = [InkFilesReader(str(place / "own")), InkmlReader(str(place / "other"))]
    assert len(rows) == 2
    for row, reader in zip(rows, readers, strict=True):
        held_out = [line for line in reader if line.split == "testset_v"]
        assert row["number"] == str(len(held_out)) != "0"
        assert row["CER % before"] == error_rate(place / "recognition.pth", held_out)
        assert row["after"] == error_rate(out / "recognition.pth", held_out)
        change = float(row["after"]) - float(row["CER % before"])
        assert float(row["change"]) == pytest.approx(change, abs=0.011)
    assert json.loads((out / "adaptation.json").read_text())["rows"] == rows


def test_training_lowers_the_loss_and_validates_each_source(done) -> None:
    out, _ = done
    rows = [json.loads(row) for row in (out / "metrics.jsonl").read_text().splitlines()]
    assert len(rows) == 6
    assert rows[-1]["train.loss"] < 0.9 * rows[0]["train.loss"]
    assert {"val.cer", "val.own.cer", "val.other.cer"} <= rows[0].keys()
    assert rows[0]["lr"] > 10 * rows[-1]["lr"]


def test_new_characters_are_new_entries_of_the_vocabulary(place: Path, done) -> None:
    before = load_model(place / "recognition.pth", "cpu")
    after = load_model(done[0] / "recognition.pth", "cpu")
    known = before.vocabulary.characters
    assert after.vocabulary.characters[: len(known)] == known
    assert set(NEW) <= set(after.vocabulary.characters) - set(known)
    assert after.vocabulary.unk not in after.vocabulary.encode(NEW)
    rows = [model.model.decoder.embedding.weight.shape[0] for model in (before, after)]
    assert rows[1] - rows[0] == len(after.vocabulary.characters) - len(known)


def test_the_results_are_small_and_name_no_temporary_folder(done) -> None:
    out, _ = done
    assert sorted(file.name for file in out.iterdir()) == FILES
    checkpoint = load_checkpoint(out / "recognition.pth")
    assert checkpoint["averaged"] is None and "optimizer" not in checkpoint
    config = json.loads((out / "config.json").read_text())
    assert config == checkpoint["config"]
    assert config["trainer"]["save_dir"] == "saved"
    assert ConfigParser.from_dict(config).to_dict() == config


def test_the_command_prints_the_table_and_what_was_left_out(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "own").mkdir()
    for file in (place / "own").iterdir():
        (tmp_path / "own" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "own/silent.json").write_bytes((place / "own/0.json").read_bytes())
    out = tmp_path / "out"
    adapt.main(options(place, out, epochs=1, ink=tmp_path / "own"))
    printed = capsys.readouterr()
    assert "silent.json: no text in it" in printed.err
    rows = json.loads((out / "adaptation.json").read_text())["rows"]
    for row in rows:
        (line,) = [line for line in printed.out.splitlines() if row["lines"] in line]
        assert line.split()[-4:] == [
            row[name] for name in ("number", "CER % before", "after", "change")
        ]
    assert f"written to {out}: {', '.join(FILES)}" in printed.out


def test_the_same_seed_gives_the_same_weights(place: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        adaptation.adapt(settings(place, folder, epochs=1))
    one, two = (load_checkpoint(folder / "recognition.pth")["model"] for folder in folders)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_time_sets_the_number_of_lines_by_the_speed_that_was_tried(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = iter([12.8])
    monkeypatch.setattr(adaptation, "_lines_per_second", lambda *_: next(speeds))
    adaptation.adapt(settings(place, tmp_path / "out", minutes=0.25))
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert config["trainer"]["epochs"] == 8
    assert config["data_loader"]["args"]["epoch_lines"] == 24  # 0.25 * 60 * 12.8 / 8
    assert config["lr_scheduler"]["args"]["decay_steps"] == 8 * 2 - 1


def test_the_speed_is_tried_with_the_trainer(place: Path, tmp_path: Path) -> None:
    adaptation.adapt(settings(place, tmp_path / "out", minutes=0.002))
    assert (tmp_path / "out/recognition.pth").is_file()


def test_an_interrupted_run_leaves_nothing(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise Interrupted("saved elsewhere")

    monkeypatch.setattr(adaptation.Trainer, "train", stopped)
    with pytest.raises(Interrupted, match="^stopped; nothing was written$"):
        adaptation.adapt(settings(place, tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def one_line(folder: Path, text: str) -> Path:
    folder.mkdir()
    strokes = [[0, 0, 0], [0, 1, 2], [1, 2, -1]]
    (folder / "a.json").write_text(json.dumps({"strokes": strokes, "text": text}))
    return folder


def test_what_cannot_be_adapted_is_refused_before_anything_is_written(
    place: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "there").mkdir()
    cases = {
        "--ink: .*gone: does not exist": {"ink": tmp_path / "gone"},
        "--ink: .*empty: holds no ink": {"ink": tmp_path / "empty"},
        "--ink: .*no line can be used; .*no text": {"ink": one_line(tmp_path / "silent", "")},
        "--ink: .*1 lines with a text, at least 5": {"ink": one_line(tmp_path / "one", "text")},
        "-w: .*'recognition', got one whose task is 'conditional'": {
            "weights": place / "conditional.pth"
        },
        "no such file": {"weights": tmp_path / "gone.pth"},
        "--other: .*gone: does not exist": {"other": tmp_path / "gone"},
        "--other: .*empty holds no iam_ondb": {"other": tmp_path / "empty"},
        "--out: .*there already": {"out": tmp_path / "there"},
        "--share: a number from 0.001 to 0.999, got '1'": {"share": 1},
        "--lr: a number from 1e-09 to 0.1, got '3'": {"lr": 3},
        "not allowed with": {"epochs": 1, "minutes": 1},
        "--device": {"device": "abacus"},
    }
    for message, changes in cases.items():
        with pytest.raises(UserError, match=message) as raised:
            adapt.main(options(place, tmp_path / "out", **changes))
        assert "\n" not in str(raised.value)
        assert not (tmp_path / "out").exists()
    assert list((tmp_path / "there").iterdir()) == []


def test_other_ink_that_is_ones_own_again_is_refused(place: Path, tmp_path: Path) -> None:
    other = list(InkmlReader(str(place / "other")))
    write_inkml(other[:6], tmp_path / "data/mine")
    arguments = options(
        place, tmp_path / "out", ink=tmp_path / "data/mine", other=tmp_path / "data"
    )
    with pytest.raises(UserError, match="holds the ink of --ink itself"):
        adapt.main(arguments)


def test_a_mistake_ends_with_code_2(place: Path, tmp_path: Path) -> None:
    arguments = options(place, tmp_path / "out", ink=tmp_path / "gone")
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: adapt.main(arguments))
    assert ended.value.code == 2


def test_an_adapted_recogniser_is_evaluated_on_its_own_mixture(
    place: Path, tmp_path: Path, done
) -> None:
    checkpoint, out = done[0] / "recognition.pth", tmp_path / "out"
    experiments.main(["-r", str(checkpoint), "--device", "cpu", "--out", str(out)])
    held_out = sum(int(row["number"]) for row in done[1])
    assert json.loads((out / "metrics.json").read_text())["lines"] == held_out


def test_the_log_names_no_file_that_is_gone_in_the_end(
    place: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        adaptation.adapt(settings(place, tmp_path / "out", epochs=1))
    assert "epoch 1/1" in caplog.text and "new to" in caplog.text
    assert "checkpoint.pth" not in caplog.text and "loss_curve" not in caplog.text
