"""``experiments.py --export``, from a checkpoint to files that stand alone."""

from pathlib import Path

import pytest
from tiny_checkpoint import make_checkpoint

import experiments
from handwriting.errors import UserError
from handwriting.runtime.model_file import read_model_file


def run(*arguments: object) -> None:
    experiments.main([str(argument) for argument in arguments])


def test_models_of_one_folder_are_kept_side_by_side(
    writer: Path, recogniser: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for checkpoint in (writer, recogniser):
        run("-r", checkpoint, "--export", tmp_path / "out", "--limit", "3")
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    expected = [f"{name}{kind}.safetensors" for name in ("recogniser", "writer")
                for kind in (".parity", "")]  # fmt: skip
    assert names == sorted(expected)
    printed = capsys.readouterr().out
    assert "nll of 3 lines of split" in printed and "cer of 3 lines of split" in printed


@pytest.mark.parametrize(("precision", "factor"), [("float32", 1), ("float16", 2), ("int8", 4)])
def test_weights_are_as_small_as_their_numbers(
    writer: Path, tmp_path: Path, precision: str, factor: int
) -> None:
    run("-r", writer, "--export", tmp_path, "--export-weights", precision, "--limit", "1")
    file = read_model_file(tmp_path / "writer.safetensors", "conditional")
    assert file.about["precision"] == precision
    numbers = sum(tensor.size for tensor in file.tensors.values())
    size = (tmp_path / "writer.safetensors").stat().st_size
    # Vectors, scales and small matrices stay float32, and the header has its share.
    assert 4 * numbers / factor < size < 4 * numbers / factor + 20_000


def test_a_file_says_all_that_a_program_has_to_know(exported: Path) -> None:
    about = read_model_file(exported / "writer.safetensors").about
    assert about["symbols"][:4] == ["<pad>", "<sos>", "<eos>", "<unk>"]
    assert about["limits"]["more_steps"] == 100 and about["pieces"]["candidates"] == 8
    assert about["window"]["log_phi_floor"] == -60.0
    about = read_model_file(exported / "recogniser.safetensors").about
    assert len(about["feature_names"]) > 0 and about["reading"]["beam"] == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--export-weights", "int8"], "--export-weights: says more about --export"),
        (["--export", "x", "--text", "a"], "--text: does not go with --export"),
        (["--export", "x", "--export-onnx"], "--export-onnx: does not go with --export"),
        (["--export", "x", "--out", "y"], "--out: does not go with --export"),
    ],
)
def test_what_does_not_go_together_is_refused(
    writer: Path, arguments: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run("-r", writer, *arguments)


def test_a_model_without_an_export_is_refused(tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "model_best.pth")
    with pytest.raises(UserError, match="--export: for models whose task is conditional, rec"):
        run("-r", checkpoint, "--export", tmp_path / "out")
    assert not (tmp_path / "out").exists()
