"""The files of a corpus, out of a folder or straight out of a tarball that is never unpacked."""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from base.base_reader import NoSource, file_fingerprint
from handwriting.environment import reason
from handwriting.errors import ConfigError, DataError
from handwriting.files import open_regular_file, read_regular_file
from handwriting.quoting import MOST_SHOWN, printable

MOST_GROWTH = 100
"""Bytes of an archive's contents for each of its own; of XML it is some 15."""

_ALWAYS_READ = 1 << 20  # zeros at the end of a tar file, which pack to nothing
_READ_AHEAD = tarfile.RECORDSIZE
_MOST_HEADERS = 64
_GZIP_MAGIC = b"\x1f\x8b"


def existing_folder(data_dir: str) -> Path:
    """``data_dir`` as a path.

    Raises:
        NoSource: when it is not a folder.
    """
    folder = Path(data_dir)
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise NoSource(f"{folder}: {problem}")
    return folder


def first_existing(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The first of ``names`` that is in ``folder``, or None."""
    return next((folder / name for name in names if (folder / name).exists()), None)


def read_files(source: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Stream the files of a folder or a tarball.

    Args:
        source: a folder, or a tar file, gzipped or not.
        suffix: the ending of the names wanted, such as ``".xml"``.

    Yields:
        (name inside the source with ``/`` between folders, contents), one at a time; a folder's in
        the order of their names, a tarball's in its own.

    Raises:
        DataError: when the source is truncated, damaged or not what it should be, or its contents
            are far larger than itself.
    """
    return _read_folder(source, suffix) if source.is_dir() else _read_tarball(source, suffix)


def place(source: Path, name: str) -> str:
    """Return the name of a source's file in messages: a path, or ``TARBALL: MEMBER``."""
    return printable(str(source / name) if source.is_dir() else f"{source}: {name}")


def source_fingerprint(source: Path, suffix: str) -> list[str | int]:
    """Return an identity of the contents of ``source`` without reading them.

    Returns:
        a tarball's name, size and time; or a folder's name, number of files and a hash of their
        names, sizes and times.
    """
    if not source.is_dir():
        return file_fingerprint(source)
    listing = hashlib.sha256()
    paths = _paths(source, suffix)
    for path in paths:
        _, size, modified = file_fingerprint(path)
        name = f"{path.relative_to(source).as_posix()}\0{size}\0{modified}\n"
        listing.update(name.encode("utf-8", "surrogateescape"))
    return [source.name, len(paths), listing.hexdigest()]


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, line ends as they are.

    Raises:
        DataError: naming the file, and the line that is not UTF-8.
    """
    data = read_regular_file(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"{path}: line {line}: is not UTF-8 text") from None


def check_fractions(**fractions: float) -> None:
    """Check settings that are parts of a whole.

    Raises:
        ConfigError: when one is outside 0 to 1, or together they leave nothing for training.
    """
    problems = [
        f"{name}: must be at least 0 and less than 1, got {value}"
        for name, value in fractions.items()
        if not 0 <= value < 1
    ]
    total = sum(fractions.values())
    if not problems and total >= 1:
        names = " + ".join(fractions)
        problems.append(f"{names}: must be less than 1 together, got {total}")
    if problems:
        raise ConfigError(problems)


def hash_fraction(key: str, seed: int) -> float:
    """A number in [0, 1) that ``key`` and ``seed`` determine on every machine."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def split_by_hash(key: str, seed: int, validation_fraction: float, test_fraction: float) -> str:
    """The split of all lines that share ``key``, such as a writer: ``testset_v`` where
    ``hash_fraction`` is below the first fraction, ``testset_t`` where it is below both together,
    else ``trainset``."""
    fraction = hash_fraction(key, seed)
    if fraction < validation_fraction:
        return "testset_v"
    return "testset_t" if fraction < validation_fraction + test_fraction else "trainset"


def _paths(folder: Path, suffix: str) -> list[Path]:
    found = (path for path in folder.rglob("*") if _is_wanted(path.name, suffix))
    return sorted(path for path in found if path.is_file())


def _is_wanted(name: str, suffix: str) -> bool:
    # Archives packed on macOS carry a "._" companion of every file.
    return name.lower().endswith(suffix) and not name.startswith(".")


def _read_folder(folder: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    for path in _paths(folder, suffix):
        yield path.relative_to(folder).as_posix(), read_regular_file(path)


def _read_tarball(path: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    last = "its beginning"
    members = _tar_members(path, suffix)
    while True:
        try:
            name, data = next(members)
        except StopIteration:
            return
        except (tarfile.TarError, EOFError, OSError, zlib.error, RecursionError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise DataError(f"{path}: cannot be read: {reason(error)}") from None
            raise DataError(
                f"{path}: truncated or damaged after {last} ({printable(str(error))});"
                " download it again"
            ) from None
        last = printable(name[:MOST_SHOWN])
        yield name, data


def _tar_members(path: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    with open_regular_file(path) as raw:
        is_gzip = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        # tarfile's own gzip stream takes a cut between two members for the end of the archive.
        # GzipFile does not: it wants the end-of-stream mark and the checksum.
        unpacked: IO[bytes] = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if is_gzip else raw
        stream = _Bounded(unpacked, path)
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # else it keeps all that it read
                _check_member(archive, member, stream)
                is_wanted = member.isfile() and _is_wanted(Path(member.name).name, suffix)
                content = archive.extractfile(member) if is_wanted else None
                if content is not None:
                    yield member.name, content.read()
        while stream.read(1 << 20):
            pass


class _Bounded:
    """Reads an archive's contents, no more of them than its size warrants.

    Args:
        file: the contents, unpacked as they are read.
        path: of the archive.
    """

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self.path = path
        self.left = MOST_GROWTH * path.stat().st_size + _ALWAYS_READ

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes; ``DataError`` when all together are too many."""
        data = self._file.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise DataError(f"{self.path}: is more than {MOST_GROWTH} times as large unpacked")
        return data


def _check_member(archive: tarfile.TarFile, member: tarfile.TarInfo, stream: _Bounded) -> None:
    """``DataError`` for a member that is larger than what the archive can still hold."""
    where = f"{stream.path}: {printable(member.name[:MOST_SHOWN])}"
    if member.issparse():
        raise DataError(f"{where}: is a sparse member, which no corpus has")
    # The stream is read ahead in blocks.
    if member.size > stream.left + _READ_AHEAD:
        raise DataError(f"{where}: has {member.size:,} bytes, more than the archive can hold")
    if len(archive.pax_headers) > _MOST_HEADERS:  # they are copied for each member
        raise DataError(f"{where}: follows {len(archive.pax_headers)} headers for all members")
