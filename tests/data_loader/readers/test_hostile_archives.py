"""Archives from strangers: what is read stays in proportion to the archive."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from data_loader.readers.files import MOST_GROWTH, read_files
from handwriting.errors import DataError


def member(name: str, size: int, **fields: object) -> bytes:
    """The header of a member, in the old GNU format."""
    info = tarfile.TarInfo(name)
    info.size = size
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def refusal(path: Path, contents: bytes) -> str:
    path.write_bytes(contents)
    with pytest.raises(DataError) as fault:
        list(read_files(path, ".xml"))
    assert str(fault.value).startswith(f"{path}: ") and str(fault.value).isprintable()
    return str(fault.value)


def sparse(size: int) -> bytes:
    """A sparse member that has no bytes and stands for ``size`` of them."""
    header = bytearray(member("a.xml", 0, type=tarfile.GNUTYPE_SPARSE))
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "gzip"])
def test_members_larger_than_the_archive(tmp_path: Path, pack) -> None:
    path = tmp_path / "a.tar"
    assert "is a sparse member" in refusal(path, pack(sparse(3 << 30)))
    large = pack(member("b.xml", 7 << 30) + b"x" * 1024)
    assert "has 7,516,192,768 bytes, more than the archive can hold" in refusal(path, large)


def test_an_archive_that_grows_too_much(tmp_path: Path) -> None:
    size = MOST_GROWTH << 15
    data = member("skipped.bin", size) + bytes(size) + bytes(1024)
    message = refusal(tmp_path / "a.tar.gz", gzip.compress(data))
    assert "more than the archive can hold" in message
    zeros = member("a.xml", 0) + bytes(size)
    assert "more than 100 times as large" in refusal(tmp_path / "a.tar.gz", gzip.compress(zeros))
    noise = os.urandom(len(data) // MOST_GROWTH)
    whole = data[: 512 + size] + member("a.xml", len(noise)) + noise
    whole += bytes(-len(noise) % 512 + 1024)
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(whole))
    assert list(read_files(tmp_path / "b.tar.gz", ".xml")) == [("a.xml", noise)]


def test_a_thousand_headers(tmp_path: Path) -> None:
    record = b"30 comment=aaaaaaaaaaaaaaaaaa\n"
    header = member("h", len(record), type=tarfile.XHDTYPE) + record.ljust(512, b"\0")
    assert "truncated or damaged" in refusal(tmp_path / "a.tar", header * 3000 + bytes(1024))
    stream = io.BytesIO()
    headers = {f"k{number}": "v" for number in range(1000)}
    with tarfile.open(fileobj=stream, mode="w", pax_headers=headers) as archive:
        archive.addfile(tarfile.TarInfo("a.xml"), io.BytesIO())
    assert "follows 1000 headers" in refusal(tmp_path / "b.tar", stream.getvalue())


def test_names_of_members_are_shown_without_escapes(tmp_path: Path) -> None:
    refusal(tmp_path / "a.tar", member("\x1b[31m" + "a" * 50 + ".xml", 7 << 30) + bytes(1024))
    head = member("\x1b[31m.xml", 0)
    refusal(tmp_path / "b.tar", head + member("b.xml", 3000) + b"x" * 1024)
