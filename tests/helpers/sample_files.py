"""A small valid file of each format of ink that is read, made of strokes; also what other tests and
fuzzers start from."""

import gzip
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ink_samples import page

from handwriting.ink.line import strokes_from_points

Strokes = list[np.ndarray]
COLOUR = "#1a2b3c"


def downwards(stroke: np.ndarray) -> list[list[float]]:
    """The points of a stroke with y downwards."""
    return (stroke * [1.0, -1.0]).round(4).tolist()


def svg(strokes: Strokes) -> bytes:
    data = "".join("M" + "L".join(f"{x} {y}" for x, y in downwards(stroke)) for stroke in strokes)
    return f'<svg><path d="{data}"/></svg>'.encode()


def rows_json(strokes: Strokes) -> bytes:
    return json.dumps({"strokes": strokes_from_points(strokes).tolist()}).encode()


def npy(strokes: Strokes) -> bytes:
    file = io.BytesIO()
    np.save(file, strokes_from_points(strokes))
    return file.getvalue()


def inkml(strokes: Strokes) -> bytes:
    traces = [", ".join(f"{x} {y}" for x, y in downwards(stroke)) for stroke in strokes]
    return f"<ink>{''.join(f'<trace>{trace}</trace>' for trace in traces)}</ink>".encode()


def xopp_text(strokes: Strokes, more: str = "") -> str:
    """The XML of a note with one page and one layer, with more elements at the layer's end."""
    inside = "".join(
        f'<stroke tool="pen" color="{COLOUR}ff" width="1.41">'
        f"{' '.join(f'{x} {y}' for x, y in downwards(stroke))}</stroke>"
        for stroke in strokes
    )
    return (
        '<?xml version="1.0" standalone="no"?><xournal creator="a test" fileversion="4">'
        '<title>a note</title><page width="595.27" height="841.89">'
        '<background type="solid" color="#ffffffff" style="lined"/>'
        f"<layer>{inside}{more}</layer></page></xournal>"
    )


def xopp(strokes: Strokes) -> bytes:
    return gzip.compress(xopp_text(strokes).encode(), mtime=0)


def rnote_value(strokes: Strokes, times: list[int] | None = None) -> dict[str, Any]:
    """A note whose strokes were written at the times given, else in their order; its first slot is
    free, as in all notes."""
    colour = {"r": 26 / 255, "g": 43 / 255, "b": 60 / 255, "a": 1.0}

    def element(point: list[float]) -> dict[str, Any]:
        return {"pos": point, "pressure": 0.5}

    slots: list[dict[str, Any]] = [{"value": None, "version": 0}]
    chronos: list[dict[str, Any]] = [{"value": None, "version": 0}]
    for number, stroke in enumerate(strokes):
        points = downwards(stroke)
        path = {
            "start": element(points[0]),
            "segments": [{"lineto": {"end": element(point)}} for point in points[1:]],
        }
        style = {"smooth": {"stroke_width": 1.5, "stroke_color": colour}}
        slots.append({"value": {"brushstroke": {"path": path, "style": style}}, "version": 1})
        time = number + 1 if times is None else times[number]
        chronos.append({"value": {"t": time, "layer": {"user_layer": 0}}, "version": 1})
    snapshot = {
        "document": {"width": 800.0, "height": 1200.0, "format": {"dpi": 96.0}},
        "stroke_components": slots,
        "chrono_components": chronos,
    }
    return {"version": "0.11.0", "data": {"engine_snapshot": snapshot}}


def rnote(strokes: Strokes) -> bytes:
    return gzip.compress(json.dumps(rnote_value(strokes)).encode(), mtime=0)


def rm(strokes: Strokes) -> bytes:
    """A page of a reMarkable tablet; needs ``rmscene``."""
    import rmscene
    from rmscene import scene_items as items

    no = rmscene.CrdtId(0, 0)
    layer = rmscene.CrdtId(0, 11)
    blocks: list[Any] = [
        rmscene.SceneTreeBlock(layer, no, True, rmscene.CrdtId(0, 1)),
        rmscene.TreeNodeBlock(items.Group(rmscene.CrdtId(0, 1))),
        rmscene.TreeNodeBlock(items.Group(layer, label=rmscene.LwwValue(no, "Layer 1"))),
    ]
    for number, stroke in enumerate(strokes):
        points = [items.Point(x, y, 0, 0, 8, 128) for x, y in downwards(stroke)]
        line = items.Line(items.PenColor.BLACK, items.Pen.FINELINER_2, points, 2.0, 0.0)
        item = rmscene.CrdtSequenceItem(rmscene.CrdtId(1, 20 + number), no, no, 0, line)
        blocks.append(rmscene.SceneLineItemBlock(layer, item))
    file = io.BytesIO()
    rmscene.write_blocks(file, blocks)
    return file.getvalue()


def varint(value: int) -> bytes:
    parts = []
    while True:
        value, byte = value >> 7, value & 0x7F
        parts.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(parts)


def field(number: int, value: int | bytes) -> bytes:
    """A field of a message of Protocol Buffers."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def float_field(number: int, value: float) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<f", value)


def zigzag(value: int) -> int:
    return value << 1 ^ value >> 63


def packed_signed(values: np.ndarray) -> bytes:
    return b"".join(varint(zigzag(int(value))) for value in values)


def uim_file(chunks: dict[bytes, bytes], version: bytes = b"\3\1\0") -> bytes:
    """A file of the Universal Ink Model of messages by the names of their chunks."""
    head = version + b"\0" + b"".join(version + b"\1\0\0\0\0" for _ in chunks)
    body = b"UINKHEAD" + struct.pack("<I", len(head)) + head
    for name, data in chunks.items():
        body += name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def uim(strokes: Strokes) -> bytes:
    style = field(1, zigzag(struct.unpack(">i", bytes.fromhex(COLOUR[1:] + "ff"))[0]))
    style += float_field(2, 1.5)
    ink = b""
    for number, stroke in enumerate(strokes):
        points = np.array(downwards(stroke), "<f4")
        spline = field(1, points[:, 0].tobytes()) + field(2, points[:, 1].tobytes())
        ink += field(1, field(1, number.to_bytes(16, "big")) + field(5, spline) + field(7, 1))
    return uim_file({b"INKD": ink + field(6, style)})


def tldraw_value(strokes: Strokes) -> dict[str, Any]:
    records: list[dict[str, Any]] = [{"typeName": "page", "id": "page:p", "index": "a1"}]
    for number, stroke in enumerate(strokes):
        points = downwards(stroke)
        left, top = points[0]
        relative = [{"x": x - left, "y": y - top, "z": 0.5} for x, y in points]
        properties = {
            "segments": [{"type": "free", "points": relative}],
            "color": "black",
            "size": "m",
            "isPen": True,
        }
        records.append(
            {
                "typeName": "shape",
                "type": "draw",
                "id": f"shape:{number}",
                "parentId": "page:p",
                "index": f"a{number:04d}",
                "x": left,
                "y": top,
                "rotation": 0,
                "props": properties,
            }
        )
    # Records lie in any order.
    return {"tldrawFileFormatVersion": 1, "schema": {}, "records": records[::-1]}


def tldr(strokes: Strokes) -> bytes:
    return json.dumps(tldraw_value(strokes)).encode()


def excalidraw_value(strokes: Strokes) -> dict[str, Any]:
    elements = []
    for stroke in strokes:
        points = downwards(stroke)
        left, top = points[0]
        elements.append(
            {
                "type": "freedraw",
                "x": left,
                "y": top,
                "angle": 0,
                "strokeColor": COLOUR,
                "strokeWidth": 1.5,
                "opacity": 100,
                "isDeleted": False,
                "points": [[x - left, y - top] for x, y in points],
                "pressures": [0.5] * len(points),
            }
        )
    return {"type": "excalidraw", "version": 2, "elements": elements}


def excalidraw(strokes: Strokes) -> bytes:
    return json.dumps(excalidraw_value(strokes)).encode()


def markdown(strokes: Strokes) -> bytes:
    drawing = json.dumps(excalidraw_value(strokes))
    return f"---\ntags: [a]\n---\n# Drawing\n```json\n{drawing}\n```\n%%\n".encode()


def table(strokes: Strokes, delimiter: str = ",") -> bytes:
    rows = [["x", "y", "t", "stroke"]]
    for number, stroke in enumerate(strokes):
        rows += [
            [str(x), str(y), str(10 * at), str(number)]
            for at, (x, y) in enumerate(downwards(stroke))
        ]
    return "".join(delimiter.join(row) + "\n" for row in rows).encode()


def unipen(strokes: Strokes) -> bytes:
    parts = [".PEN_DOWN\n" + "".join(f"{x:.4f} {y:.4f}\n" for x, y in stroke) for stroke in strokes]
    return (".VERSION 1.0\n.COORD X Y\n" + ".PEN_UP\n".join(parts)).encode()


SAMPLES: dict[str, Callable[[Strokes], bytes]] = {
    ".svg": svg,
    ".json": rows_json,
    ".inkml": inkml,
    ".xopp": xopp,
    ".xoj": xopp,
    ".rnote": rnote,
    ".rm": rm,
    ".uim": uim,
    ".tldr": tldr,
    ".excalidraw": excalidraw,
    ".md": markdown,
    ".csv": table,
    ".tsv": lambda strokes: table(strokes, "\t"),
    ".dat": unipen,
    ".npy": npy,
}
"""Contents of a file of each suffix from strokes, points ``[n, 2]`` each with y upwards."""


def sample(suffix: str, lines: int = 2) -> bytes:
    """A valid file of a suffix, with lines of writing."""
    return SAMPLES[suffix](page(lines)[0])


def write_sample(path: Path, strokes: Strokes) -> Path:
    """Write strokes to a file of the format of its suffix."""
    path.write_bytes(SAMPLES[path.suffix](strokes))
    return path
