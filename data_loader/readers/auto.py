"""Finds out what there is to read."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from base.base_reader import BaseReader, NoSource, ReadReport
from base.registry import READERS
from data_loader.readers.iam_ondb import IamOndbReader
from data_loader.readers.inkml import InkmlReader
from data_loader.readers.pendigits import PendigitsReader
from data_loader.readers.strokes_npy import StrokesNpyReader
from data_loader.readers.synthetic import SyntheticReader
from data_loader.readers.unipen import UnipenReader
from handwriting.errors import DataError
from handwriting.ink.line import Line

_DEFAULT_DIR = "data"
_READERS = (IamOndbReader, StrokesNpyReader, InkmlReader, UnipenReader, PendigitsReader)


@READERS.register("auto")
class AutoReader(BaseReader):
    """The first of these that is in ``data_dir``: IAM-OnDB, ``strokes.npy``, InkML, UNIPEN,
    pendigits; else the built-in synthetic corpus. The log says which and why.

    A source of which only a part is there stops the search with an error, since whoever put it
    there wants it read; so does a ``data_dir`` other than the default that does not exist.

    Args:
        data_dir: folder to look in.
        builtin: whether the built-in corpus is taken where the folder holds nothing.
    """

    name: ClassVar[str] = "auto"

    def __init__(self, data_dir: str = _DEFAULT_DIR, builtin: bool = True) -> None:
        # Not super().__init__(): what was skipped is the chosen reader's to say.
        self.data_dir = data_dir
        self.builtin = builtin
        self._choice: tuple[BaseReader, str] | None = None

    @property
    def choice(self) -> tuple[BaseReader, str]:
        """The reader chosen and, in a line, why; chosen once, at the first use.

        Raises:
            NoSource: when there is none and the built-in corpus is not wanted.
            DataError: when a source is there in part only.
        """
        if self._choice is None:
            self._choice = self._choose()
            logging.getLogger(__name__).info("source: %s", self._choice[1])
        return self._choice

    @property
    def reader(self) -> BaseReader:
        """The reader chosen."""
        return self.choice[0]

    @property
    def chosen(self) -> str:
        """Name of the reader chosen."""
        return self.reader.name

    @property
    def reason(self) -> str:
        """The name of the reader chosen and why it was."""
        return self.choice[1]

    @property
    def skipped(self) -> ReadReport:
        """Report of the chosen reader."""
        return self.reader.skipped

    @skipped.setter
    def skipped(self, report: ReadReport) -> None:
        self.reader.skipped = report

    def read(self) -> Iterator[Line]:
        """Stream the lines of the reader chosen; its errors are this one's."""
        return self.reader.read()

    def fingerprint(self) -> dict[str, Any]:
        """Return that of the chosen reader."""
        return self.reader.fingerprint()

    def locate(self) -> str:
        """Why the reader chosen was chosen."""
        return self.reason

    def expected_lines(self) -> int | None:
        """Return that of the chosen reader."""
        return self.reader.expected_lines()

    def _choose(self) -> tuple[BaseReader, str]:
        if self.data_dir != _DEFAULT_DIR and not Path(self.data_dir).exists():
            raise DataError(f"{self.data_dir}: does not exist")
        absent = []
        for kind in _READERS:
            reader = kind(data_dir=self.data_dir)
            try:
                return reader, f"{reader.name}, found as {reader.locate()}"
            except NoSource:
                absent.append(reader.name)
        nothing = f"{self.data_dir} holds no {', '.join(absent)}"
        if not self.builtin:
            raise NoSource(nothing)
        builtin = SyntheticReader()
        return builtin, f"{builtin.name}, since {nothing}"
