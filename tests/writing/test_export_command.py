"""``experiments.py --export-onnx`` and ``--onnx``, from a checkpoint to files and ink."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_checkpoint import SHORT_LINES, SYNTHETIC, make_checkpoint

import experiments
from handwriting.errors import UserError

FILES = ["metrics.json", "step.int8.onnx", "step.json", "step.onnx"]


@pytest.fixture(scope="module", params=["conditional", "unconditional"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    return make_checkpoint(folder / "model_best.pth", SHORT_LINES, task=request.param)


@pytest.fixture(scope="module")
def exported(checkpoint: Path) -> Path:
    """The folder that the export goes to by itself."""
    run(checkpoint, "--export-onnx", "--limit", "3", "--bs", "2")
    return checkpoint.parent / "onnx-model_best"


def run(checkpoint: Path, *arguments: str) -> None:
    experiments.main(["-r", str(checkpoint), *arguments])


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def pictures(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.png"))}


def test_the_files_are_whole_and_measured_on_the_same_lines(exported: Path) -> None:
    assert sorted(file.name for file in exported.iterdir()) == FILES
    report = metrics(exported)
    assert report["lines"] == 3
    torch_row, float_row, int8_row = report["steps"]
    assert float_row["nll"] == pytest.approx(torch_row["nll"], rel=1e-5)
    assert float_row["difference"] < 1e-4 < int8_row["difference"] < 0.1
    assert int8_row["nll"] == pytest.approx(torch_row["nll"], rel=0.01)
    assert int8_row["nll"] != float_row["nll"]


def test_the_nll_is_that_of_the_evaluation(
    checkpoint: Path, exported: Path, tmp_path: Path
) -> None:
    run(checkpoint, "--limit", "3", "--samples", "1", "--steps", "5", "--out", str(tmp_path))
    row = metrics(exported)["steps"][0]
    assert row["nll"] == pytest.approx(metrics(tmp_path)["nll"], rel=1e-5)


def test_samples_with_the_export_are_those_of_torch(
    checkpoint: Path, exported: Path, tmp_path: Path
) -> None:
    options = ["--samples-only", "--bias", "0.5", "--steps", "15"]
    for name, onnx in (("torch", []), ("onnx", ["--onnx", str(exported / "step.onnx")])):
        run(checkpoint, *options, *onnx, "--out", str(tmp_path / name))
    assert pictures(tmp_path / "onnx").keys() == pictures(tmp_path / "torch").keys()


def test_without_data_there_are_files_and_a_line_that_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_arguments: object) -> None:
        raise UserError("iam_ondb: nothing there")

    monkeypatch.setattr("writing.export_command.open_data", nothing)
    checkpoint = make_checkpoint(tmp_path / "model_best.pth")
    run(checkpoint, "--export-onnx", "--out", str(tmp_path / "out"))
    printed = capsys.readouterr()
    assert "no likelihoods: iam_ondb: nothing there" in printed.out + printed.err
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == FILES
    assert "nll" not in metrics(tmp_path / "out")["steps"][0]


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writer")
    checkpoint = make_checkpoint(folder / "model_best.pth", SYNTHETIC, task="conditional")
    run(checkpoint, "--export-onnx", "--limit", "1", "--out", str(folder / "onnx"))
    return checkpoint


@pytest.mark.parametrize("file", ["step.onnx", "step.int8.onnx"])
def test_a_text_is_written_with_an_export(writer: Path, file: str, tmp_path: Path) -> None:
    options = ["--text", "to be", "--format", "json"]
    onnx = ["--onnx", str(writer.parent / "onnx" / file)]
    run(writer, *options, *onnx, "--out", str(tmp_path / "onnx"))
    run(writer, *options, "--out", str(tmp_path / "torch"))
    mine, expected = (ink(tmp_path / name) for name in ("onnx", "torch"))
    if file == "step.onnx":
        assert mine.shape == expected.shape
        np.testing.assert_allclose(mine, expected, rtol=1e-3, atol=0.05)
    assert len(mine) > 10


def ink(folder: Path) -> np.ndarray:
    """All points of a page's strokes, in mm."""
    document = json.loads((folder / "page.json").read_text(encoding="utf-8"))
    lines = [line for page in document["pages"] for line in page["lines"]]
    return np.array([point for line in lines for stroke in line["strokes"] for point in stroke])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--export-onnx", "--text", "a"], "--text: does not go with --export-onnx"),
        (["--export-onnx", "--steps", "5"], "--steps: does not go with --export-onnx"),
        (["--export-onnx", "--onnx", "x"], "--onnx: does not go with --export-onnx"),
        (["--export-onnx", "--device", "cuda"], "--device: ONNX runs on the CPU here, got 'cuda'"),
        (["--onnx", "x"], "--onnx: is for writing, with --text, --text-file or --samples-only"),
        (
            ["--text", "a", "--onnx", "x", "--precision", "bfloat16"],
            "--precision: is of the matrix products in torch",
        ),
        (["--text", "a", "--onnx", "nowhere/step.onnx"], "nowhere/step.json: cannot be read"),
        (["--export-onnx", "--split", "none"], "'none'"),
        (["--export-onnx", "--data", "nowhere"], "nowhere: does not exist"),
    ],
)
def test_what_does_not_go_together_is_refused(
    writer: Path, arguments: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        run(writer, *arguments, "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_export_of_other_weights_is_refused(writer: Path, tmp_path: Path) -> None:
    other = make_checkpoint(tmp_path / "other.pth", SHORT_LINES, task="conditional")
    step = str(writer.parent / "onnx" / "step.onnx")
    with pytest.raises(UserError, match="exported from other weights than those of .*other.pth"):
        run(other, "--samples-only", "--onnx", step, "--out", str(tmp_path / "out"))


def test_a_language_model_has_no_pen_step(tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "model_best.pth", SHORT_LINES, task="language")
    message = "--export-onnx is for models that write, got one whose task is 'language'"
    with pytest.raises(UserError, match=message):
        run(checkpoint, "--export-onnx")


def test_a_missing_package_leaves_nothing_behind(
    writer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match="onnxruntime: is not installed"):
        run(writer, "--export-onnx", "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_the_program_of_the_docs_writes_a_line(checkpoint: Path, exported: Path) -> None:
    if "unconditional" in str(checkpoint):
        pytest.skip("the program writes a text")
    page = (Path(__file__).parents[2] / "docs" / "onnx.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    command = [sys.executable, "-c", program, str(exported), "the song"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
