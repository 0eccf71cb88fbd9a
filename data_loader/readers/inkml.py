"""The corpus reader of InkML files; ``handwriting.formats.inkml_reader`` reads a document."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from base.base_reader import BaseReader, NoSource
from base.registry import READERS
from data_loader.readers.files import (
    check_fractions,
    hash_fraction,
    place,
    read_files,
    source_fingerprint,
)
from handwriting.files import read_regular_file
from handwriting.formats.inkml_reader import InkmlDocument
from handwriting.ink.line import Line

_SUFFIX = ".inkml"
_VERSION = 2


@READERS.register("inkml")
class InkmlReader(BaseReader):
    """Lines of InkML files, in the order of their paths.

    ``handwriting.formats.inkml_reader.InkmlDocument`` says what the lines of a file are. A line
    whose file names no split gets one by a hash of its writer, or of the file where no writer is
    named.

    Args:
        data_dir: folder that is searched for ``.inkml`` files, or one such file.
        validation_fraction: part of the writers (or files) that becomes split ``testset_v``.
        test_fraction: part of the writers (or files) that becomes split ``testset_t``.
        seed: which writers (or files) they are.
        require_text: leave out the lines that have no text.
        flip_y: turn y; false for files in which it grows upwards though they do not say so.

    Raises:
        ConfigError: when a fraction is not one.
    """

    name: ClassVar[str] = "inkml"

    def __init__(
        self,
        data_dir: str = "data",
        validation_fraction: float = 0.05,
        test_fraction: float = 0.05,
        seed: int = 0,
        require_text: bool = True,
        flip_y: bool = True,
    ) -> None:
        super().__init__()
        check_fractions(validation_fraction=validation_fraction, test_fraction=test_fraction)
        self.data_dir = data_dir
        self.validation_fraction = validation_fraction
        self.test_fraction = test_fraction
        self.seed = seed
        self.require_text = require_text
        self.flip_y = flip_y

    def read(self) -> Iterator[Line]:
        """Stream the lines, one file at a time.

        Raises:
            NoSource: when there is no InkML file.
            DataError: when no line can be used.
        """
        self.skipped = type(self.skipped)()
        self.check_source()
        source = Path(self.data_dir)
        found = False
        for name, data in self._files():
            where = place(source, name) if source.is_dir() else str(source)
            for line in self._lines_of_file(name, data, where):
                found = True
                yield line
        if not found:
            self.raise_no_line(source)

    def fingerprint(self) -> dict[str, Any]:
        """The files with their sizes and times, and the settings.

        Raises:
            NoSource: when there is no InkML file.
        """
        self.check_source()
        return {
            "reader": self.name,
            "version": _VERSION,
            "validation_fraction": self.validation_fraction,
            "test_fraction": self.test_fraction,
            "seed": self.seed,
            "require_text": self.require_text,
            "flip_y": self.flip_y,
            "files": [source_fingerprint(Path(self.data_dir), _SUFFIX)],
        }

    def locate(self) -> str:
        """The first file.

        Raises:
            NoSource: when there is no InkML file.
        """
        source = Path(self.data_dir)
        if source.is_file():
            return str(source)
        if not source.exists():
            raise NoSource(f"{source}: does not exist")
        first = next((path for path in source.rglob("*") if _is_inkml(path)), None)
        if first is None:
            raise NoSource(f"{source}: holds no {_SUFFIX} file")
        return str(first)

    def expected_lines(self) -> int | None:
        """The number of files: most files are one line."""
        source = Path(self.data_dir)
        return 1 if source.is_file() else sum(map(_is_inkml, source.rglob("*")))

    def _files(self) -> Iterator[tuple[str, bytes]]:
        source = Path(self.data_dir)
        if source.is_file():
            return iter([(source.name, read_regular_file(source))])
        return read_files(source, _SUFFIX)

    def _lines_of_file(self, name: str, data: bytes, where: str) -> Iterator[Line]:
        document = InkmlDocument(name, where, self.skipped.add, self.flip_y)
        file_id = PurePosixPath(name).with_suffix("").as_posix()
        for line in document.lines(data, self.require_text):
            yield replace(line, split=line.split or self._split(line.writer or file_id))

    def _split(self, key: str) -> str:
        fraction = hash_fraction(key.partition("#")[0], self.seed)
        if fraction < self.validation_fraction:
            return "testset_v"
        if fraction < self.validation_fraction + self.test_fraction:
            return "testset_t"
        return "trainset"


def _is_inkml(path: Path) -> bool:
    return path.suffix.lower() == _SUFFIX and not path.name.startswith(".")
