"""Single-stroke shapes of characters that a model does not write, and of accents.

Most are from the Hershey fonts (the package ``Hershey-Fonts``); those that no font has are drawn
here. Coordinates are in x-heights, y upwards, upright: the baseline is y = 0, the top of a small
letter y = 1. Shapes: ``n`` points of a stroke.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.errors import UserError
from handwriting.ink.glyphs import HersheyGlyph
from handwriting.ink.resampling import smooth_curve

_Points = Sequence[tuple[float, float]]

_BASELINE, _X_HEIGHT = 9.0, 14.0  # of the fonts, in their own units
_DOT = 2.5  # a stroke of less than this in the fonts' units is the outline of a dot
_RAISED_SIZE, _RAISED_BY = 0.55, 0.65
# Capitals and digits of hands are taller than those of the fonts, which are 1.5 x-heights high.
_TALL = 1.28
_NOT_TALL = frozenset("-«»‹›·µ¬")


@dataclass(frozen=True)
class Shape:
    """A character: its strokes, each float64 ``[n, 2]``, n >= 1 (a dot is one point), the leftmost
    ink at x = 0."""

    strokes: tuple[np.ndarray, ...]

    @property
    def width(self) -> float:
        """Width of the ink."""
        return float(max(stroke[:, 0].max() for stroke in self.strokes))


def _curve(*points: tuple[float, float]) -> np.ndarray:
    return smooth_curve(np.array(points))


def _arc(
    centre: tuple[float, float], radii: tuple[float, float], first: float, last: float
) -> np.ndarray:
    """Part of an ellipse, between two angles in degrees."""
    angles = np.radians(np.linspace(first, last, max(int(abs(last - first) / 15), 2)))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii + centre


def _line(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, dtype=np.float64)


# Names of the font, and the characters of it that stand for others.
_FONTS: dict[str, tuple[str, str]] = {
    "futural": ("", ""),  # all of ASCII, as itself
    "greeks": (
        "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψωµ",
        "ABCDEFGHIJKLMNOPQRSTUVWXabcdefghijklmnopqrstuvwxl",
    ),
    "mathlow": ("±×·≤≥≠≡∞°→↑←↓÷", "!#$&'?@_`ijklx"),
    "symbolic": ("§†‡♥♡☆○□△", "ijknnLHIJ"),
}
_ASCII = {chr(code) for code in range(33, 127)} - {"`"}  # the fonts have a quote there
_RAISED = {"¹": "1", "²": "2", "³": "3", "⁴": "4", "ª": "a", "º": "o"}
_TURNED = {"¿": "?", "¡": "!"}
# Characters that no font has.
_DRAWN: dict[str, tuple[np.ndarray, ...]] = {
    "£": (
        _curve(
            *((1.0, 1.2), (0.88, 1.43), (0.66, 1.5), (0.45, 1.36), (0.38, 1.1), (0.45, 0.72)),
            *((0.44, 0.36), (0.3, 0.1), (0.1, 0.03), (0.35, 0.08), (0.7, 0.0), (1.02, 0.12)),
        ),
        _line((0.16, 0.72), (0.8, 0.74)),
    ),
    "€": (
        _arc((0.72, 0.75), (0.56, 0.75), 52.0, 310.0),
        _line((0.0, 0.9), (0.86, 0.92)),
        _line((0.0, 0.6), (0.8, 0.62)),
    ),
    "¥": (
        _line((0.0, 1.5), (0.5, 0.75), (0.5, 0.0)),
        _line((1.0, 1.5), (0.5, 0.75)),
        _line((0.12, 0.65), (0.88, 0.67)),
        _line((0.12, 0.38), (0.88, 0.4)),
    ),
    "¢": (_arc((0.45, 0.5), (0.45, 0.5), 50.0, 310.0), _line((0.5, 1.3), (0.42, -0.3))),
    "ß": (
        _curve(
            *((0.0, -0.05), (0.08, 0.6), (0.1, 1.15), (0.24, 1.5), (0.5, 1.6), (0.72, 1.42)),
            *((0.66, 1.12), (0.42, 0.88), (0.66, 0.74), (0.84, 0.46), (0.72, 0.12), (0.45, 0.0)),
            (0.28, 0.08),
        ),
    ),
    "©": (
        _arc((0.75, 0.75), (0.75, 0.75), 90.0, 450.0),
        _arc((0.78, 0.75), (0.33, 0.36), 50.0, 310.0),
    ),
    "®": (
        _arc((0.75, 0.75), (0.75, 0.75), 90.0, 450.0),
        _curve((0.55, 0.4), (0.55, 1.1), (0.85, 1.1), (0.95, 0.92), (0.8, 0.75), (0.58, 0.74)),
        _line((0.74, 0.74), (0.98, 0.4)),
    ),
    "-": (_line((0.0, 0.5), (0.65, 0.52)),),
    "«": (_line((0.4, 0.85), (0.0, 0.5), (0.4, 0.15)), _line((0.8, 0.85), (0.4, 0.5), (0.8, 0.15))),
    "»": (_line((0.0, 0.85), (0.4, 0.5), (0.0, 0.15)), _line((0.4, 0.85), (0.8, 0.5), (0.4, 0.15))),
    "‹": (_line((0.4, 0.85), (0.0, 0.5), (0.4, 0.15)),),
    "›": (_line((0.0, 0.85), (0.4, 0.5), (0.0, 0.15)),),
    "¬": (_line((0.0, 0.7), (0.9, 0.7), (0.9, 0.35)),),
    "¶": (
        _curve((0.6, 1.5), (0.2, 1.45), (0.0, 1.15), (0.2, 0.85), (0.6, 0.8)),
        _line((1.0, 1.5), (0.6, 1.5), (0.6, -0.3)),
        _line((0.9, 1.5), (0.9, -0.3)),
    ),
    "¦": (_line((0.0, 1.6), (0.0, 0.85)), _line((0.0, 0.45), (0.0, -0.3))),
    "✓": (_line((0.0, 0.6), (0.3, 0.05), (1.1, 1.6)),),
    "✔": (_line((0.0, 0.6), (0.3, 0.05), (1.1, 1.6)),),
    "☐": (_line((0.0, 0.0), (0.0, 1.1), (1.1, 1.1), (1.1, 0.0), (0.0, 0.0)),),
    "☺": (
        _arc((0.75, 0.75), (0.75, 0.75), 90.0, 450.0),
        _line((0.5, 1.0)),
        _line((1.0, 1.0)),
        _arc((0.75, 0.75), (0.4, 0.4), 200.0, 340.0),
    ),
}
_OF_FONT = {
    character: (font, own)
    for font, (characters, owns) in _FONTS.items()
    for character, own in zip(characters, owns, strict=True)
}

SHAPED = frozenset([*_ASCII, *_OF_FONT, *_RAISED, *_TURNED, *_DRAWN])
"""The characters that have a shape."""


@functools.cache
def shape_of(character: str) -> Shape:
    """Return the shape of one of ``SHAPED``.

    Raises:
        KeyError: it is none of them.
        UserError: the package of the fonts is not installed, and the shape is one of theirs.
    """
    is_small = character in _NOT_TALL or (character.islower() and character != "ß")
    size = 1.0 if is_small or character in _RAISED or character in _TURNED else _TALL
    return _at_left([size * stroke for stroke in _strokes_of(character)])


def _strokes_of(character: str) -> Sequence[np.ndarray]:
    """The strokes of one of ``SHAPED`` in the fonts' proportions."""
    if character in _DRAWN:
        return _DRAWN[character]
    if character in _RAISED:
        raised = shape_of(_RAISED[character])
        return [_RAISED_SIZE * s + [0.0, _RAISED_BY] for s in raised.strokes]
    if character in _TURNED:
        return [[0.0, 1.2] - stroke for stroke in shape_of(_TURNED[character]).strokes]
    font, own = _OF_FONT.get(character, ("futural", character))
    return _font_strokes(font, own)


def _at_left(strokes: Iterable[np.ndarray]) -> Shape:
    strokes = tuple(strokes)
    left = min(stroke[:, 0].min() for stroke in strokes)
    return Shape(tuple(stroke - [left, 0.0] for stroke in strokes))


def _font_strokes(font: str, character: str) -> list[np.ndarray]:
    """The strokes of a character; parts that meet are one stroke, and its bends are round."""
    parts = [
        np.array(list(stroke), dtype=np.float64) for stroke in _glyphs(font)[character].strokes
    ]
    connected: list[np.ndarray] = []
    for part in parts:
        if np.ptp(part, axis=0).max() < _DOT and len(part) > 2:
            part = part.mean(axis=0, keepdims=True)
        if connected and np.array_equal(connected[-1][-1], part[0]):
            part = np.concatenate([connected.pop(), part[1:]])
        connected.append(part)
    upright = [np.stack([s[:, 0], _BASELINE - s[:, 1]], axis=1) / _X_HEIGHT for s in connected]
    return [smooth_curve(stroke) for stroke in upright]


@functools.cache
def _glyphs(font: str) -> dict[str, HersheyGlyph]:
    try:
        from HersheyFonts import HersheyFonts
    except ImportError:
        raise UserError(
            "text: some of its characters are drawn from the package Hershey-Fonts, which is not"
            " installed (pip install Hershey-Fonts)"
        ) from None
    fonts = HersheyFonts()
    fonts.load_default_font(font)
    shapes: dict[str, HersheyGlyph] = fonts.all_glyphs
    return shapes


@dataclass(frozen=True)
class Accent:
    """A mark on a letter.

    Attributes:
        strokes: each float64 ``[n, 2]``; x = 0 is the letter's middle. y = 0 is just above the
            letter, or of a mark under it the baseline, or of one across it the letter's middle.
        place: "above", "below" or "across" the letter, a "tail" at its lower right, or "beside" it
            at its upper right.
    """

    strokes: tuple[np.ndarray, ...]
    place: str


_RING = _arc((0.0, 0.17), (0.15, 0.15), 90.0, 450.0)
_CEDILLA = _curve((0.02, 0.0), (-0.03, -0.13), (0.12, -0.2), (0.14, -0.34), (-0.1, -0.42))
ACCENTS = {
    "\u0300": Accent((_line((-0.17, 0.3), (0.12, 0.0)),), "above"),
    "\u0301": Accent((_line((0.18, 0.32), (-0.1, 0.0)),), "above"),
    "\u0302": Accent((_line((-0.24, 0.0), (0.0, 0.28), (0.24, 0.0)),), "above"),
    "\u0303": Accent(
        (_curve((-0.3, 0.04), (-0.16, 0.18), (0.0, 0.1), (0.14, 0.03), (0.3, 0.18)),), "above"
    ),
    "\u0304": Accent((_line((-0.27, 0.1), (0.27, 0.12)),), "above"),
    "\u0306": Accent((_curve((-0.24, 0.24), (-0.1, 0.05), (0.1, 0.05), (0.24, 0.26)),), "above"),
    "\u0307": Accent((_line((0.0, 0.15)),), "above"),
    "\u0308": Accent((_line((-0.2, 0.15)), _line((0.2, 0.16))), "above"),
    "\u030a": Accent((_RING,), "above"),
    "\u030b": Accent((_line((0.0, 0.3), (-0.2, 0.0)), _line((0.32, 0.3), (0.08, 0.0))), "above"),
    "\u030c": Accent((_line((-0.24, 0.28), (0.0, 0.0), (0.24, 0.28)),), "above"),
    "\u0315": Accent((_curve((0.1, 0.0), (0.1, -0.15), (0.0, -0.35)),), "beside"),
    "\u0323": Accent((_line((0.0, -0.3)),), "below"),
    "\u0326": Accent((_line((0.06, -0.15), (-0.06, -0.42)),), "below"),
    "\u0327": Accent((_CEDILLA,), "below"),
    "\u0328": Accent((_curve((0.0, 0.02), (-0.18, -0.16), (-0.14, -0.34), (0.08, -0.33)),), "tail"),
    "\u0335": Accent((_line((-0.1, 0.0), (0.45, 0.02)),), "across"),
    "\u0337": Accent((_line((-0.25, -0.16), (0.27, 0.18)),), "across"),
    "\u0338": Accent((_line((-0.5, -0.62), (0.5, 0.62)),), "across"),
    "\u0131": Accent((), "above"),  # the letter loses its dot, and no more
}
"""By combining character of Unicode; and for the dotless i, by itself."""
