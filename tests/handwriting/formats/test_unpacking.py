"""Files packed by gzip and by compress."""

import gzip
import shutil
import subprocess
import time

import numpy as np
import pytest

from handwriting.formats.unpacking import BadPacking, unpacked

DRAW = np.random.default_rng(3)
TEXT = b"".join(b" %d %d\n" % tuple(DRAW.integers(0, 500, 2)) for _ in range(40_000))


def compressed(data: bytes, most_bits: int = 16, clear_after: int = 0) -> bytes:
    """``data`` as ``compress`` packs it; with ``clear_after``, its table is emptied then."""
    output, bits, group = bytearray([0x1F, 0x9D, 0x80 | most_bits]), 9, []

    def flush() -> None:
        number = sum(code << (bits * at) for at, code in enumerate(group))
        output.extend(number.to_bytes(bits, "little"))
        group.clear()

    table = {bytes([value]): value for value in range(256)}
    size, known, read = 257, b"", 0  # size: of the table that reading has by now
    for at in range(len(data)):
        following = known + data[at : at + 1]
        if following in table:
            known = following
            continue
        group.append(table[known])
        read += 1
        if len(table) + 1 < 1 << most_bits:
            table[following] = len(table) + 1
        size = min(size + (read > 1), 1 << most_bits)
        known = data[at : at + 1]
        if size == 1 << bits and bits < most_bits:
            flush()
            bits += 1
        elif len(group) == 8:
            flush()
        if clear_after and read == clear_after:
            group.append(256)
            flush()
            table = {bytes([value]): value for value in range(256)}
            size, read, bits, clear_after = 257, 0, 9, 0
    group.append(table[known])
    number = sum(code << (bits * at) for at, code in enumerate(group))
    output.extend(number.to_bytes((bits * len(group) + 7) // 8, "little"))
    return bytes(output)


@pytest.mark.parametrize("data", [b"", b"plain text", TEXT[:100]])
def test_data_that_are_not_packed_stay_as_they_are(data):
    assert unpacked(data) == data


def test_gzip_is_unpacked():
    assert unpacked(gzip.compress(TEXT)) == TEXT


@pytest.mark.parametrize(("most_bits", "clear_after"), [(16, 0), (12, 0), (9, 0), (16, 3000)])
@pytest.mark.parametrize("size", [1, 2, 700, len(TEXT)])
def test_compress_is_unpacked(most_bits, clear_after, size):
    packed = compressed(TEXT[:size], most_bits, clear_after)
    assert unpacked(packed) == TEXT[:size]


@pytest.mark.skipif(shutil.which("gzip") is None, reason="gzip is not installed")
def test_the_packed_data_of_these_tests_are_what_gzip_takes_them_for():
    packed = compressed(TEXT, 14, 5000)
    assert subprocess.run(["gzip", "-dc"], input=packed, capture_output=True).stdout == TEXT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        # Without the time: it would stand in the tests' names, which all test processes must share.
        (gzip.compress(TEXT, mtime=0)[:-4], "truncated"),
        (gzip.compress(TEXT, mtime=0)[:50] + b"\0" * 99, "damaged: "),
        (gzip.compress(bytes(10**6), mtime=0), "more than 50 times as large unpacked"),
        (compressed(bytes(10**6)), "more than 50 times as large unpacked"),
        (b"\x1f\x9d", "damaged: the head is not that of compress"),
        (b"\x1f\x9d\xff", "damaged: the head is not that of compress"),
        (b"\x1f\x9d\x90\xff\xff\xff", "damaged: a code means nothing"),
    ],
    ids=["cut", "zeros", "bomb", "bomb of compress", "head", "head's bits", "code"],
)
def test_damaged_data_are_refused(data, message):
    with pytest.raises(BadPacking, match=message):
        unpacked(data)


def test_noise_is_unpacked_or_refused_in_bounded_time():
    started = time.process_time()
    for _ in range(200):
        data = b"\x1f\x9d\x90" + DRAW.bytes(3000)
        try:
            assert len(unpacked(data)) <= 51 * len(data)
        except BadPacking as error:
            assert str(error).isprintable()
    assert time.process_time() - started < 20
