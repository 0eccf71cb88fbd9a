"""Calibration of a recogniser on lines of a corpus; ``handwriting.readings.calibration`` says what
it is.

Each number is measured on the writers of one half after fitting to those of the other, both ways;
drawings are of one collection in fitting, and of another in measuring. What is written is fitted to
all lines.

Shapes: ``B`` units, ``F`` features, ``T`` points of a line.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from evaluation.calibration_fit import (
    area_under_curve,
    bins,
    calibration_error,
    error_by_chance,
    fit_level,
    fit_logistic,
)
from evaluation.drawn_ink import LEARNT, TESTED, drawn
from handwriting.errors import UserError
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points
from handwriting.readings.assembly import line_places
from handwriting.readings.calibration import LEVELS, Calibration, Level, Logistic, TextLikeness
from handwriting.readings.evidence import Evidence, unit_features
from handwriting.readings.line_reading import evidence_of
from handwriting.readings.text_likeness import is_short, text_features
from handwriting.readings.word_division import LinePlaces, word_spans, words_of_points
from reading.line_reader import LineReader
from trainer.loaded_model import LoadedModel, open_data

DRAWINGS = 40
"""Of each kind and collection."""

_FEWEST_LINES = 2
_MOST_WORDS = 3  # in a piece of a line
# The share of validation lines that count as text, at the least, once the border is chosen: a lone
# character often looks like a drawing, and a page has few of them.
_KEPT_LONG, _KEPT_SHORT = 0.98, 0.95
_FEWEST = 50  # short and long ones of text and of drawings, for two regressions


@dataclass(frozen=True)
class Found:
    """A calibration with what was measured.

    Attributes:
        calibration: fitted to all lines.
        rows: numbers of each level, for people.
        drawings: the same, of how text and drawings are told apart.
        measured: of each level the confidence ``[B]`` and whether it was right, bool ``[B]``, of
            units that were not fitted to.
    """

    calibration: Calibration
    rows: list[Mapping[str, Any]]
    drawings: Mapping[str, Any]
    measured: dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class _Units:
    """The units of one level: features ``[B, F]``, whether each is right, and its writer's half."""

    features: np.ndarray
    right: np.ndarray
    half: np.ndarray


def evaluation_lines(
    trained: LoadedModel, data: Path | None, split: str, most: int, seed: int
) -> list[Line]:
    """Return lines of a split with their texts, in the order of the corpus.

    Raises:
        UserError: there are no data, no such split, or too few lines.
    """
    loader = open_data(trained, data, "say where they are with --data PATH")
    indices = np.asarray(loader.corpus.split(split))
    if len(indices) > most:
        drawn_indices = np.random.default_rng(seed).choice(indices, most, replace=False)
        indices = np.sort(drawn_indices)
    lines = [line for line in map(loader.corpus.line, indices.tolist()) if line.text]
    if len(lines) < _FEWEST_LINES:
        raise UserError(f"--split {split}: needs {_FEWEST_LINES} lines with text, got {len(lines)}")
    return lines


def calibrate(
    reader: LineReader,
    lines: Sequence[Line],
    about: Mapping[str, Any],
    seed: int,
    drawings: int = DRAWINGS,
) -> Found:
    """Return the calibration of a recogniser.

    Args:
        reader: of lines, with places.
        lines: with their texts.
        about: plain values to keep with it.
        seed: of the drawings and of the pieces of lines.
        drawings: of each kind and collection.
    """
    evidence = [evidence_of(reading) for reading in reader.read([line.strokes for line in lines])]
    half = np.array([_half(line.writer or line.source_id) for line in lines])
    rows: list[Mapping[str, Any]] = []
    levels: dict[str, Level] = {}
    measured = {}
    for name in LEVELS:
        units = _units(name, lines, evidence, half)
        measured[name] = _across(units)
        levels[name] = fit_level(units.features, units.right)
        rows.append(_row(name, measured[name]))
    text, told = _text_or_drawing(reader, lines, evidence, half, seed, drawings)
    numbers = [dict(row) for row in (*rows, told)]
    known = {**about, "lines": len(lines), "measured": numbers}
    return Found(Calibration(levels, text, known), rows, told, measured)


def _half(writer: str) -> int:
    """0 or 1, by the writer's name."""
    return hashlib.sha256(writer.encode()).digest()[0] % 2


# Confidence


def _units(
    level: str, lines: Sequence[Line], evidence: Sequence[Evidence], half: np.ndarray
) -> _Units:
    features, right, halves = [], [], []
    for line, found, side in zip(lines, evidence, half.tolist(), strict=True):
        spans = _spans(level, found.text)
        if not spans:
            continue
        features.append(unit_features(found, spans))
        right += right_spans(level, line.text, found.text, spans)
        halves += [side] * len(spans)
    if not features:
        raise UserError("calibration: nothing was read in any line")
    return _Units(np.concatenate(features), np.array(right), np.array(halves))


def _spans(level: str, text: str) -> list[tuple[int, int]]:
    if level == "character":
        return [(at, at + 1) for at in range(len(text))]
    if level == "word":
        return word_spans(text)
    return [(0, len(text))] if text else []


def right_spans(level: str, truth: str, text: str, spans: Sequence[tuple[int, int]]) -> list[bool]:
    """Return whether each span of a text is right: a line where all of it is, a character where an
    alignment with the fewest edits has it in the truth, a word where its characters are one word
    there."""
    if level == "line":
        return [text == truth] * len(spans)
    place = np.full(len(text), -1)
    for edit in Levenshtein.opcodes(text, truth):
        if edit.tag == "equal":
            place[edit.src_start : edit.src_end] = np.arange(edit.dest_start, edit.dest_end)
    if level == "character":
        return [bool(place[begin] >= 0) for begin, _ in spans]
    true_words = set(word_spans(truth))
    return [
        bool((np.diff(place[begin:end]) == 1).all())
        and (int(place[begin]), int(place[end - 1]) + 1) in true_words
        for begin, end in spans
    ]


def _across(units: _Units) -> tuple[np.ndarray, np.ndarray]:
    """Confidences of each half's units by what was fitted to the other half, and whether they are
    right."""
    sure, right = [], []
    for mine in _parts_to_measure(units.half):
        others = ~mine if not mine.all() else mine
        level = fit_level(units.features[others], units.right[others])
        sure.append(level.confidence(units.features[mine]))
        right.append(units.right[mine])
    return np.concatenate(sure), np.concatenate(right)


def _parts_to_measure(half: np.ndarray) -> list[np.ndarray]:
    """Which units to measure at a time, bool ``[B]`` each: those of each half, fitted to the other;
    all of them, fitted to themselves, where there is one writer."""
    parts = [half == side for side in (0, 1)]
    if all(part.any() for part in parts):
        return parts
    return [np.ones(len(half), bool)]


def _row(name: str, measured: tuple[np.ndarray, np.ndarray]) -> Mapping[str, Any]:
    sure, right = measured
    return {
        "of": name,
        "number": len(sure),
        "right %": f"{100 * right.mean():.2f}",
        "mean confidence %": f"{100 * sure.mean():.2f}",
        "calibration error %": f"{100 * calibration_error(sure, right):.2f}",
        "of perfect ones %": f"{100 * error_by_chance(sure):.2f}",
        "AUC": f"{area_under_curve(sure, right):.3f}",
    }


# Text or drawing


def _text_or_drawing(
    reader: LineReader,
    lines: Sequence[Line],
    evidence: Sequence[Evidence],
    half: np.ndarray,
    seed: int,
    drawings: int,
) -> tuple[TextLikeness, Mapping[str, Any]]:
    """Return what tells text from drawings, and what was measured of it."""
    random = np.random.default_rng(seed)
    pieces, sides = _pieces(reader, lines, evidence, half, random)
    text = _features(reader, [line.strokes for line in lines] + pieces)
    side = np.concatenate([half, sides])
    learnt = _features(reader, drawn(LEARNT, drawings, seed))
    tested = _features(reader, drawn(TESTED, drawings, seed + 1))
    kept, refused = [], []
    parts = _parts_to_measure(side)
    for mine in parts:
        found = _fit_text(text[~mine] if not mine.all() else text, learnt)
        kept.append(found.log_odds(text[mine]) >= 0)
        refused.append(found.log_odds(tested) < 0)
    final = _fit_text(text, np.concatenate([learnt, tested]))
    all_kept, all_refused = np.concatenate(kept), np.concatenate(refused)
    short = np.concatenate([is_short(text[mine]) for mine in parts])
    row = {
        "pieces of text": len(all_kept),
        "kept %": f"{100 * all_kept.mean():.2f}",
        "kept, of 3 characters and more %": f"{100 * all_kept[~short].mean():.2f}",
        "drawings": len(tested),
        "refused %": f"{100 * all_refused.mean():.2f}",
    }
    return final, row


def _pieces(
    reader: LineReader,
    lines: Sequence[Line],
    evidence: Sequence[Evidence],
    half: np.ndarray,
    random: np.random.Generator,
) -> tuple[list[np.ndarray], np.ndarray]:
    """One to three words of each line, such as a label has, and each one's half."""
    pieces, sides = [], []
    for line, found, side in zip(lines, evidence, half.tolist(), strict=True):
        positions = reader.positions(line.strokes)
        places = line_places(reader.features, line.strokes, found.num_frames, positions)
        words = words_of_points(places, found.text, found.frames)
        number = int(words.max()) + 1
        size = int(random.integers(1, _MOST_WORDS + 1))
        begin = int(random.integers(0, max(number - size, 0) + 1))
        piece = _of_words(line, places, words, begin, begin + size)
        if piece is not None:
            pieces.append(piece)
            sides.append(side)
    return pieces, np.array(sides, np.int64)


def _of_words(
    line: Line, places: LinePlaces, words: np.ndarray, begin: int, end: int
) -> np.ndarray | None:
    """The strokes that are whole in some words; None where these are hardly anything."""
    strokes = points_from_strokes(line.strokes)
    number = places.stroke_of_point
    chosen = [
        stroke
        for at, stroke in enumerate(strokes)
        if np.all((words[number == at] >= begin) & (words[number == at] < end))
    ]
    if sum(map(len, chosen)) < 10:
        return None
    return strokes_from_points(chosen)


def _features(reader: LineReader, inks: Sequence[np.ndarray]) -> np.ndarray:
    rows = []
    for ink, reading in zip(inks, reader.read(inks), strict=True):
        found = evidence_of(reading)
        positions = reader.positions(ink)
        places = line_places(reader.features, ink, found.num_frames, positions)
        rows.append(text_features(places, found))
    return np.stack(rows)


def _fit_text(text: np.ndarray, drawings: np.ndarray) -> TextLikeness:
    """The regressions; where there is too little of a length, one for all."""
    short_text, short_drawings = is_short(text), is_short(drawings)
    parts = (short_text, short_drawings, ~short_text, ~short_drawings)
    if min(part.sum() for part in parts) < _FEWEST:
        one = _fit_border(text, drawings, _KEPT_LONG)
        return TextLikeness(one, one)
    return TextLikeness(
        _fit_border(text[short_text], drawings[short_drawings], _KEPT_SHORT),
        _fit_border(text[~short_text], drawings[~short_drawings], _KEPT_LONG),
    )


def _fit_border(text: np.ndarray, drawings: np.ndarray, kept: float) -> Logistic:
    """A regression, whose border keeps at least the share ``kept`` of the text."""
    features = np.concatenate([text, drawings])
    is_text = np.arange(len(features)) < len(text)
    # Text and drawings count as much, however many there are.
    copies = max(round(len(text) / len(drawings)), 1)
    repeated = np.concatenate([text, *[drawings] * copies])
    fitted = fit_logistic(repeated, np.arange(len(repeated)) < len(text))
    odds = fitted.log_odds(features)
    border = min(float(np.quantile(odds[is_text], 1 - kept)), 0.0)
    return Logistic(fitted.means, fitted.scales, fitted.weights, fitted.bias - border)


def save_plot(found: Found, path: Path) -> None:
    """Draw, for each level, the share that is right over the confidence."""
    from matplotlib.figure import Figure

    from utils.figures.drawing import save_figure

    figure = Figure(figsize=(11, 3.8), layout="constrained")
    for axes, (name, (sure, right)) in zip(
        np.atleast_1d(figure.subplots(1, len(found.measured))), found.measured.items(), strict=True
    ):
        points = np.array(bins(sure, right))
        axes.plot([0, 1], [0, 1], color="#98a2b3", linewidth=1)
        axes.plot(points[:, 0], points[:, 1], color="#1d4ed8", linewidth=1.2)
        axes.scatter(points[:, 0], points[:, 1], s=10 + 300 * points[:, 2], color="#1d4ed8")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that is right")
        error = 100 * calibration_error(sure, right)
        axes.set_title(f"{name}s: calibration error {error:.2f} %", fontsize=10)
    save_figure(figure, path)
