"""``experiments.py --text`` from a checkpoint to pages."""

import gzip
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from patience import A_HANG
from PIL import Image
from tiny_checkpoint import SYNTHETIC, make_checkpoint

import experiments
from data_loader.export import write_inkml
from data_loader.readers.synthetic import SyntheticReader
from handwriting.errors import UserError
from handwriting.formats.registry import WRITTEN_FORMATS
from handwriting.runtime.hands import Hand, write_hands
from handwriting.runtime.synthesis import Prime

ROOT = Path(__file__).parents[2]
TEXT = "to be\n\nor not"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    return make_checkpoint(folder / "model_best.pth", task="conditional")


@pytest.fixture(scope="module")
def unconditional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("other") / "model_best.pth")


@pytest.fixture(autouse=True)
def no_recogniser_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece is drawn once then, which is quicker."""
    monkeypatch.setattr("writing.command.RECOGNISERS", ())


def run(checkpoint: Path, *arguments: str, out: Path | None = None) -> None:
    place = ["--out", str(out)] if out else []
    experiments.main(["-r", str(checkpoint), "--device", "cpu", *place, *arguments])


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder that are not hidden."""
    files = [file for file in sorted(folder.iterdir()) if not file.name.startswith(".")]
    return {file.name: file.read_bytes() for file in files}


def written_lines(folder: Path) -> list[str]:
    document = json.loads((folder / "page.json").read_text(encoding="utf-8"))
    return [line["text"] for page in document["pages"] for line in page["lines"]]


def a_line() -> tuple[str, str]:
    """Id and text of a line of the data."""
    line = next(SyntheticReader(**SYNTHETIC["args"]).read())
    return line.source_id, line.text


def test_every_format_is_written(checkpoint: Path, tmp_path: Path) -> None:
    run(checkpoint, "--text", TEXT, "--format", ",".join(WRITTEN_FORMATS), out=tmp_path / "out")
    files = contents(tmp_path / "out")
    assert sorted(files) == sorted(
        [
            *("page-1.svg", "page-1.png", "page-1.gif", "page-1.apng", "page-1.inkml"),
            *("page-1.gcode", "page-1.hpgl", "page.json", "page.pdf", "page.xopp"),
        ]
    )
    assert ElementTree.fromstring(files["page-1.svg"]).findall(".//{*}path")
    assert ElementTree.fromstring(files["page-1.inkml"]).findall(".//{*}trace")
    with Image.open(io.BytesIO(files["page-1.png"])) as image:
        assert image.convert("L").getextrema()[0] < 100
    with Image.open(io.BytesIO(files["page-1.gif"])) as image:
        assert image.n_frames > 1
    assert b"G21" in files["page-1.gcode"]
    assert b"<stroke" in gzip.decompress(files["page.xopp"])


def test_words_are_in_order_and_paragraphs_are_kept(checkpoint: Path, tmp_path: Path) -> None:
    run(checkpoint, "--text", TEXT, "--format", "json", out=tmp_path / "out")
    words = " ".join(written_lines(tmp_path / "out")).split()
    assert words and words == [word for word in TEXT.split() if word in words]
    lines = written_lines(tmp_path / "out")
    assert not any("be" in line.split() and "or" in line.split() for line in lines)


def test_the_seed_decides_everything(checkpoint: Path, tmp_path: Path) -> None:
    for name, seed in (("a", "5"), ("again", "5"), ("other", "6")):
        arguments = ("--text", TEXT, "--seed", seed, "--format", "svg,json")
        run(checkpoint, *arguments, out=tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "again")
    assert contents(tmp_path / "a") != contents(tmp_path / "other")


def test_a_file_of_text_is_written_like_the_text(checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    run(checkpoint, "--text", TEXT, out=tmp_path / "text")
    run(checkpoint, "--text-file", str(path), out=tmp_path / "file")
    assert contents(tmp_path / "text") == contents(tmp_path / "file")


def test_escapes_of_newlines_are_newlines(checkpoint: Path, tmp_path: Path) -> None:
    for name, text in (("escaped", TEXT.replace("\n", "\\n")), ("plain", TEXT)):
        run(checkpoint, "--text", text, "--format", "json", out=tmp_path / name)
    assert contents(tmp_path / "escaped") == contents(tmp_path / "plain")


def test_the_results_are_beside_the_checkpoint_by_default(
    checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    run(checkpoint, "--text", "no")
    folder = checkpoint.parent / "written-model_best"
    assert sorted(contents(folder)) == ["page-1.png", "page-1.svg"]
    printed = capsys.readouterr().out
    assert str(folder) in printed and "1 word on 1 page in" in printed


def test_a_style_changes_the_hand(checkpoint: Path, tmp_path: Path) -> None:
    """By the id of a line, or from a file that has that line."""
    line_id, text = a_line()
    line = next(SyntheticReader(**SYNTHETIC["args"]).read())
    write_inkml([line], tmp_path / "ink")
    (inkml,) = (tmp_path / "ink").rglob("*.inkml")
    np.save(tmp_path / "line.npy", line.strokes)
    options = ("--text", "to be", "--format", "json")
    run(checkpoint, *options, out=tmp_path / "none")
    run(checkpoint, *options, "--style", line_id, out=tmp_path / "id")
    run(checkpoint, *options, "--style", str(inkml), out=tmp_path / "inkml")
    npy = ("--style", str(tmp_path / "line.npy"), "--style-text", text)
    run(checkpoint, *options, *npy, out=tmp_path / "npy")
    assert contents(tmp_path / "id") == contents(tmp_path / "inkml") == contents(tmp_path / "npy")
    assert contents(tmp_path / "id") != contents(tmp_path / "none")


def test_a_hand_is_a_style_with_a_name(checkpoint: Path, tmp_path: Path) -> None:
    line_id, text = a_line()
    line = next(SyntheticReader(**SYNTHETIC["args"]).read())
    options = ("--text", "to be", "--format", "json")
    run(checkpoint, *options, "--style", line_id, out=tmp_path / "style")
    with pytest.raises(UserError, match="hand: there are none; got 'lena'"):
        run(checkpoint, *options, "--hand", "lena", out=tmp_path / "hand")
    hands = checkpoint.parent / "hands.safetensors"
    write_hands([Hand("lena", Prime(line.strokes, text))], hands)
    try:
        run(checkpoint, *options, "--hand", "lena", out=tmp_path / "hand")
        with pytest.raises(UserError, match="there are 1, such as lena; got 'lina'"):
            run(checkpoint, *options, "--hand", "lina", out=tmp_path / "none")
    finally:
        hands.unlink()
    assert contents(tmp_path / "hand") == contents(tmp_path / "style")
    with pytest.raises(UserError, match="--hand, --style: give one of them"):
        run(checkpoint, *options, "--hand", "lena", "--style", line_id, out=tmp_path / "both")


def test_what_was_written_can_be_a_style(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """It is in mm, and so made larger."""
    run(checkpoint, "--text", "to be", "--format", "json", out=tmp_path / "page")
    options = ("--text", "to be", "--format", "json", "--style", str(tmp_path / "page/page.json"))
    run(checkpoint, *options, out=tmp_path / "out")
    assert "times as large" in capsys.readouterr().err


def test_the_page_is_as_asked_for(checkpoint: Path, tmp_path: Path) -> None:
    options = "--page-width 100 --lines-per-page 4 --line-spacing 8 --ruled --align right"
    run(checkpoint, "--text", "to be", "--format", "json", *options.split(), out=tmp_path / "out")
    (page,) = json.loads((tmp_path / "out" / "page.json").read_text())["pages"]
    assert page["width"] == 100 and len(page["rules"]) == 4
    assert np.diff(page["rules"]) == pytest.approx(8)
    right = max(x for line in page["lines"] for stroke in line["strokes"] for x, _ in stroke)
    assert right == pytest.approx(100 - 18, abs=0.01)


def test_paper_by_name_and_writing_that_fits_on_it(checkpoint: Path, tmp_path: Path) -> None:
    options = "--page a6 --landscape --margin 5 --fit --drift 1 --hyphenate en_GB --pen-width 0.3"
    text = "to be or not to be"
    run(checkpoint, "--text", text, "--format", "json", *options.split(), out=tmp_path / "out")
    (page,) = json.loads((tmp_path / "out" / "page.json").read_text())["pages"]
    assert (page["width"], page["height"], page["pen_width"]) == (148, 105, 0.3)
    assert page["lines"][-1]["baseline"] > 60


def test_parts_in_colour(checkpoint: Path, tmp_path: Path) -> None:
    options = ("--text", "to [red]be[/red] or", "--markup", "--format", "json")
    run(checkpoint, *options, out=tmp_path / "out")
    (page,) = json.loads((tmp_path / "out" / "page.json").read_text())["pages"]
    assert len(page["pens"]) == 2
    assert "[" not in " ".join(written_lines(tmp_path / "out"))


def test_a_text_for_each_row_of_a_table(checkpoint: Path, tmp_path: Path) -> None:
    table = tmp_path / "names.csv"
    table.write_text("name,age\nAnn,7\nBob,80\n")
    options = ("--csv", str(table), "--template", "to {name}\nat {age}", "--format", "svg")
    run(checkpoint, *options, out=tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == ["1-page-1.svg", "2-page-1.svg"]
    run(checkpoint, "--text", "no", "--format", "svg", out=tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == ["page-1.svg"]


def test_the_plotters_commands(checkpoint: Path, tmp_path: Path) -> None:
    options = ["--pen-up", "M5\\nG4 P1", "--pen-down", "M3 S90", "--feed-rate", "1234"]
    options += ["--travel-rate", "4321"]
    run(checkpoint, "--text", "no", "--format", "gcode", *options, out=tmp_path / "out")
    lines = (tmp_path / "out" / "page-1.gcode").read_text().splitlines()
    assert {"M5", "G4 P1", "M3 S90"} <= set(lines)
    assert any("F1234" in line for line in lines) and any("F4321" in line for line in lines)


def test_unknown_characters_are_replaced_when_asked(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    options = ("--text", "no “tea”漢", "--format", "json", "--replace-unknown")
    run(checkpoint, *options, out=tmp_path / "out")
    printed = capsys.readouterr().err
    assert "'“' becomes '\"'" in printed
    assert "--text: left out: line 1, column 9: '漢'" in printed
    run(checkpoint, "--text", 'no "tea"', "--format", "json", out=tmp_path / "plain")
    assert contents(tmp_path / "out") == contents(tmp_path / "plain")


def test_characters_that_the_model_lacks_are_on_the_page(checkpoint: Path, tmp_path: Path) -> None:
    run(checkpoint, "--text", "né 5€", "--format", "json", out=tmp_path / "out")
    words = " ".join(written_lines(tmp_path / "out")).split()
    assert "5€" in words or "€" in words


def test_the_best_of_several_is_another_one(checkpoint: Path, tmp_path: Path) -> None:
    options = ("--text", "to be\nor not\nto be\nno", "--format", "json")
    run(checkpoint, *options, out=tmp_path / "one")
    run(checkpoint, *options, "--best-of", "12", out=tmp_path / "best")
    assert contents(tmp_path / "one") != contents(tmp_path / "best")


def test_a_lower_precision_changes_the_strokes(checkpoint: Path, tmp_path: Path) -> None:
    options = ("--text", "to be\nor not", "--format", "json")
    for name in ("float32", "bfloat16"):
        run(checkpoint, *options, "--precision", name, out=tmp_path / name)
    run(checkpoint, *options, out=tmp_path / "default")
    assert contents(tmp_path / "default") == contents(tmp_path / "float32")
    assert contents(tmp_path / "default") != contents(tmp_path / "bfloat16")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", " \n "], "--text: there is nothing in it to write"),
        (["--text", "a漢b☂"], r"--text: .*column 2: '漢' \(U\+6F22\); line 1, column 4: '☂'"),
        (["--text", "漢", "--replace-unknown"], "--text: there is nothing in it to write"),
        (["--text", "a", "--text-file", "b"], "--text, --text-file: give one of them"),
        (["--text", "a", "--csv", "b"], "--text, --csv: give one of them"),
        (["--csv", "b.csv"], "--csv: needs a text for its rows, --template or --template-file"),
        (["--csv", "none.csv", "--template", "a"], "none.csv: cannot be read: No such file"),
        (["--text", "a", "--template", "b"], "--template: is for the rows of --csv"),
        (["--text", "a", "--page", "a9"], "page: one of a3, .* or such as 90x55 in mm, got 'a9'"),
        (["--text", "a", "--page", "a5", "--page-width", "9"], "--page-width: is what --page says"),
        (["--text", "a", "--page", "20x20"], "page_width: must leave room"),
        (["--text", "a", "--short-travel"], "--short-travel: is for plotters"),
        (["--text", "a", "--hyphenate", "xx"], "hyphenate: no rules for 'xx'"),
        (["--text", "a[red]b", "--markup"], r"--text, line 1, column 2: \[red\] is not closed"),
        (["--text", "a", "--style", "b.doc"], "--style b.doc: cannot be read: No such file"),
        (
            ["--text", "a", "--style", str(ROOT / "pyproject.toml")],
            "--style .*pyproject.toml: is no file of",
        ),
        (["--text", "a", "--style", str(ROOT)], "--style .*: is no file of ink"),
        (["--text-file", "none.txt"], "--text-file none.txt: cannot be read: No such file"),
        (["--text", "a", "--format", "svg,bmp"], "format: .*got bmp"),
        (["--text", "a", "--format", ""], "format: .*got none"),
        (["--text", "a", "--bias", "1", "2"], "--bias: one bias to write with, got 2"),
        (["--text", "a", "--samples", "3"], "--samples: is for evaluation"),
        (["--text", "a", "--split", "trainset"], "--split: is for evaluation"),
        (["--text", "a", "--samples-only"], "--samples-only: is for evaluation"),
        (["--text", "a", "--style-text", "b"], "--style-text: says more about --style"),
        (["--text", "a", "--data", "b"], "--data: says more about --style"),
        (["--text", "a", "--pen-up", "M5"], "--pen-up: is for G-code"),
        (["--text", "a", "--style", "none.npy"], "none.npy: cannot be read: No such file"),
        (["--text", "a", "--style", "none"], "--style: no such file, and no such line.*'none'"),
        (["--text", "a", "--best-of", "0"], "--best-of: a whole number from 1 to 1,000, got '0'"),
        (["--text", "a", "--precision", "half"], "--precision: invalid choice: 'half'"),
        (["--text", "a", "--page-width", "0"], "--page-width: a number from 1 to 1,000, got '0'"),
        (["--text", "a", "--page-width", "30"], "page_width: must leave room"),
        (["--text", "a", "--align", "middle"], "--align: invalid choice: 'middle'"),
        (
            ["--text", "a", "--feed-rate", "-1", "--format", "gcode"],
            "--feed-rate: a number from 0.1 to 100,000",
        ),
        (["--text", "a", "--format", "gcode", "--pen-up", ""], "pen_up: .*at least 1 character"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_written(
    checkpoint: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message) as fault:
        run(checkpoint, *arguments, out=tmp_path / "out")
    assert "\n" not in str(fault.value)
    assert not (tmp_path / "out").exists()


def test_a_style_whose_text_is_not_known(checkpoint: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((5, 3), dtype=np.float32))
    style = ("--text", "a", "--style", str(tmp_path / "a.npy"))
    with pytest.raises(UserError, match=r"a.npy: its text is not known; give it with --style-text"):
        run(checkpoint, *style)
    with pytest.raises(UserError, match="the text of --style .*a.npy: .*does not know.*'漢'"):
        run(checkpoint, *style, "--style-text", "漢")
    with pytest.raises(UserError, match="--data: is for a --style that is a line of the data"):
        run(checkpoint, *style, "--style-text", "a", "--data", str(tmp_path))


def test_text_that_is_not_utf_8(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc\xff")
    with pytest.raises(UserError, match=r"--text-file .*a.txt: is not UTF-8 text \(byte 4\)"):
        run(checkpoint, "--text-file", str(tmp_path / "a.txt"))


def test_a_model_of_another_task_is_named(unconditional: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model_best.pth: .*'conditional', got .*'unconditional'"):
        run(unconditional, "--text", "a", out=tmp_path / "out")


def test_a_file_in_the_place_of_the_folder(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="out: is a file"):
        run(checkpoint, "--text", "a", out=tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_the_process_reads_standard_input_and_ends_with_one_line(
    checkpoint: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "experiments.py", "-r", str(checkpoint), "--device", "cpu"]
    command += ["--text-file", "-", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, input=" ", timeout=A_HANG
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --text-file -: there is nothing in it to write\n"
    assert not (tmp_path / "out").exists()


def test_standard_input_is_written(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    run(checkpoint, "--text-file", "-", "--format", "json", out=tmp_path / "piped")
    run(checkpoint, "--text", TEXT, "--format", "json", out=tmp_path / "text")
    assert contents(tmp_path / "piped") == contents(tmp_path / "text")
