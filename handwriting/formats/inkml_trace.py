"""The contents of an InkML ``<trace>``: W3C, "Ink Markup Language (InkML)", Recommendation of 20
September 2011, sections 3.1 (trace formats) and 3.2.1 (traces).

A trace lists points, parted by commas; a point lists one value a channel. A value is explicit, or
a difference: ``'`` before it makes it the channel's first difference, ``"`` its second, ``!``
explicit again, and the values that follow in the channel are read the same way until the next such
mark. ``*`` repeats the channel's last value, or its last difference where it is in differences.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

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

Number = Callable[[str], Any]


@dataclass(frozen=True)
class TraceFormat:
    """Places of x and y in a point.

    Attributes:
        x_index, y_index: places of channels X and Y.
        min_values, max_values: how many values a point may have; intermittent channels, which
            stand last, may be left out.
        x_sign, y_sign: -1 for an axis whose orientation is declared as ``-ve``.
    """

    x_index: int = 0
    y_index: int = 1
    min_values: int = 2
    max_values: int = 2
    x_sign: int = 1
    y_sign: int = 1

    @classmethod
    def from_node(cls, node: Node) -> "TraceFormat":
        """The format that a ``<traceFormat>`` declares; X and Y where it declares no channel.

        Raises:
            BadXml: when X or Y is not among its regular channels.
        """
        channels = [child for child in node.everything() if child.name == "channel"]
        regular = [
            child
            for child in channels
            if child.parent is None or child.parent.name != "intermittentChannels"
        ]
        if not channels:
            return cls()
        names = [channel.attributes.get("name", "").upper() for channel in regular]
        if "X" not in names or "Y" not in names:
            raise BadXml(
                f"line {node.line}: traceFormat without channels X and Y, got"
                f" {quoted(', '.join(names))}"
            )
        x_index, y_index = names.index("X"), names.index("Y")
        signs = (_sign(regular[x_index]), _sign(regular[y_index]))
        return cls(x_index, y_index, len(regular), len(channels), *signs)


def number_type(texts: list[str]) -> Number:
    """Return the type to read numbers with: ``float``, or ``Decimal`` where some have more digits
    than a float keeps, so that differences of neighbouring points are right to the last digit."""
    return Decimal if any(_MANY_DIGITS.search(text) for text in texts) else float


def decode_trace(trace: Node, trace_format: TraceFormat, number: Number) -> list[tuple[Any, Any]]:
    """The (x, y) of each point, in the orientation that InkML has by default (y downwards).

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


def _sign(channel: Node) -> int:
    return -1 if channel.attributes.get("orientation") == "-ve" else 1


def _decode_plain(points: list[str], layout: TraceFormat, number: Number) -> list[tuple[Any, Any]]:
    decoded = []
    for point in points:
        values = point.split()
        if not layout.min_values <= len(values) <= layout.max_values:
            raise ValueError
        x, y = number(values[layout.x_index]), number(values[layout.y_index])
        decoded.append((layout.x_sign * x, layout.y_sign * y))
    return decoded


def _decode_marked(
    points: list[str], layout: TraceFormat, number: Number, line: int
) -> list[tuple[Any, Any]]:
    x_channel, y_channel = _Channel(number), _Channel(number)
    decoded = []
    for index, point in enumerate(points):
        try:
            values = _values(point, layout)
            x = x_channel.next(*values[layout.x_index])
            y = y_channel.next(*values[layout.y_index])
            decoded.append((layout.x_sign * x, layout.y_sign * y))
        except (ValueError, ArithmeticError) as error:
            problem = error if isinstance(error, ValueError) else "a number is too large"
            shown = quoted(" ".join(point[:MOST_SHOWN].split()))
            raise BadXml(f"line {line}: trace, point {index + 1}: {shown}: {problem}") from None
    return decoded


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
