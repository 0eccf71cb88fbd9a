"""InkML files: W3C, "Ink Markup Language (InkML)", Recommendation of 20 September 2011.

Elements are known by their names in whatever namespace. Read are traces, trace groups, trace
formats (declared in a context, an ink source or the definitions, and referred to) and annotations;
brushes, canvases, time stamps, ``annotationXML`` and trace views are not.

Shapes: ``T`` pen steps.
"""

import decimal
import math
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from handwriting.errors import DataError
from handwriting.files import read_regular_file
from handwriting.formats.inkml_trace import TraceFormat, decode_trace, number_type
from handwriting.formats.xml_safe import BadXml, Node, xml_tree
from handwriting.ink.line import Line, strokes_from_points
from handwriting.quoting import MOST_SHOWN

_TEXT = ("transcription", "truth", "label", "normalizedlabel", "text")
_WRITER = ("writer", "writerid")
_SPLIT = ("split", "splittagoriginal")
_SOURCE_ID = ("sourceid",)
_SPLIT_NAMES = {
    "train": "trainset",
    "training": "trainset",
    "valid": "testset_v",
    "validation": "testset_v",
    "val": "testset_v",
    "test": "testset_t",
}
_FORMAT_REFERENCES = ("traceFormatRef", "inkSourceRef")
# Digits that the sum of any two 32-bit floats needs, written out.
EXACT = decimal.Context(prec=200)

Report = Callable[[str, str], None]
"""Takes a short reason why ink was left out, and a message that names the place."""


def read_inkml(path: Path) -> list[Line]:
    """Return the lines of an InkML file, with and without text.

    Raises:
        DataError: there is no line in it; the message has the first thing that was wrong.
    """
    problems: list[str] = []
    document = InkmlDocument(path.name, str(path), lambda reason, message: problems.append(message))
    lines = list(document.lines(read_regular_file(path), require_text=False))
    if not lines:
        first = next(iter(problems), "it holds no line")
        raise DataError(f"{path}: no line can be used; {first}")
    return lines


class InkmlDocument:
    """The lines of writing in an InkML document.

    A document is one line of writing; or, where it has no transcription of its own and several
    trace groups have one, each outermost such group is a line. The text is the annotation of type
    transcription, truth, label, normalizedLabel or text, the first of these there is; white space
    in it counts as single spaces unless it has ``xml:space="preserve"``. The writer is the
    annotation of type writer or writerId, the split that of type split.

    InkML's y grows downwards unless the trace format says otherwise, and is turned to grow
    upwards. A trace marked as ``penUp`` is no ink and is left out; one that continues another is
    joined to it.

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
            root = xml_tree(data)
            if root.name != "ink":
                message = f"line {root.line}: the root is <{root.name[:MOST_SHOWN]}>, not <ink>"
                raise BadXml(message, "file that is no InkML")
        except BadXml as error:
            self._report(error.reason, f"{self._where}: {error}")
            return
        formats = _Formats(root)
        inks = _inks(root)
        around = _annotations(root)
        self._report_loose_traces(root, inks)
        file_id = PurePosixPath(self._name).with_suffix("").as_posix()
        for number, ink in enumerate(inks, start=1):
            source_id = file_id if ink is root else f"{file_id}#{number}"
            line = self._line(ink, around, formats, source_id, require_text)
            if line is not None:
                yield line

    def _line(
        self,
        ink: Node,
        around: dict[str, str],
        formats: "_Formats",
        source_id: str,
        require_text: bool,
    ) -> Line | None:
        own = _annotations(ink)
        text = _first(own, _TEXT)
        if not text.strip() and require_text:
            message = f"{self._where}: line {ink.line}: no annotation of type {', '.join(_TEXT)}"
            self._report("line without transcription", message)
            return None
        strokes = self._strokes(ink, formats)
        if strokes is None:
            return None
        split = _first(own, _SPLIT) or _first(around, _SPLIT)
        return Line(
            strokes=strokes,
            text=text,
            writer=_first(own, _WRITER) or _first(around, _WRITER),
            source_id=_first(own, _SOURCE_ID) or source_id,
            split=_SPLIT_NAMES.get(split.lower(), split),
        )

    def _strokes(self, ink: Node, formats: "_Formats") -> np.ndarray | None:
        """The strokes ``[T, 3]`` of the traces inside ``ink``, or None where there are none."""
        traces = [trace for trace in _traces(ink) if trace.attributes.get("type") != "penUp"]
        number = number_type([trace.text for trace in traces])
        points_of_strokes: list[list[tuple[Any, Any]]] = []
        try:
            with decimal.localcontext(EXACT):
                for trace in traces:
                    points = decode_trace(trace, formats.of(trace), number)
                    self._add_points(points_of_strokes, points, trace)
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

    def _report_loose_traces(self, root: Node, inks: list[Node]) -> None:
        """Count the traces that belong to no line, where only groups are lines."""
        inside = {id(trace) for ink in inks for trace in _traces(ink)}
        for trace in _traces(root):
            if id(trace) not in inside:
                message = f"{self._where}: line {trace.line}: trace outside the transcribed groups"
                self._report("trace in no line", message)


class _Formats:
    """Which trace format each trace of a document has.

    A trace's own ``contextRef`` goes first, then those of the groups around it, then the last
    context or trace format that stands before it directly under the root. A document that declares
    formats and refers to none means the first; one that declares none has X and Y.
    """

    def __init__(self, root: Node) -> None:
        nodes = list(root.everything())
        self._by_id = {node.attributes["id"]: node for node in nodes if "id" in node.attributes}
        self._parsed: dict[int, TraceFormat | BadXml] = {}
        self._inside: dict[int, Node | None] = {}
        self._found: dict[int, Node | None] = {}
        current = next((node for node in nodes if node.name == "traceFormat"), None)
        self._current: dict[int, Node | None] = {}
        for child in root.children:
            if child.name in ("context", "traceFormat"):
                current = self._of_context(child) or current
            self._current[id(child)] = current

    def of(self, trace: Node) -> TraceFormat:
        """The format of ``trace``.

        Raises:
            BadXml: when it has no X or no Y.
        """
        node = self._declaration(trace)
        if node is None:
            return TraceFormat()
        if id(node) not in self._parsed:
            try:
                self._parsed[id(node)] = TraceFormat.from_node(node)
            except BadXml as error:
                self._parsed[id(node)] = error
        parsed = self._parsed[id(node)]
        if isinstance(parsed, BadXml):
            raise parsed
        return parsed

    def _declaration(self, trace: Node) -> Node | None:
        for node in _lineage(trace):
            declared = self._of_context(self._referred(node, "contextRef"))
            if declared is not None:
                return declared
            if id(node) in self._current:
                return self._current[id(node)]
        return None

    def _of_context(self, context: Node | None) -> Node | None:
        """The ``<traceFormat>`` that a context has, refers to or inherits; found once for each, so
        that a chain of them takes time in proportion to its length."""
        chain: list[Node] = []
        seen: set[int] = set()
        found = None
        while context is not None and id(context) not in seen and found is None:
            if id(context) in self._found:
                found = self._found[id(context)]
                break
            seen.add(id(context))
            chain.append(context)
            sources = (context, *(self._referred(context, key) for key in _FORMAT_REFERENCES))
            found = next((node for source in sources if (node := self._format_in(source))), None)
            context = self._referred(context, "contextRef")
        self._found.update((id(node), found) for node in chain)
        return found

    def _format_in(self, source: Node | None) -> Node | None:
        """The first ``<traceFormat>`` in an element, itself included."""
        if source is None:
            return None
        if id(source) not in self._inside:
            formats = (node for node in source.everything() if node.name == "traceFormat")
            self._inside[id(source)] = next(formats, None)
        return self._inside[id(source)]

    def _referred(self, node: Node, key: str) -> Node | None:
        return self._by_id.get(node.attributes.get(key, "").removeprefix("#"))


def _lineage(node: Node) -> Iterator[Node]:
    """The node and those around it, outwards."""
    around: Node | None = node
    while around is not None:
        yield around
        around = around.parent


def _traces(ink: Node) -> list[Node]:
    """The traces of ``ink``; those among the definitions are only material to refer to."""
    return [
        node
        for node in ink.everything()
        if node.name == "trace" and all(outer.name != "definitions" for outer in _lineage(node))
    ]


def _inks(root: Node) -> list[Node]:
    """The elements that are one line of writing each."""
    if _first(_annotations(root), _TEXT):
        return [root]
    groups: list[Node] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if _first(_annotations(node), _TEXT):
            groups.append(node)
        else:
            waiting.extend(reversed(list(node.named("traceGroup"))))
    return groups or [root]


def _annotations(node: Node) -> dict[str, str]:
    """The first annotation of each type that ``node`` has."""
    return {
        child.attributes.get("type", "").lower(): _annotation_text(child)
        for child in reversed(node.children)
        if child.name == "annotation"
    }


def _first(annotations: dict[str, str], types: tuple[str, ...]) -> str:
    """The annotation of the first of ``types`` that there is, else the empty string."""
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
