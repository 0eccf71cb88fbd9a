"""Messages of Protocol Buffers, field by field (https://protobuf.dev/programming-guides/encoding),
for formats whose messages are small and known: no code is generated or run, and what a message
takes is in proportion to its bytes.
"""

from collections.abc import Iterator

import numpy as np

from handwriting.formats.checked_lines import widened
from handwriting.formats.ink_values import BadInk

_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
_LONGEST_VARINT = 10

Field = int | bytes


class Message:
    """The fields of a message, by number, in the order they stand.

    Args:
        data: the message.

    Raises:
        BadInk: it is cut off, or has a field of an unknown kind.
    """

    def __init__(self, data: bytes) -> None:
        self._fields: dict[int, list[Field]] = {}
        for number, value in _fields(data):
            self._fields.setdefault(number, []).append(value)

    def messages(self, number: int) -> "Iterator[Message]":
        """Return the messages in a field."""
        return (Message(value) for value in self._bytes(number))

    def message(self, number: int) -> "Message":
        """Return the last message in a field, an empty one where there is none."""
        return Message(self.data(number))

    def data(self, number: int) -> bytes:
        """Return the last bytes of a field, none where it is not there."""
        return next(reversed(list(self._bytes(number))), b"")

    def text(self, number: int) -> str:
        """Return the last text of a field, empty where it is not there."""
        return self.data(number).decode("utf-8", "replace")

    def unsigned(self, number: int) -> int:
        """Return the last whole number of a field, 0 where it is not there."""
        numbers = (value for value in reversed(self._fields.get(number, [])) if type(value) is int)
        return next(numbers, 0)

    def signed(self, number: int) -> int:
        """Return the same of a field whose numbers are signed (``sint32``)."""
        return _zigzag(self.unsigned(number))

    def has(self, number: int) -> bool:
        """Whether a field is there."""
        return number in self._fields

    def float32(self, number: int, default: float = 0.0) -> float:
        """Return the last 32-bit float of a field, ``default`` where it is not there."""
        data = self.data(number)
        return float(np.frombuffer(data, "<f4")[0]) if len(data) == 4 else default

    def float64(self, number: int, default: float = 0.0) -> float:
        """Return the last 64-bit float of a field, ``default`` where it is not there."""
        data = self.data(number)
        return float(np.frombuffer(data, "<f8")[0]) if len(data) == 8 else default

    def floats(self, number: int) -> np.ndarray:
        """Return all 32-bit floats of a field, packed or not."""
        data = b"".join(self._bytes(number))
        if len(data) % 4:
            raise BadInk("a message has a list of floats that is cut off")
        return widened(np.frombuffer(data, "<f4"))

    def all_unsigned(self, number: int) -> np.ndarray:
        """Return all whole numbers of a field, packed or not, as int64."""
        found: list[int] = []
        for value in self._fields.get(number, []):
            found.extend([value] if isinstance(value, int) else _varints(value))
        if any(value >> 63 for value in found):
            raise BadInk("a message has a number that is far too large")
        return np.array(found, np.int64)

    def all_signed(self, number: int) -> np.ndarray:
        """Return the same of a field whose numbers are signed (``sint32``)."""
        found = self.all_unsigned(number)
        result: np.ndarray = (found >> 1) ^ -(found & 1)
        return result

    def _bytes(self, number: int) -> Iterator[bytes]:
        return (value for value in self._fields.get(number, []) if isinstance(value, bytes))


def _zigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def _fields(data: bytes) -> Iterator[tuple[int, Field]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        size = {_EIGHT: 8, _FOUR: 4}.get(kind, 0)
        if kind == _LENGTH:
            size, at = _varint(data, at)
        elif not size:
            raise BadInk("a message has a field of an unknown kind")
        if size > len(data) - at:
            raise BadInk("a message is cut off")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST_VARINT):
        if at + place >= len(data):
            raise BadInk("a message is cut off")
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise BadInk("a message has a number without end")


def _varints(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value
