"""The layout of a page of handwriting, the same for every picture format.

Shapes: ``T`` pen steps, ``n`` points of one stroke. Page units are typographic points (1/72 inch),
x to the right and y downwards from the page's top left corner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.drawing import INK_COLOUR, LABEL_SIZE, PenPath, Text
from handwriting.ink.line import points_from_strokes
from handwriting.ink.measures import spread_across

PRIME_COLOUR = "#d9480f"

# Of the spread of the ink about its writing line: a fine felt-tip, as thick beside its letters as
# one on ruled paper.
PEN_WIDTH_OF_SPREAD = 0.18

_MARGIN = 18.0
_LABEL_ROOM = 18.0
_GAP = 10.0
_THINNEST, _THICKEST = 0.5, 2.5
_TALLEST_LINE = 200.0  # on average


@dataclass(frozen=True)
class Ink:
    """One line of pen strokes to draw.

    Attributes:
        strokes: ``[T, 3]``, rows ``(end_of_stroke, dx, dy)``, y upwards, any unit.
        prime_steps: so many rows at the start are real and drawn in a colour of their own.
    """

    strokes: np.ndarray
    prime_steps: int = 0


@dataclass(frozen=True)
class Row:
    """Lines that belong together, under one label."""

    label: str
    inks: Sequence[Ink]


@dataclass(frozen=True)
class Sheet:
    """A laid out page: its size, its pen paths with one pen width, its words."""

    width: float
    height: float
    pen_width: float
    paths: list[PenPath]
    texts: list[Text]


def pen_paths(ink: Ink) -> list[PenPath]:
    """The paths of an ink in its own units, y upwards; nothing past a value that is not finite.

    A stroke that goes on from the prime into what follows is split at the prime's last point,
    which both parts have, so that no gap shows.
    """
    strokes = np.asarray(ink.strokes)
    finite = np.isfinite(strokes).all(axis=1)
    strokes = strokes if finite.all() else strokes[: int(np.argmin(finite))]
    paths: list[PenPath] = []
    start = 0
    for points in points_from_strokes(strokes):
        real = min(max(ink.prime_steps - start, 0), len(points))
        if real:
            paths.append(PenPath(points[:real], PRIME_COLOUR))
        if real < len(points):
            paths.append(PenPath(points[max(real - 1, 0) :], INK_COLOUR))
        start += len(points)
    return paths


def pen_width(paths: Sequence[PenPath]) -> float:
    """A pen width that suits the ink's size, in the ink's units: part of the points' spread about
    the straight line they are written along, so neither a long line nor a sloping one has it grow.
    """
    points = np.concatenate([path.points for path in paths] or [np.zeros((1, 2))])
    spread = spread_across(points)
    extent = float(np.ptp(points, axis=0).max())
    # Ink with no height to it, such as one dash, still wants a pen that can be seen.
    if spread < 5e-4 * extent:
        spread = 0.02 * extent
    return PEN_WIDTH_OF_SPREAD * spread or 1.0


def contact_sheet(
    rows: Sequence[Row], captions: Sequence[tuple[str, str]] = (), width: float = 900.0
) -> Sheet:
    """Lay out lines under their labels, from top to bottom, all at one scale and with one pen.

    Args:
        rows: the lines, with a label above each group.
        captions: words at the page's top with their colours, such as a legend.
        width: the page's width; its height follows from the ink.
    """
    drawings = [[pen_paths(ink) for ink in row.inks] for row in rows]
    inks = [paths for drawing in drawings for paths in drawing if paths]
    thickness = float(np.median([pen_width(paths) for paths in inks])) if inks else 1.0
    scale = min(_scale(inks, width - 2 * _MARGIN), _THICKEST / thickness)
    pen = max(thickness * scale, _THINNEST)
    placed: list[PenPath] = []
    texts = _caption_texts(captions)
    top = _MARGIN + (_LABEL_ROOM if captions else 0.0)
    for row, drawing in zip(rows, drawings, strict=True):
        if row.label:
            texts.append(Text(_MARGIN, top + LABEL_SIZE, row.label))
            top += _LABEL_ROOM
        for paths in drawing:
            moved, height = _place(paths, scale, top + pen / 2)
            placed += moved
            top += height + pen + _GAP
        top += _GAP
    return Sheet(width, max(top - 2 * _GAP, 0.0) + _MARGIN, pen, placed, texts)


def _scale(inks: Sequence[Sequence[PenPath]], width: float) -> float:
    """Page units per ink unit at which the widest ink fits and ink that runs away up or down, as an
    untrained model's does, leaves the page a size that can be looked at."""
    sizes = [np.ptp(np.concatenate([path.points for path in paths]), axis=0) for paths in inks]
    widest = max((float(size[0]) for size in sizes), default=0.0)
    heights = sum(float(size[1]) for size in sizes)
    rooms = ((width, widest), (_TALLEST_LINE * len(inks), heights))
    return min((room / size for room, size in rooms if size > 0), default=1.0)


def _place(
    paths: Sequence[PenPath], scale: float, top: float, left: float = _MARGIN
) -> tuple[list[PenPath], float]:
    """Paths at the page's scale with their upper left corner at (left, top), and their height."""
    if not paths:
        return [], 0.0
    points = np.concatenate([path.points for path in paths])
    corner = np.array([points[:, 0].min(), points[:, 1].max()])
    flip = np.array([scale, -scale])
    shift = np.array([left, top])
    moved = [PenPath((path.points - corner) * flip + shift, path.colour) for path in paths]
    return moved, float(np.ptp(points[:, 1])) * scale


def _caption_texts(captions: Sequence[tuple[str, str]]) -> list[Text]:
    """Captions one after the other on the first line of the page."""
    texts, left = [], _MARGIN
    for words, colour in captions:
        texts.append(Text(left, _MARGIN + LABEL_SIZE, words, colour))
        left += 0.58 * LABEL_SIZE * len(words) + 2 * _MARGIN
    return texts
