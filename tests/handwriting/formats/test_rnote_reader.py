"""Notes of Rnote: the order of writing, styles, texts and packing."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ink_samples import page
from sample_files import COLOUR, rnote_value

from handwriting.errors import DataError
from handwriting.formats.document import InkDocument
from handwriting.formats.ink_file import document_in_file, read_ink_file


def write(path: Path, value: Any) -> Path:
    path.write_bytes(gzip.compress(json.dumps(value).encode()))
    return path


def read(folder: Path, value: Any) -> InkDocument:
    return document_in_file(write(folder / "a.rnote", value))


def slots_of(value: dict[str, Any], name: str = "stroke_components") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = value["data"]["engine_snapshot"][name]
    return found


def test_strokes_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    strokes, groups = page(2)
    order = np.random.default_rng(1).permutation(len(strokes))
    value = rnote_value([strokes[at] for at in order], times=[10 + int(at) for at in order])
    (found,) = read(tmp_path, value).pages
    assert all(
        np.allclose(stroke.points * [1, -1], wanted, atol=1e-3)
        for stroke, wanted in zip(found.strokes, strokes, strict=True)
    )
    assert [int(line.strokes[:, 0].sum()) for line in read_ink_file(tmp_path / "a.rnote")] == [
        len(group) for group in groups
    ]


def test_what_a_note_has_is_read(tmp_path: Path) -> None:
    value = rnote_value(page(1)[0][:1])
    end = {"pos": [1.0, 2.0], "pressure": 0.25}
    curve = {"cubbezto": {"cp1": [5, 5], "cp2": [6, 6], "end": end}}
    slots_of(value)[1]["value"]["brushstroke"]["path"]["segments"] = [curve]
    text = {
        "text": "typed",
        "transform": {"affine": [1, 0, 0, 0, 1, 0, 30, 40, 1]},
        "text_style": {"font_size": 16.0, "color": {"r": 0, "g": 0, "b": 1, "a": 1}},
    }
    slots_of(value).append({"value": {"textstroke": text}, "version": 1})
    slots_of(value).append({"value": {"bitmapimage": {"image": "aGVsbG8="}}, "version": 1})
    slots_of(value, "chrono_components")[1]["value"]["layer"] = "highlighter"
    document = read(tmp_path, value)
    (found,) = document.pages
    (stroke,) = found.strokes
    assert stroke.points.tolist()[1:] == [[1, 2]]
    assert stroke.pressures is not None and stroke.pressures.tolist() == [0.5, 0.25]
    assert (stroke.colour, stroke.width, stroke.tool) == (COLOUR, 1.5, "highlighter")
    (typed,) = found.texts
    assert (typed.text, typed.left, typed.top, typed.size, typed.colour) == (
        "typed", 30, 40, 16, "#0000ff",
    )  # fmt: skip
    assert document.units_per_mm == pytest.approx(96 / 25.4)
    assert (found.width, found.height) == (800, 1200)


def test_old_notes_have_lists_of_elements(tmp_path: Path) -> None:
    value = rnote_value(page(1)[0][:1])
    elements = [{"pos": [1.0, 2.0], "pressure": 0.5}, {"pos": [3.0, 4.0], "pressure": 0.5}]
    for path in (elements, {"elements": elements}):
        slots_of(value)[1]["value"]["brushstroke"]["path"] = path
        assert read(tmp_path, value).pages[0].strokes[0].points.tolist() == [[1, 2], [3, 4]]


def with_path(path: Any) -> dict[str, Any]:
    value = rnote_value(page(1)[0][:1])
    slots_of(value)[1]["value"]["brushstroke"]["path"] = path
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "no note of Rnote"),
        ({"data": {}}, "no note of Rnote"),
        ({"chrono_components": [], "stroke_components": []}, "no ink"),
        ({"stroke_components": []}, "no list of chrono_components"),
        (with_path([{"pos": [1]}]), "at a place"),
        (with_path([1]), "a path is a start"),
        (with_path([{"pos": ["a", 1]}]), "numbers"),
        (with_path([{"pos": [1e39, 1]}]), "far too large"),
        (with_path([]), "no ink"),
    ],
)
def test_notes_that_are_none(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, value)


def test_notes_that_are_cut_off(tmp_path: Path) -> None:
    text = json.dumps(rnote_value(page(1)[0][:1]))
    for end in (len(text) // 2, text.index("chrono_components") + 40):
        (tmp_path / "a.rnote").write_bytes(gzip.compress(text[:end].encode()))
        with pytest.raises(DataError, match="not JSON|no note of Rnote"):
            document_in_file(tmp_path / "a.rnote")


def test_newer_notes_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.rnote").write_bytes(b"RNOTE\xce\xa6\0\1\2\3")
    with pytest.raises(DataError, match="since 0.14 .* export as Xournal"):
        document_in_file(tmp_path / "a.rnote")
