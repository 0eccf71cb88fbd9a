"""Ink as SVG elements and as smooth pictures; all formats and contact sheets draw through this.

Strokes have round ends and joins, and a dot is a disc as wide as its pen. Coordinates are in the
unit of the drawing, x to the right and y downwards from its top left corner.

Shapes: ``n`` points of one stroke, ``S`` straight pieces of it; ``H``, ``W`` pixels of a picture,
``K`` pixels along each side of a window around a piece.
"""

import functools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from handwriting.quoting import xml_text

INK_COLOUR = "#16213a"
PAPER_COLOUR = "#ffffff"
LABEL_COLOUR = "#667085"
LABEL_SIZE = 10.0
ROUND = 'stroke-linecap="round" stroke-linejoin="round"'

# Pieces of strokes are no longer than the pen is wide, or than this: then a small window holds one.
_LONGEST_PIECE = 8.0  # pixels
_MOST_PIXELS = 2_000_000  # that are worked on at once
# What stands for characters that the built-in font lacks, where no other font is there.
_SUBSTITUTES = {"\N{OPEN BOX}": "_", "\N{BLACK LEFT-POINTING TRIANGLE}": "<"}
_UNKNOWN = "?"
_LARGER_FONT = "DejaVuSans.ttf"
_NO_CHARACTER = "\uffff"


@dataclass(frozen=True)
class PenPath:
    """One movement of the pen on paper: points ``[n, 2]``, n >= 1, and its colour. A path whose
    points are all the same is a dot."""

    points: np.ndarray
    colour: str

    @property
    def is_dot(self) -> bool:
        """Whether the pen touched the paper without moving."""
        return is_dot(self.points)


@dataclass(frozen=True)
class Text:
    """Words in a drawing; ``x`` is their left edge, ``y`` their baseline."""

    x: float
    y: float
    words: str
    colour: str = LABEL_COLOUR
    size: float = LABEL_SIZE


def is_dot(stroke: np.ndarray) -> bool:
    """Whether the pen touched the paper at one point only."""
    return bool(np.all(stroke == stroke[0]))


def number(value: float, decimals: int = 3) -> str:
    """Return ``value`` to so many decimals, without trailing zeros or a negative zero."""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def path_data(stroke: np.ndarray, decimals: int = 3) -> str:
    """Return the ``d`` of an SVG path: points that differ in print; a dot is a line of no length,
    of which round caps make a disc."""
    points = [f"{number(x, decimals)} {number(y, decimals)}" for x, y in stroke]
    kept = [points[0], *(b for a, b in zip(points[:-1], points[1:], strict=True) if a != b)]
    if len(kept) == 1:
        kept *= 2
    return f"M{kept[0]}L{' '.join(kept[1:])}"


def text_element(text: Text, decimals: int = 3) -> str:
    """Return words as an SVG element."""
    x, y, size = (number(value, decimals) for value in (text.x, text.y, text.size))
    return (
        f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="{size}"'
        f' fill="{text.colour}">{escape(xml_text(text.words))}</text>'
    )


class Picture:
    """A picture that is drawn on.

    Args:
        width, height: of the drawing, in its unit.
        scale: pixels to the unit.

    Attributes:
        pixels: uint8 ``[H, W, 3]``.
    """

    def __init__(self, width: float, height: float, scale: float) -> None:
        self._scale = scale
        self.pixels = np.empty((*pixels_of(width, height, scale), 3), dtype=np.uint8)
        self.pixels[:] = ImageColor.getrgb(PAPER_COLOUR)

    def draw(self, stroke: np.ndarray, width: float, colour: str) -> None:
        """Draw a stroke ``[n, 2]`` with a pen of that width."""
        covered = coverage(stroke * self._scale, width * self._scale, self.pixels.shape[:2])
        if covered is not None:
            box, ink = covered
            under = self.pixels[box].astype(np.float32)
            target = np.array(ImageColor.getrgb(colour), dtype=np.float32)
            self.pixels[box] = np.rint(under + ink[..., None] * (target - under))

    def write(self, texts: Iterable[Text]) -> None:
        """Write words."""
        image = self.image()
        pencil = ImageDraw.Draw(image)
        for text in texts:
            font, words = _font_for(text.words, text.size * self._scale)
            place = (text.x * self._scale, text.y * self._scale)
            pencil.text(place, words, text.colour, font, anchor="ls")
        self.pixels = np.array(image)

    def image(self) -> Image.Image:
        """Return the picture as it is now."""
        return Image.fromarray(self.pixels)


def pixels_of(width: float, height: float, scale: float) -> tuple[int, int]:
    """Return ``H`` and ``W`` of a drawing, at least 1."""
    return max(round(height * scale), 1), max(round(width * scale), 1)


def coverage(
    stroke: np.ndarray, width: float, shape: tuple[int, int]
) -> tuple[tuple[slice, slice], np.ndarray] | None:
    """Compute how much of each pixel a stroke covers.

    A pixel is covered as far as its middle is nearer to the pen's way than the pen's edge. A pen
    thinner than a pixel covers its own share of one.

    Args:
        stroke: ``[n, 2]``, in pixels.
        width: of the pen, in pixels.
        shape: ``(H, W)`` of the picture.

    Returns:
        rows and columns of the picture, and their shares from 0 to 1, float32; None for a stroke
        that is outside of it.
    """
    radius, strength = max(width, 1.0) / 2, min(width, 1.0)
    starts, ways = _pieces(np.asarray(stroke, dtype=np.float64), max(width, _LONGEST_PIECE))
    reach = radius + 0.5
    corners = np.floor(np.minimum(starts, starts + ways) - reach).astype(np.int64)  # [S, 2]
    side = math.ceil(max(width, _LONGEST_PIECE) + 2 * reach) + 2  # K
    low = np.maximum(corners.min(axis=0), 0)
    high = np.minimum(corners.max(axis=0) + side, shape[::-1])
    if (high <= low).any():
        return None
    shares = np.zeros((high - low)[::-1], dtype=np.float32)
    for chunk in _chunks(len(starts), max(_MOST_PIXELS // side**2, 1)):
        _cover(shares, starts[chunk], ways[chunk], corners[chunk], low, side, reach)
    shares *= np.float32(strength)
    return (slice(low[1], high[1]), slice(low[0], high[0])), shares


def _pieces(stroke: np.ndarray, longest: float) -> tuple[np.ndarray, np.ndarray]:
    """The first points ``[S, 2]`` of the pieces of a stroke, and the ways ``[S, 2]`` from them to
    the last ones."""
    if len(stroke) == 1:
        return stroke, np.zeros((1, 2))
    ways = np.diff(stroke, axis=0)
    parts = np.maximum(np.ceil(np.hypot(*ways.T) / longest), 1).astype(np.int64)
    at = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    ways = np.repeat(ways / parts[:, None], parts, axis=0)
    return np.repeat(stroke[:-1], parts, axis=0) + at[:, None] * ways, ways


def _chunks(total: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, total, size))


def _cover(
    shares: np.ndarray,
    starts: np.ndarray,
    ways: np.ndarray,
    corners: np.ndarray,
    low: np.ndarray,
    side: int,
    reach: float,
) -> None:
    """Raise ``shares`` to what the pieces cover of them, each within its window."""
    middles = np.arange(side) + 0.5 - (starts - corners)[:, :, None]  # [S, 2, K]
    # From the start of each piece, so single precision is enough.
    x, y = middles.astype(np.float32).transpose(1, 0, 2)
    x, y = x[:, None, :], y[:, :, None]  # [S, 1, K], [S, K, 1]
    way_x, way_y = ways.astype(np.float32).T[:, :, None, None]
    squares = np.maximum(way_x * way_x + way_y * way_y, np.float32(1e-12))
    along = np.clip((x * way_x + y * way_y) / squares, 0.0, 1.0)  # [S, K, K]
    ink = np.clip(reach - np.hypot(x - along * way_x, y - along * way_y), 0.0, 1.0)
    columns, rows = ((corners - low)[:, axis, None] + np.arange(side) for axis in (0, 1))
    height, width = shares.shape
    inside = ((rows >= 0) & (rows < height))[:, :, None]
    inside = inside & ((columns >= 0) & (columns < width))[:, None, :] & (ink > 0)
    places = (rows * width)[:, :, None] + columns[:, None, :]
    np.maximum.at(shares.reshape(-1), places[inside], ink[inside])


def draw_picture(
    size: tuple[float, float],
    scale: float,
    strokes: Iterable[tuple[np.ndarray, float, str]],
    texts: Iterable[Text] = (),
) -> Image.Image:
    """Draw a whole picture.

    Args:
        size: width and height of the drawing.
        scale: pixels to its unit.
        strokes: points ``[n, 2]``, width of the pen and colour of each, the lowest first.
        texts: words under them.
    """
    picture = Picture(*size, scale)
    picture.write(texts)
    for points, width, colour in strokes:
        picture.draw(points, width, colour)
    return picture.image()


def _font_for(words: str, size: float) -> tuple[ImageFont.FreeTypeFont, str]:
    """A font, and the words in characters that it has: Pillow's own, which is the same on every
    machine, or for characters that it lacks a larger one, where there is such."""
    font = _built_in_font(size)
    lacking = {character for character in words if not _has(font, character)}
    if lacking and (larger := _larger_font(size)) is not None:
        return larger, words
    for character in lacking:
        words = words.replace(character, _SUBSTITUTES.get(character, _UNKNOWN))
    return font, words


@functools.lru_cache(maxsize=16)
def _built_in_font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType, which draws the labels")
    return font


@functools.lru_cache(maxsize=16)
def _larger_font(size: float) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(_LARGER_FONT, size)
    except OSError:
        return None


@functools.lru_cache(maxsize=1024)
def _has(font: ImageFont.FreeTypeFont, character: str) -> bool:
    return bytes(font.getmask(character)) != bytes(font.getmask(_NO_CHARACTER))
