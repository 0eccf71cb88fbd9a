"""Curves through the points of a stroke, for ink whose points lie far apart.

Shapes: ``n`` points of one stroke, ``N`` points of the curve.
"""

import numpy as np

# Exponent of the distances between points that the curve's parameter grows by (Lee 1989).
_CENTRIPETAL = 0.5


def curved(points: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a smooth curve through all points of a stroke, as points at most ``spacing`` apart.

    The curve is the centripetal Catmull-Rom spline (Catmull and Rom 1974; Lee 1989), which has no
    loops and no cusps of its own within a segment (Yuksel, Schaefer and Keyser 2011). Segments that
    are short enough stay as they are, so that dense ink is returned unchanged.

    Args:
        points: float64 ``[n, 2]``, n >= 1.
        spacing: in their units, above 0.

    Returns:
        points ``[N, 2]``, the stroke's own among them; and int64 ``[N]``, the point of the stroke
        that each belongs to: those added between two belong to the later one.
    """
    lengths = np.hypot(*np.diff(points, axis=0).T)
    counts = np.maximum(np.ceil(lengths / spacing).astype(np.int64), 1)
    owners = np.concatenate([[0], np.repeat(np.arange(1, len(points)), counts)])
    if len(owners) == len(points):
        return points, owners
    moved = np.flatnonzero(np.concatenate([[True], lengths > 0]))
    if len(moved) < 3:
        return _along(points, counts), owners
    tangents = np.zeros_like(points)
    knots = np.zeros(len(points))
    own = points[moved]
    distinct = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(own, axis=0).T) ** _CENTRIPETAL)])
    tangents[moved] = _tangents(own, distinct)
    knots[moved] = distinct
    # A point that repeats the one before has its knot and its tangent.
    latest = np.maximum.accumulate(
        np.where(np.isin(np.arange(len(points)), moved), np.arange(len(points)), 0)
    )
    knots, tangents = knots[latest], tangents[latest]
    return _hermite(points, tangents, knots, counts), owners


def _tangents(points: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Derivatives ``[n, 2]`` at the points: of the parabola through each and its neighbours."""
    steps = np.diff(knots)[:, None]
    slopes = np.diff(points, axis=0) / steps
    inner = (slopes[:-1] * steps[1:] + slopes[1:] * steps[:-1]) / (steps[:-1] + steps[1:])
    return np.concatenate([2 * slopes[:1] - inner[:1], inner, 2 * slopes[-1:] - inner[-1:]])


def _fractions(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The segment and the part of it, in (0, 1], of each point after the first."""
    segments = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return segments, within / counts[segments]


def _along(points: np.ndarray, counts: np.ndarray) -> np.ndarray:
    segments, part = _fractions(counts)
    start, end = points[segments], points[segments + 1]
    return np.concatenate([points[:1], start + part[:, None] * (end - start)])


def _hermite(
    points: np.ndarray, tangents: np.ndarray, knots: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    segments, part = _fractions(counts)
    t = part[:, None]
    length = np.diff(knots)[segments][:, None]
    start, end = points[segments], points[segments + 1]
    out = (
        (1 + 2 * t) * (1 - t) ** 2 * start
        + t * (1 - t) ** 2 * length * tangents[segments]
        + t**2 * (3 - 2 * t) * end
        - t**2 * (1 - t) * length * tangents[segments + 1]
    )
    out[part == 1] = end[part == 1]
    return np.concatenate([points[:1], out])
