"""Shapes of JSON that web pages record ink in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ink_samples import waves

from handwriting.errors import DataError
from handwriting.formats.canvas_reader import seconds
from handwriting.formats.document import InkPage
from handwriting.formats.ink_file import document_in_file, ink_in_file

STROKES = [(stroke * [1, -1]).round(3).tolist() for stroke in waves(words=2)]
TIMES = [[10 * at for at in range(len(stroke))] for stroke in STROKES]


def points(**names: str) -> list[list[dict[str, float]]]:
    """The strokes as lists of objects, whose members have other names."""
    return [
        [
            {"x": x, "y": y, names.get("t", "t"): t, names.get("p", "p"): 0.5}
            for (x, y), t in zip(stroke, times, strict=True)
        ]
        for stroke, times in zip(STROKES, TIMES, strict=True)
    ]


def channels() -> list[list[list[float]]]:
    return [
        [[x for x, _ in stroke], [y for _, y in stroke], times]
        for stroke, times in zip(STROKES, TIMES, strict=True)
    ]


def in_one_list(key: str, values: list[Any]) -> list[dict[str, Any]]:
    return [
        {**point, key: value}
        for stroke, value in zip(points(), values, strict=True)
        for point in stroke
    ]


SHAPES: dict[str, Any] = {
    "strokes of points": points(),
    "strokes of pairs": STROKES,
    "channels": channels(),
    "objects": [
        dict(zip("xyt", stroke, strict=True)) | {"p": [0.5] * len(stroke[0])}
        for stroke in channels()
    ],
    "signature_pad": [
        {"penColor": "#123456", "maxWidth": 2.5, "points": stroke}
        for stroke in points(t="time", p="pressure")
    ],
    "pointers": [{"pointerType": "PEN", "pointers": stroke} for stroke in points()],
    "events": {"events": [{"pointers": stroke} for stroke in points()]},
    "drawing": {"word": "two words", "drawing": channels()},
    "request": {"options": "", "requests": [{"language": "en", "ink": channels()}]},
    "one list by stroke": in_one_list("stroke", [4, 5]),
    "one list by pen": [
        *in_one_list("pen", [True, True])[:121],
        {"x": 0, "y": 0, "t": 1, "p": 0.5, "pen": False},
        *in_one_list("pen", [True, True])[121:],
    ],
}
WITHOUT_TIME = {"strokes of pairs"}
WITHOUT_PRESSURE = {"strokes of pairs", "channels", "drawing", "request"}


def read(folder: Path, value: Any) -> InkPage:
    (folder / "a.json").write_text(json.dumps(value))
    (found,) = document_in_file(folder / "a.json").pages
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_strokes(tmp_path: Path, shape: str) -> None:
    found = read(tmp_path, SHAPES[shape])
    assert [stroke.points.tolist() for stroke in found.strokes] == STROKES
    for stroke, times in zip(found.strokes, TIMES, strict=True):
        assert (stroke.times is None) == (shape in WITHOUT_TIME)
        assert (stroke.pressures is None) == (shape in WITHOUT_PRESSURE)
        if stroke.times is not None and not shape.startswith("one list"):
            assert np.allclose(stroke.times, np.array(times) / 1000)


def test_properties_of_the_pen_and_texts_beside_the_ink(tmp_path: Path) -> None:
    first, _ = read(tmp_path, SHAPES["signature_pad"]).strokes
    assert (first.colour, first.width, first.tool) == ("#123456", 2.5, "")
    erased = [SHAPES["signature_pad"][0] | {"compositeOperation": "destination-out"}]
    assert read(tmp_path, SHAPES["signature_pad"] + erased).strokes[2].tool == "eraser"
    read(tmp_path, SHAPES["drawing"])
    (line,) = ink_in_file(tmp_path / "a.json")
    assert line.text == "two words" and line.strokes[:, 0].sum() == 2


def test_a_lone_list_of_points_is_a_stroke(tmp_path: Path) -> None:
    (stroke,) = read(tmp_path, [{"x": 1, "y": 2}, {"x": 3, "y": 5}]).strokes
    assert stroke.points.tolist() == [[1, 2], [3, 5]] and stroke.times is None


@pytest.mark.parametrize("unit", [1.0, 1e3, 1e6, 1e9])
def test_the_unit_of_times_is_found(unit: float) -> None:
    assert np.allclose(seconds(np.arange(5) * 0.008 * unit), np.arange(5) * 0.008)
    assert np.allclose(
        seconds(1.7e9 * unit + np.array([0, 0.02, 0.02]) * unit) - 1.7e9, [0, 0.02, 0.02], atol=1e-5
    )


@pytest.mark.parametrize(
    "value",
    [3, "ink", None, [], {}, [1, 2], ["a"], [[1, 2]], {"strokes": 3}, {"a": [1]}, [[], [1]],
     [{"x": 1}], [{"points": [{"x": "1", "y": 2}]}], [[[1, 2], [3]]], [{"x": [1], "y": []}],
     [[[1, 2], [True, 3], [4, 5]]], [{"pointers": [{"x": 1e39, "y": 1}]}]],
)  # fmt: skip
def test_other_json_is_refused_in_one_line(tmp_path: Path, value: Any) -> None:
    with pytest.raises(DataError) as fault:
        read(tmp_path, value)
    message = str(fault.value)
    assert message.startswith(f"{tmp_path / 'a.json'}: ") and message.isprintable()


def test_the_line_names_the_shapes(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"of no known shape, .* a list of a text; shapes are \[\{x, y"
    ) as fault:
        read(tmp_path, ["a"])
    assert "[{pointers: [{x, y, t, p}]}]" in str(fault.value)
