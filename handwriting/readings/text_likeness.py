"""Whether ink is text or a drawing, from its shape and from how a recogniser read it.

Lengths are in core heights, as ``InkFeatures.normalise`` gives them.
Shapes: ``T`` points, ``S`` strokes.
"""

import numpy as np

from handwriting.readings.evidence import Evidence
from handwriting.readings.word_division import LinePlaces

_SHAPE = (
    "height",  # log of the ink's whole height
    "width",  # log of its width
    "ink_per_width",  # log of the pen's way on paper over the width
    "outside",  # share of ink far above or below the middle
    "straight",  # share of ink in long straight pieces
    "longest",  # log of the longest stroke's way
    "turning",  # log of the pen's turning per way
    "strokes",  # log of strokes per width
    "backwards",  # share of ink that goes to the left
    "flat",  # share of ink that goes sideways
)
_READING = (
    "decoder",  # mean log-probability of a character
    "ctc",
    "least",  # log-probability of the least sure character
    "disagreement",  # of decoder and CTC
    "length",  # log of the number of characters
    "per_width",  # log of characters per width
    "per_ink",  # log of characters per way
    "words",  # share of letters and digits
)
_PRODUCTS = ("decoder", "ctc", "disagreement", "height", "per_width", "straight", "turning")
TEXT_FEATURES = (*_SHAPE, *_READING, *(f"{name} squared" for name in _PRODUCTS))
"""Of a line: ``text_features`` returns them."""

SHORT = 2
"""Characters that a single shape can be taken for: a circle for an o, a cross for an x."""

_LEAST = 1e-6
_FAR_OUT = 1.6
_LONG, _STRAIGHT = 2.0, 0.98
_SAME_WAY = 0.5  # radians


def text_features(places: LinePlaces, evidence: Evidence) -> np.ndarray:
    """Return what tells text from a drawing, float64 ``[len(TEXT_FEATURES)]``.

    Args:
        places: the ink of what was taken for a line.
        evidence: how it was read.
    """
    values = {**_shape(places), **_reading(places, evidence)}
    squares = [values[name] ** 2 for name in _PRODUCTS]
    return np.array([*(values[name] for name in (*_SHAPE, *_READING)), *squares], np.float64)


def is_short(features: np.ndarray) -> np.ndarray:
    """Which lines were read as ``SHORT`` characters or fewer: bool ``[B]`` of features
    ``[B, len(TEXT_FEATURES)]``."""
    short: np.ndarray = features[:, TEXT_FEATURES.index("length")] < np.log1p(SHORT + 0.5)
    return short


def _shape(places: LinePlaces) -> dict[str, float]:
    points = places.points
    steps = np.diff(points, axis=0)
    lengths = np.where(places.ends[:-1], 0.0, np.hypot(*steps.T))
    way = max(float(lengths.sum()), _LEAST)
    width, height = np.maximum(np.ptp(points, axis=0), 0.1)
    strokes = np.split(points, places.starts[1:])
    ways = [float(np.hypot(*np.diff(stroke, axis=0).T).sum()) for stroke in strokes]
    angles = np.arctan2(steps[:, 1], steps[:, 0])
    moving = lengths > _LEAST
    turning = np.abs(np.angle(np.exp(1j * np.diff(angles[moving])))).sum() if moving.any() else 0.0
    return {
        "height": float(np.log(height)),
        "width": float(np.log(width)),
        "ink_per_width": float(np.log(way / width)),
        "outside": float(lengths[np.abs(points[1:, 1]) > _FAR_OUT].sum() / way),
        "straight": sum(map(_straight_way, strokes)) / way,
        "longest": float(np.log(max(*ways, 0.1))) if ways else 0.0,
        "turning": float(np.log((turning + 0.1) / way)),
        "strokes": float(np.log(len(strokes) / width)),
        "backwards": float(lengths[np.abs(angles) > np.pi - _SAME_WAY].sum() / way),
        "flat": float(lengths[np.abs(np.sin(angles)) < np.sin(_SAME_WAY)].sum() / way),
    }


def _straight_way(stroke: np.ndarray) -> float:
    """The way in pieces of a stroke that are long and straight."""
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    marks = np.searchsorted(way, np.arange(0.0, way[-1], _LONG))
    return sum(
        float(way[end] - way[begin])
        for begin, end in zip(marks[:-1], marks[1:], strict=True)
        if np.hypot(*(stroke[end] - stroke[begin])) > _STRAIGHT * (way[end] - way[begin]) > 0
    )


def _reading(places: LinePlaces, evidence: Evidence) -> dict[str, float]:
    width = max(float(np.ptp(places.points[:, 0])), 0.1)
    lengths = np.hypot(*np.diff(places.points, axis=0).T)
    way = max(float(lengths[~places.ends[:-1]].sum()), 0.1)
    number = len(evidence.text)
    decoder = np.log(np.clip(evidence.confidences, _LEAST, 1.0)) if number else np.array([-5.0])
    ctc = np.log(np.clip(evidence.ctc_confidences, _LEAST, 1.0)) if number else np.array([-5.0])
    return {
        "decoder": float(decoder.mean()),
        "ctc": float(ctc.mean()),
        "least": float(min(decoder.min(), ctc.min())),
        "disagreement": evidence.disagreement(),
        "length": float(np.log1p(number)),
        "per_width": float(np.log((number + 0.5) / width)),
        "per_ink": float(np.log((number + 0.5) / way)),
        "words": sum(map(str.isalnum, evidence.text)) / max(number, 1),
    }
