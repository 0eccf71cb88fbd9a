"""Letter shapes for the synthetic corpus, from single-stroke Hershey fonts.

The fonts are plotter fonts: their strokes come in no particular direction and lift the pen where a
hand would go on. Here they become what a hand writes: strokes in writing order, connected where a
hand retraces, with the dots and bars that come after the letter kept apart.

Coordinates are in x-heights: the baseline is y = 0, the top of a small letter y = 1, y upwards; x =
0 is the letter's left edge. Shapes: ``n`` points of a stroke.
"""

import functools
import string
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Glyph:
    """Shape of a character.

    Attributes:
        strokes: its strokes in order, each float64 ``[n, 2]``.
        late_strokes: dots and bars, written after the letter or the word.
        width: how far the next letter is.
        enters: whether the letter before may run into its first stroke.
        exits: whether its last stroke may run into the next letter.
        lead_in: for a letter that starts at its right, ``[n, 2]`` from its left over to that start
            (written twice then, as in a joined ``a``); else None.
    """

    strokes: tuple[np.ndarray, ...]
    late_strokes: tuple[np.ndarray, ...]
    width: float
    enters: bool
    exits: bool
    lead_in: np.ndarray | None


@dataclass(frozen=True)
class _Source:
    """Settings for reading one Hershey font.

    Attributes:
        name: the font's name in the package.
        characters: those taken from it.
        x_height: in the font's own units.
        slant: dx/dy of its stems, taken out so that a writer's slant is the same in all fonts.
        connected: characters whose strokes a hand writes without lifting the pen.
        orders: the order of the strokes where the font's is not that of a hand.
        late: which of the ordered strokes are late strokes.
        scale: of the shapes, for a font whose small letters are not those of the line.
    """

    name: str
    characters: str
    x_height: float
    slant: float
    connected: str
    orders: dict[str, tuple[int, ...]]
    late: dict[str, int]
    scale: float = 1.0


_BASELINE = 9.0
_MARKS = string.digits + ".,!?'\"-;:()"
_SCRIPT = _Source(
    name="scripts",
    characters=string.ascii_letters,
    x_height=9.0,
    slant=1.0 / 3.0,
    connected=string.ascii_lowercase + "BMNW",
    orders={"i": (1, 0), "j": (1, 0)},
    late={"i": 1, "j": 1, "t": 2, "x": 1, "F": 2},
)
_PRINT = _Source(
    name="futural",
    characters=string.ascii_letters + _MARKS,
    x_height=14.0,
    slant=0.0,
    connected="abdghmnpqruvwzBDMNPRVW",
    orders={"a": (1, 0), "d": (1, 0), "g": (1, 0), "q": (1, 0), "z": (1, 0, 2), "7": (1, 0)}
    | {"i": (1, 0), "j": (1, 0)},
    late={"i": 1, "j": 1, "t": 1, "f": 1},
)
_PRINT_CAPITALS = replace(_PRINT, characters=string.ascii_uppercase, scale=1.25)
_SCRIPT_MARKS = replace(_PRINT, characters=_MARKS, scale=1.15)
_STYLES = {
    "script": (_SCRIPT, _SCRIPT_MARKS),
    "script_print_capitals": (_SCRIPT, _SCRIPT_MARKS, _PRINT_CAPITALS),
    "print": (_PRINT,),
}
_DOT = 2.5  # a stroke of less than this in the font's units is the outline of a dot
_ZIGZAGS = "vwMNW"
_WIDE_MARKS = {"-": 0.45}


@functools.cache
def load_style(style: str) -> dict[str, Glyph]:
    """The glyphs of a style: "script", "script_print_capitals" or "print"; none for the space."""
    glyphs: dict[str, Glyph] = {}
    for source in _STYLES[style]:
        glyphs.update(_load_font(source))
    return glyphs


def _load_font(source: _Source) -> dict[str, Glyph]:
    from HersheyFonts import HersheyFonts

    font = HersheyFonts()
    font.load_default_font(source.name)
    shapes = font.all_glyphs
    return {
        character: _make_glyph(source, character, shapes[character])
        for character in source.characters
    }


class HersheyGlyph(Protocol):
    """A glyph of the fonts' package: strokes of points (x, y), y downwards."""

    strokes: Iterable[Iterable[tuple[float, float]]]
    left_offset: float
    char_width: float


def _make_glyph(source: _Source, character: str, shape: HersheyGlyph) -> Glyph:
    scale = source.scale / source.x_height
    raw = [np.array(list(stroke), dtype=np.float64) for stroke in shape.strokes]
    raw = [_upright(stroke, shape.left_offset, source.slant) for stroke in raw]
    raw = [_dot_or_same(stroke) for stroke in raw]
    if character == ".":
        raw = [stroke * [1.0, 0.0] for stroke in raw]
    width = float(shape.char_width)
    if character in _WIDE_MARKS:
        raw = [stroke * [_WIDE_MARKS[character], 1.0] for stroke in raw]
        width *= _WIDE_MARKS[character]
    raw = [raw[at] for at in source.orders.get(character, range(len(raw)))]
    first_late = source.late.get(character, len(raw))
    strokes = _connect(raw[:first_late], character in source.connected, character in _ZIGZAGS)
    is_joined = source.name == "scripts"
    left, right = strokes[0][0], strokes[-1][-1]
    lead_in = _lead_in(strokes[0]) if is_joined and character in "acdgoq" else None
    return Glyph(
        strokes=tuple(stroke * scale for stroke in strokes),
        late_strokes=tuple(stroke * scale for stroke in raw[first_late:]),
        width=width * scale,
        enters=is_joined and character.islower() and bool(left[0] < 4.0),
        exits=is_joined and bool(abs(right[1] - 5.0) < 1.5 and right[0] > width - 5.0),
        lead_in=None if lead_in is None else lead_in * scale,
    )


def _upright(stroke: np.ndarray, left: float, slant: float) -> np.ndarray:
    """The stroke with its origin at the left end of the baseline, y upwards, no slant."""
    y = _BASELINE - stroke[:, 1]
    # Sheared about the height where script letters join, so that they still meet.
    return np.stack([stroke[:, 0] - left - slant * (y - 5.0), y], axis=1)


def _dot_or_same(stroke: np.ndarray) -> np.ndarray:
    """A small closed outline becomes its centre."""
    is_dot = np.ptp(stroke, axis=0).max() < _DOT and np.array_equal(stroke[0], stroke[-1])
    return stroke[:-1].mean(axis=0, keepdims=True) if is_dot else stroke


def _connect(strokes: list[np.ndarray], over_gaps: bool, turning: bool) -> list[np.ndarray]:
    """Strokes joined to the one before where they start at its end.

    Args:
        strokes: in order.
        over_gaps: join all, also where the next starts elsewhere (the hand retraces its way).
        turning: a stroke that ends where the one before ended is turned round.
    """
    connected = [strokes[0]]
    for stroke in strokes[1:]:
        end = connected[-1][-1]
        if turning and _is_near(stroke[-1], end):
            stroke = stroke[::-1]
        if over_gaps or _is_near(stroke[0], end):
            connected[-1] = np.concatenate([connected[-1], stroke])
        else:
            connected.append(stroke)
    return connected


def _is_near(point: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(point - other).max() <= 1.0)


def _lead_in(stroke: np.ndarray) -> np.ndarray:
    """The way back over the stroke's beginning: from where it first passes the join's height on its
    left to just before its start."""
    leftmost = int(np.argmin(stroke[: len(stroke) // 2 + 1, 0]))
    return stroke[leftmost:0:-1]
