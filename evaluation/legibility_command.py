"""A recogniser beside another model: how legible what that model writes is."""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.evaluator import Samples
from evaluation.legibility import legibility
from handwriting.errors import UserError
from handwriting.text.error_rates import ALL
from reading.recogniser import Recognizer, load_recognizer
from trainer.loaded_model import Trained

_WRITES = "conditional"


def recognizer_beside(trained: Trained, options: argparse.Namespace) -> Recognizer | None:
    """The recogniser that is to judge what ``trained`` writes; None where none is asked for.

    Raises:
        UserError: ``trained`` does not write texts, or the other does not read.
    """
    if options.recognizer is None:
        return None
    refuse_unless_writes_texts(trained, "--recognizer")
    return load_recognizer(options.recognizer, options.device)


def refuse_unless_writes_texts(trained: Trained, option: str) -> None:
    """``UserError`` about ``option`` for a model that writes no texts."""
    if trained.model.task != _WRITES:
        raise UserError(
            f"{option}: is for a model that writes a text, whose task is {_WRITES!r}, got one"
            f" whose task is {trained.model.task!r}"
        )


def measure_legibility(recognizer: Recognizer, samples: Samples, folder: Path) -> dict[str, Any]:
    """Read what was written and the real lines of the same texts; ``legibility.csv`` in ``folder``
    has each line.

    Returns:
        plain values for a report, a row of numbers for each kind of ink among them (``rows``).

    Raises:
        UserError: nothing was written.
    """
    if not samples.real:
        raise UserError("--recognizer: the model can write the text of none of the lines")
    found = legibility(samples.written, samples.real, recognizer.reader)
    _write_lines(found.lines, folder / "legibility.csv")
    return {**recognizer.about, "label_set": ALL.title, "rows": found.rows}


def _write_lines(rows: Sequence[dict[str, Any]], path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
