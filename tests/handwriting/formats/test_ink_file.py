"""Lines of handwriting from files."""

import json
from pathlib import Path

import numpy as np
import pytest
from ink_samples import page, wave_line, waves
from sample_files import SAMPLES, write_sample

from data_loader.export import write_inkml
from handwriting.errors import DataError
from handwriting.formats.ink_file import MOST_POINTS, ink_in_file, read_ink_file
from handwriting.formats.page_files import write_pages
from handwriting.formats.registry import READ_SUFFIXES
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points
from handwriting.pages import AlignedLine, layout_pages

TEXTS = ["to be", "or not", "to be"]


def test_every_format_has_a_sample() -> None:
    assert set(SAMPLES) == set(READ_SUFFIXES)


@pytest.mark.parametrize("suffix", SAMPLES)
def test_every_format_gives_the_same_lines(tmp_path: Path, suffix: str) -> None:
    strokes, groups = page(3)
    path = write_sample(tmp_path / f"a{suffix}", strokes)
    lines = read_ink_file(path)
    assert [line.source_id for line in lines] == ["a#1", "a#2", "a#3"]
    for line, group in zip(lines, groups, strict=True):
        wanted = strokes_from_points([strokes[at] for at in group])
        assert line.strokes.dtype == np.float32 and line.text == ""
        assert np.allclose(line.strokes, wanted, atol=1e-3)
    (whole,) = read_ink_file(path, divide=False)
    assert len(whole.strokes) == sum(map(len, strokes))


@pytest.mark.parametrize("format_name", ["svg", "json", "inkml", "xopp"])
def test_pages_of_ours_give_their_lines_with_their_texts(tmp_path: Path, format_name: str) -> None:
    strokes = wave_line()
    ends = np.flatnonzero(strokes[:, 0])
    written = [
        AlignedLine(
            strokes,
            text + "\n",
            np.where(np.arange(len(strokes)) <= ends[0], 0, text.index(" ") + 1),
        )
        for text in TEXTS
    ]
    pages = layout_pages(written).pages
    (path,) = write_pages(pages, tmp_path, (format_name,))
    lines = read_ink_file(path)
    assert [line.text for line in lines] == TEXTS
    for line in lines:
        points = np.concatenate(points_from_strokes(line.strokes))
        assert (points[:, 1] >= -1e-3 * np.ptp(points[:, 1])).all()  # y upwards: it starts low
        assert len(line.strokes) > 50


def test_a_corpus_of_lines(tmp_path: Path) -> None:
    records = np.empty(2, dtype=object)
    records[0], records[1] = wave_line(1), wave_line(3)
    np.save(tmp_path / "strokes.npy", records, allow_pickle=True)
    lines = read_ink_file(tmp_path / "strokes.npy")
    assert [len(line.strokes) for line in lines] == [121, 363]
    assert [line.source_id for line in lines] == ["strokes#0", "strokes#1"]
    np.save(tmp_path / "same.npy", np.stack([wave_line(1)] * 3))
    assert len(read_ink_file(tmp_path / "same.npy")) == 3


def test_what_has_a_text_is_a_line(tmp_path: Path) -> None:
    strokes, _ = page(3)
    line = Line(strokes_from_points(strokes), "all of it", "w", "line", "trainset")
    write_inkml([line], tmp_path / "ink")
    (path,) = (tmp_path / "ink").rglob("*.inkml")
    (found,) = read_ink_file(path)
    assert found.text == "all of it" and len(found.strokes) == len(line.strokes)


def test_a_dot_in_a_page_of_lines_is_left_out(tmp_path: Path) -> None:
    dot = [{"text": ".", "strokes": [[[1, 1]]]}, {"text": "w", "strokes": [waves()[0].tolist()]}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"pages": [{"lines": dot}]}))
    assert [line.text for line in ink_in_file(path)] == [".", "w"]
    assert [line.text for line in read_ink_file(path)] == ["w"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.svg", b"", "is empty"),
        ("a.json", b"", "is empty"),
        ("a.svg", b"<svg/>", "no ink: no path"),
        ("a.svg", b'<svg><path d="M1 1L1 1"/></svg>', "no ink to read: nothing.* more than a dot"),
        ("a.svg", b'<svg><path d="M0 0L1e39 1"/></svg>', "must be finite"),
        ("a.svg", b'<svg><path d="M0 0L1e400 1"/></svg>', "coordinate is not finite"),
        ("a.svg", b"hello", "a.svg: line 1: malformed XML"),
        ("a.inkml", b"<ink/>", "no trace with a point"),
        ("a.inkml", b"<ink><trace>1 NaN, 2 3</trace></ink>", "a.inkml: .*line 1"),
        ("a.json", b"[[0, 0, 0], [1, NaN, 0]]", "must be finite"),
        ("a.json", b"{", "not JSON"),
        (
            "a.json",
            b'{"pages": [{"lines": [{"text": "a", "strokes": [[1, 2]]}]}]}',
            "its pages are not as",
        ),
        ("a.npy", b"hello", "is no whole .npy file"),
        ("a.pdf", b"hello", "ink is read from .*, got '.pdf'"),
        ("a", b"hello", "got 'no suffix'"),
    ],
)
def test_files_without_ink(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as fault:
        read_ink_file(path)
    assert str(path) in str(fault.value) and "\n" not in str(fault.value)


def test_missing_files(tmp_path: Path) -> None:
    for suffix in READ_SUFFIXES:
        with pytest.raises(DataError, match=f"none{suffix}: .*No such file"):
            read_ink_file(tmp_path / f"none{suffix}")


def test_arrays_that_are_no_lines(tmp_path: Path) -> None:
    for array, message in (
        (np.zeros(0), "a.npy: strokes are"),
        (np.zeros((2, 2)), r"got an array of shape \[2, 2\]"),
        (np.zeros((1, 2, 4)), r"a.npy: line 0: .*\[2, 4\]"),
        (np.array(["a"]), "a.npy"),
    ):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(DataError, match=message):
            read_ink_file(tmp_path / "a.npy")


def test_huge_lines(tmp_path: Path) -> None:
    dense = np.repeat(wave_line(4), MOST_POINTS // 400, axis=0) / [1, 25, 25]
    dense[:, 0] = 0
    cases = {
        "dense": (dense, r"12,100 points, a line of writing has 10,000 at most; give one line"),
        "wide": (
            [[0, 0, 0], [1, 0, 1], *[[0, 500, 0]] * 4, [1, 0, 1]],
            "2,000 letters' heights wide",
        ),
        "tall": (strokes_from_points(page(20)[0]), "high"),
    }
    for name, (rows, message) in cases.items():
        np.save(tmp_path / f"{name}.npy", np.asarray(rows))
        with pytest.raises(DataError, match=f"{name}.npy: .*{message}"):
            read_ink_file(tmp_path / f"{name}.npy", divide=name == "dense")
    assert len(read_ink_file(tmp_path / "tall.npy")) == 20
    with pytest.raises(DataError, match="leave --ink-lines one out"):
        read_ink_file(tmp_path / "tall.npy", divide=False)


def test_a_dash_and_an_upright_are_lines(tmp_path: Path) -> None:
    for rows in ([[0, 0, 0], [1, 5, 0]], [[0, 0, 0], [1, 0, 5]]):
        np.save(tmp_path / "a.npy", np.array(rows, dtype=float))
        assert len(read_ink_file(tmp_path / "a.npy")) == 1
