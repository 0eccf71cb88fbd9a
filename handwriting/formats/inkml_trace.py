"""The contents of an InkML ``<trace>``: W3C, "Ink Markup Language (InkML)", Recommendation of 20
September 2011, sections 3.1 (trace formats) and 3.2.1 (traces).

A trace lists points, parted by commas; a point lists one value a channel. A value is explicit, or
a difference: ``'`` before it makes it the channel's first difference, ``"`` its second, ``!``
explicit again, and the values that follow in the channel are read the same way until the next such
mark. ``*`` repeats the channel's last value, or its last difference where it is in differences.

Shapes: ``n`` points of a trace, ``C`` channels.
"""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from handwriting.formats.xml_safe import BadXml, Node
from handwriting.quoting import MOST_SHOWN, quoted

_PLAIN = re.compile(r"[-+.,\deE\s]*", re.ASCII)
_VALUE = re.compile(
    r"""\s*(?P<mark>[!'"]?)\s*(?P<value>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?
    |[-+]?\#[0-9A-Fa-f]+|[TF*?])\s*""",
    re.ASCII | re.VERBOSE,
)
_MANY_DIGITS = re.compile(r"[\d.]{16}", re.ASCII)
_MOST_DIGITS = 1000
MOST_CHANNELS = 64
_TRUTHS = {"T": 1.0, "F": 0.0, "?": math.nan}

Number = Callable[[str], Any]


@dataclass(frozen=True)
class Channel:
    """A channel of a trace format.

    Attributes:
        name: in capitals, such as X or F.
        least, greatest: its range, NaN where it is not declared.
        units: of its values, empty where they are not declared.
        sign: -1 where its orientation is declared as ``-ve``.
        respect_to: id of the time stamp that a time is counted from, empty where there is none.
    """

    name: str
    least: float = math.nan
    greatest: float = math.nan
    units: str = ""
    sign: int = 1
    respect_to: str = ""

    @classmethod
    def from_node(cls, node: Node) -> "Channel":
        """The channel that a ``<channel>`` declares."""
        found = node.attributes
        return cls(
            found.get("name", ""),
            _number_in(found.get("min")),
            _number_in(found.get("max")),
            found.get("units", "").strip().lower(),
            -1 if found.get("orientation") == "-ve" else 1,
            found.get("respectTo", "").removeprefix("#"),
        )


@dataclass(frozen=True)
class TraceFormat:
    """Places of values in a point.

    Attributes:
        x_index, y_index: places of channels X and Y.
        min_values, max_values: how many values a point may have; intermittent channels, which
            stand last, may be left out.
        channels: all channels, in the order of a point's values.
    """

    x_index: int = 0
    y_index: int = 1
    min_values: int = 2
    max_values: int = 2
    channels: tuple[Channel, ...] = (Channel("X"), Channel("Y"))

    @classmethod
    def from_node(cls, node: Node) -> "TraceFormat":
        """The format that a ``<traceFormat>`` declares; X and Y where it declares no channel.

        Raises:
            BadXml: when X or Y is not among its regular channels, or it has too many.
        """
        channels = [child for child in node.everything() if child.name == "channel"]
        regular = [child for child in channels if not _is_intermittent(child)]
        if not channels:
            return cls()
        names = [channel.attributes.get("name", "").upper() for channel in regular]
        if "X" not in names or "Y" not in names:
            raise BadXml(
                f"line {node.line}: traceFormat without channels X and Y, got"
                f" {quoted(', '.join(names))}"
            )
        if len(channels) > MOST_CHANNELS:
            raise BadXml(
                f"line {node.line}: {len(channels)} channels, a trace format has"
                f" {MOST_CHANNELS} at most"
            )
        ordered = [*regular, *(child for child in channels if _is_intermittent(child))]
        return cls(
            names.index("X"),
            names.index("Y"),
            len(regular),
            len(channels),
            tuple(map(Channel.from_node, ordered)),
        )

    @property
    def signs(self) -> tuple[int, int]:
        """-1 for an axis, x and y, that is declared to point the other way."""
        return self.channels[self.x_index].sign, self.channels[self.y_index].sign


def _is_intermittent(channel: Node) -> bool:
    return channel.parent is not None and channel.parent.name == "intermittentChannels"


def _number_in(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def number_type(texts: list[str]) -> Number:
    """Return the type to read numbers with: ``float``, or ``Decimal`` where some have more digits
    than a float keeps, so that differences of neighbouring points are right to the last digit."""
    return Decimal if any(_MANY_DIGITS.search(text) for text in texts) else float


def decode_trace(trace: Node, trace_format: TraceFormat, number: Number) -> list[tuple[Any, Any]]:
    """The (x, y) of each point, as the trace has them.

    Raises:
        BadXml: naming the line of the file the trace starts on, and the point.
    """
    points = trace.text.split(",")
    if not points[-1].strip():
        points.pop()
    if _PLAIN.fullmatch(trace.text):
        try:
            return _decode_plain(points, trace_format, number)
        except (ValueError, ArithmeticError):
            pass  # Either a fault, named below, or values with no space between, such as "3-5".
    return _decode_marked(points, trace_format, number, trace.line)


def _decode_plain(points: list[str], layout: TraceFormat, number: Number) -> list[tuple[Any, Any]]:
    decoded = []
    for point in points:
        values = point.split()
        if not layout.min_values <= len(values) <= layout.max_values:
            raise ValueError
        decoded.append((number(values[layout.x_index]), number(values[layout.y_index])))
    return decoded


def decode_columns(trace: Node, trace_format: TraceFormat) -> np.ndarray:
    """The values ``[n, C]`` of all channels of each point, as the trace has them: truths are 1 and
    0, and a value that is left out or not known is NaN.

    Raises:
        BadXml: naming the line of the file the trace starts on, and the point.
    """
    points = trace.text.split(",")
    if not points[-1].strip():
        points.pop()
    columns = np.full((len(points), trace_format.max_values), np.nan)
    channels = [_Channel(float) for _ in trace_format.channels]
    places = (trace_format.x_index, trace_format.y_index)
    is_plain = _PLAIN.fullmatch(trace.text) is not None
    for index, point in enumerate(points):
        values = point.split() if is_plain else []
        if trace_format.min_values <= len(values) <= trace_format.max_values:
            try:
                columns[index, : len(values)] = values
                continue
            except ValueError:
                is_plain = False  # as in "3-5"
        with _naming(trace.line, index, point):
            for at, (mark, text) in enumerate(_values(point, trace_format)):
                is_truth = text in _TRUTHS and at not in places
                columns[index, at] = _TRUTHS[text] if is_truth else channels[at].next(mark, text)
    return columns


def _decode_marked(
    points: list[str], layout: TraceFormat, number: Number, line: int
) -> list[tuple[Any, Any]]:
    x_channel, y_channel = _Channel(number), _Channel(number)
    decoded = []
    for index, point in enumerate(points):
        with _naming(line, index, point):
            values = _values(point, layout)
            x = x_channel.next(*values[layout.x_index])
            decoded.append((x, y_channel.next(*values[layout.y_index])))
    return decoded


@contextmanager
def _naming(line: int, index: int, point: str) -> Iterator[None]:
    """Name the trace and the point in errors about its values."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        problem = error if isinstance(error, ValueError) else "a number is too large"
        shown = quoted(" ".join(point[:MOST_SHOWN].split()))
        raise BadXml(f"line {line}: trace, point {index + 1}: {shown}: {problem}") from None


def _values(point: str, layout: TraceFormat) -> list[tuple[str, str]]:
    values, position = [], 0
    while position < len(point):
        found = _VALUE.match(point, position)
        if not found:
            raise ValueError("is not a list of numbers")
        values.append((found["mark"], found["value"]))
        position = found.end()
    if not layout.min_values <= len(values) <= layout.max_values:
        wanted = " to ".join(map(str, sorted({layout.min_values, layout.max_values})))
        raise ValueError(f"has {len(values)} values, not {wanted}")
    return values


class _Channel:
    """One channel's value as a trace is read from its start: its last value, the first and second
    difference that led to it, and which of the three the numbers stand for."""

    def __init__(self, number: Number) -> None:
        self._number = number
        self._mark = "!"
        self._value: Any = None
        self._first: Any = number("0")
        self._second: Any = number("0")

    def next(self, mark: str, text: str) -> Any:
        self._mark = mark or self._mark
        if self._value is None and (self._mark != "!" or text == "*"):
            raise ValueError("the first point must be explicit")
        if text in "TF?":
            raise ValueError("x and y must be numbers")
        before, first_before = self._value, self._first
        self._value = self._step(text)
        if before is not None:
            self._first = self._value - before
            self._second = self._first - first_before
        return self._value

    def _step(self, text: str) -> Any:
        if self._mark == "!":
            return self._value if text == "*" else self._parse(text)
        if self._mark == "'":
            return self._value + (self._first if text == "*" else self._parse(text))
        second = self._second if text == "*" else self._parse(text)
        return self._value + self._first + second

    def _parse(self, text: str) -> Any:
        if len(text) > _MOST_DIGITS:
            raise ValueError(f"a number has {len(text):,} digits")
        if "#" in text:
            return self._number(str(int(text.replace("#", ""), 16)))
        return self._number(text)
