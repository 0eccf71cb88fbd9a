"""Pen strokes from SVG: W3C, "Scalable Vector Graphics (SVG) 1.1 (Second Edition)", 2011.

Read are ``path``, ``polyline``, ``polygon`` and ``line`` with the transforms around them; a
``circle`` or ``ellipse`` counts as a dot, which is what drawing programs write them for. What is
hidden, only defined, text or picture is not ink. Nor are style sheets or ``use`` looked at, nor
whether a shape is filled: the outline of a letter is read as if a pen had gone round it.

``svgelements`` reads path data and transforms; the document itself is parsed by ``xml_safe``.

Shapes: ``n`` points of one stroke, ``m`` of one curve.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import svgelements

from handwriting.errors import DataError
from handwriting.files import read_regular_file
from handwriting.formats.checked_lines import lines_of_points
from handwriting.formats.xml_safe import BadXml, Node, xml_tree
from handwriting.ink.line import Line
from handwriting.quoting import MOST_SHOWN, quoted

_NOT_DRAWN = {
    *("defs", "clipPath", "mask", "symbol", "marker", "pattern", "metadata", "style", "script"),
    *("text", "title", "desc", "image", "foreignObject", "use"),
}
_HIDDEN = re.compile(r"\b(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b")
_CLOSES = re.compile(r"[zZ](?:[\s,]*[zZ])+")  # after the first, none goes anywhere
_PAGE_RULES = "rules"
_PAGE_INK = "ink"
# A curve is drawn as chords that are away from it by no more than this part of its size.
_TOLERANCE = 0.01
_JOINT = 1e-9  # of the ink's size


@dataclass
class SvgLine:
    """Ink that belongs together.

    Attributes:
        text: what it says, empty where the document does not say.
        strokes: float64 ``[n, 2]`` each, in the document's order, y downwards.
    """

    text: str
    strokes: list[np.ndarray] = field(default_factory=list)


def read_svg(data: bytes) -> list[SvgLine]:
    """The ink of a document, in time in proportion to its size.

    Returns:
        for a page that ``handwriting.pages`` wrote, its lines of writing, without the rules
        printed on it; otherwise all ink as one. A stroke that starts where the one before ends
        goes on from it, as in documents that have an element for each piece of a stroke.

    Raises:
        BadXml: the document is no SVG, or something in it cannot be read; with its line.
    """
    root = xml_tree(data)
    if root.name != "svg":
        message = f"line {root.line}: the root is <{root.name[:MOST_SHOWN]}>, not <svg>"
        raise BadXml(message, "file that is no SVG")
    groups = [
        (group, transform)
        for node, transform in _page_inks(root)
        for group in node.named("g")
        if any(group.named("title"))
    ]
    if not groups:
        return [SvgLine("", _joined(list(_ink(root, _Transform()))))]
    return [
        SvgLine(_title(group), _joined(list(_ink(group, outside)))) for group, outside in groups
    ]


def _page_inks(root: Node) -> Iterator[tuple[Node, "_Transform"]]:
    """The outermost elements that hold a page's lines, and the transform inside each."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.attributes.get("id") == _PAGE_INK:
            yield node, _transform_around(node).inside(node)
        else:
            waiting.extend(reversed(node.children))


@dataclass(frozen=True)
class _Transform:
    """x, y to ``matrix`` (2 by 2) times (x, y) plus ``shift``."""

    matrix: np.ndarray = field(default_factory=lambda: np.eye(2))
    shift: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def __call__(self, points: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            moved: np.ndarray = points @ self.matrix.T + self.shift
            return moved

    def inside(self, node: Node) -> "_Transform":
        """The transform of what is in ``node``, when this is the one around it."""
        text = node.attributes.get("transform")
        if not text:
            return self
        try:
            read = svgelements.Matrix(text)
            values = [float(value) for value in (read.a, read.c, read.b, read.d, read.e, read.f)]
        except Exception:  # whatever the library makes of it
            raise BadXml(
                f"line {node.line}: transform cannot be read, got {quoted(text)}"
            ) from None
        matrix, shift = np.array(values[:4]).reshape(2, 2), np.array(values[4:])
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused as ink
            return _Transform(self.matrix @ matrix, self(shift))


def _transform_around(node: Node) -> _Transform:
    around = [] if node.parent is None else [node.parent]
    while around and around[-1].parent is not None:
        around.append(around[-1].parent)
    transform = _Transform()
    for outer in reversed(around):
        transform = transform.inside(outer)
    return transform


def _title(group: Node) -> str:
    return " ".join(next(group.named("title")).text.split())


def _ink(root: Node, around: _Transform) -> Iterator[np.ndarray]:
    """The strokes drawn by ``root`` and what is in it."""
    waiting = [(root, around)]
    while waiting:
        node, outer = waiting.pop()
        if node.name in _NOT_DRAWN or _is_hidden(node) or _is_rules(node):
            continue
        transform = outer.inside(node)
        data = _path_data(node)
        if data.strip():
            for stroke in map(transform, _strokes(data, node)):
                if not np.isfinite(stroke).all():
                    raise BadXml(f"line {node.line}: a coordinate is not finite")
                yield stroke
        waiting.extend((child, transform) for child in reversed(node.children))


def _is_hidden(node: Node) -> bool:
    given = (f"{name}:{node.attributes.get(name, '')}" for name in ("display", "visibility"))
    return any(_HIDDEN.search(text) for text in (*given, node.attributes.get("style", "")))


def _is_rules(node: Node) -> bool:
    return node.name == "g" and node.attributes.get("id") == _PAGE_RULES


def _path_data(node: Node) -> str:
    """Return a shape as the data of a path; empty for an element that is no shape."""
    given = node.attributes
    if node.name == "path":
        return given.get("d", "")
    if node.name in ("polyline", "polygon") and given.get("points", "").strip():
        return f"M{given['points']}{'z' if node.name == 'polygon' else ''}"
    if node.name == "line":
        x1, y1, x2, y2 = (_number(node, name) for name in ("x1", "y1", "x2", "y2"))
        return f"M{x1} {y1}L{x2} {y2}"
    if node.name in ("circle", "ellipse"):
        x, y = _number(node, "cx"), _number(node, "cy")
        return f"M{x} {y}L{x} {y}"
    return ""


def _number(node: Node, name: str) -> float:
    text = node.attributes.get(name, "0")
    try:
        value = float(text.strip().removesuffix("px"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadXml(f"line {node.line}: {name} must be a number, got {quoted(text)}")
    return value


def _strokes(data: str, node: Node) -> Iterator[np.ndarray]:
    """The strokes ``[n, 2]`` of path data: one from each move of the pen to the next."""
    try:
        stroke: list[np.ndarray] = []
        for segment in _Path(_CLOSES.sub("z", data)):
            if isinstance(segment, svgelements.Move):
                if stroke:
                    yield np.concatenate(stroke)
                stroke = []
            elif segment.start is not None:
                start = [] if stroke else [np.array([segment.start], dtype=np.float64)]
                stroke += [*start, _points(segment)]
        if stroke:
            yield np.concatenate(stroke)
    except Exception:  # whatever the library makes of it
        raise BadXml(f"line {node.line}: path cannot be read, got {quoted(data)}") from None


class _Path(svgelements.Path):  # type: ignore[misc]  # the library has no types
    """Path data whose closes know where the last move went; the library looks for it through all
    that stands before each, which takes time with the square of their number."""

    _last_move: svgelements.Move | None = None

    def append(self, value: svgelements.PathSegment) -> None:
        """Add a segment at the end."""
        if isinstance(value, svgelements.Move):
            self._last_move = value
        super().append(value)

    @property
    def z_point(self) -> svgelements.Point | None:
        """The point that a close goes to."""
        if self._last_move is not None:
            return self._last_move.end
        return self._segments[0].end if self._segments else None

    def _validate_close(self, index: int) -> None:
        end = self.z_point
        self._segments[index].end = None if end is None else svgelements.Point(end)


def _points(segment: svgelements.PathSegment) -> np.ndarray:
    """The points ``[m, 2]`` of a segment after its first."""
    end = np.array([segment.end], dtype=np.float64)
    if isinstance(segment, svgelements.Arc):
        if segment.start == segment.end and segment.sweep == 0:
            return end
        number = _chords_of_turn(abs(float(segment.sweep)))
    elif isinstance(segment, svgelements.CubicBezier | svgelements.QuadraticBezier):
        number = _chords(np.array(list(segment), dtype=np.float64))
    else:
        return end
    return np.asarray(segment.npoint(np.linspace(0, 1, number + 1)[1:]), dtype=np.float64)


def _chords(controls: np.ndarray) -> int:
    """Return how many chords of equal parameter a Bezier curve of 3 or 4 control points
    ``[3 or 4, 2]`` wants: a chord of 1/k is away from the curve by no more than 1/8 of the
    greatest second derivative over k squared."""
    degree = len(controls) - 1
    size = np.ptp(controls, axis=0).max()
    bend = degree * (degree - 1) * np.abs(np.diff(controls, n=2, axis=0)).max()
    return max(math.ceil(math.sqrt(bend / (8 * _TOLERANCE * size))), 1) if size > 0 else 1


def _chords_of_turn(turn: float) -> int:
    """Return how many chords of equal angle an arc of ``turn`` radians, no more than a full turn,
    wants. A chord of angle a is away from a circle by a squared / 8 of the radius; an arc's
    size is its radius times the turn, and no more than twice the radius."""
    if not turn:
        return 1
    size = min(turn, 2.0)
    return math.ceil(min(turn, 2 * math.pi) / math.sqrt(8 * _TOLERANCE * size))


def _joined(strokes: list[np.ndarray]) -> list[np.ndarray]:
    """Strokes of which none starts where the one before ends. A dot stays one."""
    if not strokes:
        return []
    near = _JOINT * np.ptp(np.concatenate(strokes), axis=0).max()
    joined = [[strokes[0]]]
    for stroke in strokes[1:]:
        gap = np.abs(stroke[0] - joined[-1][-1][-1]).max()
        if gap <= near and np.ptp(stroke, axis=0).max() > 0:
            joined[-1].append(stroke[1:])
        else:
            joined.append([stroke])
    return [np.concatenate(parts) for parts in joined]


def read_svg_file(path: Path) -> list[Line]:
    """Return the lines of an SVG file; see ``read_svg``.

    Raises:
        DataError: it is not SVG, or nothing is drawn in it.
    """
    try:
        found = read_svg(read_regular_file(path))
    except BadXml as error:
        raise DataError(f"{path}: {error}") from None
    inks = [line for line in found if line.strokes]
    if not inks:
        raise DataError(f"{path}: no ink: no path, polyline, polygon or line is drawn in it")
    return lines_of_points([(ink.strokes, ink.text) for ink in inks], path)
