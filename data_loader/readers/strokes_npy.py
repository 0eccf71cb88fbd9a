"""``strokes.npy`` with ``sentences.txt``, the form that many handwriting repositories share.

``strokes.npy`` is a pickled object array of one float array ``[T, 3]`` a line, rows
``(end_of_stroke, dx, dy)``: offsets from the point before, ``end_of_stroke`` = 1 on the last point
of a stroke. Such files are drawn by plotting the running sums on axes as they are, so y grows
upwards, as it does here. ``sentences.txt`` has the text of line n on its line n.

Shapes: ``T`` pen steps, ``L`` lines.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from base.base_reader import BaseReader, NoSource, file_fingerprint
from base.registry import READERS
from data_loader.readers.files import check_fractions, existing_folder, hash_fraction, read_text
from handwriting.errors import DataError
from handwriting.formats.checked_lines import real_numbers
from handwriting.formats.unpickling import load_object_array
from handwriting.ink.line import Line

_VERSION = 1


@READERS.register("strokes_npy")
class StrokesNpyReader(BaseReader):
    """Lines of ``strokes.npy``, named by their index.

    The form names no writers, so the splits cannot be by writer: they are drawn from the lines by
    a hash of ``seed`` and index, and a writer's lines may be in several of them. Numbers measured
    on such splits flatter a model.

    Args:
        data_dir: folder with the two files.
        validation_fraction: part of the lines that becomes split ``testset_v``.
        test_fraction: part of the lines that becomes split ``testset_t``.
        seed: which lines they are.
        require_text: leave out the lines that have no text. When false they are yielded with an
            empty text, and ``sentences.txt`` need not be there at all.
        flip_y: turn y, for files in which it grows downwards.
        strokes_file: name of the file of strokes.
        sentences_file: name of the file of texts.

    Raises:
        ConfigError: when a fraction is not one.
    """

    name: ClassVar[str] = "strokes_npy"

    def __init__(
        self,
        data_dir: str = "data",
        validation_fraction: float = 0.05,
        test_fraction: float = 0.05,
        seed: int = 0,
        require_text: bool = True,
        flip_y: bool = False,
        strokes_file: str = "strokes.npy",
        sentences_file: str = "sentences.txt",
    ) -> None:
        super().__init__()
        check_fractions(validation_fraction=validation_fraction, test_fraction=test_fraction)
        self.data_dir = data_dir
        self.validation_fraction = validation_fraction
        self.test_fraction = test_fraction
        self.seed = seed
        self.require_text = require_text
        self.flip_y = flip_y
        self.strokes_file = strokes_file
        self.sentences_file = sentences_file

    def read(self) -> Iterator[Line]:
        """Stream the lines; the file itself is held in memory while they are read.

        Raises:
            NoSource: when the folder has no file of strokes.
            DataError: when a file is missing or damaged, its pickle holds anything but arrays, the
                two files differ in their number of lines, or no line can be used.
        """
        self.skipped = type(self.skipped)()
        path, sentences_path = self._paths()
        records = self._records(path)
        texts = self._texts(path, sentences_path, len(records))
        splits = self._splits(len(records))
        logging.getLogger(__name__).warning(
            "%s names no writers: its splits are of lines and share writers", path
        )
        found = False
        for index in range(len(records)):
            strokes = self._strokes(records[index], f"{path}: line {index}")
            if strokes is not None and self._has_text(texts[index], sentences_path, index):
                found = True
                yield Line(strokes, texts[index], "", str(index), splits[index])
        if not found:
            self.raise_no_line(path)

    def fingerprint(self) -> dict[str, Any]:
        """The two files with their sizes and times, and the settings.

        Raises:
            NoSource, DataError: as ``read``, for files that are missing.
        """
        settings = {key: value for key, value in vars(self).items() if key not in _NOT_SETTINGS}
        files = [file_fingerprint(path) for path in self._paths() if path]
        return {"reader": self.name, "version": _VERSION, "files": files, **settings}

    def locate(self) -> str:
        """The path of the strokes.

        Raises:
            NoSource, DataError: as ``read``, for files that are missing.
        """
        return str(self._paths()[0])

    def _paths(self) -> tuple[Path, Path | None]:
        folder = existing_folder(self.data_dir)
        path, sentences_path = folder / self.strokes_file, folder / self.sentences_file
        if not path.is_file():
            if sentences_path.is_file():
                raise DataError(f"{path}: is missing, though {sentences_path.name} is there")
            raise NoSource(f"{folder}: holds no {self.strokes_file}")
        if sentences_path.is_file():
            return path, sentences_path
        if self.require_text:
            raise DataError(
                f"{sentences_path}: is missing; to read the strokes without their text, set"
                " require_text to false"
            )
        return path, None

    def _records(self, path: Path) -> np.ndarray:
        records = load_object_array(path)
        if records.ndim == 0 or records.dtype.kind not in "Ofiub":
            raise DataError(
                f"{path}: must be an array of lines, got shape {records.shape}, {records.dtype}"
            )
        return records

    def _texts(self, path: Path, sentences_path: Path | None, num_lines: int) -> list[str]:
        if sentences_path is None:
            return [""] * num_lines
        whole = read_text(sentences_path).removesuffix("\n")
        texts = [text.removesuffix("\r") for text in whole.split("\n")]
        while len(texts) > num_lines and not texts[-1].strip():
            texts.pop()
        if len(texts) != num_lines:
            raise DataError(
                f"{sentences_path}: has {len(texts)} lines, {path} has {num_lines}: which text"
                " belongs to which strokes cannot be known"
            )
        return texts

    def _splits(self, num_lines: int) -> list[str]:
        """Split of each line; the parts are as large as the fractions say, to the nearest line."""
        order = sorted(range(num_lines), key=lambda index: hash_fraction(str(index), self.seed))
        num_validation = round(self.validation_fraction * num_lines)
        num_test = round(self.test_fraction * num_lines)
        splits = ["trainset"] * num_lines
        for rank, index in enumerate(order[: num_validation + num_test]):
            splits[index] = "testset_v" if rank < num_validation else "testset_t"
        return splits

    def _has_text(self, text: str, sentences_path: Path | None, index: int) -> bool:
        if text.strip() or not self.require_text:
            return True
        message = f"{sentences_path}: line {index + 1}: is empty"
        self.skipped.add("line without transcription", message)
        return False

    def _strokes(self, record: Any, where: str) -> np.ndarray | None:
        """A record as ``Line.strokes``, or None where it cannot be one."""
        try:
            with np.errstate(over="ignore"):
                rows = real_numbers(record).astype(np.float32)
        except (TypeError, ValueError, OverflowError):
            self.skipped.add("line that is no array", f"{where}: is not an array of numbers")
            return None
        problem = _problem(rows)
        if problem:
            reason, detail = problem
            self.skipped.add(reason, f"{where}: {detail}")
            return None
        if self.flip_y:
            rows[:, 2] *= -1
        # Where on the page a line begins says nothing about it, and its end ends its last stroke.
        rows[0, 1:] = 0
        rows[-1, 0] = 1
        return rows


_NOT_SETTINGS = ("skipped", "data_dir")


def _problem(rows: np.ndarray) -> tuple[str, str] | None:
    """Return why ``rows`` are no strokes, as (reason, detail)."""
    if rows.size == 0:
        return "line without a stroke", "has no point"
    if rows.ndim != 2 or rows.shape[1] != 3:
        return "line of wrong shape", f"must have shape [T, 3], got {list(rows.shape)}"
    bad_rows = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad_rows):
        return "number that is not finite", f"row {bad_rows[0]}: {rows[bad_rows[0]].tolist()}"
    bad_rows = np.flatnonzero((rows[:, 0] != 0) & (rows[:, 0] != 1))
    if len(bad_rows):
        value = rows[bad_rows[0], 0]
        return "end_of_stroke that is not 0 or 1", f"row {bad_rows[0]}: column 0 is {value}"
    return None
