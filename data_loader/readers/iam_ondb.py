"""IAM-OnDB as it is downloaded: Liwicki and Bunke, "IAM-OnDB: an On-Line English Sentence Database
Acquired from Handwritten Text on a Whiteboard", ICDAR 2005.

``lineStrokes-all.tar.gz`` has one XML file a line of writing, ``ascii-all.tar.gz`` a text file a
form with its transcription, ``original-xml-part.tar.gz`` (or ``-all``) an XML file a form that
names the writer. All are read without unpacking, or as the folders that unpacking makes. The
official lists name the forms of each split.

Shapes: ``N`` points of a line.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np

from base.base_reader import BaseReader, NoSource, file_fingerprint
from base.registry import READERS
from data_loader.readers.files import (
    existing_folder,
    first_existing,
    place,
    read_files,
    read_text,
    source_fingerprint,
)
from handwriting.errors import DataError
from handwriting.formats.xml_safe import BadXml, parse_xml, xml_parser
from handwriting.ink.line import Line, strokes_from_points

LISTS = ("trainset", "testset_v", "testset_f", "testset_t")
_STROKES = ("lineStrokes-all.tar.gz", "lineStrokes-all.tar", "lineStrokes")
_TEXTS = ("ascii-all.tar.gz", "ascii-all.tar", "ascii")
_ORIGINALS = (
    "original-xml-part.tar.gz",
    "original-xml-part.tar",
    "original-xml-all.tar.gz",
    "original-xml-all.tar",
    "original",
)
_LINE_NAME = re.compile(r"(?P<form>.+)-(?P<number>\d+)\.xml", re.IGNORECASE)
_WRITER = re.compile(rb"<Form\b[^<>]*?\bwriterID\s*=\s*[\"']([^\"']*)[\"']")
_HEAD_BYTES = 1 << 16
_VERSION = 1


@dataclass(frozen=True)
class _Forms:
    """Facts about the forms beside their strokes."""

    splits: dict[str, str]
    texts: dict[str, list[str]]
    writers: dict[str, str]

    def text(self, form: str, number: int) -> str:
        """The transcription of the form's line ``number``, counted from 1, or the empty string."""
        lines = self.texts.get(form, [])
        return lines[number - 1] if 1 <= number <= len(lines) else ""


@READERS.register("iam_ondb")
class IamOndbReader(BaseReader):
    """Lines of IAM-OnDB in the order of their files, with text, writer and official split.

    Coordinates are the sensor's units; y, which grows downwards in the database, is turned to grow
    upwards. Times are not read. A form that is in no list gives lines of split ``""``.

    Args:
        data_dir: folder with the tarballs, or with what they unpack to.
        lists_dir: folder with the lists ``trainset.txt``, ``testset_v.txt``, ``testset_f.txt`` and
            ``testset_t.txt``, of which those that exist are used; None: ``data_dir``.
        require_text: leave out the lines that have no transcription. When false they are yielded
            with an empty text, and the transcriptions need not be there at all.
    """

    name: ClassVar[str] = "iam_ondb"

    def __init__(
        self, data_dir: str = "data", lists_dir: str | None = None, require_text: bool = True
    ) -> None:
        super().__init__()
        self.data_dir = data_dir
        self.lists_dir = lists_dir or data_dir
        self.require_text = require_text
        self._forms_seen: set[str] = set()

    def read(self) -> Iterator[Line]:
        """Stream the lines.

        Raises:
            NoSource: when nothing of the database is in the folder.
            DataError: when a part that is needed is missing, a tarball is truncated or damaged, a
                form is in two lists, or no line can be used.
        """
        self.skipped = type(self.skipped)()
        self._forms_seen = set()
        strokes, texts_source, originals = self._sources()
        forms = _Forms(
            self._read_lists(), self._read_texts(texts_source), self._read_writers(originals)
        )
        found = False
        for name, data in read_files(strokes, ".xml"):
            line = self._line(name, data, place(strokes, name), forms)
            if line is not None:
                found = True
                yield line
        if not found:
            self.raise_no_line(strokes)
        self._report_unknown_forms(forms.splits)

    def fingerprint(self) -> dict[str, Any]:
        """The database's files and lists with their sizes and times, and the settings.

        Raises:
            NoSource, DataError: as ``read``, for parts that are missing.
        """
        strokes, texts, originals = self._sources()
        suffixes = ((strokes, ".xml"), (texts, ".txt"), (originals, ".xml"))
        return {
            "reader": self.name,
            "version": _VERSION,
            "require_text": self.require_text,
            "files": [source_fingerprint(path, suffix) for path, suffix in suffixes if path],
            "lists": [file_fingerprint(path) for path in self._list_paths().values()],
        }

    def locate(self) -> str:
        """The path of the strokes.

        Raises:
            NoSource, DataError: as ``read``, for parts that are missing.
        """
        return str(self._sources()[0])

    def expected_lines(self) -> int | None:
        """The number of transcribed lines, which is that of the lines but for a few; None where
        the transcriptions are missing."""
        texts_source = self._sources()[1]
        if texts_source is None:
            return None
        return sum(len(lines) for lines in self._read_texts(texts_source).values())

    def _sources(self) -> tuple[Path, Path | None, Path | None]:
        folder = existing_folder(self.data_dir)
        strokes, texts, originals = (
            first_existing(folder, names) for names in (_STROKES, _TEXTS, _ORIGINALS)
        )
        if strokes is None:
            there = texts or originals
            if there is None:
                raise NoSource(f"{folder}: holds no IAM-OnDB: no {_STROKES[0]}, no {_STROKES[-1]}/")
            raise DataError(f"{folder / _STROKES[0]}: is missing, though {there.name} is there")
        if texts is None and self.require_text:
            raise DataError(
                f"{folder / _TEXTS[0]}: is missing; to read the strokes without their text, set"
                " require_text to false"
            )
        return strokes, texts, originals

    def _list_paths(self) -> dict[str, Path]:
        paths = {name: Path(self.lists_dir) / f"{name}.txt" for name in LISTS}
        return {name: path for name, path in paths.items() if path.is_file()}

    def _read_lists(self) -> dict[str, str]:
        """The split of each listed form."""
        paths = self._list_paths()
        if not paths:
            names = ", ".join(f"{name}.txt" for name in LISTS)
            raise DataError(
                f"{self.lists_dir}: holds none of the lists {names}; set lists_dir to their folder"
            )
        splits: dict[str, str] = {}
        for split, path in paths.items():
            for form in read_text(path).split():
                if splits.setdefault(form, split) != split:
                    raise DataError(f"{path}: form {form} is in {splits[form]}.txt as well")
        return splits

    def _read_texts(self, source: Path | None) -> dict[str, list[str]]:
        """Each form's transcription, line by line."""
        texts: dict[str, list[str]] = {}
        if source is None:
            return texts
        for name, data in read_files(source, ".txt"):
            lines = _transcription(data.decode("utf-8", errors="replace"))
            if lines is None:
                self.skipped.add(
                    "transcription without a CSR part", f"{place(source, name)}: has no line 'CSR:'"
                )
            else:
                texts[PurePosixPath(name).stem] = lines
        return texts

    def _read_writers(self, source: Path | None) -> dict[str, str]:
        """Each form's writer. Nothing but the writers' names depends on this part of the database,
        so a damaged file of it is reported, not an end."""
        writers: dict[str, str] = {}
        if source is None:
            return writers
        try:
            for name, data in read_files(source, ".xml"):
                found = _WRITER.search(data, 0, _HEAD_BYTES)
                if found:
                    writers[_original_form(name)] = found[1].decode("utf-8", errors="replace")
                else:
                    message = f"{place(source, name)}: has no writerID"
                    self.skipped.add("form without a writer", message)
        except DataError as error:
            self.skipped.add("damaged file of writers", str(error))
        return writers

    def _line(self, name: str, data: bytes, where: str, forms: "_Forms") -> Line | None:
        found = _LINE_NAME.fullmatch(PurePosixPath(name).name)
        if not found:
            self.skipped.add("file that is no line", f"{where}: the name is not FORM-NUMBER.xml")
            return None
        form, number = found["form"], found["number"]
        self._forms_seen.add(form)
        text = forms.text(form, int(number))
        if not text and self.require_text:
            message = f"{where}: no transcription of line {int(number)} in {form}.txt"
            self.skipped.add("line without transcription", message)
            return None
        strokes = self._strokes(data, where)
        if strokes is None:
            return None
        writer, split = forms.writers.get(form, ""), forms.splits.get(form, "")
        return Line(strokes, text, writer, f"{form}-{number}", split)

    def _strokes(self, data: bytes, where: str) -> np.ndarray | None:
        try:
            points, ends, empty = parse_line(data)
        except BadXml as error:
            self.skipped.add(error.reason, f"{where}: {error}")
            return None
        for number in empty:
            self.skipped.add("stroke without a point", f"{where}: line {number}: empty stroke")
        if not ends:
            self.skipped.add("line without a stroke", f"{where}: no stroke with a point")
            return None
        points[:, 1] *= -1
        return strokes_from_points(np.split(points, ends[:-1]))

    def _report_unknown_forms(self, splits: dict[str, str]) -> None:
        paths = self._list_paths()
        for form, split in splits.items():
            if form not in self._forms_seen:
                message = f"{paths[split]}: form {form} has no line in {self.data_dir}"
                self.skipped.add("listed form without lines", message)


def parse_line(data: bytes) -> tuple[np.ndarray, list[int], list[int]]:
    """The points of one ``lineStrokes`` file.

    Returns:
        points: float64 ``[N, 2]``, (x, y) as in the file, y downwards.
        ends: for each stroke that has points, the number of points up to its end.
        empty: line numbers of the strokes that have none.

    Raises:
        BadXml: when the file is malformed, or a point has no finite x and y; with the line number.
    """
    parser = xml_parser()
    points: list[float] = []
    ends: list[int] = []
    empty: list[int] = []
    add, is_finite = points.append, math.isfinite

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "Point":
            x, y = float(attributes["x"]), float(attributes["y"])
            if not (is_finite(x) and is_finite(y)):
                raise ValueError(f"x={x}, y={y}: coordinates must be finite")
            add(x)
            add(y)

    def end(name: str) -> None:
        if name == "Stroke":
            if len(points) // 2 > (ends[-1] if ends else 0):
                ends.append(len(points) // 2)
            else:
                empty.append(parser.CurrentLineNumber)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parse_xml(parser, data)
    return np.array(points, dtype=np.float64).reshape(-1, 2)[: ends[-1] if ends else 0], ends, empty


def _transcription(text: str) -> list[str] | None:
    """The lines below ``CSR:``, which stand as they were written; the part above, ``OCR:``, is the
    text of the form in print. None where there is no such part."""
    _, mark, written = text.replace("\r\n", "\n").partition("CSR:")
    if not mark:
        return None
    return [line.strip() for line in written.strip().split("\n")]


def _original_form(name: str) -> str:
    """``original/a01/a01-000/strokesu.xml`` is about form ``a01-000u``."""
    path = PurePosixPath(name)
    return path.parent.name + path.stem.removeprefix("strokes")
