"""Random changes of valid files and values, the same for the same random state."""

import copy
import gzip
import math
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

MOST_BYTES = 1 << 16
_PACKED = b"\x1f\x8b"
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NUMBERS = (
    *(b"0", b"-1", b"1e5", b"1e30", b"1e308", b"1e999", b"-1e-320", b"NaN", b"Infinity", b"0x1F"),
    *(
        b"9" * 20,
        b"9" * 400,
        b"2147483648",
        b"18446744073709551616",
        b"1.5.2",
        b"--3",
        b"",
        b"true",
    ),
    *(b"null", b'"7"', b"1_000", "٣".encode()),
)
_TOKENS = (
    *(
        b"\x00",
        b"\x1b[31m",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"&#27;",
        b"&lol;",
        b"<!DOCTYPE a [",
        b"]>",
    ),
    *(
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"]]>",
        b"<g>",
        b"</g>",
        b"/>",
        b'"',
        b"'",
        b"{",
        b"}",
        b"[",
        b"]",
    ),
    *(b",", b":", b"\\", b"\\ud800", b"\r\n", b"\n" * 50, b"z" * 300, b"M0 0", b"A1 1 0 1 1 5 5"),
    *(b"rotate(1)", b"*", b"!", b"'", b"#", b"../", b"/dev/zero", b".INCLUDE a", b".PEN_DOWN"),
    *("\u202e".encode(), "\u2028".encode(), "é".encode(), "é".encode("latin-1"), b"(" * 200),
)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2, 10**6, 10**40, 0.5, -0.0, 1e-300, 1e300),
    *(math.nan, math.inf, -math.inf, "", "../../x", "/etc/passwd", "a" * 10_000, "\x1b[2J\n", "\0"),
    *("\ud800", "0", "auto", [], [None], [[]], {}, {"a": {"b": 1}}, {"type": "x"}, [1, 2, 3]),
)

Mutator = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def mutated_bytes(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return ``data`` with one change or a few.

    Args:
        chance: what decides.
        data: a file.
        others: files to take pieces from.
    """
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        data = chance.choice(_CHANGES)(chance, data, others)
    return data[:MOST_BYTES]


def mutated_file(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return a file changed, inside where it is packed."""
    if not data.startswith(_PACKED):
        return mutated_bytes(chance, data, others)
    return mutated_packed(chance, data, [each for each in others if each.startswith(_PACKED)])


def mutated_packed(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return a gzipped file with a change inside or in what it is packed to."""
    if chance.random() < 0.25:
        return mutated_bytes(chance, data, others)
    inside = [gzip.decompress(each) for each in others]
    return gzip.compress(mutated_bytes(chance, gzip.decompress(data), inside), mtime=0)


def mutated_value(chance: random.Random, value: Any, more: Sequence[Any] = ()) -> Any:
    """Return a copy of lists and dicts in one another with something in them changed, left out,
    doubled or put in.

    Args:
        chance: what decides.
        value: the lists and dicts.
        more: values to put in, beside the usual ones.
    """
    changed = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        places = list(_places(changed))
        if not places:
            return changed
        _change(chance, places, [*_VALUES, *more])
    return changed


def _change(chance: random.Random, places: list[tuple[Any, Any]], values: list[Any]) -> None:
    inner, key = chance.choice(places)
    kind = chance.random()
    if kind < 0.12:
        del inner[key]
    elif kind < 0.2 and isinstance(inner, dict):
        inner[chance.choice(("extra", "type", "args", "", "\x1b", "a" * 3000))] = inner[key]
    elif kind < 0.3:
        other, place = chance.choice(places)
        inner[key] = copy.deepcopy(other[place])
    elif kind < 0.4 and type(inner[key]) in (int, float):
        inner[key] = inner[key] * chance.choice((-1, 0, 0.5, 3, 1000, 10**12))
    else:
        inner[key] = copy.deepcopy(chance.choice(values))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each list or dict in a value, with each of its keys."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict | list):
            keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))[:50]
            for key in keys:
                yield inner, key
                waiting.append(inner[key])


def _span(chance: random.Random, data: bytes) -> tuple[int, int]:
    """A piece of the data, more often a short one."""
    start = chance.randrange(len(data) + 1)
    length = min(int(2 ** chance.uniform(0, 12)), len(data) - start)
    return start, start + length


def _flip(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _set(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes([chance.choice((0, 1, 9, 10, 32, 127, 128, 255))]) + data[at + 1 :]


def _cut(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + data[end:]


def _truncate(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _double(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(chance, data)
    times = chance.choice((1, 1, 2, 50, 2000))
    return data[:end] + data[start:end] * min(times, MOST_BYTES // max(end - start, 1)) + data[end:]


def _swap(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(chance, data)
    to = chance.randrange(len(data) + 1)
    rest = data[:start] + data[end:]
    return rest[:to] + data[start:end] + rest[to:]


def _splice(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others) if others else data
    start, end = _span(chance, other)
    at, until = _span(chance, data)
    return data[:at] + other[start:end] + data[until:]


def _insert(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(_TOKENS) + data[at:]


def _renumber(chance: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    place = chance.choice(found)
    return data[: place.start()] + chance.choice(_NUMBERS) + data[place.end() :]


_CHANGES = (_flip, _set, _cut, _truncate, _double, _swap, _splice, _insert, _renumber, _renumber)
