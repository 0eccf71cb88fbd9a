"""Exports: what is written is read back exactly, whole, and over nothing."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from data_loader.export import write_inkml, write_strokes_npy
from data_loader.readers.inkml import InkmlReader
from data_loader.readers.strokes_npy import StrokesNpyReader
from handwriting.errors import DataError
from handwriting.ink.line import Line

TEXTS = ["plain", "<&> \"quotes\" 'n' ]]>", "  spaces  around  ", "naïve — ∂", "tab\there"]


def random_lines(scale: float = 30.0) -> list[Line]:
    """Lines with dots, strokes of all lengths, tiny and huge offsets."""
    rng = np.random.default_rng(3)
    lines = []
    for number, text in enumerate(TEXTS):
        strokes = np.zeros((50, 3), dtype=np.float32)
        strokes[1:, 1:] = rng.normal(0, scale, (49, 2)) * 10.0 ** rng.integers(-9, 4, (49, 2))
        strokes[:, 0] = rng.random(50) < 0.2
        strokes[-1, 0] = 1
        lines.append(Line(strokes, text, f"w{number % 2}", f"set/{number}", "trainset"))
    return lines


WRITERS = [(write_strokes_npy, StrokesNpyReader), (write_inkml, InkmlReader)]


@pytest.mark.parametrize(("write", "reader"), WRITERS)
def test_strokes_and_texts_come_back_exactly(tmp_path, write, reader):
    lines = random_lines()
    assert write(iter(lines), tmp_path / "out") == len(lines)
    found = {line.text: line for line in reader(str(tmp_path / "out"))}
    assert sorted(found) == sorted(TEXTS)
    for line in lines:
        strokes = found[line.text].strokes
        assert strokes.dtype == np.float32
        np.testing.assert_array_equal(strokes, line.strokes)


def test_inkml_keeps_writer_split_and_id(tmp_path):
    lines = random_lines()
    write_inkml(lines, tmp_path / "out")
    found = {
        line.source_id: (line.writer, line.split) for line in InkmlReader(str(tmp_path / "out"))
    }
    assert found == {line.source_id: (line.writer, line.split) for line in lines}


def test_inkml_is_laid_out_as_its_readers_expect(tmp_path):
    strokes = np.array([[0, 0, 0], [1, 1.5, 2], [1, 3, -4]], dtype=np.float32)
    write_inkml([Line(strokes, "it", "", "x", "")], tmp_path / "out")
    text = (tmp_path / "out" / "x.inkml").read_text()
    assert "<trace>0 0, 1.5 -2</trace>\n<trace>4.5 2</trace>" in text
    assert '<annotation type="transcription">it</annotation>' in text
    assert "writer" not in text


def test_numpy_itself_reads_the_strokes(tmp_path):
    lines = random_lines()
    write_strokes_npy(lines, tmp_path)
    array = np.load(tmp_path / "strokes.npy", allow_pickle=True)
    assert array.dtype == object and array.shape == (len(lines),)
    assert all(np.array_equal(a, line.strokes) for a, line in zip(array, lines, strict=True))
    assert (tmp_path / "sentences.txt").read_text(encoding="utf-8").split("\n") == [*TEXTS, ""]


@pytest.mark.parametrize(("write", "reader"), WRITERS)
def test_nothing_is_overwritten(tmp_path, write, reader):
    write(random_lines(), tmp_path / "out")
    before = contents(tmp_path)
    with pytest.raises(DataError, match="exists and is not overwritten"):
        write(random_lines(1.0), tmp_path / "out")
    assert contents(tmp_path) == before


def test_strokes_npy_joins_other_files(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    write_strokes_npy(random_lines(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "notes.txt",
        "strokes.npy",
        "sentences.txt",
    }


@pytest.mark.parametrize("write", [write_strokes_npy, write_inkml])
def test_an_export_that_fails_leaves_nothing(tmp_path, write):
    def failing():
        yield from random_lines()
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write(failing(), tmp_path / "out")
    assert contents(tmp_path) == {}


def test_inkml_is_streamed(tmp_path):
    def counting():
        for number, line in enumerate(random_lines()):
            assert len(list(tmp_path.rglob("*.inkml"))) == number
            yield line

    write_inkml(counting(), tmp_path / "out")


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    assert write_inkml(random_lines(), tmp_path / "out") == len(TEXTS)


def test_two_lines_for_one_file_are_an_error(tmp_path):
    line = random_lines()[0]
    with pytest.raises(DataError, match="is the file of two lines"):
        write_inkml([line, dataclasses.replace(line, source_id="set_0")], tmp_path / "out")
    assert contents(tmp_path) == {}


def test_texts_that_a_form_cannot_hold_are_errors(tmp_path):
    line = random_lines()[0]
    with pytest.raises(DataError, match="line set/0, which has a line break"):
        write_strokes_npy([dataclasses.replace(line, text="a\nb")], tmp_path / "npy")
    with pytest.raises(DataError, match="line set/0: its transcription has a character that XML"):
        write_inkml([dataclasses.replace(line, text="a\x00b")], tmp_path / "ink")
    assert contents(tmp_path) == {}


def test_line_breaks_survive_inkml(tmp_path):
    line = dataclasses.replace(random_lines()[0], text="a\r\nb\n")
    write_inkml([line], tmp_path / "out")
    (found,) = InkmlReader(str(tmp_path / "out"))
    assert found.text == line.text


def test_a_source_id_cannot_leave_the_folder(tmp_path):
    line = dataclasses.replace(random_lines()[0], source_id="../../escape")
    write_inkml([line], tmp_path / "a" / "out")
    (path,) = contents(tmp_path)
    assert Path(path).parts[:2] == ("a", "out")


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder with their contents."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}
