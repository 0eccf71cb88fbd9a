"""``experiments.py --ink``: handwriting in a file, read."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import experiments
from handwriting.errors import UserError
from handwriting.ink.line import strokes_from_points
from handwriting.readings.calibration import (
    LEVELS,
    Calibration,
    Level,
    Logistic,
    TextLikeness,
    calibration_path,
    write_calibration,
)
from handwriting.readings.evidence import FEATURES
from handwriting.readings.text_likeness import TEXT_FEATURES
from trainer.loaded_model import load_model


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Three lines of ink that the file does not divide."""
    at = np.linspace(0, 20 * np.pi, 200)
    waves = np.stack([at / 3, (1 - np.cos(at)) / 2], axis=1)
    strokes = [waves - [0, 3 * line] for line in range(3)]
    path = tmp_path / "page.json"
    path.write_text(json.dumps(strokes_from_points(strokes).tolist()))
    return path


def run(checkpoint: Path, *arguments: object) -> None:
    experiments.main(["-r", str(checkpoint), "--device", "cpu", *map(str, arguments)])


def test_a_line_of_text_is_printed_for_each_line_of_ink(
    recogniser: Path, page: Path, capsys: pytest.CaptureFixture
) -> None:
    for arguments, number in (((), 3), (("--ink-lines", "one"), 1), (("--limit", "2"), 2)):
        run(recogniser, "--ink", page, *arguments)
        assert len(capsys.readouterr().out.splitlines()) == number
    assert not list(recogniser.parent.glob("reading*"))


def test_a_folder_gets_the_text_and_pictures(
    recogniser: Path, page: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run(recogniser, "--ink", page, "--beam", "2", "--out", tmp_path / "out")
    document = json.loads((tmp_path / "out" / "reading.json").read_text(encoding="utf-8"))
    assert [line["text"] for line in document["lines"]] == capsys.readouterr().out.splitlines()
    assert document["settings"]["beam"] == 2 and document["file"] == str(page)
    for line in document["lines"]:
        assert len(line["confidences"]) == len(line["text"])
        assert line["text_in_file"] is None
        assert line["confidence"] is None or 0 <= line["confidence"] <= 1
    for name in ("reading", "attention"):
        with Image.open(tmp_path / "out" / f"{name}.png") as image:
            assert image.convert("L").getextrema()[0] < 100
        assert "<path" in (tmp_path / "out" / f"{name}.svg").read_text(encoding="utf-8")


def test_a_file_with_texts_gives_error_rates(
    recogniser: Path, writer: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Such as a page that a model wrote."""
    run(writer, "--text", "to be\nor not", "--format", "svg,inkml,json", "--out", tmp_path)
    for name in ("page-1.svg", "page-1.inkml", "page.json"):
        capsys.readouterr()
        run(recogniser, "--ink", tmp_path / name)
        printed = capsys.readouterr()
        assert "note: the file has the text of" in printed.err and "error rate" in printed.err


def test_what_does_not_go_together_is_refused(
    recogniser: Path, writer: Path, page: Path, tmp_path: Path
) -> None:
    cases = [
        (recogniser, ("--ink", page, "--text", "a"), "--text: is for writing"),
        (recogniser, ("--ink", page, "--best-of", "2"), "--best-of: is for writing"),
        (recogniser, ("--ink", page, "--split", "testset_v"), "--split: does not go with --ink"),
        (recogniser, ("--ink", page, "--bias", "1"), "--bias: does not go with --ink"),
        (recogniser, ("--ink-lines", "one"), "--ink-lines: says more about --ink"),
        (recogniser, ("--ink", tmp_path / "none.svg"), "none.svg: cannot be read"),
        (recogniser, ("--ink", page, "--ink-lines", "two"), "invalid choice"),
        (recogniser, ("--allow", "digits"), "--allow: says more about --ink"),
        (recogniser, ("--ink", page, "--watch", tmp_path), "--watch: does not go with --ink"),
        (recogniser, ("--watch", page), "is no folder"),
        (recogniser, ("--ink", page, "--format", "gcode"), "--format: .*txt, md"),
        (recogniser, ("--ink", page, "--format", "txt,md"), "--format: .*say where with --out"),
        (recogniser, ("--ink", page, "--format", "pdf"), "--format: .*say where with --out"),
        (recogniser, ("--ink", page, "--words", tmp_path / "none"), "none: cannot be read"),
        (writer, ("--ink", page), "--ink: needs a model that reads handwriting.*'conditional'"),
    ]
    for checkpoint, arguments, message in cases:
        with pytest.raises(UserError, match=message) as fault:
            run(checkpoint, *arguments)
        assert "\n" not in str(fault.value)


def test_a_format_is_printed_in_place_of_the_text(
    recogniser: Path, page: Path, capsys: pytest.CaptureFixture
) -> None:
    run(recogniser, "--ink", page, "--format", "json")
    document = json.loads(capsys.readouterr().out)
    assert sum(len(block["lines"]) for block in document["pages"][0]["blocks"]) == 3


def test_fields_are_read_as_what_may_stand_in_them(
    recogniser: Path, page: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    known = load_model(recogniser, "cpu").vocabulary
    assert known is not None
    (tmp_path / "words").write_text("".join(f"{each}{each}\n" for each in known.characters[:5]))
    run(recogniser, "--ink", page, "--words", tmp_path / "words")
    words = (tmp_path / "words").read_text().splitlines()
    assert set(capsys.readouterr().out.splitlines()) <= set(words)
    allowed = known.characters[-1]
    run(recogniser, "--ink", page, "--allow", allowed)
    assert set(capsys.readouterr().out) <= {allowed, "\n"}


def test_a_calibration_beside_the_checkpoint_is_used(
    recogniser: Path, page: Path, tmp_path: Path
) -> None:
    """One that takes all ink for drawings: nothing is read, unless that is asked for."""
    copy = tmp_path / "copy.pth"
    copy.write_bytes(recogniser.read_bytes())
    size, number = len(TEXT_FEATURES), len(FEATURES)
    level = Level(Logistic((0.0,) * number, (1.0,) * number, (0.0,) * number, 0.0), (0.0,), (0.25,))
    never = Logistic((0.0,) * size, (1.0,) * size, (0.0,) * size, -9.0)
    calibration = Calibration(dict.fromkeys(LEVELS, level), TextLikeness(never, never), {})
    write_calibration(calibration, calibration_path(copy))
    for options, kinds, lines in (((), {"drawing"}, 0), (("--keep-drawings",), set(), 3)):
        out = tmp_path / f"out{lines}"
        run(copy, "--ink", page, "--out", out, *options)
        document = json.loads((out / "reading.json").read_text(encoding="utf-8"))
        assert document["calibrated"] and len(document["lines"]) == lines
        assert {other["kind"] for other in document["pages"][0]["others"]} == kinds
    assert all(line["confidence"] in (0.25, None) for line in document["lines"])
