"""Packs texts as lz-string does, to test what unpacks them."""

import base64


def lz_packed(text: str) -> str:
    """The text in base64."""
    writer = _Writer()
    for character in text:
        writer.take(character)
    return writer.finished()


class _Writer:
    """Codes of phrases, of which each new one is a known one and a character."""

    def __init__(self) -> None:
        self._bits: list[str] = []
        self._codes: dict[str, int] = {}
        self._size = 3
        self._unwritten: set[str] = set()
        self._width, self._room = 2, 2
        self._phrase = ""

    def take(self, character: str) -> None:
        if character not in self._codes:
            self._codes[character] = self._size
            self._size += 1
            self._unwritten.add(character)
        if self._phrase + character in self._codes:
            self._phrase += character
            return
        self._write_phrase()
        self._codes[self._phrase + character] = self._size
        self._size += 1
        self._phrase = character

    def finished(self) -> str:
        if self._phrase:
            self._write_phrase()
        self._number(2, self._width)
        bits = "".join(self._bits)
        bits += "0" * (-len(bits) % 24)
        return base64.b64encode(int(bits, 2).to_bytes(len(bits) // 8, "big")).decode()

    def _write_phrase(self) -> None:
        if self._phrase in self._unwritten:
            self._unwritten.remove(self._phrase)
            code = ord(self._phrase)
            self._number(0 if code < 256 else 1, self._width)
            self._number(code, 8 if code < 256 else 16)
            self._use_room()
        else:
            self._number(self._codes[self._phrase], self._width)
        self._use_room()

    def _use_room(self) -> None:
        self._room -= 1
        if self._room == 0:
            self._room, self._width = 1 << self._width, self._width + 1

    def _number(self, value: int, width: int) -> None:
        self._bits.append(format(value, f"0{width}b")[::-1])
