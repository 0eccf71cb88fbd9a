"""Numbers in files of ink are numbers, and no larger than a pen's way can be."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from ink_samples import wave_line

from data_loader.cleaning import Cleaning, clean
from handwriting.errors import DataError
from handwriting.formats.checked_lines import real_numbers
from handwriting.formats.ink_file import ink_in_file, read_ink_file
from handwriting.ink.line import Line
from handwriting.ink.measures import MOST_STEP, longest_step


def refusal(path: Path, document: object) -> str:
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DataError) as fault:
        ink_in_file(path)
    assert str(fault.value).startswith(f"{path}: ") and str(fault.value).isprintable()
    return str(fault.value)


@pytest.mark.parametrize("value", [True, False, "1", None, [1], {}, {"a": 1}])
def test_only_numbers_are_numbers(tmp_path: Path, value: object) -> None:
    rows = [[0, 0, 0], [0, 1, 1], [1, value, 1]]
    refusal(tmp_path / "a.json", rows)
    refusal(tmp_path / "a.json", {"strokes": rows, "text": "a"})
    line = {"text": "a", "strokes": [[[0, 0], [value, 1]]]}
    refusal(tmp_path / "a.json", {"pages": [{"lines": [line]}]})
    with pytest.raises((TypeError, ValueError)):
        real_numbers(rows)


def test_arrays_of_numbers_are_copied_and_those_of_others_refused() -> None:
    for rows in (np.ones((2, 3), np.float32), np.ones((2, 3), object) * 1.0, [np.ones(3)] * 2):
        found = real_numbers(rows)
        assert found.dtype == np.float64 and found.tolist() == [[1, 1, 1]] * 2
        assert found is not rows
    for rows in (np.ones((2, 3), bool), [np.ones(3, complex)] * 2, np.ones((2, 3), object) * 1j):
        with pytest.raises(TypeError):
            real_numbers(rows)


@pytest.mark.parametrize("text", ["a\ud800b", "\udfff", 3, ["a"], "\ud800" * 5000])
def test_texts_that_are_none(tmp_path: Path, text: object) -> None:
    strokes = [[0, 0, 0], [1, 1, 1]]
    message = refusal(tmp_path / "a.json", {"strokes": strokes, "text": text})
    assert "text" in message and len(message) < 250 + len(str(tmp_path))
    line = {"text": text, "strokes": [[[0, 0], [1, 1]]]}
    refusal(tmp_path / "a.json", {"pages": [{"lines": [line]}]})


def with_a_step(length: float, axis: int, at: int = 50) -> np.ndarray:
    rows = wave_line(3).astype(np.float64)
    rows[at, axis] = length * np.abs(rows[:, 2]).max() * 100
    return rows


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("at", [0, 50, -1])
def test_a_step_that_no_pen_makes(tmp_path: Path, axis: int, at: int) -> None:
    rows = with_a_step(1e8, axis, at)
    tracemalloc.start()
    assert f"at once, more than {MOST_STEP:,.0f}" in refusal(tmp_path / "a.json", rows.tolist())
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert longest_step(wave_line(3)) < 20


def test_steps_of_inkml_and_of_dots(tmp_path: Path) -> None:
    path = tmp_path / "a.inkml"
    path.write_text("<ink><trace>0 0, 1 1, 2 0, 1e9 1</trace></ink>")
    with pytest.raises(DataError, match=f"{path}: the pen steps .* at once"):
        ink_in_file(path)
    assert longest_step(np.array([[1.0, 0, 0], [1, 9e9, 0]])) == 0


def test_a_way_that_is_far_longer_than_its_points_tell(tmp_path: Path) -> None:
    rows = [[0, 0, 0], *[[0, 400, 1], [0, -400, -1]] * 400, [1, 1, 1]]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    with pytest.raises(DataError, match="is no writing: 3.* letters' heights of pen's way"):
        read_ink_file(tmp_path / "a.json")


def test_a_corpus_is_cleaned_of_what_no_pen_makes() -> None:
    for cleaning in (Cleaning(), Cleaning(max_step=None, resample=0.01)):
        rows = wave_line(3)
        middle = int(np.flatnonzero(rows[:-1, 0])[0]) + 1  # the pen's way to the next stroke
        rows[middle, 1] = 1e8
        cleaned = clean(Line(rows, "a", "", "1", "trainset"), cleaning)
        assert cleaned.line is None
        assert cleaned.dropped == "a step of more than 500 letters' heights"
