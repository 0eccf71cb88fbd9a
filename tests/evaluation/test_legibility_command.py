"""``experiments.py --recogniser``: how legible what a model writes is."""

import csv
import json
from pathlib import Path

import pytest
import torch
from tiny_checkpoint import SYNTHETIC, make_checkpoint

import experiments
from handwriting.errors import UserError


def run(checkpoint: Path, *arguments: object) -> None:
    experiments.main(["-r", str(checkpoint), "--device", "cpu", *map(str, arguments)])


def test_error_rates_at_each_bias_stand_beside_those_of_real_lines(
    recogniser: Path, writer: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments = ("--bias", "0.5", "2", "--limit", "3", "--samples", "2", "--out", tmp_path)
    run(writer, "--recogniser", recogniser, *arguments)
    printed = capsys.readouterr()
    assert f"recogniser: {recogniser}, epoch 2, trained on synthetic" in printed.out
    assert "not on real ink" in printed.err
    assert "cer_ratio" in printed.out
    found = json.loads((tmp_path / "metrics.json").read_text())["legibility"]
    assert found["recogniser"] == str(recogniser) and found["label_set"] == "all characters"
    assert [(row["ink"], row["bias"], row["lines"]) for row in found["rows"]] == [
        ("real", None, 2), ("written", 0.5, 2), ("written", 2.0, 2)
    ]  # fmt: skip
    with open(tmp_path / "legibility.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    for row in found["rows"]:
        of_row = [
            line for line in rows if (line["bias"] or None) == (row["bias"] and str(row["bias"]))
        ]
        errors = sum(int(line["character_errors"]) for line in of_row)
        assert row["cer"] == pytest.approx(errors / sum(int(line["characters"]) for line in of_row))


@pytest.mark.parametrize(
    ("source", "message"),
    [("auto", "is for you to know"), ("iam_ondb", None)],
)
def test_what_the_recogniser_was_trained_on_is_said(
    recogniser: Path,
    writer: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    source: str,
    message: str | None,
) -> None:
    checkpoint = torch.load(recogniser, weights_only=True)
    named = {"type": source, "args": {"data_dir": "ink"}}
    checkpoint["config"]["data_loader"]["args"]["source"] = named
    torch.save(checkpoint, tmp_path / "other.pth")
    run(writer, "--recogniser", tmp_path / "other.pth", "--text", "a", "--best-of", "2",
        "--out", tmp_path / "out")  # fmt: skip
    printed = capsys.readouterr()
    assert f"trained on {source} (ink)" in printed.out
    assert "real ink" not in printed.err if message is None else message in printed.err


def test_the_draw_that_is_read_best_is_kept(
    recogniser: Path, writer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a reader for whom the last draw is the best of each piece."""
    seen = []

    def by_place(reader):
        def score(candidates):
            seen.append([candidate.seed for candidate in candidates])
            return list(range(len(candidates)))

        return score

    monkeypatch.setattr("writing.command.by_legibility", by_place)
    arguments = ("--text", "to be", "--best-of", "3", "--format", "json")
    monkeypatch.setattr("writing.command.RECOGNISERS", ("absent",))
    run(writer, *arguments, "--out", tmp_path / "own")
    assert not seen
    monkeypatch.setattr("writing.command.RECOGNISERS", (str(recogniser),))
    run(writer, *arguments, "--out", tmp_path / "shipped")
    assert seen
    seen.clear()
    run(writer, *arguments, "--recogniser", recogniser, "--out", tmp_path / "read")
    assert seen and all(len(seeds) % 3 == 0 or len(seeds) == 8 for seeds in seen)


def test_what_does_not_go_together_is_refused(recogniser: Path, writer: Path) -> None:
    text = ("--text", "a", "--recogniser", recogniser)
    cases = [
        (writer, (*text, "--best-of", "1"), "--recogniser: picks one of several draws"),
        (writer, ("--recogniser", recogniser, "--samples-only"), "--recogniser: is about real"),
        (writer, ("--in-hands", "--samples-only"), "--in-hands: is about real lines"),
        (recogniser, ("--in-hands",), "--in-hands: is for a model that writes a text"),
        (writer, ("--in-hands", "--text", "a"), "--in-hands: is for evaluation"),
        (writer, ("--recogniser", writer), "needs a model that reads handwriting"),
        (writer, ("--recogniser", "absent.pth"), "absent.pth"),
        (recogniser, ("--recogniser", recogniser), "is for a model that writes a text"),
    ]
    for checkpoint, arguments, message in cases:
        with pytest.raises(UserError, match=message) as fault:
            run(checkpoint, *arguments)
        assert "\n" not in str(fault.value)


def test_there_must_be_lines_to_write(
    recogniser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = make_checkpoint(tmp_path / "model_best.pth", SYNTHETIC, task="conditional")
    monkeypatch.setattr(
        "evaluation.conditional.ConditionalEvaluator._known", lambda self, texts: []
    )
    with pytest.raises(UserError, match="can write the text of none of the lines"):
        run(writer, "--recogniser", recogniser, "--limit", "1", "--out", tmp_path / "out")
