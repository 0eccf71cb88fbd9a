"""Lines of writing in InkML files: W3C, "Ink Markup Language (InkML)", Recommendation of 20
September 2011.

Elements are known by their names in whatever namespace. ``inkml_contexts`` finds what is declared
around a trace, ``inkml_document`` reads all that a file has.

Shapes: ``T`` pen steps.
"""

import decimal
import math
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from handwriting.formats.document import LINE
from handwriting.formats.inkml_contexts import Affine, Contexts, lineage
from handwriting.formats.inkml_trace import decode_trace, number_type
from handwriting.formats.xml_safe import BadXml, Node, xml_tree
from handwriting.ink.line import Line, strokes_from_points
from handwriting.quoting import MOST_SHOWN

TEXTS = ("transcription", "truth", "label", "normalizedlabel", "text")
WRITERS = ("writer", "writerid")
SPLITS = ("split", "splittagoriginal")
_SOURCE_ID = ("sourceid",)
_SPLIT_NAMES = {
    "train": "trainset",
    "training": "trainset",
    "valid": "testset_v",
    "validation": "testset_v",
    "val": "testset_v",
    "test": "testset_t",
}
_LEVEL = ("level", "type", "segmentation", "category")
# Parts of the names that programs have for levels, and the level.
_LEVELS = {
    "line": "line",
    "word": "word",
    "char": "character",
    "symbol": "character",
    "paragraph": "paragraph",
    "block": "paragraph",
    "drawing": "drawing",
    "page": "page",
}
# Digits that the sum of any two 32-bit floats needs, written out.
EXACT = decimal.Context(prec=200)

Report = Callable[[str, str], None]
"""Takes a short reason why ink was left out, and a message that names the place."""


class InkmlDocument:
    """The lines of writing in an InkML document.

    A document is one line of writing; or, where it has no transcription of its own and several
    trace groups or trace views have one, each outermost such group is a line; or, where groups are
    annotated as lines, these are. The text is the annotation of type transcription, truth, label,
    normalizedLabel or text, the first of these there is; white space in it counts as single spaces
    unless it has ``xml:space="preserve"``. The writer is the annotation of type writer or writerId,
    the split that of type split.

    InkML's y grows downwards unless the trace format says otherwise, and is turned to grow
    upwards; ink that the document says is turned is turned back. A trace marked as ``penUp`` is no
    ink and is left out; one that continues another is joined to it.

    Args:
        name: of the document; its lines are named after it.
        where: how messages name the document.
        report: told of all that is left out.
        flip_y: turn y; false for documents in which it grows upwards though they do not say so.
    """

    def __init__(self, name: str, where: str, report: Report, flip_y: bool = True) -> None:
        self._name = name
        self._where = where
        self._report = report
        self._flip_y = flip_y

    def lines(self, data: bytes, require_text: bool) -> Iterator[Line]:
        """Stream the lines of the document ``data``.

        Args:
            data: the document.
            require_text: leave out the lines that have no text.

        Yields:
            lines whose split is the one the document names, empty where it names none.
        """
        try:
            root = ink_root(data)
            contexts = Contexts(root)
            inks = _inks(root)
            self._report_loose_traces(root, inks, contexts)
        except BadXml as error:
            self._report(error.reason, f"{self._where}: {error}")
            return
        around = annotations_of(root)
        file_id = PurePosixPath(self._name).with_suffix("").as_posix()
        for number, ink in enumerate(inks, start=1):
            source_id = file_id if ink is root else f"{file_id}#{number}"
            line = self._line(ink, around, contexts, source_id, require_text)
            if line is not None:
                yield line

    def _line(
        self,
        ink: Node,
        around: dict[str, str],
        contexts: Contexts,
        source_id: str,
        require_text: bool,
    ) -> Line | None:
        own = annotations_of(ink)
        text = first_of(own, TEXTS)
        if not text.strip() and require_text:
            message = f"{self._where}: line {ink.line}: no annotation of type {', '.join(TEXTS)}"
            self._report("line without transcription", message)
            return None
        strokes = self._strokes(ink, contexts)
        if strokes is None:
            return None
        split = first_of(own, SPLITS) or first_of(around, SPLITS)
        return Line(
            strokes=strokes,
            text=text,
            writer=first_of(own, WRITERS) or first_of(around, WRITERS),
            source_id=first_of(own, _SOURCE_ID) or source_id,
            split=_SPLIT_NAMES.get(split.lower(), split),
        )

    def _strokes(self, ink: Node, contexts: Contexts) -> np.ndarray | None:
        """The strokes ``[T, 3]`` of the traces inside ``ink``, or None where there are none."""
        points_of_strokes: list[list[tuple[Any, Any]]] = []
        upright = Affine.rotation(-contexts.rotation_around(ink))
        try:
            found = [part for part in traces_of(ink, contexts) if is_ink(part.trace)]
            number = number_type([part.trace.text for part in found])
            with decimal.localcontext(EXACT):
                for part in found:
                    declared = contexts.of(part.trace)
                    points = decode_trace(part.trace, declared.format, number)[part.points]
                    placed = upright.after(declared.to_canvas).of_numbers(points, number)
                    self._add_points(points_of_strokes, placed, part.trace)
                if not points_of_strokes:
                    message = f"{self._where}: line {ink.line}: no trace with a point"
                    self._report("line without a stroke", message)
                    return None
                return _strokes_from_numbers(points_of_strokes, self._flip_y, ink.line)
        except BadXml as error:
            self._report(error.reason, f"{self._where}: {error}")
            return None

    def _add_points(
        self,
        points_of_strokes: list[list[tuple[Any, Any]]],
        points: list[tuple[Any, Any]],
        trace: Node,
    ) -> None:
        if not points:
            self._report("stroke without a point", f"{self._where}: line {trace.line}: empty trace")
        elif trace.attributes.get("continuation") in ("middle", "end") and points_of_strokes:
            points_of_strokes[-1].extend(points)
        else:
            points_of_strokes.append(points)

    def _report_loose_traces(self, root: Node, inks: list[Node], contexts: Contexts) -> None:
        """Count the traces that belong to no line, where only groups are lines."""
        inside = {id(part.trace) for ink in inks for part in traces_of(ink, contexts)}
        for part in traces_of(root, contexts):
            trace = part.trace
            if id(trace) not in inside:
                message = f"{self._where}: line {trace.line}: trace outside the transcribed groups"
                self._report("trace in no line", message)


def ink_root(data: bytes) -> Node:
    """Return the root of a document.

    Raises:
        BadXml: it is no InkML.
    """
    root = xml_tree(data)
    if root.name != "ink":
        message = f"line {root.line}: the root is <{root.name[:MOST_SHOWN]}>, not <ink>"
        raise BadXml(message, "file that is no InkML")
    return root


class TracePart(NamedTuple):
    """A trace, and which of its points are meant."""

    trace: Node
    points: slice = slice(None)


def is_ink(trace: Node) -> bool:
    """Whether the pen was on the paper."""
    return trace.attributes.get("type") != "penUp"


def traces_of(ink: Node, contexts: Contexts) -> list[TracePart]:
    """Return the traces of an element. Those among the definitions are only material to refer to; a
    view has those that it refers to.

    Raises:
        BadXml: views refer to far more than there is.
    """
    if ink.name != "traceView":
        return [
            TracePart(node)
            for node in ink.everything()
            if node.name == "trace" and all(outer.name != "definitions" for outer in lineage(node))
        ]
    found: list[TracePart] = []
    waiting = [ink]
    while waiting:
        node = waiting.pop()
        contexts.count_view(node)
        referred = contexts.referred(node, "traceDataRef") if node.name == "traceView" else None
        if node.name == "trace":
            found.append(TracePart(node))
        elif referred is not None and referred.name == "trace":
            found.append(TracePart(referred, _viewed(node)))
        elif referred is not None:
            waiting.append(referred)
        waiting.extend(reversed(list(node.named("trace", "traceGroup", "traceView"))))
    return found


def _viewed(view: Node) -> slice:
    """The points of a trace that a view is of: from the one to the other, counted from 1."""
    first, last = (view.attributes.get(key, "").rpartition(":")[2] for key in ("from", "to"))
    start = int(first) - 1 if first.isdecimal() and len(first) < 10 else 0
    return slice(max(start, 0), int(last) if last.isdecimal() and len(last) < 10 else None)


def _inks(root: Node) -> list[Node]:
    """The elements that are one line of writing each."""
    if first_of(annotations_of(root), TEXTS):
        return [root]
    groups: list[Node] = []
    lines: list[Node] = []
    waiting = [(root, False)]
    while waiting:
        node, is_inside = waiting.pop()
        annotations = annotations_of(node)
        has_text = bool(first_of(annotations, TEXTS))
        if has_text and level_of(annotations) == LINE:
            lines.append(node)
        if has_text and not is_inside:
            groups.append(node)
        inside = [(child, is_inside or has_text) for child in node.named("traceGroup", "traceView")]
        waiting.extend(reversed(inside))
    return lines or groups or [root]


def level_of(annotations: dict[str, str]) -> str:
    """Return the level that annotations of a group name, such as ``line`` for ``Textline``; empty
    where they name none."""
    found = next((annotations[kind].lower() for kind in _LEVEL if annotations.get(kind)), "")
    known = next((level for name, level in _LEVELS.items() if name in found), "")
    return known or annotations.get(_LEVEL[0], "")


def annotations_of(node: Node) -> dict[str, str]:
    """Return the first annotation of each type, in small letters, that ``node`` has."""
    return {
        child.attributes.get("type", "").lower(): _annotation_text(child)
        for child in reversed(node.children)
        if child.name == "annotation"
    }


def first_of(annotations: dict[str, str], types: tuple[str, ...]) -> str:
    """Return the annotation of the first of ``types`` that there is, else the empty string."""
    return next((annotations[kind] for kind in types if annotations.get(kind)), "")


def _annotation_text(node: Node) -> str:
    if node.attributes.get("space") == "preserve":
        return node.text
    return " ".join(node.text.split())


def _strokes_from_numbers(
    points_of_strokes: list[list[tuple[Any, Any]]], flip_y: bool, line: int
) -> np.ndarray:
    """Strokes ``[T, 3]`` from floats or ``Decimal`` points, y downwards.

    Raises:
        BadXml: when a coordinate or an offset is beyond what 32-bit floats hold.
    """
    points = np.array([point for stroke in points_of_strokes for point in stroke], dtype=object)
    if not all(math.isfinite(value) for value in points.flat):
        raise BadXml(f"line {line}: a coordinate is not finite")
    with np.errstate(over="ignore"):
        strokes = strokes_from_points([np.array(s, dtype=np.float64) for s in points_of_strokes])
        # Subtracted as they are: a Decimal has digits that a float has already lost.
        strokes[1:, 1:] = np.diff(points, axis=0).astype(np.float64)
    if not np.isfinite(strokes).all():
        raise BadXml(f"line {line}: an offset is too large")
    if flip_y:
        strokes[1:, 2] *= -1
    return strokes
