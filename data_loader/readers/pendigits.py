"""Handwritten digits of UCI (Alpaydin and Alimoglu 1998, "Pen-Based Recognition of Handwritten
Digits", original and unresampled, CC BY 4.0): ``pendigits-orig.tra`` and ``pendigits-orig.tes``.

Both files are UNIPEN text. ``.SEGMENT DIGIT ? "8"`` stands before the ink of each digit, and
``.COMMENT 8 12 224`` below it says digit, writer and number.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from base.base_reader import BaseReader, NoSource, file_fingerprint
from base.registry import READERS
from data_loader.readers.files import (
    check_fractions,
    existing_folder,
    first_existing,
    split_by_hash,
)
from handwriting.errors import DataError
from handwriting.files import read_regular_file
from handwriting.formats.unipen_reader import Segment, UnipenInk, unipen_ink
from handwriting.formats.unipen_statements import statements_of
from handwriting.formats.unpacking import BadPacking, unpacked
from handwriting.ink.line import Line, strokes_from_points

_SETS = {"train": "pendigits-orig.tra", "test": "pendigits-orig.tes"}
_SUFFIXES = ("", ".gz", ".Z")
_VERSION = 1


@READERS.register("pendigits")
class PendigitsReader(BaseReader):
    """Digits, one a line, with label and writer.

    Coordinates are the tablet's units; y grows upwards. The two files have different writers, 30
    and 14; a writer's name is that of the set and the number in it, such as ``train-12``. A hash of
    the name and of the seed, a number in [0, 1), decides on the split: below
    ``validation_fraction`` it is ``testset_v``, below that plus ``test_fraction`` it is
    ``testset_t``, else ``trainset``.

    Args:
        data_dir: folder with the two files or one of them, as they are or packed by ``gzip``
            (``.gz``) or ``compress`` (``.Z``).
        validation_fraction: part of the writers that becomes split ``testset_v``.
        test_fraction: part of the writers that becomes split ``testset_t``.
        seed: which writers they are.

    Raises:
        ConfigError: when a fraction is not one.
    """

    name: ClassVar[str] = "pendigits"

    def __init__(
        self,
        data_dir: str = "data",
        validation_fraction: float = 0.1,
        test_fraction: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_fractions(validation_fraction=validation_fraction, test_fraction=test_fraction)
        self.data_dir = data_dir
        self.validation_fraction = validation_fraction
        self.test_fraction = test_fraction
        self.seed = seed

    def read(self) -> Iterator[Line]:
        """Stream the digits; one of the two files is held in memory while it is read.

        Raises:
            NoSource: when neither file is in the folder.
            DataError: when a file is damaged, or no digit can be used.
        """
        self.skipped = type(self.skipped)()
        found = False
        for set_name, path in self._paths().items():
            ink = unipen_ink(statements_of(path, _contents(path)))
            for number, segment in enumerate(ink.segments):
                line = self._line(ink, segment, set_name, number)
                if line is not None:
                    found = True
                    yield line
        if not found:
            self.raise_no_line(Path(self.data_dir))

    def fingerprint(self) -> dict[str, Any]:
        """The files with their sizes and times, and the settings.

        Raises:
            NoSource: when neither file is in the folder.
        """
        return {
            "reader": self.name,
            "version": _VERSION,
            "validation_fraction": self.validation_fraction,
            "test_fraction": self.test_fraction,
            "seed": self.seed,
            "files": [file_fingerprint(path) for path in self._paths().values()],
        }

    def locate(self) -> str:
        """The first of the files.

        Raises:
            NoSource: when neither is in the folder.
        """
        return str(next(iter(self._paths().values())))

    def _paths(self) -> dict[str, Path]:
        folder = existing_folder(self.data_dir)
        found = {
            set_name: first_existing(folder, tuple(file + suffix for suffix in _SUFFIXES))
            for set_name, file in _SETS.items()
        }
        paths = {set_name: path for set_name, path in found.items() if path is not None}
        if not paths:
            raise NoSource(f"{folder}: holds no {' or '.join(_SETS.values())}")
        return paths

    def _line(self, ink: UnipenInk, segment: Segment, set_name: str, number: int) -> Line | None:
        if segment.level != "DIGIT" or not segment.label:
            self.skipped.add("segment that is no digit", f"{segment.where}: {segment.label!r}")
            return None
        words = segment.comment.split()
        writer = f"{set_name}-{words[1]}" if len(words) > 1 and words[1].isdigit() else ""
        if not writer:
            self.skipped.add(
                "digit without a writer", f"{segment.where}: no .COMMENT below names one"
            )
            return None
        try:
            strokes = ink.strokes_of(segment)
        except DataError as error:
            self.skipped.add("digit without ink", str(error))
            return None
        split = split_by_hash(writer, self.seed, self.validation_fraction, self.test_fraction)
        source_id = f"{set_name}-{number}"
        return Line(strokes_from_points(strokes), segment.label, writer, source_id, split)


def _contents(path: Path) -> bytes:
    """Return the contents of a file, unpacked where it is packed, whatever its name."""
    try:
        return unpacked(read_regular_file(path))
    except BadPacking as error:
        raise DataError(f"{path}: {error}") from None
