"""Reading files of ink whole: from a path to pages, and to the files and the text of a result."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handwriting.errors import DataError
from handwriting.ink.page_layout import LineInk
from handwriting.quoting import printable
from handwriting.readings.calibration import Calibration, calibration_path, read_calibration
from handwriting.readings.document_reader import DocumentReader, LineResult
from handwriting.readings.page_ink import pages_in_file
from handwriting.readings.registry import ResultFormat, write_result
from handwriting.readings.result import ReadDocument, ReadPage
from handwriting.text.error_rates import count_errors
from handwriting.text.vocabulary import Vocabulary
from reading.constraints import Constraint, allowed_characters, of_characters, of_texts, read_texts
from reading.line_reader import LineReader
from reading.options import ONE_LINE, decodings
from reading.recogniser import language_model, line_reader
from reading.settings import Request
from trainer.loaded_model import LoadedModel


@dataclass(frozen=True)
class FileReader:
    """Reads files.

    Attributes:
        reader: of pages.
        divide: whether ink without lines is divided into lines.
        limit: lines of a file that are read; None for all.
        name: of the recogniser.
    """

    reader: DocumentReader[LineReader]
    divide: bool = True
    limit: int | None = None
    name: str = ""

    def read(self, path: Path) -> ReadDocument:
        """Return what a file says.

        Raises:
            DataError: one line naming the file and what is wrong with it.
        """
        return self.read_with_lines(path)[0]

    def read_with_lines(self, path: Path) -> tuple[ReadDocument, list[tuple[LineInk, LineResult]]]:
        """Return what a file says, and each of its lines with its ink."""
        pages: list[ReadPage] = []
        lines: list[tuple[LineInk, LineResult]] = []
        for page in pages_in_file(path, self.divide):
            left = None if self.limit is None else max(self.limit - len(lines), 0)
            try:
                found, more = self.reader.read_page_and_lines(page, left)
            except DataError as error:
                remedy = "" if self.divide else "; leave --ink-lines one out, to have it divided"
                raise DataError(f"{path}: {error}{remedy}") from None
            pages.append(found)
            lines += more
        return ReadDocument(tuple(pages), printable(str(path)), printable(self.name)), lines


def file_reader(
    trained: LoadedModel, options: argparse.Namespace, progress: bool = False
) -> FileReader:
    """Return a reader of files as the options have it.

    Raises:
        UserError: the model reads no handwriting, or a wrong option.
    """
    settings = decodings(options)[-1].settings
    model = language_model(options, trained)
    lines = line_reader(trained, f"{options.resume}: --ink", settings, model, options.bs, progress)
    alternatives = (options.alternatives or 0) + 1
    constraint = _constraint(options, lines.vocabulary)
    lines.request = Request(alternatives, places=True, constraint=constraint)
    calibration = calibration_of(options.resume)
    reader = DocumentReader(lines, calibration, bool(options.keep_drawings))
    divide = options.ink_lines != ONE_LINE
    return FileReader(reader, divide, options.limit, str(options.resume))


def calibration_of(checkpoint: Path) -> Calibration | None:
    """Return the calibration beside a checkpoint; None where there is none."""
    path = calibration_path(checkpoint)
    return read_calibration(path) if path.is_file() else None


def _constraint(options: argparse.Namespace, vocabulary: Vocabulary) -> Constraint | None:
    allowed = None
    if options.allow is not None:
        allowed = allowed_characters(options.allow, vocabulary)
    if options.words is None:
        return None if allowed is None else of_characters(allowed, vocabulary)
    texts = read_texts(options.words, vocabulary)
    if allowed is not None:
        texts = [text for text in texts if not set(text) - set(allowed)]
        if not texts:
            raise DataError(f"--words: {options.words}: has no line of the characters of --allow")
    return of_texts(texts, vocabulary)


def printed_text(document: ReadDocument) -> str:
    """Return the text of a document, a line for each line."""
    return "".join(f"{line.kept_text}\n" for line in document.lines())


def notes_on(document: ReadDocument) -> list[str]:
    """Return what a user should know of a document beside its text, a line each."""
    found = [
        note if len(document.pages) == 1 else f"page {number}: {note}"
        for number, page in enumerate(document.pages, start=1)
        for note in (*page.notes, *_left_out(page))
    ]
    return [*found, *_error_rates(document)]


def _left_out(page: ReadPage) -> list[str]:
    number = sum(other.kind == "drawing" for other in page.others)
    if not number:
        return []
    what = "a drawing" if number == 1 else f"{number} drawings"
    return [f"{what} left out, being no text (--keep-drawings reads all ink)"]


def _error_rates(document: ReadDocument) -> list[str]:
    """Error rates against the texts that the file itself has."""
    lines = list(document.lines())
    pairs = [(line.truth, line.text) for line in lines if line.truth]
    if not pairs:
        return []
    errors = count_errors(pairs)
    return [
        f"the file has the text of {len(pairs)} of its {len(lines)} lines: character error rate"
        f" {errors.cer:.2%}, word error rate {errors.wer:.2%}"
    ]


def write_results(
    document: ReadDocument, formats: Sequence[ResultFormat], folder: Path, name: str
) -> list[Path]:
    """Write a document to ``folder / name`` with the suffix of each format, and return the
    paths."""
    paths = [folder / f"{name}{entry.suffix}" for entry in formats]
    for entry, path in zip(formats, paths, strict=True):
        write_result(entry, document, path)
    return paths


def summary(document: ReadDocument) -> list[dict[str, Any]]:
    """Return the lines of a document in plain values, as the first version of ``reading.json`` had
    them."""
    return [
        {
            "id": line.name,
            "text": line.text,
            "confidence": None if line.confidence is None else round(line.confidence, 4),
            "confidences": [
                None if each.confidence is None else round(each.confidence, 4)
                for each in line.characters
            ],
            "score": round(line.score, 4),
            "text_in_file": line.truth,
        }
        for line in document.lines()
    ]
