"""All that an InkML file has of ink: W3C, "Ink Markup Language (InkML)", Recommendation of 20
September 2011.

Channels become times (T), pressures (F) and others; brushes become colours and widths; groups and
views that have a text, a level or a rotation become labels. Groups annotated as pages are pages, in
them groups annotated as layers are layers; otherwise all traces are on one page. Places are those
on the canvas.

Shapes: ``n`` points of one stroke, ``C`` channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from handwriting.formats.document import (
    DRAWING,
    LINE,
    InkDocument,
    InkLabel,
    InkPage,
    InkStroke,
    PlacedText,
    hex_colour,
)
from handwriting.formats.ink_values import BadInk, check_coordinates, read_document
from handwriting.formats.inkml_contexts import Contexts, Declared, brush_width, lineage
from handwriting.formats.inkml_reader import (
    TEXTS,
    WRITERS,
    annotations_of,
    first_of,
    ink_root,
    is_ink,
    level_of,
    traces_of,
)
from handwriting.formats.inkml_trace import decode_columns
from handwriting.formats.xml_safe import BadXml, Node

PAGE, LAYER, LAYER_NAME, WIDTH, HEIGHT = "page", "layer", "layername", "pagewidth", "pageheight"
TITLE = "title"
_GROUPS = ("traceGroup", "traceView")
_TIME, _FORCE = "T", "F"
_MOST_LABELS_DEEP = 8
_LARGEST = float(np.finfo(np.float32).max)
_KEPT = ("timeOffset", "duration")


def read_inkml(path: Path) -> InkDocument:
    """Return the ink of an InkML file.

    Raises:
        DataError: it is none, or a trace in it cannot be read; names the file and the line.
    """
    return read_document(path, _document)


def _document(data: bytes) -> InkDocument:
    root = ink_root(data)
    contexts = Contexts(root)
    own = annotations_of(root)
    pages = [node for node in root.named("traceGroup") if PAGE in annotations_of(node)]
    found = [_page(node, contexts) for node in pages or [root]]
    units = next((mm for page in found for mm in page.mm if mm), 0.0)
    used = {*TEXTS, *WRITERS}
    notes = tuple((kind, text) for kind, text in own.items() if kind not in used and text)
    if not any(page.page.strokes for page in found):
        raise BadInk("no trace with a point is in it")
    return InkDocument(
        tuple(page.page for page in found),
        1 / units if units else 0.0,
        first_of(own, WRITERS),
        notes,
    )


@dataclass
class _Page:
    """A page, and the mm of a unit for each of its strokes."""

    page: InkPage
    mm: list[float]


@dataclass
class _Strokes:
    """Strokes as they are read.

    Attributes:
        strokes: so far.
        number_of: the number of the stroke that each trace is in, by the trace's id.
        mm: of a unit, for each stroke.
        layers: names of the layers.
    """

    strokes: list[InkStroke] = field(default_factory=list)
    number_of: dict[int, int] = field(default_factory=dict)
    mm: list[float] = field(default_factory=list)
    layers: dict[int, str] = field(default_factory=dict)

    def add(self, trace: Node, stroke: InkStroke, mm: float) -> None:
        """Add a trace; one that continues another goes on with its stroke."""
        if trace.attributes.get("continuation") in ("middle", "end") and self.strokes:
            self.strokes[-1] = _joined(self.strokes[-1], stroke)
        else:
            self.strokes.append(stroke)
            self.mm.append(mm)
        self.number_of[id(trace)] = len(self.strokes) - 1


def _page(node: Node, contexts: Contexts) -> _Page:
    found = _Strokes()
    layer_of = dict(_layers(node, found))
    for trace, _ in traces_of(node, contexts):
        declared = contexts.of(trace)
        columns = decode_columns(trace, declared.format) if is_ink(trace) else np.empty((0, 2))
        if len(columns):
            layer = next((layer_of[id(o)] for o in lineage(trace) if id(o) in layer_of), 0)
            found.add(trace, _stroke(trace, columns, declared, layer), declared.mm)
    own = annotations_of(node)
    width, height = (_length(own.get(key, "")) for key in (WIDTH, HEIGHT))
    page = InkPage(
        tuple(found.strokes),
        tuple(_labels(node, found, contexts)),
        tuple(_texts(node)),
        width,
        height,
        contexts.rotation_around(node),
        tuple(found.layers.get(at, "") for at in range(max(found.layers, default=-1) + 1)),
    )
    return _Page(page, found.mm)


def _layers(node: Node, found: _Strokes) -> Iterator[tuple[int, int]]:
    """The number of each layer, by the id of its group."""
    for group in node.everything():
        if group.name == "traceGroup":
            own = annotations_of(group)
            number = own.get(LAYER, "")
            if number.isdecimal() and len(number) < 4:
                yield id(group), int(number)
                if own.get(LAYER_NAME):
                    found.layers[int(number)] = own[LAYER_NAME]


def _length(text: str) -> float:
    try:
        value = float(text or "0")
    except ValueError:
        return 0.0
    return value if 0 < value < _LARGEST else 0.0


def _stroke(trace: Node, columns: np.ndarray, declared: Declared, layer: int) -> InkStroke:
    layout = declared.format
    points = declared.to_canvas.of_points(columns[:, [layout.x_index, layout.y_index]])
    try:
        check_coordinates(points)
    except BadInk as error:
        raise BadXml(f"line {trace.line}: {error}") from None
    others: dict[str, np.ndarray] = {}
    times = pressures = None
    for at, channel in enumerate(layout.channels):
        values, name = columns[:, at], channel.name
        is_whole = bool(np.isfinite(values).all())
        if at in (layout.x_index, layout.y_index) or np.isnan(values).all():
            continue
        if name.upper() == _TIME and is_whole and times is None:
            unit, start = declared.seconds
            times = values * unit + start
        elif name.upper() == _FORCE and is_whole and pressures is None:
            pressures = _pressures(values, channel.least, channel.greatest)
        else:
            others[name] = values
    brush = declared.brush
    return InkStroke(
        points,
        times,
        pressures,
        brush.colour,
        brush_width(brush, declared.mm),
        brush.tool,
        layer,
        others,
        {key: trace.attributes[key] for key in _KEPT if key in trace.attributes},
    )


def _pressures(values: np.ndarray, least: float, greatest: float) -> np.ndarray:
    """Forces from 0 to 1 where their greatest is known."""
    low = 0.0 if np.isnan(least) else least
    return (values - low) / (greatest - low) if greatest > low else values


def _joined(first: InkStroke, then: InkStroke) -> InkStroke:
    def both(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
        return None if a is None or b is None else np.concatenate([a, b])

    return replace(
        first,
        points=np.concatenate([first.points, then.points]),
        times=both(first.times, then.times),
        pressures=both(first.pressures, then.pressures),
        others={
            name: np.concatenate([values, then.others[name]])
            for name, values in first.others.items()
            if name in then.others
        },
    )


def _labels(page: Node, found: _Strokes, contexts: Contexts) -> Iterator[InkLabel]:
    """A label for each group and view that says something of its strokes, in their order; groups
    without a level are lines, and what is in those are parts. Only so many are in each other."""
    waiting = [(page, 0)]
    while waiting:
        node, depth = waiting.pop()
        own = annotations_of(node)
        text = first_of(own, TEXTS) or _emma_text(node)
        level = level_of(own) or _emma_level(node)
        is_turned = node is not page and contexts.rotation_in(node) is not None
        is_label = bool(text or (level and PAGE not in own) or is_turned)
        if is_label:
            numbers = dict.fromkeys(
                found.number_of[id(part.trace)]
                for part in traces_of(node, contexts)
                if id(part.trace) in found.number_of
            )
            if numbers:
                level = level or ("part" if depth else LINE)
                rotation = contexts.rotation_around(node)
                yield InkLabel(text, tuple(numbers), level, rotation, first_of(own, WRITERS))
        depth += bool(is_label)
        if depth <= _MOST_LABELS_DEEP:
            waiting.extend((child, depth) for child in reversed(list(node.named(*_GROUPS))))


def _emma_text(node: Node) -> str:
    """The text that the first interpretation of a group's ``annotationXML`` has, as Microsoft's
    programs write it in EMMA."""
    for annotation in node.named("annotationXML"):
        for inside in annotation.everything():
            if inside.name == "literal":
                return " ".join(inside.text.split())
    return ""


_EMMA_LEVELS = {
    "line": LINE,
    "inkWord": "word",
    "paragraph": "paragraph",
    "inkDrawing": DRAWING,
}


def _emma_level(node: Node) -> str:
    for annotation in node.named("annotationXML"):
        for inside in annotation.everything():
            if inside.name == "context" and "type" in inside.attributes:
                return _EMMA_LEVELS.get(inside.attributes["type"], "")
    return ""


def _texts(page: Node) -> Iterator[PlacedText]:
    """The typed texts that ``inkml_ink_writer`` puts beside the strokes."""
    for annotation in page.named("annotationXML"):
        if annotation.attributes.get("type") == "text":
            for node in annotation.named("text"):
                left, top, size, height = (
                    _coordinate(node.attributes.get(key, "0"))
                    for key in ("x", "y", "size", "lineHeight")
                )
                layer = node.attributes.get("layer", "0")
                yield PlacedText(
                    node.text,
                    left,
                    top,
                    size,
                    height,
                    hex_colour(node.attributes.get("color", "")),
                    int(layer) if layer.isdecimal() and len(layer) < 4 else 0,
                )


def _coordinate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if abs(value) < _LARGEST else 0.0
