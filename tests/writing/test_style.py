"""A line of handwriting from a file of its own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_loader.export import write_inkml
from handwriting.errors import DataError
from handwriting.ink.line import Line, strokes_from_points
from handwriting.ink.normalisation import Normalisation
from handwriting.ink.pen_path import PathSampling
from handwriting.runtime.style import in_measure_of, in_units_of, read_style_file

ROWS = [[0, 0, 0], [1, 3, 4], [0, 5, -1], [1, 2, 2]]
STROKES = np.array(ROWS, dtype=np.float32)


def write_json(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_rows_of_numbers(tmp_path: Path) -> None:
    np.save(tmp_path / "line.npy", STROKES)
    for path in (
        tmp_path / "line.npy",
        write_json(tmp_path / "rows.json", ROWS),
        write_json(tmp_path / "no_text.json", {"strokes": ROWS}),
    ):
        line = read_style_file(path)
        assert line.text == "" and line.strokes.dtype == np.float32
        assert np.array_equal(line.strokes, STROKES)


def test_a_text_beside_the_rows(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {"strokes": ROWS, "text": " ab\n c "})
    assert read_style_file(path).text == "ab c"


def test_a_first_offset_is_left_out_and_the_pen_is_lifted_at_the_end(tmp_path: Path) -> None:
    line = read_style_file(write_json(tmp_path / "a.json", [[0, 70, 80], [0, 1, 2]]))
    assert line.strokes.tolist() == [[0, 0, 0], [1, 1, 2]]


def test_inkml(tmp_path: Path) -> None:
    write_inkml([Line(STROKES, "ab", "w", "line", "trainset")], tmp_path / "ink")
    (path,) = (tmp_path / "ink").rglob("*.inkml")
    line = read_style_file(path)
    assert line.text == "ab" and np.array_equal(line.strokes, STROKES)


def test_pages_of_our_own(tmp_path: Path) -> None:
    """Their y grows downwards."""
    lines = [{"text": "ab", "strokes": [[[10, 20], [13, 16]], [[18, 17], [20, 15]]]}]
    document = {"format": "handwriting-pages", "pages": [{"lines": []}, {"lines": lines}]}
    line = read_style_file(write_json(tmp_path / "page.json", document))
    assert line.text == "ab" and np.array_equal(line.strokes, STROKES)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "no known shape"),
        ([[0, 0, 0]], "two rows or more, got an array of shape"),
        ([[0, 0], [1, 2]], r"got an array of shape \[2, 2\]"),
        ([[0, 0, "x"], [1, 1, 1]], "got something else"),
        ([[0, 0, 0], [1, 1, float("nan")]], "must be finite numbers"),
        ([[0, 0, 0], [1, 1e300, 0]], "must be finite numbers"),
        ([[7, 0, 0], [1, 1, 0]], "end_of_stroke.*must be 0 or 1"),
        ({"strokes": ROWS, "text": 5}, "text must be text, got 5"),
        ({"text": "ab"}, "no known shape"),
        ({"pages": [{"lines": []}]}, "no line of writing"),
        ({"pages": 3}, "pages are not as this program writes them"),
        ("words", "got a text"),
    ],
)
def test_other_contents_are_named(tmp_path: Path, document: Any, message: str) -> None:
    path = write_json(tmp_path / "a.json", document)
    with pytest.raises(DataError, match=f"a.json: .*{message}") as fault:
        read_style_file(path)
    assert "\n" not in str(fault.value)


def test_files_that_are_not_what_their_name_says(tmp_path: Path) -> None:
    for name in ("a.json", "a.npy", "a.inkml"):
        (tmp_path / name).write_bytes(b"\x93NUMPY\xff nothing")
        with pytest.raises(DataError, match=name) as fault:
            read_style_file(tmp_path / name)
        assert "\n" not in str(fault.value)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"a.npy: the pickle in it has the opcode \w+, which"):
        read_style_file(tmp_path / "a.npy")


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    for name in ("none.json", "none.npy", "none.inkml"):
        with pytest.raises(DataError, match=name):
            read_style_file(tmp_path / name)
    with pytest.raises(DataError, match=r"from .*, got '.pdf'"):
        read_style_file(tmp_path / "a.pdf")


def test_ink_in_other_units_gets_the_spread_of_the_models_data() -> None:
    normalisation = Normalisation(mean=(8.0, 0.0), std=(40.0, 30.0))
    generator = np.random.default_rng(0)
    strokes = np.zeros((400, 3), dtype=np.float32)
    strokes[1:, 1:] = generator.normal(normalisation.mean, normalisation.std, (399, 2))
    line = Line(strokes, "a", "", "", "")
    same, factor = in_units_of(line, normalisation)
    assert factor == 1 and same is line
    small = Line(strokes * np.array([1, 0.01, 0.01], np.float32), "a", "", "", "")
    scaled, factor = in_units_of(small, normalisation)
    assert factor == pytest.approx(100, rel=0.1)
    assert scaled.strokes.dtype == np.float32
    assert np.allclose(scaled.strokes[:, 1:], strokes[:, 1:] * factor / 100, rtol=1e-4)
    assert np.array_equal(scaled.strokes[:, 0], strokes[:, 0])
    still = Line(np.zeros((3, 3), dtype=np.float32), "a", "", "", "")
    assert in_units_of(still, normalisation)[1] == 1


def test_a_style_of_any_size_and_rate_gets_the_measure_of_the_models_data() -> None:
    t = np.linspace(0, 6 * np.pi, 900)
    loops = np.stack([0.25 * t - 0.4 * np.sin(t), 0.5 - 0.5 * np.cos(t)], axis=1)
    small, large = (
        in_measure_of(
            Line(strokes_from_points([scale * loops[::every]]), "eee", "", "", ""),
            1.0,
            PathSampling(),
        )
        for scale, every in ((0.01, 1), (150.0, 6))
    )
    assert abs(len(small.strokes) - len(large.strokes)) <= 1
    for line in (small, large):
        assert np.ptp(np.cumsum(line.strokes[:, 2])) == pytest.approx(1, abs=0.05)


def test_a_style_without_height_is_an_error() -> None:
    dash = Line(strokes_from_points([np.array([[0.0, 0], [5, 0]])]), "-", "", "", "")
    with pytest.raises(DataError, match="height"):
        in_measure_of(dash, 1.0, None)
