"""Cleaning: repairs lines and drops those that no model should see.

What a spike is, and why no step between two strokes is ever one. In the 8,320 lines of IAM-OnDB
used here, 0.2 % of all steps are longer than 500 units (a line is about 550 units high). Of those
10,738 steps, 10,714 are the pen moving through the air, in 5,352 lines: gaps between words, and
the way back to a dot or a cross-stroke and forth again, up to 3,048 units. They are handwriting.
Only 24, in 19 lines, are inside a stroke, where the pen draws; 99.9 % of the 5.0 million steps
inside strokes are under 109 units. So a step inside a stroke that is longer than the line is high
is a *jump* (93 in 71 lines), and is repaired by what stands on its two sides:

- the pen comes back within a few points (a reflection, a hand before the sensor): those points are
  removed and the stroke goes on;
- one or two points at the very beginning or end of a stroke lie off: they are removed;
- else the pen was lifted and the sensor missed it: the stroke is split there, no point is lost.

A stroke of one or two points that lies more than two heights above or below both of its neighbours
(one in the corpus) is removed as well. Lengths are measured in heights of the line, so that the
rule means the same in every source, whatever its units.

Shapes: ``T`` pen steps, ``n`` points of one stroke.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from base.components import checked_settings
from handwriting.ink.levelling import axis_slope, turned_level
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points
from handwriting.ink.measures import MOST_STEP, height_without_extremes, longest_step
from handwriting.ink.pen_path import PathSampling, in_one_measure
from handwriting.ink.resampling import gaussian_along, resample

Strokes = list[np.ndarray]

# A pen that comes back within this many points (about 0.1 s at IAM's rate) never left the stroke.
SPIKE_POINTS = 8
# A glitch as the pen comes down or goes up; longer pieces are taken for ink.
BOUNCE_POINTS = 2
# A line of dashes or dots has no height to speak of; its steps still tell its scale. In IAM-OnDB
# a line is as high as 20 of its steps are long.
STEPS_PER_HEIGHT = 20
STRAY_HEIGHTS = 2.0


@dataclass(frozen=True)
class Cleaning:
    """Steps of cleaning, in the order in which they are done to each line of a corpus.

    The default repairs spikes and nothing else, so that likelihoods stay comparable. A line in
    which a step of more than 500 letters' heights is left is dropped in any case: one such point
    would be most of what a whole corpus is normalised by.

    Args:
        max_step: a step inside a stroke longer than this many heights of its line is a jump, and
            is repaired as the module describes; null repairs none.
        drop_duplicates: remove points that repeat the point before in the same stroke.
        correct_slope: rotate the line so that its points' principal axis is level; lines less than
            twice as wide as high are left alone, since they have no direction of their own.
        smooth: standard deviation, in points, of a Gaussian along each stroke; a stroke's two
            ends stay where they are. Null for none.
        resample: distance along the stroke between points, in the source's units; each stroke
            gets evenly spaced points and keeps its ends. Null for none.
        x_height: every line is made as large as gives its small letters this height, in place of
            the source's units; a line whose letters cannot be measured, as a dash, is dropped. Null
            leaves the source's size.
        path: how the path of each stroke becomes points that do not depend on the pen's rate and
            grid (``handwriting.ink.pen_path``). Null leaves the points of the source.
        min_points: lines with fewer points than this are dropped.
        max_points: lines with more points than this are dropped; null for no limit.
        min_characters: lines with a shorter transcription are dropped.
    """

    max_step: Annotated[float, Field(gt=0)] | None = 1.0
    drop_duplicates: bool = False
    correct_slope: bool = False
    smooth: Annotated[float, Field(gt=0)] | None = None
    resample: Annotated[float, Field(gt=0)] | None = None
    x_height: Annotated[float, Field(gt=0)] | None = None
    path: PathSampling | None = None
    min_points: Annotated[int, Field(ge=2)] = 2
    max_points: Annotated[int, Field(ge=2)] | None = None
    min_characters: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class Cleaned:
    """The outcome for one line.

    Attributes:
        line: the repaired line, or None where it is dropped.
        dropped: why it is dropped, empty where it is kept.
        changes: how often each repair was made.
    """

    line: Line | None
    dropped: str
    changes: dict[str, int]


def measure_of(loader: Mapping[str, Any]) -> Cleaning | None:
    """Return the cleaning that gave a model's lines one size and one kind of points, so that other
    lines can be given the same.

    Args:
        loader: the arguments of a data loader in a config that was checked.

    Returns:
        that of the first source that has such settings; None where none has.
    """
    sources = loader.get("source", {}).get("args", {}).get("sources", ())
    blocks = [loader.get("cleaning"), *(source.get("cleaning") for source in sources)]
    for block in blocks:
        if block and (block.get("x_height") is not None or block.get("path") is not None):
            return checked_settings(Cleaning, block, "cleaning")
    return None


def clean(line: Line, cleaning: Cleaning) -> Cleaned:
    """Repair ``line`` and decide whether it is kept; one that needs nothing is returned as is."""
    if not np.isfinite(line.strokes).all():
        return Cleaned(None, "numbers that are not finite", {})
    changes: dict[str, int] = {}
    strokes = _repair(line.strokes, cleaning, changes)
    if strokes is None:
        return Cleaned(None, f"a step of more than {MOST_STEP:g} letters' heights", {})
    if cleaning.x_height is not None or cleaning.path is not None:
        points = points_from_strokes(strokes)
        measured = in_one_measure(points, line.text, cleaning.x_height, cleaning.path)
        if measured is None:
            return Cleaned(None, "letters whose height cannot be measured", {})
        strokes = strokes_from_points(measured)
    if strokes is not line.strokes:
        line = replace(line, strokes=strokes)
    reason = _reason_to_drop(line, cleaning)
    return Cleaned(None, reason, {}) if reason else Cleaned(line, "", changes)


def _reason_to_drop(line: Line, cleaning: Cleaning) -> str:
    points = len(line.strokes)
    if points < cleaning.min_points:
        return f"fewer than {cleaning.min_points} points"
    if cleaning.max_points is not None and points > cleaning.max_points:
        return f"more than {cleaning.max_points} points"
    if len(line.text) < cleaning.min_characters:
        return f"fewer than {cleaning.min_characters} characters"
    return ""


def _repair(strokes: np.ndarray, cleaning: Cleaning, changes: dict[str, int]) -> np.ndarray | None:
    """The repaired strokes ``[T', 3]``, the very same array where nothing was done; None where
    the pen still steps farther than it can."""
    limit = jump_limit(strokes, cleaning.max_step)
    if not (_has_jump(strokes, limit) or _rewrites(cleaning)):
        return None if longest_step(strokes) > MOST_STEP else strokes
    points = points_from_strokes(strokes)
    points = _remove_spikes(points, limit, changes)
    if longest_step(strokes_from_points(points)) > MOST_STEP:
        return None
    if cleaning.drop_duplicates:
        points = _remove_duplicates(points, changes)
    if cleaning.correct_slope:
        points = _level(points)
    if cleaning.smooth is not None:
        points = [
            gaussian_along(stroke, cleaning.smooth) if len(stroke) > 2 else stroke
            for stroke in points
        ]
    if cleaning.resample is not None:
        points = [resample(stroke, cleaning.resample) for stroke in points]
    return strokes_from_points(points)


def _rewrites(cleaning: Cleaning) -> bool:
    """Whether a line without spikes is changed as well."""
    plain = not (cleaning.drop_duplicates or cleaning.correct_slope)
    return not (plain and cleaning.smooth is None and cleaning.resample is None)


def jump_limit(strokes: np.ndarray, max_step: float | None) -> float:
    """Length above which a step inside a stroke is a jump, in the units of ``strokes [T, 3]``.

    ``max_step`` heights: the height is the range of y without the outer twentieths, and at least
    20 times the median step. Infinite where ``max_step`` is None or the line has no extent.
    """
    inside = _steps_inside(strokes)
    inside = inside[inside > 0]
    if max_step is None or not len(inside):
        return float("inf")
    height = height_without_extremes(np.cumsum(strokes[:, 2], dtype=np.float64))
    return max_step * max(height, STEPS_PER_HEIGHT * float(np.median(inside)))


def _steps_inside(strokes: np.ndarray) -> np.ndarray:
    """Lengths of the steps whose both ends are in the same stroke, in float64."""
    drawn = strokes[1:][strokes[:-1, 0] < 0.5].astype(np.float64)
    return np.hypot(drawn[:, 1], drawn[:, 2])


def _has_jump(strokes: np.ndarray, limit: float) -> bool:
    return bool(
        (_steps_inside(strokes) > limit).any()
        # In float64, as the limit: twice what is nearly too much for float32 is too much for it.
        or (np.abs(strokes[1:, 2], dtype=np.float64) > STRAY_HEIGHTS * limit).any()
    )


def _remove_spikes(strokes: Strokes, limit: float, changes: dict[str, int]) -> Strokes:
    if not np.isfinite(limit):
        return strokes
    repaired = [piece for stroke in strokes for piece in _repair_stroke(stroke, limit, changes)]
    kept = [piece for number, piece in enumerate(repaired) if not _stray(repaired, number, limit)]
    if not kept:
        return repaired
    _count(changes, "stray points removed", sum(map(len, repaired)) - sum(map(len, kept)))
    return kept


def _repair_stroke(stroke: np.ndarray, limit: float, changes: dict[str, int]) -> Strokes:
    """The stroke ``[n, 2]`` without its spikes: one piece, or several at missed pen lifts."""
    jumps = np.flatnonzero(np.hypot(*np.diff(stroke, axis=0).T) > limit) + 1
    if not len(jumps):
        return [stroke]
    pieces = _without_bounces(_without_excursions(np.split(stroke, jumps), limit))
    _count(changes, "spike points removed", len(stroke) - sum(map(len, pieces)))
    _count(changes, "strokes split at a jump", len(pieces) - 1)
    return pieces


def _without_excursions(pieces: Strokes, limit: float) -> Strokes:
    """Drop each short piece between two that fit together, and join those two."""
    kept = [pieces[0]]
    rest = pieces[1:]
    while rest:
        piece = rest.pop(0)
        returns = rest and np.hypot(*(rest[0][0] - kept[-1][-1])) <= limit
        if returns and len(piece) <= SPIKE_POINTS:
            kept[-1] = np.concatenate([kept[-1], rest.pop(0)])
        else:
            kept.append(piece)
    return kept


def _without_bounces(pieces: Strokes) -> Strokes:
    """Drop a first or last piece of a point or two that lies off the rest of its stroke."""
    if len(pieces) > 1 and len(pieces[0]) <= BOUNCE_POINTS < len(pieces[1]):
        pieces = pieces[1:]
    if len(pieces) > 1 and len(pieces[-1]) <= BOUNCE_POINTS < len(pieces[-2]):
        pieces = pieces[:-1]
    return pieces


def _stray(strokes: Strokes, number: int, limit: float) -> bool:
    """Whether stroke ``number`` is a point or two far above or below all of its neighbours."""
    stroke = strokes[number]
    if len(stroke) > BOUNCE_POINTS or len(strokes) < 2:
        return False
    before = strokes[number - 1][-1][1] if number > 0 else None
    after = strokes[number + 1][0][1] if number + 1 < len(strokes) else None
    gaps = [abs(y - stroke[0][1]) for y in (before, after) if y is not None]
    return bool(min(gaps) > STRAY_HEIGHTS * limit)


def _remove_duplicates(strokes: Strokes, changes: dict[str, int]) -> Strokes:
    kept = []
    for stroke in strokes:
        moved = np.concatenate([[True], (np.diff(stroke, axis=0) != 0).any(axis=1)])
        kept.append(stroke[moved])
    _count(changes, "duplicate points removed", sum(map(len, strokes)) - sum(map(len, kept)))
    return kept


def _level(strokes: Strokes) -> Strokes:
    """Turn the line about the origin until the principal axis of all its points is level."""
    angle = axis_slope(np.concatenate(strokes))
    if angle is None:
        return strokes
    return [turned_level(stroke, np.cos(angle), np.sin(angle)) for stroke in strokes]


def _count(changes: dict[str, int], what: str, number: int) -> None:
    if number:
        changes[what] = changes.get(what, 0) + number
