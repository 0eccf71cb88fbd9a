"""Writing and reading of batches: columns in, columns out, on tiny models with random weights."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from patience import A_HANG

from handwriting.errors import UserError
from handwriting.runtime.batches import FilesToText, TextsToInk
from handwriting.runtime.reader import Reader
from handwriting.runtime.writer import Writer

ROOT = Path(__file__).parents[3]
TEXTS = ["a tree", "\u6f22", "rain", "", "it is"]


@pytest.fixture
def files(exported: Path, tmp_path: Path) -> list[Path]:
    """Three files, of which one is damaged."""
    for name in ("one", "two"):
        Writer(exported).write("rain", seed=len(name)).save(tmp_path / f"{name}.json")
    (tmp_path / "bad.json").write_text("{")
    return [tmp_path / f"{name}.json" for name in ("one", "bad", "two")]


def test_each_text_is_a_row_and_a_bad_one_has_its_error(exported: Path) -> None:
    rows = TextsToInk(exported, hand="lena")({"text": np.array(TEXTS, dtype=object)})
    assert list(rows) == ["text", "hand", "seed", "strokes", "words", "error"]
    assert rows["text"].tolist() == TEXTS
    assert [bool(error) for error in rows["error"]] == [False, True, False, True, False]
    assert "does not know" in rows["error"][1]
    assert [len(strokes) > 0 for strokes in rows["strokes"]] == [True, False, True, False, True]
    assert rows["hand"][0] == "lena"
    assert [word[0] for word in json.loads(rows["words"][0])] == ["a", "tree"]


def test_a_text_is_written_the_same_in_any_batch(exported: Path) -> None:
    write = TextsToInk(exported, seed=4)
    many, alone = write({"text": TEXTS}), write({"text": ["rain"]})
    assert many["seed"][2] == alone["seed"][0]
    assert many["strokes"][2].shape == alone["strokes"][0].shape
    np.testing.assert_allclose(many["strokes"][2], alone["strokes"][0], atol=0.05)
    assert TextsToInk(exported, seed=5)({"text": ["rain"]})["seed"][0] != alone["seed"][0]


def test_numbers_tell_equal_texts_apart(exported: Path) -> None:
    write = TextsToInk(exported)
    same = write({"text": ["rain", "rain"]})["seed"]
    other = write({"text": ["rain", "rain"], "number": np.array([1, 2])})["seed"]
    assert same[0] == same[1]
    assert other[0] != other[1]


def test_wrong_settings_are_an_error_at_once(exported: Path) -> None:
    with pytest.raises(UserError, match="hand: there are 1, such as lena"):
        TextsToInk(exported, hand="tom")
    with pytest.raises(UserError, match="beam"):
        FilesToText(exported, beam=0)


def test_each_file_is_a_row_and_a_damaged_one_has_its_error(
    exported: Path, files: list[Path]
) -> None:
    rows = FilesToText(exported)({"path": [str(path) for path in files]})
    assert list(rows) == ["path", "text", "confidence", "page", "error"]
    assert [bool(error) for error in rows["error"]] == [False, True, False]
    assert rows["error"][1].startswith(f"{files[1]}: ")
    expected = Reader(exported).read(files[0])
    assert rows["text"][0] == expected.text
    assert json.loads(rows["page"][0])["lines"][0]["truth"] == "rain"


def test_contents_are_read_in_place_of_files(exported: Path, files: list[Path]) -> None:
    read = FilesToText(exported)
    names = [f"s3://notes/{path.name}" for path in files]
    rows = read({"path": names, "bytes": [path.read_bytes() for path in files]})
    from_disk = read({"path": [str(path) for path in files]})
    assert rows["text"].tolist() == from_disk["text"].tolist()
    assert rows["error"][1].startswith("s3://notes/bad.json: ")
    assert json.loads(rows["page"][2])["file"] == names[2]


def test_a_fault_of_the_program_is_an_error_of_its_row(
    exported: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = FilesToText(exported)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("broke")

    monkeypatch.setattr(read._reader, "read", broken)
    rows = read({"path": [str(files[0])]})
    assert rows["error"].tolist() == [f"{files[0]}: ZeroDivisionError: broke"]


RAY = """
import sys
import ray
from handwriting.runtime.batches import FilesToText, TextsToInk

texts, files, weights = sys.argv[1:]
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
one = ray.data.ActorPoolStrategy(size=1)
written = ray.data.read_text(texts).map_batches(
    TextsToInk, fn_constructor_kwargs={"weights": weights}, batch_size=8, compute=one
)
rows = written.take_all()
print(sorted((row["text"], len(row["strokes"]) > 0, bool(row["error"])) for row in rows))
read = ray.data.read_binary_files(files, include_paths=True).map_batches(
    FilesToText, fn_constructor_kwargs={"weights": weights}, batch_size=2, compute=one
)
print(sorted((row["path"][-8:], bool(row["error"])) for row in read.take_all()))
"""


def test_ray_data_maps_them(exported: Path, files: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    texts = tmp_path / "texts.txt"
    texts.write_text("rain\n\u6f22\nit is\n", encoding="utf-8")
    (tmp_path / "notes").mkdir()
    for path in files:
        path.rename(tmp_path / "notes" / path.name)
    arguments = [str(texts), str(tmp_path / "notes"), str(exported)]
    command = [sys.executable, "-c", RAY, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=A_HANG)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-2:] == [
        "[('it is', True, False), ('rain', True, False), ('\u6f22', False, True)]",
        "[('bad.json', True), ('one.json', False), ('two.json', False)]",
    ]
