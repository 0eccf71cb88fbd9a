"""Legibility: how well a recogniser reads what a model writes, beside real ink of the same texts.

The recogniser's error rate on real lines says what of its errors on written ones are its own.

Shapes: ``T`` pen steps.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handwriting.ink.line import Line
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.error_rates import ErrorCounts, line_errors, rate
from reading.line_reader import LineReader

LINES = 200
"""Of the split, written again at each bias where nobody says how many."""


@dataclass(frozen=True)
class Legibility:
    """Error rates of readings, with all characters told apart.

    Attributes:
        rows: one for the real lines and one for each bias: ``ink`` ("real" or "written"), ``bias``
            (None of real ink), ``lines``, ``reached_step_limit`` (how many the model did not end by
            itself; they count), ``cer``, ``wer``, ``exact``, ``cer_ratio`` (to that of the real
            lines; None where that is 0).
        lines: a row for each line read: ``ink``, ``bias``, ``source_id``, ``reached_step_limit``,
            ``character_errors``, ``characters``, ``text``, ``reading``.
    """

    rows: list[dict[str, Any]]
    lines: list[dict[str, Any]]


def legibility(
    written: Mapping[float, Sequence[SynthesisedLine]], real: Sequence[Line], reader: LineReader
) -> Legibility:
    """Read written and real lines of the same texts.

    Args:
        written: at each bias, what a model wrote for the text of each of ``real``.
        real: in any units.
        reader: with a recogniser that was trained on real ink only.
    """
    inks = [_Inks(None, [line.text for line in real], [line.strokes for line in real])]
    inks += [_Inks.written(bias, lines) for bias, lines in written.items()]
    rows, lines = [], []
    for ink in inks:
        readings = [reading.text for reading in reader.read(ink.strokes)]
        pairs = zip(ink.texts, readings, strict=True)
        errors = [line_errors(text, reading) for text, reading in pairs]
        rows.append(ink.row(functools.reduce(ErrorCounts.plus, errors, ErrorCounts())))
        lines += [
            ink.line(at, real[at].source_id, *found)
            for at, found in enumerate(zip(readings, errors, strict=True))
        ]
    of_real = rows[0]["cer"]
    for row in rows:
        row["cer_ratio"] = rate(row["cer"], of_real) if of_real else None
    return Legibility(rows, lines)


@dataclass(frozen=True)
class _Inks:
    """Lines of one origin with the texts they are of; ``at_limit`` is None for real ones."""

    bias: float | None
    texts: list[str]
    strokes: list[np.ndarray]
    at_limit: list[bool] | None = None

    @classmethod
    def written(cls, bias: float, lines: Sequence[SynthesisedLine]) -> "_Inks":
        return cls(
            bias,
            [line.text for line in lines],
            [line.strokes for line in lines],
            [line.reached_step_limit for line in lines],
        )

    @property
    def origin(self) -> dict[str, Any]:
        return {"ink": "real" if self.bias is None else "written", "bias": self.bias}

    def row(self, errors: ErrorCounts) -> dict[str, Any]:
        return {
            **self.origin,
            "lines": errors.lines,
            "reached_step_limit": None if self.at_limit is None else sum(self.at_limit),
            "cer": errors.cer,
            "wer": errors.wer,
            "exact": errors.exact_rate,
        }

    def line(self, at: int, source_id: str, reading: str, errors: ErrorCounts) -> dict[str, Any]:
        return {
            **self.origin,
            "source_id": source_id,
            "reached_step_limit": None if self.at_limit is None else self.at_limit[at],
            "character_errors": errors.character_errors,
            "characters": errors.characters,
            "text": self.texts[at],
            "reading": reading,
        }
