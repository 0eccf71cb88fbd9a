"""Reading lines and pages of ink with exported models."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from handwriting.errors import DataError, UserError
from handwriting.quoting import printable
from handwriting.readings.calibration import calibration_of
from handwriting.readings.document_reader import DocumentReader
from handwriting.readings.line_reading import Reading
from handwriting.readings.page_ink import KnownLine, PageInk, pages_in_file
from handwriting.readings.result import ReadDocument
from handwriting.readings.session import Session
from handwriting.runtime import weights_folder as folders
from handwriting.runtime.line_reader import LineReader
from handwriting.runtime.read_page import ReadInk
from handwriting.runtime.reading_settings import ReadingSettings
from handwriting.runtime.recogniser import LanguageModel, Recogniser

ALTERNATIVES = 4
"""Readings of a line in all."""


class Reader:
    """Reads handwriting from files and from strokes.

    >>> from handwriting import Reader
    >>> page = Reader().read("notes.svg")  # doctest: +SKIP
    >>> print(page.text)  # doctest: +SKIP

    Args:
        weights: a folder of exported models, or a repository of a model hub,
            ``hub:OWNER/NAME[@REVISION]``; None for those of the environment variable
            ``HANDWRITING_WEIGHTS``, else those in the package.
        beam: texts that the search keeps for each line; 1 is the quickest. None, here and below,
            for what the models were exported with.
        ctc_weight: weight of the encoder's own reading, from 0 to 1.
        language_weight: weight of the language model.
        alternatives: readings of a line in all, at most as many as the beam.
        threads: batches of lines that are worked on at once; None for one a processor, where there
            are so many lines.
        keep_drawings: read all ink as text, also what looks like a drawing.

    Attributes:
        weights: the folder.
        lines: reads lines.
        documents: reads pages.

    Raises:
        Error: the folder has no recogniser that can be used, or a number is out of its range.
    """

    def __init__(
        self,
        weights: Path | str | None = None,
        beam: int | None = None,
        ctc_weight: float | None = None,
        language_weight: float | None = None,
        alternatives: int = ALTERNATIVES,
        threads: int | None = None,
        keep_drawings: bool = False,
    ) -> None:
        folder = folders.weights_folder(weights)
        self.weights = folder
        file = folders.read_weights(folder, folders.RECOGNISER)
        path = folder / folders.RECOGNISER
        recogniser = folders.built(path, partial(Recogniser, file.about, file.tensors))
        language = None
        stored = folders.read_weights_if_there(folder, folders.LANGUAGE_MODEL)
        if stored is not None and language_weight != 0:
            language = folders.built(
                folder / folders.LANGUAGE_MODEL,
                partial(LanguageModel, stored.about, stored.tensors, recogniser.vocabulary),
            )
        given = {"beam": beam, "ctc_weight": ctc_weight, "language_weight": language_weight}
        values = file.about["reading"] | {
            name: value for name, value in given.items() if value is not None
        }
        if language is None and language_weight is None:
            values["language_weight"] = 0.0
        if not recogniser.has_ctc and ctc_weight is None:
            values["ctc_weight"] = 0.0
        settings = folders.built(path, lambda: ReadingSettings(**values))
        most = max(min(alternatives, settings.beam), 1)
        threads = threads if threads is not None else os.cpu_count() or 1
        self.lines = LineReader(recogniser, settings, language, most, threads)
        calibration = file.about.get("calibration")
        if calibration is not None:
            calibration = folders.built(path, partial(calibration_of, calibration))
        self.documents = DocumentReader(self.lines, calibration, keep_drawings)

    def read(self, source: Path | str | Sequence[np.ndarray], divide: bool = True) -> ReadInk:
        """Read a file, or a page of strokes.

        The layout of each page is found: blocks, lines, their order, ink that is no text; where the
        file says which lines there are, these are read.

        Args:
            source: a file of ink, in any of the formats that can be read; or the strokes of a page,
                arrays of points ``[n, 2]`` (x, y), y upwards, in any unit.
            divide: divide ink into lines by where its strokes are, where a file does not say which
                lines there are; else it is one line.

        Raises:
            Error: the file cannot be read, has no ink in it, or the strokes are none.
        """
        if isinstance(source, Path | str):
            path = Path(source)
            name, pages = str(path), pages_in_file(path, divide)
        else:
            ink = tuple(_checked(source))
            known = () if divide else (KnownLine(tuple(range(len(ink)))),)
            name, pages = "", (PageInk(ink, known),)
        read = []
        for page in pages:
            try:
                read.append(self.documents.read_page(page))
            except DataError as error:
                raise DataError(f"{name}: {error}" if name else f"strokes: {error}") from None
        return ReadInk(ReadDocument(tuple(read), printable(name)))

    def session(self, one_line: bool = False, strokes: Sequence[np.ndarray] = ()) -> Session:
        """Return a page that grows stroke by stroke, and is read as it does.

        Args:
            one_line: take all ink for one line, which needs no layout.
            strokes: what is on the page already.
        """
        return Session(self.documents, one_line, strokes)

    def read_files(
        self, paths: Iterable[Path | str], divide: bool = True
    ) -> Iterator[tuple[Path, "ReadInk | UserError"]]:
        """Read many files, one after the other; one that cannot be read gives its error, and does
        not end the others."""
        for path in map(Path, paths):
            try:
                yield path, self.read(path, divide)
            except UserError as error:
                yield path, error

    def read_lines(self, lines: Sequence[np.ndarray]) -> list[Reading]:
        """Read lines, many at once.

        Args:
            lines: arrays of strokes ``[T, 3]`` as in ``handwriting.ink.line.Line``, T >= 1.
        """
        return self.lines.read(lines)


def _checked(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The strokes as arrays; ``UserError`` where they are none."""
    checked = [np.asarray(stroke, np.float64) for stroke in strokes]
    for number, stroke in enumerate(checked, start=1):
        if stroke.ndim != 2 or stroke.shape[1:] != (2,) or not len(stroke):
            raise UserError(f"stroke {number}: should be points [n, 2], got {list(stroke.shape)}")
        if not np.isfinite(stroke).all():
            raise UserError(f"stroke {number}: should have finite numbers alone")
    if not any(np.ptp(stroke, axis=0).any() for stroke in checked):
        raise UserError("strokes: no ink to read: nothing in them is more than a dot")
    return checked
