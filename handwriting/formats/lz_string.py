"""Texts packed by lz-string, in base64: the code of Lempel and Ziv of 1978 over UTF-16 units,
written bit by bit, the lowest bit of each number first (https://pieroxy.net/blog/pages/lz-string).

Obsidian keeps drawings so.
"""

import base64
import binascii

from handwriting.formats.unpacking import BadPacking

_EIGHT, _SIXTEEN, _END, _FIRST = 0, 1, 2, 3


def unpacked_text(packed: str, most: int) -> str:
    """Return the text that was packed.

    Args:
        packed: base64, white space in it ignored.
        most: characters that it may have.

    Raises:
        BadPacking: it is damaged, or longer.
    """
    bits = _Bits(packed)
    table: list[str] = [""] * _FIRST
    width, room = 2, 1
    parts: list[str] = []
    length, before = 0, ""
    while (code := bits.number(width)) != _END:
        if code in (_EIGHT, _SIXTEEN):
            table.append(chr(bits.number(8 if code == _EIGHT else 16)))
            code = len(table) - 1
            width, room = _widened(width, room)
        entry = _entry(table, code, before)
        parts.append(entry)
        length += len(entry)
        if length > most:
            raise BadPacking("far larger unpacked than a drawing of its size")
        if before:
            table.append(before + entry[0])
            width, room = _widened(width, room)
        else:
            width, room = 3, 4
        before = entry
    units = "".join(parts).encode("utf-16-le", "surrogatepass")
    return units.decode("utf-16-le", "replace")


def _widened(width: int, room: int) -> tuple[int, int]:
    """The bits of the next code, and how many entries there are room for before it grows."""
    return (width + 1, 1 << width) if room == 1 else (width, room - 1)


def _entry(table: list[str], code: int, before: str) -> str:
    if code < len(table) and table[code]:
        return table[code]
    if code == len(table) and before:
        return before + before[0]
    raise BadPacking("damaged: a code means nothing")


class _Bits:
    """Numbers from bits in base64, taken one after the other."""

    def __init__(self, packed: str) -> None:
        text = "".join(packed.split()).rstrip("=")
        try:
            data = base64.b64decode(text + "A" * (-len(text) % 4), validate=True)
        except (ValueError, binascii.Error):
            raise BadPacking("damaged: not in base64") from None
        self._bits = bin(int.from_bytes(b"\x01" + data, "big"))[3:]
        self._at = 0

    def number(self, width: int) -> int:
        """Return the next number of ``width`` bits.

        Raises:
            BadPacking: there are fewer.
        """
        taken = self._bits[self._at : self._at + width]
        if len(taken) < width:
            raise BadPacking("truncated")
        self._at += width
        return int(taken[::-1], 2)
