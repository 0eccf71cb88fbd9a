"""Writing and reading as functions of batches, for engines that spread them over many machines:
Ray Data, Spark, or a loop.

A batch is columns of equal length by name, as Ray Data's ``map_batches`` gives and takes them. An
object is made once in each process of such an engine, which this module knows nothing about. A row
that fails is a row with its reason in the column ``error``, and the others are as they would be
without it.

Shapes: ``T`` pen steps.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from handwriting.errors import UserError
from handwriting.formats.shards import LabelledLine, LeftOut
from handwriting.runtime.labelled_lines import LineSettings, NumberedText, write_labelled
from handwriting.runtime.noise import line_seed
from handwriting.runtime.read_page import ReadInk
from handwriting.runtime.reader import Reader
from handwriting.runtime.writer import Writer

Columns = Mapping[str, Sequence[Any] | np.ndarray]
"""Columns of a batch by name."""


class TextsToInk:
    """Writes each text of a batch as a line of handwriting.

    A text's seed comes from ``seed`` and from the text, so that it is written the same in whatever
    batch and order it comes: pen steps agree to 1e-4 of a standard deviation. A text that comes
    twice is the same line twice, unless a column ``number`` tells them apart (0 to 2**32 - 1).

    >>> from handwriting.runtime.batches import TextsToInk
    >>> lines = TextsToInk(seed=3)({"text": ["Dear Anna,", "thank you!"]})
    >>> lines["strokes"][0].shape  # doctest: +SKIP

    Args:
        weights: a folder of exported models, as for ``Writer``.
        hand, bias, best_of, replace: as for ``Writer.write_lines``.
        seed: of all lines.
        fast: as for ``Writer``.

    Raises:
        Error: there is no such writer, or no such hand.
    """

    def __init__(
        self,
        weights: Path | str | None = None,
        hand: str | None = None,
        seed: int = 1,
        bias: float | None = None,
        best_of: int = 1,
        replace: bool = True,
        fast: bool = False,
    ) -> None:
        self._writer = Writer(weights, fast)
        self._settings = LineSettings(hand, bias, best_of, replace)
        self._seed = seed
        self._writer.write_lines([], hand, seed, bias, best_of)  # checks them

    def __call__(self, batch: Columns) -> dict[str, np.ndarray]:
        """Write a batch.

        Args:
            batch: with the column ``text``, and ``number`` or none.

        Returns:
            the columns ``text`` (as it was written), ``hand``, ``seed`` (in digits, since it may
            have 64 bits), ``strokes`` (float32 ``[T, 3]`` each, as in
            ``handwriting.ink.line.Line``; T = 0 where the text was not written), ``words`` (JSON,
            as in the labels of a shard) and ``error`` (empty where there is none).
        """
        texts = [str(text) for text in batch["text"]]
        numbers = batch.get("number", [0] * len(texts))
        numbered = [
            NumberedText(place, text, line_seed(_seed_of(self._seed, text), int(number)))
            for place, (text, number) in enumerate(zip(texts, numbers, strict=True), start=1)
        ]
        results = write_labelled(self._writer, numbered, self._settings)
        return _columns(list(map(_ink_row, results, texts)))


class FilesToText:
    """Reads the handwriting in each file of a batch.

    Args:
        weights: a folder of exported models, as for ``Reader``.
        divide: divide ink into lines, as for ``Reader.read``.
        beam, ctc_weight, language_weight: as for ``Reader``.

    Raises:
        Error: there is no such reader, or a number is out of its range.
    """

    def __init__(
        self,
        weights: Path | str | None = None,
        divide: bool = True,
        beam: int | None = None,
        ctc_weight: float | None = None,
        language_weight: float | None = None,
    ) -> None:
        # An engine has a process for each processor already.
        self._reader = Reader(weights, beam, ctc_weight, language_weight, threads=1)
        self._divide = divide

    def __call__(self, batch: Columns) -> dict[str, np.ndarray]:
        """Read a batch.

        Args:
            batch: with the column ``path``, names of files, whose suffixes say their format; and
                with ``bytes``, their contents, where they are not on this machine.

        Returns:
            the columns ``path``, ``text``, ``confidence`` (of the line read worst; NaN where
            nothing was read), ``page`` (JSON, as ``ReadInk.to_dict``) and ``error`` (empty where
            there is none).
        """
        paths = [str(path) for path in batch["path"]]
        contents = batch.get("bytes", [None] * len(paths))
        return _columns([self._row(path, data) for path, data in zip(paths, contents, strict=True)])

    def _row(self, path: str, data: bytes | None) -> dict[str, Any]:
        row = {"path": path, "text": "", "confidence": float("nan"), "page": "", "error": ""}
        try:
            page = self._read(path, data)
        except UserError as error:
            return row | {"error": str(error)}
        except Exception as error:  # one file of millions is no reason to lose the others
            return row | {"error": f"{path}: {type(error).__name__}: {error}"}
        known = [line.confidence for line in page.lines if line.confidence is not None]
        return row | {
            "text": page.text,
            "confidence": min(known, default=float("nan")),
            "page": json.dumps(page.to_dict() | {"file": path}, ensure_ascii=False),
        }

    def _read(self, path: str, data: bytes | None) -> ReadInk:
        if data is None:
            return self._reader.read(path, self._divide)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"ink{Path(path).suffix}"
            file.write_bytes(data)
            try:
                return self._reader.read(file, self._divide)
            except UserError as error:
                raise UserError(str(error).replace(str(file), path)) from None


def _seed_of(seed: int, text: str) -> int:
    digest = hashlib.sha256(f"{seed}:{text}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


def _ink_row(result: LabelledLine | LeftOut, text: str) -> dict[str, Any]:
    if isinstance(result, LeftOut):
        strokes = np.zeros((0, 3), np.float32)
        row = {"text": text, "hand": "", "seed": "", "strokes": strokes, "words": "[]"}
        return row | {"error": result.reason}
    labels = result.labels()
    return {
        "text": result.text,
        "hand": result.hand,
        "seed": str(result.seed),
        "strokes": result.strokes,
        "words": json.dumps(labels["words"], ensure_ascii=False),
        "error": "",
    }


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Rows, of which there is one at least, as columns; those of texts and arrays are of objects,
    since their values differ in length."""
    columns = {}
    for name, first in rows[0].items():
        column = np.empty(len(rows), float if isinstance(first, float) else object)
        for place, row in enumerate(rows):
            column[place] = row[name]
        columns[name] = column
    return columns
