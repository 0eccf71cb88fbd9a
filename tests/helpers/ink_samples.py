"""Ink for tests: lines of waves with gaps between the words, as pages and as files."""

import numpy as np

from handwriting.ink.line import strokes_from_points


def waves(
    left: float = 0.0, baseline: float = 0.0, words: int = 4, size: float = 1.0, slope: float = 0.0
) -> list[np.ndarray]:
    """Words of joined small letters, about 5 sizes wide each, one stroke ``[n, 2]`` a word; y
    upwards."""
    at = np.linspace(0, 10 * np.pi, 121)
    strokes = []
    for word in range(words):
        x = left + size * (6 * word + at / (2 * np.pi))
        y = baseline + size * (1 - np.cos(at)) / 2 + slope * (x - left)
        strokes.append(np.stack([x, y], axis=1))
    return strokes


def page(
    lines: int, pitch: float = 3.0, **options: float
) -> tuple[list[np.ndarray], list[list[int]]]:
    """Lines of waves below each other, of different lengths, and which strokes are in each."""
    strokes: list[np.ndarray] = []
    groups = []
    for line in range(lines):
        found = waves(baseline=-pitch * line, words=5 - line % 3, **options)
        groups.append(list(range(len(strokes), len(strokes) + len(found))))
        strokes += found
    return strokes, groups


def wave_line(words: int = 2) -> np.ndarray:
    """A line's strokes ``[T, 3]``."""
    return strokes_from_points(waves(words=words))
