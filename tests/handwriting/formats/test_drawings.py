"""Drawings of Excalidraw and tldraw, alone and in notes."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ink_samples import page, waves
from lz_packing import lz_packed
from sample_files import COLOUR, excalidraw_value, markdown, tldraw_value

from handwriting.errors import DataError
from handwriting.formats.document import InkPage
from handwriting.formats.ink_file import document_in_file, read_ink_file
from handwriting.formats.lz_string import unpacked_text
from handwriting.formats.unpacking import BadPacking

QUARTER = np.pi / 2


def read(path: Path, value: Any) -> InkPage:
    path.write_text(json.dumps(value))
    (found,) = document_in_file(path).pages
    return found


def element(**more: Any) -> dict[str, Any]:
    free = {"type": "freedraw", "x": 10, "y": 20, "points": [[0, 0], [4, 0], [4, 2]]}
    return free | {"strokeColor": "#ff0000", "strokeWidth": 2} | more


def test_elements_of_excalidraw(tmp_path: Path) -> None:
    elements = [
        element(pressures=[0.1, 0.2, 0.3]),
        element(isDeleted=True),
        {"type": "rectangle", "x": 0, "y": 0, "width": 5, "height": 5},
        element(angle=QUARTER, opacity=50, pressures=[]),
        {"type": "text", "x": 1, "y": 2, "fontSize": 10, "text": "typed"},
    ]
    found = read(tmp_path / "a.excalidraw", {"type": "excalidraw", "elements": elements})
    first, turned = found.strokes
    assert first.points.tolist() == [[10, 20], [14, 20], [14, 22]]
    assert first.pressures is not None and first.pressures.tolist() == [0.1, 0.2, 0.3]
    assert (first.colour, first.width) == ("#ff0000", 2)
    # About the middle (12, 21) of its box, clockwise.
    assert np.allclose(turned.points, [[13, 19], [13, 23], [11, 23]])
    assert turned.pressures is None and turned.colour == "#ff000080"
    assert [(text.text, text.left, text.top) for text in found.texts] == [("typed", 1, 2)]


@pytest.mark.parametrize("value", [excalidraw_value, tldraw_value])
def test_drawings_are_known_in_plain_json(tmp_path: Path, value: Any) -> None:
    strokes = waves()
    found = read(tmp_path / "a.json", value(strokes))
    assert all(
        np.allclose(stroke.points * [1, -1], wanted, atol=1e-3)
        for stroke, wanted in zip(found.strokes, strokes, strict=True)
    )


def test_notes_hold_drawings_plain_and_packed(tmp_path: Path) -> None:
    strokes, _ = page(2)
    drawing = json.dumps(excalidraw_value(strokes))
    packed = lz_packed(drawing)
    lines = "\n\n".join(packed[at : at + 256] for at in range(0, len(packed), 256))
    notes = {
        "plain": markdown(strokes).decode(),
        "packed": f"# Note\n\n%%\n## Drawing\n```compressed-json\n{lines}\n```\n%%",
        "tldraw": "```json !!!_START_OF_TLDRAW_DATA_!!!\n"
        + json.dumps(
            {"meta": {}, "raw": {"store": {r["id"]: r for r in tldraw_value(strokes)["records"]}}}
        )
        + "\n!!!_END_OF_TLDRAW_DATA_!!!\n```\n",
        "others": f'```python\nprint("{{}}")\n```\n```json\n{{"a":\n```\n```json\n{drawing}\n```',
    }
    for name, note in notes.items():
        (tmp_path / f"{name}.md").write_text(note)
        assert len(read_ink_file(tmp_path / f"{name}.md")) == 2
    (tmp_path / "two.md").write_text(notes["plain"] * 2)
    assert len(document_in_file(tmp_path / "two.md").pages) == 2


@pytest.mark.parametrize(
    ("note", "message"),
    [
        ("# Only text", "no drawing of Excalidraw or tldraw"),
        ("```compressed-json\nN4Ig\n```", "truncated|damaged"),
        ("```compressed-json\n!?\n```", "not in base64"),
        ('```json\n{"elements": [], "type": "excalidraw"}\n```', "no ink"),
    ],
)
def test_notes_without_a_drawing(tmp_path: Path, note: str, message: str) -> None:
    (tmp_path / "a.md").write_text(note)
    with pytest.raises(DataError, match=message):
        document_in_file(tmp_path / "a.md")


@pytest.mark.parametrize(
    "text",
    ["", "a", "hello hello hello", "a" * 700, "é∂ x" * 20, json.dumps({"a": [1.5, -2] * 99})],
)
def test_lz_string_unpacks_what_was_packed(text: str) -> None:
    assert unpacked_text(lz_packed(text), 10_000) == text


def test_lz_string_as_others_pack() -> None:
    # By the package lzstring, and a text with a character of two units.
    assert unpacked_text("BYUwNmD2AEoTcpA=", 100) == "hello hello hello"
    packed = "N4IghiBcAEDaCMA6ArAGmgJhepyC6AvtIMgE0Al0A==="
    assert unpacked_text(packed, 100) == '{"a": [1.5, 2.5, 1.5]} – é'
    assert unpacked_text(lz_packed("\ud83d\ude00 fun"), 100) == "😀 fun"
    with pytest.raises(BadPacking, match="far larger"):
        unpacked_text(lz_packed("a" * 700), 600)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_shapes_of_tldraw(tmp_path: Path) -> None:
    value = tldraw_value([])
    rows = np.array([[1, 2, 0.5], [3, 5, 0.25]])

    def draw(
        number: int, parent: str = "page:p", kind: str = "draw", **segment: Any
    ) -> dict[str, Any]:
        properties = {"segments": [segment], "color": "red", "size": "l", "isPen": True}
        place = {"x": 10, "y": 20, "rotation": 0, "parentId": parent, "index": f"a{number}"}
        kinds = {"typeName": "shape", "type": kind, "id": f"shape:{number}"}
        return kinds | place | {"props": properties}

    first, steps = rows[:1].astype("<f4"), np.diff(rows, axis=0).astype("<f2")
    differences = b64(first.tobytes() + steps.tobytes())
    flat = b64(first[:, :2].tobytes() + steps[:, :2].tobytes())
    absolute = b64(rows.astype("<f2").tobytes())
    frame = draw(5, kind="frame") | {"rotation": QUARTER, "props": {}}
    text = draw(9, kind="text") | {
        "props": {"richText": {"content": [{"content": [{"text": "typed"}]}]}, "size": "s"}
    }
    value["records"] += [
        draw(3, path=differences, dim=3),
        draw(1, points=[dict(zip("xyz", row, strict=True)) for row in rows.tolist()]),
        draw(2, points=absolute),
        draw(4, path=flat, dim=2),
        frame,
        draw(6, parent="shape:5", points=absolute),
        draw(7, kind="highlight", points=absolute),
        draw(8, kind="geo"),
        draw(0, parent="page:other", points=absolute),
        text,
    ]
    found = read(tmp_path / "a.tldr", value)
    wanted = rows[:, :2] + [10, 20]
    for stroke in found.strokes[:4]:
        assert stroke.points.tolist() == wanted.tolist()
        assert (stroke.colour, stroke.width) == ("#e03131", 5)
    assert found.strokes[0].pressures is not None
    assert found.strokes[0].pressures.tolist() == [0.5, 0.25]
    # In a frame at (10, 20) that is turned by a quarter clockwise: (x, y) goes to (-y, x).
    assert np.allclose(found.strokes[4].points, [[10 - 22, 20 + 11], [10 - 25, 20 + 13]])
    assert [stroke.tool for stroke in found.strokes[4:]] == ["", "highlighter"]
    assert [text.text for text in found.texts] == ["typed"]


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        ({"points": "AAA"}, "no base64"),
        ({"points": "AAAA"}, "cut off"),
        ({"path": "AAAAAAAAAAAAAAAAAAAA"}, "cut off"),
        ({"points": [[1, 2]]}, "list of points"),
        ({}, "list of points"),
    ],
)
def test_segments_that_are_none(tmp_path: Path, segment: dict[str, Any], message: str) -> None:
    value = tldraw_value(waves(words=1))
    value["records"][0]["props"]["segments"] = [segment]
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.tldr", value)


def test_files_of_other_kinds(tmp_path: Path) -> None:
    for name, message in (("a.tldr", "no drawing of tldraw"), ("a.excalidraw", "no drawing of Ex")):
        for text in ("[]", '{"a": 1}', "3"):
            (tmp_path / name).write_text(text)
            with pytest.raises(DataError, match=message):
                document_in_file(tmp_path / name)
        (tmp_path / name).write_text("{")
        with pytest.raises(DataError, match="not JSON"):
            document_in_file(tmp_path / name)
    assert COLOUR.startswith("#")
