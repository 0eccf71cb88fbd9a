"""Declarations around a trace of an InkML document: its format, how its numbers become places
on the canvas, its brush, and how far the writing is turned.

W3C, "Ink Markup Language (InkML)", Recommendation of 20 September 2011, chapters 3 to 5.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np

from handwriting.formats.document import hex_colour
from handwriting.formats.inkml_trace import Number, TraceFormat
from handwriting.formats.xml_safe import BadXml, Node

_LENGTHS = {
    "mm": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "in": 25.4,
    "pt": 25.4 / 72,
    "pc": 25.4 / 6,
    "himetric": 0.01,
    "um": 0.001,
}
"""mm in the units of length that InkML has, and in two that programs use."""

_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "ns": 1e-9}
_MILLISECOND = 1e-3
_PARTS = re.compile(r"[\s,]+")
_ROTATIONS = frozenset(
    {"rotation", "rotate", "orientation", "angle", "pagerotation", "pageorientation", "turn"}
)
_UPSIDE_DOWN = frozenset({"upsidedown", "reverseportrait", "portraitreversed", "portraitflipped"})
_NOT_LETTERS = re.compile(r"[^a-z]")
_DEGREES = re.compile(r"\s*(-?\d{1,3}(?:\.\d{0,6})?)\s*(?:°|deg|degrees?)?\s*", re.IGNORECASE)
_BOX = "rotatedBoundingBox"
# Boxes that a program has fitted to level writing are turned by a little, too.
_LEAST_ROTATION = 10.0
_MOST_MAPPINGS = 16
# For each element, how often views may refer to it.
_MOST_VIEWED = 16


@dataclass(frozen=True)
class Affine:
    """(x, y) to (a x + b y + c, d x + e y + f).

    Attributes:
        rows: ``((a, b, c), (d, e, f))``.
    """

    rows: tuple[tuple[float, float, float], tuple[float, float, float]] = (
        (1.0, 0.0, 0.0),
        (0.0, 1.0, 0.0),
    )

    def after(self, first: "Affine") -> "Affine":
        """Return the map that does ``first`` and then this one."""
        square = [np.array([*rows, (0.0, 0.0, 1.0)]) for rows in (self.rows, first.rows)]
        with np.errstate(over="ignore", invalid="ignore"):
            upper, lower, _ = (square[0] @ square[1]).tolist()
        return Affine((tuple(upper), tuple(lower)))

    def of_points(self, points: np.ndarray) -> np.ndarray:
        """Return where points ``[n, 2]`` go."""
        if self == Affine():
            return points
        matrix = np.array(self.rows)
        with np.errstate(over="ignore", invalid="ignore"):
            result: np.ndarray = points @ matrix[:, :2].T + matrix[:, 2]
        return result

    def of_numbers(self, points: list[tuple[Any, Any]], number: Number) -> list[tuple[Any, Any]]:
        """Return where points go whose numbers are of the type ``number``, as exact as it is.

        Raises:
            BadXml: that is beyond all numbers.
        """
        if self == Affine():
            return points
        exact = (lambda value: Decimal(repr(value))) if number is Decimal else float
        (a, b, c), (d, e, f) = (tuple(map(exact, row)) for row in self.rows)
        try:
            return [(a * x + b * y + c, d * x + e * y + f) for x, y in points]
        except ArithmeticError:
            raise BadXml("a coordinate is not finite") from None

    @classmethod
    def rotation(cls, degrees: float) -> "Affine":
        """Return the turn by so many degrees clockwise, where y grows downwards."""
        turn = math.radians(degrees)
        cos, sin = round(math.cos(turn), 12), round(math.sin(turn), 12)
        return cls(((cos, -sin, 0.0), (sin, cos, 0.0)))


@dataclass(frozen=True)
class Brush:
    """Drawing of a trace: its colour and tool as in ``InkStroke``, its width in ``units`` (empty:
    unknown)."""

    colour: str = ""
    width: float = 0.0
    units: str = ""
    tool: str = ""


@dataclass(frozen=True)
class Declared:
    """Declarations for a trace.

    Attributes:
        format: see there.
        to_canvas: from its numbers to the canvas, x to the right and y downwards.
        mm: of one unit of the canvas's x; 0 where unknown.
        brush: see there.
        seconds: of one unit of time, and the moment that times are counted from, in seconds.
    """

    format: TraceFormat
    to_canvas: Affine
    mm: float
    brush: Brush
    seconds: tuple[float, float]


class Contexts:
    """Declarations for each trace of a document.

    A trace's own ``contextRef`` goes first, then those of the groups around it, then the last
    context or trace format that stands before it directly under the root. A document that declares
    trace formats and refers to none means the first; one that declares none has X and Y.

    """

    def __init__(self, root: Node) -> None:
        nodes = list(root.everything())
        self._by_id = {node.attributes["id"]: node for node in nodes if "id" in node.attributes}
        first = next((node for node in nodes if node.name == "traceFormat"), None)
        self._formats = _Lookup(root, self._by_id, "traceFormat", first, ("inkSourceRef",))
        self._transforms = _Lookup(root, self._by_id, "canvasTransform", None, ())
        self._canvases = _Lookup(root, self._by_id, "canvas", None, ())
        self._brushes = _Lookup(root, self._by_id, "brush", None, ())
        self._declared: dict[tuple[int, ...], Declared | BadXml] = {}
        self._rotations: dict[int, float | None] = {}
        self._left_to_view = _MOST_VIEWED * len(nodes)

    def referred(self, node: Node, key: str) -> Node | None:
        """Return the element that an attribute refers to, None where there is none."""
        return self._by_id.get(node.attributes.get(key, "").removeprefix("#"))

    def count_view(self, view: Node) -> None:
        """Count an element that a view refers to.

        Raises:
            BadXml: views refer to far more elements than there are.
        """
        self._left_to_view -= 1
        if self._left_to_view < 0:
            raise BadXml(f"line {view.line}: views refer to the same ink over and over")

    def rotation_around(self, node: Node) -> float:
        """Return by how many degrees clockwise the element, or the nearest one around it that says
        so, is turned."""
        around = map(self.rotation_in, lineage(node))
        return next((found for found in around if found is not None), 0.0)

    def rotation_in(self, node: Node) -> float | None:
        """Return what the element itself says of it, None where it says nothing."""
        if id(node) not in self._rotations:
            self._rotations[id(node)] = rotation_of(node)
        return self._rotations[id(node)]

    def of(self, trace: Node) -> Declared:
        """Return what is declared for ``trace``.

        Raises:
            BadXml: its format has no X or no Y, or a number in a transform is none.
        """
        nodes = (
            self._formats.of(trace),
            self._transforms.of(trace),
            self._canvases.of(trace),
            self._brush_node(trace),
        )
        key = tuple(map(id, nodes))
        if key not in self._declared:
            try:
                self._declared[key] = self._parsed(*nodes)
            except BadXml as error:
                self._declared[key] = error
        found = self._declared[key]
        if isinstance(found, BadXml):
            raise found
        return found

    def _brush_node(self, trace: Node) -> Node | None:
        own = (self.referred(node, "brushRef") for node in lineage(trace))
        return next((node for node in own if node is not None), None) or self._brushes.of(trace)

    def _parsed(
        self, format_: Node | None, transform: Node | None, canvas: Node | None, brush: Node | None
    ) -> Declared:
        layout = TraceFormat() if format_ is None else TraceFormat.from_node(format_)
        own = _units(layout, format_)
        mapping = None if transform is None else self._mapping(transform, 0)
        seconds = self._seconds(layout)
        if mapping is None:
            x_sign, y_sign = layout.signs
            ratio = own[1] / own[0] if own[0] and own[1] else 1.0
            to_canvas = Affine(((x_sign, 0.0, 0.0), (0.0, y_sign * ratio, 0.0)))
            return Declared(layout, to_canvas, own[0], _brush(brush), seconds)
        declared = next(canvas.named("traceFormat"), None) if canvas is not None else None
        on_canvas = TraceFormat() if declared is None else TraceFormat.from_node(declared)
        x_sign, y_sign = on_canvas.signs
        upright = Affine(((x_sign, 0.0, 0.0), (0.0, y_sign, 0.0)))
        mm = _units(on_canvas, declared)[0]
        return Declared(layout, upright.after(mapping), mm, _brush(brush), seconds)

    def _mapping(self, node: Node, depth: int) -> Affine | None:
        """The map of a ``canvasTransform`` or a ``mapping``; None where it is of a kind that is not
        read, such as a table."""
        if depth > _MOST_MAPPINGS:
            raise BadXml(
                f"line {node.line}: mappings are in each other {_MOST_MAPPINGS} deep at most"
            )
        referred = self.referred(node, "mappingRef")
        if referred is not None:
            return self._mapping(referred, depth + 1)
        kind = node.attributes.get("type", "")
        inside = [child for child in node.children if child.name == "mapping"]
        if node.name == "canvasTransform":
            return self._mapping(inside[0], depth + 1) if inside else None
        if kind == "identity":
            return Affine()
        if kind == "product":
            found = [self._mapping(child, depth + 1) for child in inside[:_MOST_MAPPINGS]]
            known = [each for each in found if each is not None]
            return reduce(lambda first, then: then.after(first), known, Affine())
        if kind == "affine":
            texts = [child.text for child in node.named("affine")]
            return _affine(texts[0] if texts else node.text, node.line)
        return None

    def _seconds(self, layout: TraceFormat) -> tuple[float, float]:
        time = next((channel for channel in layout.channels if channel.name.upper() == "T"), None)
        if time is None:
            return _MILLISECOND, 0.0
        unit = _SECONDS.get(time.units, _MILLISECOND)
        stamp = self._by_id.get(time.respect_to)
        start = 0.0
        for _ in range(_MOST_MAPPINGS):
            if stamp is None:
                break
            start += _MILLISECOND * sum(_float(stamp, key) for key in ("time", "timeOffset"))
            stamp = self.referred(stamp, "timestampRef")
        return unit, start


class _Lookup:
    """Which element of a kind is declared for each trace, in its contexts.

    Args:
        root: of the document.
        by_id: all its elements that have an id.
        kind: name of the elements.
        default: for traces that have none.
        references: attributes of contexts that refer to elements which may hold one.
    """

    def __init__(
        self,
        root: Node,
        by_id: dict[str, Node],
        kind: str,
        default: Node | None,
        references: tuple[str, ...],
    ) -> None:
        self._by_id = by_id
        self._kind = kind
        self._references = (f"{kind}Ref", *references)
        self._inside: dict[int, Node | None] = {}
        self._found: dict[int, Node | None] = {}
        self._current: dict[int, Node | None] = {}
        current = default
        for child in root.children:
            if child.name in ("context", kind):
                current = self._of_context(child) or current
            self._current[id(child)] = current

    def of(self, trace: Node) -> Node | None:
        """Return the element declared for ``trace``, None where there is none."""
        for node in lineage(trace):
            declared = self._of_context(self._referred(node, "contextRef"))
            if declared is not None:
                return declared
            if id(node) in self._current:
                return self._current[id(node)]
        return None

    def _of_context(self, context: Node | None) -> Node | None:
        """The element that a context has, refers to or inherits; found once for each, so that a
        chain of them takes time in proportion to its length."""
        chain: list[Node] = []
        seen: set[int] = set()
        found = None
        while context is not None and id(context) not in seen and found is None:
            if id(context) in self._found:
                found = self._found[id(context)]
                break
            seen.add(id(context))
            chain.append(context)
            sources = (context, *(self._referred(context, key) for key in self._references))
            found = next((node for source in sources if (node := self._in(source))), None)
            context = self._referred(context, "contextRef")
        self._found.update((id(node), found) for node in chain)
        return found

    def _in(self, source: Node | None) -> Node | None:
        """The first element of the kind in another, itself included."""
        if source is None:
            return None
        if id(source) not in self._inside:
            # A canvas has a trace format too, which is not that of traces.
            nodes = (node for node in source.everything() if node.name == self._kind)
            own = (
                node
                for node in nodes
                if self._kind != "traceFormat" or all(o.name != "canvas" for o in lineage(node))
            )
            self._inside[id(source)] = next(own, None)
        return self._inside[id(source)]

    def _referred(self, node: Node, key: str) -> Node | None:
        return self._by_id.get(node.attributes.get(key, "").removeprefix("#"))


def lineage(node: Node) -> Iterator[Node]:
    """Return the node and those around it, outwards."""
    around: Node | None = node
    while around is not None:
        yield around
        around = around.parent


def _affine(text: str, line: int) -> Affine:
    try:
        values = [float(part) for part in _PARTS.split(text.strip()) if part]
    except ValueError:
        values = []
    if len(values) not in (6, 9) or not all(map(math.isfinite, values)):
        raise BadXml(f"line {line}: an affine mapping has two rows of three numbers")
    return Affine((tuple(values[:3]), tuple(values[3:6])))  # type: ignore[arg-type]  # of three each


def _float(node: Node, key: str) -> float:
    try:
        value = float(node.attributes.get(key, "0"))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _units(layout: TraceFormat, node: Node | None) -> tuple[float, float]:
    """mm of one unit of x and of y, 0 where unknown: of the channel's units, or of the resolution
    that the ink source beside the format has for it."""
    channels = (layout.channels[layout.x_index], layout.channels[layout.y_index])
    resolutions = {} if node is None or node.parent is None else _resolutions(node.parent)
    x, y = (
        resolutions.get(channel.name.upper(), _LENGTHS.get(channel.units, 0.0))
        for channel in channels
    )
    return x, y


def _resolutions(source: Node) -> dict[str, float]:
    found: dict[str, float] = {}
    for properties in source.named("channelProperties"):
        for one in properties.named("channelProperty"):
            unit = one.attributes.get("units", "").replace(" ", "").lower()
            mm = _LENGTHS.get(unit.removeprefix("1/"), 0.0)
            value = _float(one, "value")
            if one.attributes.get("name", "").lower() == "resolution" and mm and value > 0:
                of_unit = mm / value if unit.startswith("1/") else mm * value
                found.setdefault(one.attributes.get("channel", "").upper(), of_unit)
    return found


def _brush(node: Node | None) -> Brush:
    if node is None:
        return Brush()
    properties = {
        child.attributes.get("name", "").lower(): child for child in node.named("brushProperty")
    }
    values = {name: child.attributes.get("value", "") for name, child in properties.items()}
    width = properties.get("width")
    colour = hex_colour(values.get("color", ""))[:7]
    if "transparency" in values and colour:
        # From 0, opaque, to 255.
        alpha = 255 - min(max(_float(properties["transparency"], "value"), 0.0), 255.0)
        colour += f"{round(alpha):02x}" if alpha < 255 else ""
    marks = values.get("rasterop", "").lower() == "maskpen"
    return Brush(
        colour,
        0.0 if width is None else max(_float(width, "value"), 0.0),
        "" if width is None else width.attributes.get("units", "").strip().lower(),
        "highlighter" if marks else values.get("tool", ""),
    )


def brush_width(brush: Brush, mm: float) -> float:
    """Return a brush's width in units of the canvas, of which each is ``mm`` long."""
    own = _LENGTHS.get(brush.units, 0.0)
    return brush.width * own / mm if own and mm else brush.width


def rotation_of(node: Node) -> float | None:
    """Return by how many degrees clockwise the annotations directly in an element say that its
    writing is turned: an annotation named so, an element or an attribute in ``annotationXML``, or
    the box turned with the writing that Microsoft's programs have there; None where none does."""
    for child in node.children:
        if child.name == "annotation" and _is_rotation(child.attributes.get("type", "")):
            found = _degrees(child.text)
        elif child.name == "annotationXML":
            found = _xml_rotation(child)
        else:
            continue
        if found is not None:
            return found
    return None


def _is_rotation(name: str) -> bool:
    return _NOT_LETTERS.sub("", name.lower()) in _ROTATIONS


def _xml_rotation(annotation: Node) -> float | None:
    for node in annotation.everything():
        box = node.attributes.get(_BOX)
        found = None if box is None else _box_rotation(box)
        for name, value in node.attributes.items():
            if found is None and _is_rotation(name):
                found = _degrees(value)
        if found is None and _is_rotation(node.name):
            found = _degrees(node.text)
        if found is not None:
            return found
    return None


def _degrees(text: str) -> float | None:
    if _NOT_LETTERS.sub("", text.lower()) in _UPSIDE_DOWN:
        return 180.0
    found = _DEGREES.fullmatch(text[:40])
    return None if found is None else _within_turn(float(found[1]))


def _within_turn(degrees: float) -> float:
    """The same turn from -180, not included, to 180."""
    return -((180.0 - degrees) % 360.0 - 180.0)


def _box_rotation(text: str) -> float | None:
    """The direction of a box's first side, from the writing's upper left to its upper right."""
    try:
        values = [float(part) for part in _PARTS.split(text.strip()[:200]) if part]
    except ValueError:
        return None
    if len(values) < 4 or not all(map(math.isfinite, values)):
        return None
    degrees = math.degrees(math.atan2(values[3] - values[1], values[2] - values[0]))
    return _within_turn(degrees) if abs(degrees) >= _LEAST_ROTATION else 0.0
