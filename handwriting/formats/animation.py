"""The pictures of an animation of a page: strokes appear in the order and at the pace they were
written.

Shapes: ``n`` points of one stroke; ``H``, ``W`` pixels of the picture.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import ImageColor

from handwriting.ink.drawing import PAPER_COLOUR, coverage, pixels_of
from handwriting.pages.crop import cropped
from handwriting.pages.options import GifOptions, check_pixels
from handwriting.pages.page import MM_PER_INCH, RULE_COLOUR, Page

_MOST_SHADES = 16
_COLOURS = 256
_THINNEST_PEN = 1.2  # pixels

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Frame:
    """One picture of an animation.

    Attributes:
        pixels: uint8 ``[H, W]``, indexes in the animation's palette; changes with the next frame.
        changed: left, top, right, bottom of the pixels that differ from the frame before; never
            empty.
        milliseconds: that it is shown for.
    """

    pixels: np.ndarray
    changed: Box
    milliseconds: int


class Animation:
    """The animation of one page. See ``GifOptions``.

    Attributes:
        size: width and height in pixels.
        palette: red, green, blue of each colour, 768 bytes.
    """

    def __init__(self, page: Page, options: GifOptions) -> None:
        self._page = page if options.crop_margin is None else cropped(page, options.crop_margin)
        self._options = options
        check_pixels(self._page.width, self._page.height, options.dpi)
        scale = options.dpi / MM_PER_INCH
        height, width = pixels_of(self._page.width, self._page.height, scale)
        self.size = (width, height)
        self._shades = max(min(_COLOURS // (2 * len(page.pens)), _MOST_SHADES), 2)
        self.palette = _palette(page.pens, self._shades)

    def __len__(self) -> int:
        """Number of frames, at least one."""
        return max(math.ceil(self._steps / self._steps_per_frame), 1)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames.

        Each shows a fixed number of pen steps more than the one before, the last one the whole
        page. Time with the pen off the paper is left out.
        """
        canvas = _Canvas(self._page, self.size, self._options.dpi, self._shades)
        shown_for = round(1000 * self._options.frame_seconds)
        per_frame, drawn, frame = self._steps_per_frame, 0, 1
        for stroke, pen in self._page.penned_strokes():
            start, width = 0, self._page.width_of(stroke)
            while drawn + len(stroke) - start > frame * per_frame:
                stop = start + math.floor(frame * per_frame) - drawn
                canvas.draw(stroke[max(start - 1, 0) : stop], width, pen)
                drawn, start, frame = drawn + stop - start, stop, frame + 1
                yield canvas.frame(shown_for)
            canvas.draw(stroke[max(start - 1, 0) :], width, pen)
            drawn += len(stroke) - start
        yield canvas.frame(shown_for + round(1000 * self._options.hold_seconds))

    @property
    def _steps(self) -> int:
        return sum(len(stroke) for stroke in self._page.strokes())

    @property
    def _steps_per_frame(self) -> float:
        frames = self._options.longest_seconds / self._options.frame_seconds
        at_pace = self._options.steps_per_second * self._options.frame_seconds
        return max(at_pace, self._steps / frames, 1.0)


class _Canvas:
    """A page that is drawn on bit by bit."""

    def __init__(self, page: Page, size: tuple[int, int], dpi: float, shades: int) -> None:
        self._scale = dpi / MM_PER_INCH
        width, height = size
        self._shades = shades
        self._ink = np.zeros((height, width), dtype=np.uint8)  # shade and pen of each pixel
        self._paper = np.zeros((height, width), dtype=np.uint8)
        rows = (np.array(page.rules) * self._scale).astype(np.int64)
        self._paper[np.minimum(rows, height - 1)] = shades * len(page.pens)
        self._changed: Box | None = (0, 0, width, height)  # in the first frame, all

    def draw(self, points: np.ndarray, pen_width: float, pen: int) -> None:
        """Draw part of a stroke, points ``[n, 2]``, all in mm; no point is fine."""
        if len(points) == 0:
            return
        width = max(pen_width * self._scale, _THINNEST_PEN)
        covered = coverage(points * self._scale, width, self._ink.shape)
        if covered is None:
            return
        (rows, columns), ink = covered
        shades = np.rint(ink * (self._shades - 1)).astype(np.uint8)
        before = self._ink[rows, columns]
        is_darker = shades > before % self._shades
        before[is_darker] = shades[is_darker] + pen * self._shades
        self._change((columns.start, rows.start, columns.stop, rows.stop))

    def _change(self, box: Box) -> None:
        if self._changed is not None:
            left, top, right, bottom = self._changed
            box = (min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3]))
        self._changed = box

    def frame(self, milliseconds: int) -> Frame:
        """Return the page as it is now."""
        changed = self._changed or (0, 0, 1, 1)
        self._changed = None
        return Frame(self._ink + self._paper, changed, milliseconds)


def _palette(pens: tuple[str, ...], shades: int) -> bytes:
    """Shades from paper to the ink of each pen, then from a rule to each, as red, green, blue."""
    amount = np.linspace(0.0, 1.0, shades)[:, None]
    colours = np.concatenate(
        [
            (1 - amount) * np.array(ImageColor.getrgb(paper)[:3])
            + amount * np.array(ImageColor.getrgb(pen)[:3])
            for paper in (PAPER_COLOUR, RULE_COLOUR)
            for pen in pens
        ]
    )
    return bytes(colours.round().astype(np.uint8).ravel().tolist()).ljust(3 * _COLOURS, b"\0")
