"""Contents of files packed by ``gzip`` or by the ``compress`` of Unix (``.Z``: Welch, "A Technique
for High-Performance Data Compression", Computer 17(6), 1984), in memory bounded by their size."""

import io
import zipfile
import zlib

MOST_GROWTH = 50
_GZIP_MAGIC, _COMPRESS_MAGIC = b"\x1f\x8b", b"\x1f\x9d"
_CLEAR = 256
_LEAST_BITS = 9
_ANY_FORMAT = 47  # for zlib: gzip's or its own


class BadPacking(Exception):
    """Packed data that are damaged, or that grow more than they may; the message says which."""


def is_gzip(data: bytes) -> bool:
    """Whether data are packed by ``gzip``."""
    return data.startswith(_GZIP_MAGIC)


def unpacked_member(data: bytes, name: str) -> bytes:
    """Unpack one file of a ZIP archive.

    Raises:
        BadPacking: when the archive is damaged, has no such file, or that is more than
            ``MOST_GROWTH`` times as large as the archive.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(name) as file:
            found = file.read(MOST_GROWTH * len(data) + 1)
    except KeyError:
        raise BadPacking(f"an archive without {name!r}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BadPacking(f"damaged: {' '.join(str(error).split())[:80]}") from None
    if len(found) > MOST_GROWTH * len(data):
        raise BadPacking(f"more than {MOST_GROWTH} times as large unpacked")
    return found


def unpacked(data: bytes) -> bytes:
    """Unpack ``data``; data that are not packed are returned as they are.

    Raises:
        BadPacking: when it is damaged, or more than ``MOST_GROWTH`` times as large unpacked.
    """
    limit = MOST_GROWTH * len(data)
    if data.startswith(_GZIP_MAGIC):
        return _ungzip(data, limit)
    return _uncompress(data, limit) if data.startswith(_COMPRESS_MAGIC) else data


def _ungzip(data: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(_ANY_FORMAT)
    try:
        result = unpacker.decompress(data, limit)
    except zlib.error as error:
        raise BadPacking(f"damaged: {error}") from None
    if unpacker.unconsumed_tail:
        raise BadPacking(f"more than {MOST_GROWTH} times as large unpacked")
    if not unpacker.eof:
        raise BadPacking("truncated")
    return result


def _uncompress(data: bytes, limit: int) -> bytes:
    """The data of ``compress``: codes of 9 bits and more, in groups of eight of the same width."""
    flags = data[2] if len(data) > 2 else 0
    most_bits, can_clear = flags & 0x1F, bool(flags & 0x80)
    if not _LEAST_BITS <= most_bits <= 16:
        raise BadPacking("damaged: the head is not that of compress")
    table = [bytes([value]) for value in range(256)] + [b""] * can_clear
    num_fixed, bits, at = len(table), _LEAST_BITS, 3
    output = bytearray()
    previous = b""
    while at < len(data):
        group = data[at : at + bits]
        at += bits
        for code in _codes(group, bits):
            if code == _CLEAR and can_clear:
                del table[num_fixed:]
                previous, bits = b"", _LEAST_BITS
                break
            entry = _entry(table, code, previous)
            if previous and len(table) < 1 << most_bits:
                table.append(previous + entry[:1])
            output += entry
            previous = entry
            if len(output) > limit:
                raise BadPacking(f"more than {MOST_GROWTH} times as large unpacked")
            if len(table) == 1 << bits and bits < most_bits:
                # The rest of a group is padding where the width changes.
                bits += 1
                break
    return bytes(output)


def _codes(group: bytes, bits: int) -> list[int]:
    number, mask = int.from_bytes(group, "little"), (1 << bits) - 1
    return [number >> shift & mask for shift in range(0, 8 * len(group) - bits + 1, bits)]


def _entry(table: list[bytes], code: int, previous: bytes) -> bytes:
    """The bytes of a code; one not in the table yet is the one about to be entered."""
    if code < len(table) and table[code]:
        return table[code]
    if code == len(table) and previous:
        return previous + previous[:1]
    raise BadPacking("damaged: a code means nothing")
