"""A recogniser beside another model: how legible what that model writes is."""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.evaluator import Samples
from evaluation.legibility import legibility
from handwriting.errors import UserError
from handwriting.text.error_rates import ALL
from model.decoder_protocols import LanguageModel
from reading.decoding import GREEDY, DecodingSettings
from reading.line_reader import LineReader
from reading.options import TASK
from trainer.loaded_model import Trained, load_trained
from utils.command_line import print_notes

_WRITES = "conditional"
_SYNTHETIC = "synthetic"
_SEARCHES = "auto"


@dataclass(frozen=True)
class Recognizer:
    """A recogniser to judge written lines with.

    Attributes:
        reader: reads lines with it.
        about: plain values for a report: ``recognizer`` (its path), its progress, ``trained_on``.
    """

    reader: LineReader
    about: dict[str, Any]


def load_recognizer(path: Path, device: str, progress: bool = False) -> Recognizer:
    """The recogniser of a checkpoint. What it was trained on is said, and whether that will do.

    Raises:
        UserError: it is not the checkpoint of a recogniser.
    """
    trained = load_trained(path, device)
    reader = line_reader(trained, f"--recognizer {path}", progress=progress)
    source = trained.config["data_loader"]["args"]["source"]
    about = {"recognizer": str(path), **trained.progress, "trained_on": _named(source)}
    print(f"recognizer: {path}, epoch {about['epoch']}, trained on {about['trained_on']}")
    print_notes(_doubts(source["type"]))
    return Recognizer(reader, about)


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


def line_reader(
    trained: Trained,
    source: str,
    settings: DecodingSettings = GREEDY,
    language_model: LanguageModel | None = None,
    batch_size: int | None = None,
    progress: bool = False,
) -> LineReader:
    """A reader of lines with a trained recogniser; ``UserError`` naming ``source``, where the model
    is from, when it is none."""
    if trained.model.task != TASK or trained.vocabulary is None or trained.features is None:
        raise UserError(
            f"{source}: needs a model that reads handwriting, whose task is {TASK!r}, got one"
            f" whose task is {trained.model.task!r}"
        )
    more = {} if batch_size is None else {"batch_size": batch_size}
    return LineReader(
        trained.model,
        trained.vocabulary,
        trained.features,
        settings,
        language_model,
        progress=progress,
        **more,
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


def _named(source: dict[str, Any]) -> str:
    folder = source["args"].get("data_dir")
    return f"{source['type']} ({folder})" if folder else source["type"]


def _doubts(source: str) -> list[str]:
    if source == _SYNTHETIC:
        return [
            "the recognizer was trained on the built-in synthetic corpus, not on real ink: how it"
            " reads says little of how people would"
        ]
    if source == _SEARCHES:
        return [
            "the recognizer's config names the source 'auto': that it was real ink, and not the"
            " built-in corpus, is for you to know"
        ]
    return []
