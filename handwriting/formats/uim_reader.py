"""Files of Wacom's Universal Ink Model 3.1 (``.uim``): a RIFF file of messages of Protocol Buffers
(https://developer-docs.wacom.com/docs/specifications/universal-ink-model).

Points are the control points of the strokes' splines, which pass through them. Times and pressures
are those of the sensor that a stroke refers to. Lines and words are those of the tree of recognised
handwriting, their texts those that the knowledge graph says they have. Messages are read here,
since Wacom's library needs a version of Protocol Buffers that this project's other packages do not
run with.

Shapes: ``n`` points of one stroke, ``N`` samples of a sensor.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from handwriting.formats.document import (
    LINE,
    InkDocument,
    InkLabel,
    InkPage,
    InkStroke,
    colour_of,
)
from handwriting.formats.ink_values import BadInk, check_coordinates, read_document
from handwriting.formats.inkml_contexts import Affine
from handwriting.formats.protobuf_fields import Message

_HEAD = 20
_DESCRIPTION = 8
_PROTOBUF = 1
_ID = 36  # characters of an identifier, at the end of the name of a node
_TIMESTAMP, _PRESSURE = "channel/Timestamp", "channel/Pressure"
_LEVELS = {"TextLine": LINE, "WordOfStrokes": "word", "Word": "word"}
_CONTENT = ("hasContent", "/is")
_MOST_DEEP = 64


def read_uim(path: Path) -> InkDocument:
    """Return the ink of a file.

    Raises:
        DataError: it is none, of another version, or cut off; names the file.
    """
    return read_document(path, _document)


def _document(data: bytes) -> InkDocument:
    chunks = _chunks(data)
    ink = Message(chunks.get(b"INKD", b""))
    sensors = _sensors(Message(chunks.get(b"INPT", b"")))
    styles = list(ink.messages(6))
    placed = _transform(ink)
    strokes: list[InkStroke] = []
    number_of: dict[int, int] = {}
    for index, message in enumerate(ink.messages(1)):
        stroke = _stroke(message, styles, sensors, placed)
        if stroke is not None:
            number_of[index] = len(strokes)
            strokes.append(stroke)
    words = _statements(Message(chunks.get(b"KNWG", b"")))
    labels = tuple(_labels(Message(chunks.get(b"INKS", b"")), words, number_of))
    return InkDocument((InkPage(tuple(strokes), labels),))


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """The messages of a file by the names of their chunks."""
    if len(data) < _HEAD + 4 or data[:4] != b"RIFF" or data[8:16] != b"UINKHEAD":
        raise BadInk("no file of the Universal Ink Model")
    version = tuple(data[_HEAD : _HEAD + 3])
    if version[:2] != (3, 1):
        raise BadInk(f"version {'.'.join(map(str, version))} of the format, 3.1 is read")
    size = int.from_bytes(data[16:_HEAD], "little")
    number = (size - 4) // _DESCRIPTION
    at = _HEAD + size
    found: dict[bytes, bytes] = {}
    if size < 4 or at > len(data):
        raise BadInk("cut off in its head")
    for chunk in range(number):
        start = _HEAD + 4 + chunk * _DESCRIPTION
        kind, packing = data[start + 3 : start + 5]
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > len(data):
            raise BadInk("cut off")
        if kind != _PROTOBUF or packing:
            raise BadInk("a part of it is packed or no message, which is not read")
        found[data[at : at + 4]] = data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return found


@dataclass(frozen=True)
class _Sensor:
    """Values ``[N]`` that were recorded, None where there are none."""

    times: np.ndarray | None
    pressures: np.ndarray | None


def _sensors(data: Message) -> dict[bytes, _Sensor]:
    """The records of sensors by their ids."""
    channels = {
        channel.data(1): channel
        for context in data.message(1).messages(5)
        for one in context.messages(2)
        for channel in one.messages(2)
    }
    found = {}
    for record in data.messages(2):
        times = pressures = None
        for values in record.messages(5):
            channel = channels.get(values.data(1))
            if channel is None:
                continue
            unit = channel.float64(4, 1.0) * 10.0 ** min(channel.unsigned(7), 15)
            numbers = np.cumsum(values.all_signed(2).astype(np.float64))
            if not unit or not len(numbers):
                continue
            if channel.text(2).endswith(_TIMESTAMP):
                times = (record.unsigned(4) + numbers) / unit
            elif channel.text(2).endswith(_PRESSURE):
                pressures = _in_range(numbers / unit, channel.float32(5), channel.float32(6))
        found[record.data(1)] = _Sensor(times, pressures)
    return found


def _in_range(values: np.ndarray, least: float, greatest: float) -> np.ndarray:
    return (values - least) / (greatest - least) if greatest > least else values


def _transform(ink: Message) -> Affine:
    """The map of the plane that the matrix of the ink has."""
    matrix = ink.message(3)
    numbers = [matrix.float32(number) for number in (1, 2, 4, 5, 6, 8)]
    if not any(numbers) or not np.isfinite(numbers).all():
        return Affine()
    a, b, c, d, e, f = numbers
    return Affine(((a, b, c), (d, e, f)))


def _stroke(
    message: Message, styles: list[Message], sensors: dict[bytes, _Sensor], placed: Affine
) -> InkStroke | None:
    x, y, sizes, colours = _spline(message)
    if not len(x):
        return None
    if len(x) != len(y):
        raise BadInk("a stroke has as many x as y")
    points = placed.of_points(np.column_stack([x, y]))
    check_coordinates(points)
    index = message.unsigned(7)
    style = styles[index - 1] if 0 < index <= len(styles) else message.message(8)
    colour = style.signed(1) & 0xFFFFFFFF if style.has(1) else None
    stroke = InkStroke(
        points,
        colour=colours or ("" if colour is None else _colour(colour)),
        width=float(np.median(sizes)) if len(sizes) else style.float32(2),
    )
    sensor = sensors.get(message.data(15))
    return stroke if sensor is None else _recorded(stroke, message, sensor)


def _spline(message: Message) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """x, y and sizes of the control points, and the colour where it is the same at all of them."""
    plain = message.message(5)
    if plain.has(1):
        return plain.floats(1), plain.floats(2), plain.floats(8), _spline_colour(plain)
    packed = message.message(6)
    precisions = message.signed(2)
    x, y, sizes = (
        np.cumsum(packed.all_signed(number).astype(np.float64))
        / 10.0 ** (precisions >> shift & 0xF)
        for number, shift in ((1, 0), (2, 0), (8, 4))
    )
    return x, y, sizes, _spline_colour(packed)


def _spline_colour(spline: Message) -> str:
    parts = [spline.all_unsigned(number) for number in (4, 5, 6, 7)]
    if any(not len(part) or (part != part[0]).any() for part in parts[:3]):
        return ""
    red, green, blue = (float(part[0]) / 255 for part in parts[:3])
    return colour_of(red, green, blue, float(parts[3][0]) / 255 if len(parts[3]) else 1.0)


def _colour(rgba: int) -> str:
    red, green, blue, alpha = (rgba >> shift & 0xFF for shift in (24, 16, 8, 0))
    return colour_of(red / 255, green / 255, blue / 255, alpha / 255)


def _recorded(stroke: InkStroke, message: Message, sensor: _Sensor) -> InkStroke:
    """A stroke with the values of its sensor: a spline has a control point more before its first
    sample, where it begins with that, and one after its last."""
    offset, mapping = message.unsigned(14), message.all_unsigned(16)
    at = np.arange(len(stroke.points))
    at = np.maximum(at - 1, 0) if offset == 0 else at
    samples = mapping[np.minimum(at, len(mapping) - 1)] if len(mapping) else offset + at

    def of(values: np.ndarray | None) -> np.ndarray | None:
        if values is None:
            return None
        found: np.ndarray = values[np.clip(samples, 0, len(values) - 1)]
        return found if np.isfinite(found).all() else None

    return replace(stroke, times=of(sensor.times), pressures=of(sensor.pressures))


def _statements(graph: Message) -> dict[str, dict[str, str]]:
    """Facts of the knowledge graph about each node, by the identifier at the end of its name: its
    level and its text."""
    found: dict[str, dict[str, str]] = {}
    for statement in graph.messages(1):
        subject, predicate, value = (statement.text(number) for number in (1, 2, 3))
        facts = found.setdefault(subject[-_ID:].lower(), {})
        kind = value.rpartition("/")[2]
        if kind in _LEVELS:
            facts["level"] = _LEVELS[kind]
        elif predicate.endswith(_CONTENT):
            facts.setdefault("text", value)
    return found


@dataclass
class _Node:
    """A group of a tree: its identifier, its strokes and the texts of the words in it."""

    name: str
    strokes: list[int]
    words: list[str]


def _labels(
    structure: Message, words: dict[str, dict[str, str]], number_of: dict[int, int]
) -> Iterator[InkLabel]:
    """Lines and words of the first view that has some."""
    for view in structure.messages(3):
        found = list(_labels_of_view(view, words, number_of))
        if found:
            yield from found
            return


def _labels_of_view(
    view: Message, words: dict[str, dict[str, str]], number_of: dict[int, int]
) -> Iterator[InkLabel]:
    """Labels of a tree whose nodes stand in the order of walking down it, each with its depth."""
    groups: list[_Node] = []
    for node in view.messages(2):
        depth = node.unsigned(1)
        while len(groups) > depth:
            yield from _label(groups.pop(), words, groups)
        if len(groups) >= _MOST_DEEP:
            raise BadInk(f"groups of strokes are in each other {_MOST_DEEP} deep at most")
        if node.data(2):
            groups.append(_Node(_identifier(node.data(2)), [], []))
        elif node.unsigned(3) in number_of:
            for group in groups:
                group.strokes.append(number_of[node.unsigned(3)])
    while groups:
        yield from _label(groups.pop(), words, groups)


def _identifier(data: bytes) -> str:
    """The text of an identifier of 16 bytes, of which the first three numbers have their lowest
    byte first."""
    turned = data[3::-1] + data[5:3:-1] + data[7:5:-1] + data[8:16]
    text = turned.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _label(
    node: _Node, words: dict[str, dict[str, str]], around: list[_Node]
) -> Iterator[InkLabel]:
    facts = words.get(node.name, {})
    level, text = facts.get("level"), facts.get("text", "")
    strokes = tuple(dict.fromkeys(node.strokes))
    if level == "word" and text:
        for outer in around:
            outer.words.append(text)
    if level is not None and strokes:
        yield InkLabel(text or " ".join(node.words), strokes, level)
