"""Points of strokes at even distances, along the ink or in time.

Shapes: ``T`` points of a line, ``n`` points of one stroke, ``N`` points after resampling.
"""

import numpy as np


def resample_line(
    points: np.ndarray, ends: np.ndarray, spacing: float, least: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put points at equal distances along each stroke, both its ends among them.

    Args:
        points: ``[T, 2]``.
        ends: bool ``[T]``, true on the last point of each stroke, the line's last point included.
        spacing: the distance; each stroke has the nearest that divides it.
        least: a stroke no longer than this is a dot and becomes one point.

    Returns:
        points ``[N, 2]``, whether each starts a stroke ``[N]``, and the position ``[N]`` of each
        among the ``T`` points: 2.5 for halfway between 2 and 3.
    """
    segments = np.where(ends[:-1], 1.0, np.hypot(*np.diff(points, axis=0).T))
    # Along the ink; a pen-up move counts 1, so that a stroke begins where none ends.
    positions = np.concatenate([[0.0], np.cumsum(segments)])
    last = np.flatnonzero(ends)
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = positions[last] - positions[first]
    steps = np.where(lengths > least, np.maximum(np.rint(lengths / spacing), 1), 0)
    counts = steps.astype(np.int64) + 1
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    step = lengths / np.maximum(steps, 1)
    wanted = np.repeat(positions[first], counts) + within * np.repeat(step, counts)
    # Exactly: where the pen rests at the end, its last point must not hang on a rounding.
    wanted[np.cumsum(counts) - 1] = positions[last]
    samples = np.interp(wanted, positions, np.arange(len(points), dtype=np.float64))
    return _at(points, positions, wanted), within == 0, samples


def resample(stroke: np.ndarray, spacing: float) -> np.ndarray:
    """Return one stroke ``[n, 2]`` as ``resample_line`` does: ``[N, 2]``."""
    ends = np.zeros(len(stroke), dtype=bool)
    ends[-1] = True
    return resample_line(stroke, ends, spacing)[0]


def resample_to(stroke: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` points of a stroke ``[n, 2]`` at equal distances along it, its ends first
    and last; ``[count, 2]``, count >= 2."""
    way = _way(stroke)
    return _at(stroke, way, np.linspace(0.0, way[-1], count))


def resample_in_time(
    stroke: np.ndarray, period: float, times: np.ndarray | None = None
) -> np.ndarray:
    """Return a stroke's points at equal times, its first one first: where a pen that is read so
    often would have been.

    Args:
        stroke: ``[n, 2]``.
        period: from one point to the next, in the unit of ``times``.
        times: ``[n]``, growing; None for one unit from each point to the next.

    Returns:
        ``[N, 2]``. The last point is the stroke's own, whatever is left of a period before it.
    """
    times = np.arange(len(stroke), dtype=np.float64) if times is None else times
    steps = int(np.ceil((times[-1] - times[0]) / period - 1e-9))
    wanted = np.minimum(times[0] + period * np.arange(steps + 1), times[-1])
    return _at(stroke, times, wanted)


def evenly_inked(stroke: np.ndarray, spacing: float) -> np.ndarray:
    """Return the middles ``[N, 2]`` of equal parts of a stroke ``[n, 2]``, at least ``spacing``
    long each, so that every point stands for as much ink; a dot is one point."""
    way = _way(stroke)
    number = max(int(way[-1] / spacing), 1)
    return _at(stroke, way, (np.arange(number) + 0.5) * way[-1] / number)


def _way(stroke: np.ndarray) -> np.ndarray:
    """The pen's way ``[n]`` to each point."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])


def _at(points: np.ndarray, along: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(wanted, along, axis) for axis in points.T], axis=1)


_SHARPEST_BEND = np.cos(np.radians(55.0))
_SMOOTH_PARTS = 5


def smooth_curve(stroke: np.ndarray) -> np.ndarray:
    """Return a smooth way ``[N, 2]`` through the points of a stroke ``[n, 2]`` (a cubic Hermite
    curve with the tangents of Catmull and Rom), with its sharp corners as they are."""
    ways = np.diff(stroke, axis=0)
    if len(ways) < 2:
        return stroke
    lengths = np.maximum(np.hypot(*ways.T), 1e-12)[:, None]
    units = ways / lengths
    is_bend = (units[:-1] * units[1:]).sum(axis=1, keepdims=True) > _SHARPEST_BEND
    # A tangent at each end of each part: at a bend that of both parts, else the part's own.
    shared = (stroke[2:] - stroke[:-2]) / (lengths[:-1] + lengths[1:])
    first = np.concatenate([units[:1], np.where(is_bend, shared, units[1:])]) * lengths
    last = np.concatenate([np.where(is_bend, shared, units[:-1]), units[-1:]]) * lengths
    t = (np.arange(_SMOOTH_PARTS) / _SMOOTH_PARTS)[:, None, None]
    parts = (
        (1 + 2 * t) * (1 - t) ** 2 * stroke[:-1]
        + t * (1 - t) ** 2 * first
        + t * t * (3 - 2 * t) * stroke[1:]
        + t * t * (t - 1) * last
    )  # [parts, n-1, 2]
    return np.concatenate([parts.transpose(1, 0, 2).reshape(-1, 2), stroke[-1:]])


def gaussian_along(points: np.ndarray, sigma: float, radius: int | None = None) -> np.ndarray:
    """Return a stroke ``[n, 2]`` smoothed by a Gaussian along its points, its two ends where they
    are; ``[n, 2]``, n >= 2.

    Args:
        points: of the stroke.
        sigma: standard deviation, in points.
        radius: points that count to either side; None for three standard deviations.
    """
    radius = int(np.ceil(3 * sigma)) if radius is None else radius
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    # Reflected through its end points, a stroke keeps these where they are.
    padded = np.pad(points, ((radius, radius), (0, 0)), mode="reflect", reflect_type="odd")
    axes = [np.convolve(axis, kernel / kernel.sum(), mode="valid") for axis in padded.T]
    return np.stack(axes, axis=1)
