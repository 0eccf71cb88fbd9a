"""Ink as web pages record it on a canvas, in the shapes of JSON that exist.

``SHAPES`` lists them. A shape may stand alone, or in an object under one of ``_WRAPPERS``, which
may have a text beside it. y grows downwards, as on a screen. The unit of times is found from how
far apart points are, since pens give 50 to 500 a second.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from handwriting.formats.document import (
    InkDocument,
    InkLabel,
    InkPage,
    InkStroke,
    hex_colour,
)
from handwriting.formats.ink_values import (
    BadInk,
    named,
    number_of,
    per_point,
    stroke_points,
    text_of,
)

SHAPES = (
    "[{x, y, t, p}]",
    "[[{x, y, t, p}]]",
    "[[[x, y]]]",
    "[[[x, ...], [y, ...], [t, ...]]]",
    "[{x: [...], y: [...], t: [...]}]",
    "[{points: [{x, y, time, pressure}], penColor}]",
    "[{pointers: [{x, y, t, p}]}]",
)
_WRAPPERS = ("strokes", "drawing", "ink", "events", "data", "pointGroups", "points", "requests")
_GROUPS = ("points", "pointers", "paths")
_TEXTS = ("text", "label", "word", "transcription", "truth")
_TIMES = ("t", "time", "timestamp", "timeStamp")
_PRESSURES = ("p", "pressure", "f", "force")
_PENS = ("stroke", "strokeId", "stroke_id", "pen", "penDown", "pen_down", "down")
_COLOURS = ("penColor", "color", "colour", "strokeColor")
_WIDTHS = ("maxWidth", "strokeWidth", "width", "size")
_LENGTHS = "a stroke has lists of x and of y, as long as each other"
_MOST_WRAPPED = 4
_MOST_CHANNELS = 4
# Seconds of which a time is one, and the least usual distance of times in them, above the one
# before.
_UNITS = ((1.0, 0.0), (1e-3, 0.5), (1e-6, 500.0), (1e-9, 500_000.0))


def canvas_document(value: Any) -> InkDocument:
    """Return the ink of a JSON value of one of ``SHAPES``.

    Raises:
        BadInk: it is of another shape; names them all.
    """
    text = ""
    for _ in range(_MOST_WRAPPED):
        if not isinstance(value, dict):
            break
        text = text or next((text_of(value[key]) for key in _TEXTS if value.get(key)), "")
        inside = next((value[key] for key in _WRAPPERS if isinstance(value.get(key), list)), None)
        if inside is None:
            break
        value = inside[0] if _is_request(inside) else inside
    strokes = tuple(_strokes(value))
    text = " ".join(text.split())
    labels = (InkLabel(text, tuple(range(len(strokes)))),) if text and strokes else ()
    return InkDocument((InkPage(strokes, labels),))


def _is_request(inside: list[Any]) -> bool:
    """Whether a list has one thing in it that has the ink."""
    return (
        len(inside) == 1 and isinstance(inside[0], dict) and isinstance(inside[0].get("ink"), list)
    )


def _strokes(value: Any) -> Iterator[InkStroke]:
    if not isinstance(value, list) or not value:
        raise _unknown(value)
    if all(isinstance(entry, dict) for entry in value):
        if any(_group(entry) is not None for entry in value):
            yield from _from_groups(value)
        elif isinstance(value[0].get("x"), list):
            yield from (_from_channels(entry) for entry in value)
        else:
            yield from _from_points(value)
    elif all(isinstance(entry, list) for entry in value):
        yield from _from_lists([entry for entry in value if entry])
    else:
        raise _unknown(value)


def _unknown(value: Any) -> BadInk:
    got = named(value)
    if isinstance(value, list) and value:
        got = f"a list of {named(value[0])}"
    return BadInk(f"its JSON is of no known shape, got {got}; shapes are {', '.join(SHAPES)}")


def _group(entry: dict[str, Any]) -> list[Any] | None:
    return next((entry[key] for key in _GROUPS if isinstance(entry.get(key), list)), None)


def _from_groups(groups: list[dict[str, Any]]) -> Iterator[InkStroke]:
    """Strokes of ``{points: [...]}`` with properties of the pen beside the points."""
    for group in groups:
        points = _group(group)
        if points:
            colour = next((text_of(group[key]) for key in _COLOURS if group.get(key)), "")
            width = next((number_of(group[key]) for key in _WIDTHS if group.get(key)), 0.0)
            erases = (
                group.get("compositeOperation") == "destination-out"
                or group.get("drawMode") is False
            )
            for stroke in _from_points(points):
                yield InkStroke(
                    stroke.points,
                    stroke.times,
                    stroke.pressures,
                    hex_colour(colour),
                    width,
                    "eraser" if erases else "",
                )


def _from_points(points: list[Any]) -> Iterator[InkStroke]:
    """Strokes of a list of points ``{x, y, t, p}``; one, unless the points tell of several."""
    if not all(isinstance(point, dict) for point in points):
        yield _from_rows(points)
        return
    rows = stroke_points([[point.get("x"), point.get("y")] for point in points])
    times = _member(points, _TIMES)
    pressures = _member(points, _PRESSURES)
    pens = _member(points, _PENS)
    for part in pen_runs(pens, len(rows)):
        yield InkStroke(rows[part], _part(times, part), _part(pressures, part))


def _from_rows(points: list[Any]) -> InkStroke:
    """A stroke of points ``[x, y]``, with the pressure, if any, as the third number."""
    rows = stroke_points(points)
    third = per_point((point[2] if len(point) > 2 else None for point in points), len(rows))
    return InkStroke(rows, None, third)


def _member(points: Sequence[dict[str, Any]], names: Sequence[str]) -> np.ndarray | None:
    name = next((name for name in names if name in points[0]), None)
    if name is None:
        return None
    values: Iterator[Any] = (point.get(name) for point in points)
    if name in _PENS:
        values = (int(value) if isinstance(value, bool) else value for value in values)
    found = per_point(values, len(points))
    return seconds(found) if found is not None and name in _TIMES else found


def _part(values: np.ndarray | None, part: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[part]


def _from_channels(entry: dict[str, Any]) -> InkStroke:
    """A stroke of ``{x: [...], y: [...], t: [...], p: [...]}``."""
    points = _transposed([entry.get("x"), entry.get("y")])
    times = next(
        (per_point(entry[key], len(points)) for key in _TIMES if _is_list(entry, key)), None
    )
    pressures = (per_point(entry[key], len(points)) for key in _PRESSURES if _is_list(entry, key))
    return InkStroke(points, None if times is None else seconds(times), next(pressures, None))


def _is_list(entry: dict[str, Any], key: str) -> bool:
    return isinstance(entry.get(key), list)


def _transposed(channels: list[Any]) -> np.ndarray:
    """Points ``[n, 2]`` of a list of x and one of y."""
    if not all(isinstance(channel, list) and channel for channel in channels):
        raise BadInk(_LENGTHS)
    x, y = channels
    if len(x) != len(y):
        raise BadInk(_LENGTHS)
    return stroke_points([[a, b] for a, b in zip(x, y, strict=True)])


def _from_lists(strokes: list[list[Any]]) -> Iterator[InkStroke]:
    """Strokes of lists: of points as objects, of points as lists, or of channels."""
    if strokes and all(isinstance(point, dict) for stroke in strokes for point in stroke):
        for stroke in strokes:
            yield from _from_points(stroke)
    elif not strokes or not all(isinstance(row, list) for stroke in strokes for row in stroke):
        raise _unknown(strokes)
    elif _are_channels(strokes):
        for stroke in strokes:
            points = _transposed(stroke[:2])
            times = per_point(stroke[2], len(points)) if len(stroke) > 2 else None
            pressures = per_point(stroke[3], len(points)) if len(stroke) > 3 else None
            yield InkStroke(points, None if times is None else seconds(times), pressures)
    else:
        yield from (_from_rows(stroke) for stroke in strokes)


def _are_channels(strokes: list[list[list[Any]]]) -> bool:
    """Whether strokes are lists of x and of y, not of points. Where both can be, as in two strokes
    of two points, they are."""
    return all(
        2 <= len(stroke) <= _MOST_CHANNELS and len({len(row) for row in stroke}) == 1
        for stroke in strokes
    )


def pen_runs(pens: np.ndarray | None, count: int) -> list[np.ndarray]:
    """Return which points are in each stroke.

    Args:
        pens: ``[count]`` for each point whether the pen is down, 0 or 1; or, where there are other
            values, the number of its stroke. None: all are in one.
        count: number of points.
    """
    points = np.arange(count)
    if pens is None:
        return [points]
    runs = np.split(points, np.flatnonzero(np.diff(pens)) + 1)
    is_state = bool(np.isin(pens, (0.0, 1.0)).all())
    return [run for run in runs if not is_state or pens[run[0]] == 1.0]


def seconds(times: np.ndarray) -> np.ndarray:
    """Return times ``[n]`` in seconds, whose unit is that in which they are as far apart as those
    of pens: seconds, or thousandths, millionths or thousand millionths of one."""
    steps = np.abs(np.diff(times))
    steps = steps[steps > 0]
    if not len(steps):
        return times * _UNITS[1][0]
    usual = float(np.median(steps))
    unit = next(unit for unit, least in reversed(_UNITS) if usual >= least)
    return times * unit
