"""A folder of one's own ink: files of any format that is read, with their texts."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from base.base_reader import BaseReader, NoSource
from base.registry import READERS
from data_loader.readers.files import (
    check_fractions,
    existing_folder,
    hash_fraction,
    read_text,
    source_fingerprint,
    split_by_hash,
)
from handwriting.errors import DataError
from handwriting.formats.ink_file import ink_in_file, read_ink_file
from handwriting.formats.registry import READ_SUFFIXES, is_ink_name, listed
from handwriting.ink.line import Line

TEXTS_FILE = "texts.tsv"
TEXT_SUFFIX = ".txt"
_VERSION = 2
_TRAIN, _HELD_OUT = "trainset", ("testset_v", "testset_t")


@READERS.register("ink_files")
class InkFilesReader(BaseReader):
    """Lines of ink files of all formats that are read, in the order of their paths.

    The texts of a file are, the first of these that there is: a text file of its name beside it,
    ``letter.txt`` for ``letter.svg``, with a line of text for each line of ink; the rows of
    ``texts.tsv`` in ``data_dir``, each a file's path in it, a tab and a line of text; or those in
    the file itself. Ink that its file does not divide is divided into lines where it has several
    texts. Lines without a text are left out, and so are all lines of a file whose texts are more or
    fewer than its lines.

    Splits are drawn by line, not by writer, since one's own ink is mostly of one person: numbers
    measured on them are about more ink by the same hand. At least one line is in ``trainset`` and
    in each split that has a fraction, where there are enough lines.

    Args:
        data_dir: folder that is searched for ink, its folders included.
        writer: of all lines; null for the name of the folder in ``data_dir`` that a file is in, or,
            where it is in none, the writer that the file names.
        validation_fraction: part of the lines that becomes split ``testset_v``.
        test_fraction: part of the lines that becomes split ``testset_t``.
        seed: which lines they are.

    Raises:
        ConfigError: when a fraction is not one.
    """

    name: ClassVar[str] = "ink_files"

    def __init__(
        self,
        data_dir: str = "data",
        writer: str | None = None,
        validation_fraction: float = 0.2,
        test_fraction: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_fractions(validation_fraction=validation_fraction, test_fraction=test_fraction)
        self.data_dir = data_dir
        self.writer = writer
        self.validation_fraction = validation_fraction
        self.test_fraction = test_fraction
        self.seed = seed

    def read(self) -> Iterator[Line]:
        """Stream the lines. All are read before the first is given out, since the splits of a few
        lines depend on how many there are.

        Raises:
            NoSource: when there is no file of ink.
            DataError: when no line can be used, or a file of texts cannot be read.
        """
        self.skipped = type(self.skipped)()
        self.check_source()
        lines = list(self._usable_lines())
        if not lines:
            self.raise_no_line(Path(self.data_dir))
        splits = self._splits([line.source_id for line in lines])
        for line in lines:
            yield replace(line, split=splits[line.source_id])

    def fingerprint(self) -> dict[str, Any]:
        """The files of ink and of texts with their sizes and times, and the settings.

        Raises:
            NoSource: when there is no file of ink.
        """
        self.check_source()
        suffixes = (*READ_SUFFIXES, TEXT_SUFFIX, TEXTS_FILE)
        return {
            "reader": self.name,
            "version": _VERSION,
            "writer": self.writer,
            "validation_fraction": self.validation_fraction,
            "test_fraction": self.test_fraction,
            "seed": self.seed,
            "files": [source_fingerprint(Path(self.data_dir), suffix) for suffix in suffixes],
        }

    def locate(self) -> str:
        """The first file of ink.

        Raises:
            NoSource: when there is none.
        """
        paths = _ink_paths(existing_folder(self.data_dir))
        if not paths:
            raise NoSource(f"{self.data_dir}: holds no ink ({listed(READ_SUFFIXES)})")
        return str(paths[0])

    def expected_lines(self) -> int | None:
        """The number of files, which often are a line each."""
        return len(_ink_paths(Path(self.data_dir)))

    def _usable_lines(self) -> Iterator[Line]:
        folder = Path(self.data_dir)
        listed_texts = self._listed_texts()
        for path in _ink_paths(folder):
            name = path.relative_to(folder).as_posix()
            beside = path.with_suffix(TEXT_SUFFIX)
            texts = listed_texts.pop(name, None)
            if beside.is_file():
                texts = [text for text in read_text(beside).splitlines() if text.strip()]
            yield from self._lines_of_file(path, name, texts)
        for name in listed_texts:
            message = f"{folder / TEXTS_FILE}: names {name!r}, which is no file of ink there"
            self.skipped.add("text without ink", message)

    def _listed_texts(self) -> dict[str, list[str]]:
        """The texts of ``texts.tsv`` by name of file; none where it is not there."""
        path = Path(self.data_dir) / TEXTS_FILE
        texts: dict[str, list[str]] = {}
        if not path.is_file():
            return texts
        for number, row in enumerate(read_text(path).splitlines(), start=1):
            name, tab, text = row.partition("\t")
            if tab and text.strip():
                texts.setdefault(name.strip(), []).append(text)
            elif row.strip():
                message = f"{path}: line {number}: should be a file's name, a tab and its text"
                self.skipped.add("row without a text", message)
        return texts

    def _lines_of_file(self, path: Path, name: str, texts: list[str] | None) -> Iterator[Line]:
        try:
            lines = _with_texts(path, texts)
        except DataError as error:
            self.skipped.add("file that cannot be used", str(error))
            return
        for number, line in enumerate(lines, start=1):
            source_id = name if len(lines) == 1 else f"{name}#{number}"
            text = " ".join(line.text.split())
            if text:
                writer = self._writer_of(name, line)
                yield Line(line.strokes, text, writer, source_id, "")
            else:
                which = f"{path}: line {number}" if len(lines) > 1 else f"{path}"
                message = f"{which}: no text in it, in {path.stem}{TEXT_SUFFIX} or in {TEXTS_FILE}"
                self.skipped.add("line without a text", message)

    def _writer_of(self, name: str, line: Line) -> str:
        if self.writer is not None:
            return self.writer
        folder, slash, _ = name.partition("/")
        return folder if slash else line.writer

    def _splits(self, ids: list[str]) -> dict[str, str]:
        """The split of each line by its id, of which there are as many as lines."""
        fractions = (self.validation_fraction, self.test_fraction)
        splits = {each: split_by_hash(each, self.seed, *fractions) for each in ids}
        held_out = [name for name, part in zip(_HELD_OUT, fractions, strict=True) if part > 0]
        missing = {_TRAIN, *held_out} - set(splits.values())
        if missing and len(ids) > len(held_out):
            order = sorted(ids, key=lambda each: hash_fraction(each, self.seed))
            splits.update(zip(order, held_out, strict=False))
            splits[order[-1]] = _TRAIN
        return splits


def _with_texts(path: Path, texts: list[str] | None) -> list[Line]:
    """The lines of a file with the texts given, or its own where none are.

    Raises:
        DataError: the file has no ink that is read, or its lines are not as many as the texts.
    """
    if texts is None:
        found = ink_in_file(path)
        return read_ink_file(path, divide=False) if any(line.text for line in found) else found
    lines = read_ink_file(path, divide=len(texts) > 1)
    if len(lines) != len(texts):
        raise DataError(f"{path}: {len(lines)} lines of ink, but {len(texts)} of text")
    return [replace(line, text=text) for line, text in zip(lines, texts, strict=True)]


def _ink_paths(folder: Path) -> list[Path]:
    """The files of ink in a folder and the folders in it, hidden ones left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if is_ink_name(path)
        and path.name != TEXTS_FILE
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
