"""A recogniser beside another model: how legible what that model writes is."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.evaluator import Samples
from evaluation.legibility import legibility
from handwriting.errors import UserError
from handwriting.text.error_rates import ALL
from reading.recogniser import LoadedRecogniser, load_recogniser
from trainer.loaded_model import LoadedModel
from utils.report import csv_text

_WRITES = "conditional"


def judging_recogniser(
    trained: LoadedModel, options: argparse.Namespace
) -> LoadedRecogniser | None:
    """The recogniser that is to judge what ``trained`` writes; None where none is asked for.

    Raises:
        UserError: ``trained`` does not write texts, or the other does not read.
    """
    if options.recogniser is None:
        return None
    check_writes_texts(trained, "--recogniser")
    return load_recogniser(options.recogniser, options.device)


def check_writes_texts(trained: LoadedModel, option: str) -> None:
    """``UserError`` about ``option`` for a model that writes no texts."""
    if trained.model.task != _WRITES:
        raise UserError(
            f"{option}: is for a model that writes a text, whose task is {_WRITES!r}, got one"
            f" whose task is {trained.model.task!r}"
        )


def measure_legibility(
    recogniser: LoadedRecogniser, samples: Samples, folder: Path
) -> dict[str, Any]:
    """Read what was written and the real lines of the same texts; ``legibility.csv`` in ``folder``
    has each line.

    Returns:
        plain values for a report, a row of numbers for each kind of ink among them (``rows``).

    Raises:
        UserError: nothing was written.
    """
    if not samples.real:
        raise UserError("--recogniser: the model can write the text of none of the lines")
    found = legibility(samples.written, samples.real, recogniser.reader)
    _write_lines(found.lines, folder / "legibility.csv")
    return {**recogniser.about, "label_set": ALL.title, "rows": found.rows}


def _write_lines(rows: Sequence[dict[str, Any]], path: Path) -> None:
    text = csv_text([list(rows[0]), *(list(row.values()) for row in rows)])
    path.write_text(text, encoding="utf-8", newline="")
