"""From the text of a line and the frames of its characters to words and characters with their ink.

Shapes: ``T`` points of a line, ``N`` feature points, ``U`` characters, ``N'`` frames.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.features import InkFeatures
from handwriting.ink.page_layout import LineInk, TextLine
from handwriting.readings.alternatives import line_alternatives, word_alternatives
from handwriting.readings.calibration import Calibration, plain_confidences
from handwriting.readings.evidence import Evidence
from handwriting.readings.result import (
    Alternative,
    Box,
    Point,
    ReadCharacter,
    ReadLine,
    ReadWord,
    StrokePart,
    points_of,
)
from handwriting.readings.word_division import (
    LinePlaces,
    characters_of_points,
    word_spans,
    words_of_points,
)

_STRUCK_SHARE = 0.5  # of a word's strokes


@dataclass(frozen=True)
class LineContext:
    """Context of a line: all that is known of it beside its reading.

    Attributes:
        ink: the page's strokes ``[n, 2]``.
        line: its place on the page.
        rows: its points as they were read, and where on the page each is.
        struck: strokes that are crossed out.
        name: of the line in its file.
        truth: what its file says it reads.
    """

    ink: tuple[np.ndarray, ...]
    line: TextLine
    rows: LineInk
    struck: Collection[int] = ()
    name: str = ""
    truth: str | None = None


def line_places(
    features: InkFeatures,
    strokes: np.ndarray,
    num_frames: int,
    positions: np.ndarray | None = None,
) -> LinePlaces:
    """Return a line's ink as a recogniser sees it.

    Args:
        features: the recogniser's.
        strokes: ``[T, 3]`` as in ``Line.strokes``.
        num_frames: ``N'``, which share the feature points evenly.
        positions: float64 ``[N]``, where each feature point is among the rows; None where the line
            is read in one piece.
    """
    points = np.cumsum(features.normalise(strokes)[:, 1:], axis=0)
    ends = strokes[:, 0] > 0.5
    ends[-1] = True
    if positions is None:
        positions = features.positions(strokes)
    frames = np.arange(len(positions)) * num_frames / len(positions)
    return LinePlaces(points, ends, np.interp(np.arange(len(points)), positions, frames))


def read_line(
    context: LineContext, evidence: Evidence, places: LinePlaces, calibration: Calibration | None
) -> ReadLine:
    """Return a line with its words and characters."""
    text = evidence.text
    words = words_of_points(places, text, evidence.frames)
    owners = characters_of_points(places, text, evidence.frames, words)
    characters = _characters(context, evidence, owners, calibration)
    spans = word_spans(text)
    sure = _confidences("word", evidence, spans, calibration)
    others = word_alternatives(text, evidence.score, evidence.alternatives)
    found = [
        _word(context, span, number, words, characters, sure[number], others[number])
        for number, span in enumerate(spans)
    ]
    strokes = _parts(context.rows.origin, np.ones(len(words), bool), context.ink)
    whole = _confidences("line", evidence, [(0, len(text))] if text else [], calibration)
    return ReadLine(
        text=text,
        confidence=whole[0] if whole else None,
        box=Box.around(points_of(strokes, context.ink)),
        baseline=context.line.baseline,
        words=tuple(found),
        strokes=strokes,
        x_height=context.line.x_height,
        alternatives=line_alternatives(text, evidence.score, evidence.alternatives),
        characters=characters,
        score=evidence.score,
        doubt=evidence.disagreement(),
        name=context.name,
        truth=context.truth,
    )


def _confidences(
    level: str,
    evidence: Evidence,
    spans: Sequence[tuple[int, int]],
    calibration: Calibration | None,
) -> list[float]:
    if calibration is None:
        return plain_confidences(evidence, spans)
    return calibration.confidences(level, evidence, spans)


def _characters(
    context: LineContext, evidence: Evidence, owners: np.ndarray, calibration: Calibration | None
) -> tuple[ReadCharacter, ...]:
    spans = [(at, at + 1) for at in range(len(evidence.text))]
    sure = _confidences("character", evidence, spans, calibration)
    found = []
    for at, character in enumerate(evidence.text):
        mine = owners == at if character != " " else np.zeros(len(owners), bool)
        parts = _parts(context.rows.origin, mine, context.ink)
        box = Box.around(points_of(parts, context.ink)) if parts else None
        found.append(ReadCharacter(character, sure[at], box, parts))
    return tuple(found)


def _word(
    context: LineContext,
    span: tuple[int, int],
    number: int,
    words: np.ndarray,
    characters: tuple[ReadCharacter, ...],
    confidence: float,
    alternatives: tuple[Alternative, ...],
) -> ReadWord:
    own = characters[span[0] : span[1]]
    parts = _parts(context.rows.origin, words == number, context.ink)
    points = points_of(parts, context.ink)
    strokes = {part.stroke for part in parts}
    struck = len(strokes.intersection(context.struck)) > _STRUCK_SHARE * len(strokes)
    return ReadWord(
        text="".join(character.text for character in own),
        confidence=confidence,
        box=Box.around(points) if len(points) else None,
        baseline=_baseline_under(context.line.baseline, points),
        strokes=parts,
        characters=own,
        alternatives=alternatives,
        struck_out=bool(strokes) and struck,
    )


def _parts(
    origin: np.ndarray, mine: np.ndarray, ink: tuple[np.ndarray, ...]
) -> tuple[StrokePart, ...]:
    """The ink of some of a line's points.

    Args:
        origin: int64 ``[T, 2]`` as in ``LineInk``.
        mine: bool ``[T]``.
        ink: the page's strokes.
    """
    found = []
    stroke = origin[:, 0]
    borders = np.flatnonzero((np.diff(stroke) != 0) | (np.diff(mine.astype(int)) != 0)) + 1
    for rows in np.split(np.arange(len(origin)), borders):
        if not mine[rows[0]]:
            continue
        number = int(stroke[rows[0]])
        begin, end = _reach(origin, rows)
        if begin == 0 and end == _last(origin, number) + 1:
            end = len(ink[number])  # points that mending left out belong to the stroke
        found.append(StrokePart(number, begin, end, end - begin == len(ink[number])))
    return tuple(found)


def _last(origin: np.ndarray, number: int) -> int:
    """The last of a stroke's own points that are in a line."""
    return int(origin[origin[:, 0] == number, 1].max())


def _reach(origin: np.ndarray, rows: np.ndarray) -> tuple[int, int]:
    """The first and the end of the stroke's own points that some rows stand for, those between two
    rows with them; from the stroke's first point where nothing of it is before."""
    own = origin[rows, 1]
    begin, end = int(own.min()), int(own.max()) + 1
    all_of_it = origin[origin[:, 0] == origin[rows[0], 0], 1]
    before = all_of_it[all_of_it < begin]
    return (int(before.max()) + 1 if len(before) else 0), end


def _baseline_under(baseline: tuple[Point, Point], points: np.ndarray) -> tuple[Point, Point]:
    """The part of a baseline that is below some points ``[n, 2]``; all of it where there are
    none."""
    start, end = np.array(baseline[0]), np.array(baseline[1])
    length = float(np.hypot(*(end - start)))
    if length == 0 or not len(points):
        return baseline
    direction = (end - start) / length
    along = (points - start) @ direction
    left, right = start + along.min() * direction, start + along.max() * direction
    return (float(left[0]), float(left[1])), (float(right[0]), float(right[1]))
