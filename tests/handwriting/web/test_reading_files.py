"""Files that the page reads without a browser's XML: the ink is what Python reads of the same."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ink_samples import page
from lz_packing import lz_packed
from page_scripts import PageScripts
from sample_files import (
    SAMPLES,
    excalidraw_value,
    markdown,
    rnote_value,
    table,
    tldraw_value,
    unipen,
)
from unipen_files import DOC, pen, segment, word

from handwriting.formats.ink_file import ink_in_file
from handwriting.formats.ink_pages import place_lines
from handwriting.ink.line import strokes_from_points

STROKES = [stroke.round(3) for stroke in page(2)[0]]
READ = {
    ".json": "readJson(text)",
    ".excalidraw": "[{text: '', strokes: excalidrawStrokes(parsedJson(text))}]",
    ".tldr": "[{text: '', strokes: tldrawStrokes(parsedJson(text))}]",
    ".md": "[{text: '', strokes: markdownStrokes(text)}]",
    ".rnote": "[{text: '', strokes: rnoteStrokes(text)}]",
    ".csv": "[{text: '', strokes: tableStrokes(text)}]",
    ".tsv": "[{text: '', strokes: tableStrokes(text)}]",
    ".dat": "unipenLines(text)",
}


@pytest.fixture(scope="module")
def files() -> PageScripts:
    names = ("files", "drawings", "canvas", "table", "unipen", "npy")
    return PageScripts("ink/json_values.js", *(f"ink/read_{name}.js" for name in names))


def _down(stroke: np.ndarray) -> list[list[float]]:
    return (stroke * [1.0, -1.0]).round(4).tolist()


def _channels() -> list[Any]:
    return [[*np.transpose(_down(stroke)).tolist(), [*range(len(stroke))]] for stroke in STROKES]


def _points(**more: Any) -> list[list[dict[str, Any]]]:
    return [[{"x": x, "y": y, "t": 1, **more} for x, y in _down(stroke)] for stroke in STROKES]


def _one_list(key: str) -> list[dict[str, Any]]:
    return [point | {key: at} for at, stroke in enumerate(_points()) for point in stroke]


def _tldraw_in_a_group() -> dict[str, Any]:
    value = tldraw_value(STROKES)
    group = {"typeName": "shape", "type": "group", "id": "shape:g", "parentId": "page:p"}
    for record in value["records"]:
        if record["typeName"] == "shape":
            record["parentId"] = "shape:g"
            record["props"] |= {"scaleX": 2, "scaleY": 0.5}
    value["records"].append(group | {"index": "a0", "x": 5, "y": 7, "rotation": 0.3, "props": {}})
    return value


def _excalidraw_turned() -> dict[str, Any]:
    value = excalidraw_value(STROKES)
    value["elements"][0]["angle"] = 0.4
    value["elements"][1]["isDeleted"] = True
    return value


def _segments() -> bytes:
    ink = [word(40 * number, 0) for number in range(3)] + [pen([(1, 2), (3, 4)], "PEN_UP")]
    parts = [segment("TEXT", "0-2", "one two three"), segment("WORD", "1", 'b\\ "q"')]
    return "".join([DOC, *ink, *parts]).encode()


def _segments_of_words() -> bytes:
    ink = "".join(word(40 * number, 0) for number in range(2))
    parts = [segment("WORD", "1:2-1:6", "part"), segment("WORD", "0,1", "both")]
    return "".join([DOC, ink, *parts]).encode()


VALUES: dict[str, Any] = {
    "rows": json.loads(SAMPLES[".json"](STROKES)),
    "rows and a text": {"strokes": strokes_from_points(STROKES).tolist(), "text": "a  b"},
    "objects": _points(),
    "pairs": [_down(stroke) for stroke in STROKES],
    "channels": _channels(),
    "objects of channels": [dict(zip("xyt", each, strict=True)) for each in _channels()],
    "a signature": [{"penColor": "red", "points": points} for points in _points()],
    "an eraser's": [
        {"points": points, "compositeOperation": "destination-out" if at else "source-over"}
        for at, points in enumerate(_points())
    ],
    "pointers": {"events": [{"pointers": points} for points in _points(p=0.3)]},
    "a request": {"requests": [{"language": "en", "ink": _channels()}], "word": "w"},
    "one list by stroke": _one_list("strokeId"),
    "one list by state": [
        point | {"down": bool(at % 2)} for at, stroke in enumerate(_points()) for point in stroke
    ],
    "Excalidraw": _excalidraw_turned(),
    "tldraw": _tldraw_in_a_group(),
}
CONTENTS: dict[str, bytes] = {f"{name}.json": json.dumps(v).encode() for name, v in VALUES.items()}
CONTENTS |= {
    "plain.excalidraw": SAMPLES[".excalidraw"](STROKES),
    "plain.tldr": SAMPLES[".tldr"](STROKES),
    "plain.md": markdown(STROKES),
    "packed.md": b"# A\n```compressed-json\n%b\n```\n```json\n{\n```"
    % lz_packed(json.dumps(excalidraw_value(STROKES))).encode(),
    "plain.csv": table(STROKES),
    "plain.tsv": table(STROKES, "\t"),
    "plain.dat": unipen(STROKES),
    "segments.dat": _segments(),
    "words.dat": _segments_of_words(),
}
CONTENTS |= {
    f"{name}.csv": text.replace("/", "\n").encode()
    for name, text in {
        "state": "X;Y;Time (ms);Pen Down/1,5;2;0;1/3;5;10;1/4;4;20;0/7;5;30;1/8;6;40;1",
        "end": "pos_x,pos_y,t,end_of_stroke/1,2,0,0/3,5,10,1/7,5,30,0/8,6,40,0/9,9,50,1",
        "lifts": "x,y,t,penup/1,2,0,0/3,5,10,0/4,4,15,1/4,4,20,1/5,5,25,1/7,5,30,0/9,9,50,0",
        "no names": "1 2 0 1/3 5 10 1/4 4 20 0/7 5 30 1/8 6 40 1",
        "truths": "x,y,t,down/1,2,0,true/3,5,10,True/0,0,20,false/7,5,30,true/8,6,40,true",
        "both": "sid,y,x,t,contact/0,2,1,0,1/0,5,3,10,1/0,0,0,20,0/0,5,7,30,1/0,6,8,40,1",
        "gaps": "x,y,t,stroke/1,2,0,0/,,5,0/3,5,10,0/7,5,30,1/nan,1,45,1/9,9,50,1",
        "quotes": '"x","y","stroke"/"1","2","0"/"3","5","0"/7,5,1/8,6,1',
        "pen only": "1,2,1/3,5,1/4,4,0/7,5,1/8,8,1",
    }.items()
}


@pytest.mark.parametrize("name", CONTENTS)
def test_files_have_the_ink_that_python_reads(
    files: PageScripts, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(CONTENTS[name])
    found = files.run(f"return {READ[path.suffix]};", text=CONTENTS[name].decode())
    lines = ink_in_file(path)
    assert len(found) == len(lines)
    for line, own in zip(found, lines, strict=True):
        assert line["text"] in (own.text, "")
        rows = strokes_from_points([np.array(stroke) * [1, -1] for stroke in line["strokes"]])
        assert rows.shape == own.strokes.shape
        assert np.allclose(rows, own.strokes, rtol=0, atol=1e-3)


def test_notes_of_rnote_are_in_the_order_of_their_times(files: PageScripts) -> None:
    text = json.dumps(rnote_value(STROKES, [*range(len(STROKES))][::-1]))
    found = files.run("return rnoteStrokes(text);", text=text)
    assert found == [_down(stroke) for stroke in reversed(STROKES)]


def test_pages_are_below_each_other(files: PageScripts, tmp_path: Path) -> None:
    rows = ["page,x,y", *(f"{at // 3},{at},{at % 2}" for at in range(9))]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    found = files.run("return tableStrokes(text);", text="\n".join(rows))
    placed, _ = place_lines(ink_in_file(tmp_path / "a.csv"))
    assert len(found) == len(placed) == 3
    heights = [min(y for _, y in stroke) for stroke in found]
    assert np.diff(heights).tolist() == [1.5, 1.5]


def test_tldraws_floats_in_base64(files: PageScripts, tmp_path: Path) -> None:
    import base64

    rows = np.array([[0, 0, 0.5], [1.25, -3, 0.5], [100, 6e-6, 0.5]])
    first = rows[:1].astype("<f4").tobytes()
    value = tldraw_value(STROKES[:2])
    shapes = [record for record in value["records"] if record["typeName"] == "shape"]
    halves = base64.b64encode(rows.astype("<f2").tobytes()).decode()
    steps = base64.b64encode(first + rows[1:].astype("<f2").tobytes()).decode()
    shapes[0]["props"]["segments"] = [{"points": halves}]
    shapes[1]["props"]["segments"] = [{"path": steps}]
    path = tmp_path / "a.tldr"
    path.write_text(json.dumps(value))
    (line,) = ink_in_file(path)
    found = files.run("return tldrawStrokes(parsedJson(text));", text=path.read_text())
    rows = strokes_from_points([np.array(stroke) * [1, -1] for stroke in found])
    assert np.allclose(rows, line.strokes, rtol=0, atol=1e-4)


def test_arrays_of_numpy(files: PageScripts, tmp_path: Path) -> None:
    for kind in ("<f4", ">f8", "<i8"):
        rows = (10 * strokes_from_points(STROKES)).astype(kind)
        np.save(tmp_path / "a.npy", rows)
        files.add_file("array", tmp_path / "a.npy")
        assert files.run("return npyRows(buffers.array);") == rows.tolist()


@pytest.mark.parametrize(
    ("script", "text", "message"),
    [
        ("readJson(text)", "{", "no JSON"),
        ("readJson(text)", '{"a": 1}', "of no known shape, got an object"),
        ("readJson(text)", "[[1, 2], [true, 3]]", "strokes are not"),
        ("readJson(text)", '[[{"x": 1, "y": "2"}]]', "points of numbers"),
        ("tableStrokes(text)", "x,z\n1,2", "no column y"),
        ("tableStrokes(text)", "x,y\n1,two", "row 2: y is no number"),
        ("tableStrokes(text)", "\n", "no row"),
        ("markdownStrokes(text)", "# a note", "no drawing"),
        ("markdownStrokes(text)", "```compressed-json\n!\n```", "no base64"),
        ("markdownStrokes(text)", "```compressed-json\nAAAA\n```", "cut off"),
        ("rnoteStrokes(text)", "{}", "no note of Rnote"),
        ("unipenLines(text)", ".COORD X T\n", "must name X and Y"),
        ("unipenLines(text)", ".PEN_DOWN\n1 2 3\n", "3 numbers in 1 rows"),
        ("unipenLines(text)", ".PEN_DOWN\n1 a\n", "line 1: “a” is not a number"),
        ("unipenLines(text)", ".PEN_DOWN\n1 2\n.SEGMENT WORD 0-4\n", "components 0 to 4 of 1"),
        (
            "unipenLines(text)",
            ".PEN_DOWN\n1 2\n.SEGMENT WORD " + ",".join("0" * 99) + "\n",
            "over and over",
        ),
        ("unipenLines(text)", ".VERSION 1.0\n", "no .PEN_DOWN"),
    ],
)
def test_broken_files_are_said_to_be(
    files: PageScripts, script: str, text: str, message: str
) -> None:
    found = files.run(
        f"try {{ {script}; return null; }} catch (error) {{ return error.message; }}", text=text
    )
    assert found is not None and message in found
