"""Files of reMarkable tablets and of the Universal Ink Model."""

import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ink_samples import page
from sample_files import (
    COLOUR,
    field,
    float_field,
    packed_signed,
    rm,
    sample,
    uim,
    uim_file,
    varint,
    zigzag,
)

from handwriting.errors import DataError
from handwriting.formats.document import InkDocument
from handwriting.formats.ink_file import document_in_file, ink_in_file
from handwriting.formats.ink_values import BadInk
from handwriting.formats.protobuf_fields import Message


def read(path: Path, data: bytes) -> InkDocument:
    path.write_bytes(data)
    return document_in_file(path)


def test_a_page_of_a_tablet(tmp_path: Path) -> None:
    document = read(tmp_path / "a.rm", rm(page(1)[0]))
    (found,) = document.pages
    assert found.layers == ("Layer 1",) and document.units_per_mm == pytest.approx(226 / 25.4)
    stroke = found.strokes[0]
    assert stroke.pressures is not None and np.allclose(stroke.pressures, 128 / 255)
    assert (stroke.colour, stroke.width, stroke.tool) == ("#000000", 2.0, "fineliner_2")
    assert stroke.is_writing


def test_strokes_of_a_tablet_come_in_the_order_they_were_made(tmp_path: Path) -> None:
    import rmscene

    blocks: list[Any] = list(rmscene.read_blocks(io.BytesIO(rm(page(1)[0]))))
    file = io.BytesIO()
    rmscene.write_blocks(file, blocks[:3] + blocks[:2:-1])
    found = read(tmp_path / "a.rm", file.getvalue()).pages[0].strokes
    lefts = [stroke.points[:, 0].min() for stroke in found]
    assert len(lefts) == 5 and lefts == sorted(lefts)


def test_pages_of_a_tablet_that_cannot_be_read(tmp_path: Path) -> None:
    data = sample(".rm")
    cases = {
        b"hello": "no page of a reMarkable",
        data.replace(b"version=6", b"version=7"): "version '7' of the format; 3, 5 and 6 are read",
        data[: len(data) // 2]: "no whole page|cannot be read|no ink",
        data[:43]: "no ink",
    }
    for content, message in cases.items():
        with pytest.raises(DataError, match=message):
            read(tmp_path / "a.rm", content)


def old_page(version: str, strokes: list[tuple[int, list[list[float]]]]) -> bytes:
    """A page of software before 3 with a layer that is empty and one of strokes (pen, points)."""
    parts = [struct.pack("<iii", 2, 0, len(strokes))]
    for tool, points in strokes:
        head = struct.pack("<iiif", tool, 0, 0, 2.0) + (b"\0" * 4 if version == "5" else b"")
        parts.append(head + struct.pack("<i", len(points)) + np.array(points, "<f4").tobytes())
    return f"reMarkable .lines file, version={version}".ljust(43).encode() + b"".join(parts)


@pytest.mark.parametrize("version", ["3", "5"])
def test_pages_of_older_software(
    tmp_path: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rmscene", None)
    rows = [[1.0, 2, 0, 0, 3, 0.5], [4, 5, 0, 0, 3, 0.25]]
    data = old_page(version, [(17, rows), (18, rows[:1]), (17, [])])
    (found,) = read(tmp_path / "a.rm", data).pages
    pen_stroke, marker = found.strokes
    assert pen_stroke.points.tolist() == [[1, 2], [4, 5]]
    assert pen_stroke.pressures is not None and pen_stroke.pressures.tolist() == [0.5, 0.25]
    assert (pen_stroke.width, pen_stroke.layer, pen_stroke.colour) == (3, 1, "#000000")
    assert marker.tool == "highlighter"
    for end in (len(data) - 1, 60, 45):
        with pytest.raises(DataError, match="damaged or cut off"):
            read(tmp_path / "a.rm", data[:end])
    with pytest.raises(DataError, match="damaged or cut off"):
        read(tmp_path / "a.rm", data[:43] + struct.pack("<i", 2**30) + data[47:])


def test_the_package_is_asked_for_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sample(".rm")
    monkeypatch.setitem(sys.modules, "rmscene", None)
    with pytest.raises(DataError, match="need the package rmscene: pip install -r requirements-fo"):
        read(tmp_path / "a.rm", data)


# 8 bytes that stand for themselves, and 8 whose first come lowest first.
NODE = bytes.fromhex("33221100554477668899aabbccddeeff")
NAME = "uim:node/hwr/00112233-4455-6677-8899-aabbccddeeff"


def sensor_input(values: dict[str, list[int]], timestamp: int) -> bytes:
    """The input of one sensor ``s`` with channels of thousandths."""
    channels = records = b""
    for number, (name, numbers) in enumerate(values.items()):
        unit = b"\x21" + struct.pack("<d", 1000.0)
        channel = (
            field(1, bytes([number])) + field(2, f"will://input/3.0/channel/{name}".encode()) + unit
        )
        if name == "Pressure":
            channel += float_field(6, 2.0)
        channels += field(2, channel)
        steps = packed_signed(np.diff(numbers, prepend=0))
        records += field(5, field(1, bytes([number])) + field(2, steps))
    context = field(5, field(2, channels))
    return field(1, context) + field(2, field(1, b"s") + field(4, timestamp) + records)


def test_times_pressures_and_texts_of_the_ink_model(tmp_path: Path) -> None:
    spline = b"".join(
        field(number, packed_signed(np.diff(values, prepend=0)))
        for number, values in ((1, [100, 100, 250, 250]), (2, [0, 0, -125, -125]))
    )
    stroke = field(2, zigzag(2)) + field(6, spline) + field(15, b"s")
    style = field(
        8, field(1, zigzag(struct.unpack(">i", bytes.fromhex("ff000080"))[0])) + float_field(2, 3)
    )
    tree = b"".join(
        field(2, node)
        for node in (
            field(2, b"r" * 16),
            field(1, 1) + field(2, b"l" * 16),
            field(1, 2) + field(2, NODE),
            field(1, 3) + field(3, 0),
            field(1, 2) + field(2, b"w" * 16),
            field(1, 3) + field(3, 1),
        )
    )
    line = "uim:node/hwr/6c6c6c6c-6c6c-6c6c-6c6c-6c6c6c6c6c6c"
    other = "uim:node/hwr/77777777-7777-7777-7777-777777777777"
    triples = [
        (line, "@", "http://wacom/TextLine"),
        (NAME, "@", "http://wacom/Word"),
        (NAME, "hasContent", "to"),
        (other, "@", "http://wacom/Word"),
        (other, "hasContent", "be"),
    ]
    graph = b"".join(
        field(1, b"".join(field(at, part.encode()) for at, part in enumerate(triple, start=1)))
        for triple in triples
    )
    data = uim_file(
        {
            b"INPT": sensor_input({"Timestamp": [0, 8], "Pressure": [500, 1000]}, timestamp=5000),
            b"INKD": field(1, stroke + style) + field(1, stroke),
            b"KNWG": graph,
            b"INKS": field(3, field(1, b"hwr") + tree),
        }
    )
    (found,) = read(tmp_path / "a.uim", data).pages
    first = found.strokes[0]
    assert first.points.tolist() == [[1, 0], [1, 0], [2.5, -1.25], [2.5, -1.25]]
    assert first.times is not None and np.allclose(first.times, [5, 5, 5.008, 5.008])
    assert first.pressures is not None and np.allclose(first.pressures, [0.25, 0.25, 0.5, 0.5])
    assert (first.colour, first.width) == ("#ff000080", 3)
    assert {(label.level, label.text, label.strokes) for label in found.labels} == {
        ("line", "to be", (0, 1)),
        ("word", "to", (0,)),
        ("word", "be", (1,)),
    }
    (line_read,) = ink_in_file(tmp_path / "a.uim")
    assert line_read.text == "to be"


def test_a_file_that_the_makers_library_wrote() -> None:
    # By universal-ink-library 2.1.2: two words of a stroke each, with times and pressures.
    path = Path(__file__).parent / "files/words.uim"
    (found,) = document_in_file(path).pages
    first = found.strokes[0]
    assert first.points.tolist() == [[1, 1], [1, 1], [2, 1.5], [3.5, 2.5], [4, 2], [4, 2]]
    assert first.times is not None and first.pressures is not None
    assert np.allclose(first.times, [0, 0, 0.01, 0.02, 0.03, 0.03])
    assert np.allclose(first.pressures, [0.1, 0.1, 0.2, 0.35, 0.5, 0.5])
    assert (first.colour, first.width) == (COLOUR, 1.25)
    assert [(label.level, label.text) for label in found.labels] == [
        ("word", "hello"),
        ("word", "there"),
        ("line", "hello there"),
    ]


def test_styles_of_the_ink_model(tmp_path: Path) -> None:
    (found,) = read(tmp_path / "a.uim", uim(page(1)[0])).pages
    assert {(stroke.colour, stroke.width) for stroke in found.strokes} == {(COLOUR, 1.5)}
    moved = b"".join(
        float_field(number, value) for number, value in ((1, 2), (4, 5), (6, -3), (8, 7))
    )
    ink = uim([np.array([[1.0, -2.0]])])
    at = ink.index(b"INKD")
    message = ink[at + 8 : at + 8 + struct.unpack("<I", ink[at + 4 : at + 8])[0]]
    (found,) = read(tmp_path / "b.uim", uim_file({b"INKD": message + field(3, moved)})).pages
    assert found.strokes[0].points.tolist() == [[2 * 1 + 5, -3 * 2 + 7]]


def test_files_that_are_no_ink_model(tmp_path: Path) -> None:
    data = sample(".uim")
    cases = {
        b"hello": "no file of the Universal Ink Model",
        uim_file({}, version=b"\3\0\0"): "version 3.0.0 of the format, 3.1 is read",
        data[:-100]: "cut off",
        uim_file({b"INKD": b"\x0a\x7f"}): "cut off",
        uim_file({b"INKD": b"\x0b"}): "unknown kind",
        uim_file({b"INKD": field(1, field(5, field(1, b"\0" * 4)))}): "as many x as y",
        uim_file({b"INKD": b""}): "no ink",
    }
    for content, message in cases.items():
        with pytest.raises(DataError, match=message):
            read(tmp_path / "a.uim", content)


@pytest.mark.parametrize("value", [0, 1, -1, 2**31 - 1, -(2**31)])
def test_numbers_of_messages(value: int) -> None:
    assert Message(field(3, zigzag(value))).signed(3) == value
    assert Message(field(3, packed_signed(np.array([value, 5])))).all_signed(3).tolist() == [
        value,
        5,
    ]
    assert Message(b"").signed(3) == 0
    with pytest.raises(BadInk, match="without end"):
        Message(b"\xff" * 11)
    assert varint(300) == b"\xac\x02"
