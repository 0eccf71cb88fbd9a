"""Pages as animations: the strokes appear in the order and at the pace they were written.

Shapes: ``n`` points of one stroke; ``H``, ``W`` pixels of the picture.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor

from handwriting.ink.drawing import INK_COLOUR, PAPER_COLOUR, coverage, pixels_of
from handwriting.pages.options import GifOptions, WriteOptions, check_pixels
from handwriting.pages.page import MM_PER_INCH, RULE_COLOUR, Page

_SHADES = 16
_THINNEST_PEN = 1.2  # pixels


def write_gif(page: Page, path: Path, options: WriteOptions) -> None:
    """Write the animation of one page. See ``page_frames``."""
    gif = options.gif
    frames = page_frames(page, gif)
    first = next(frames)
    durations = [round(1000 * gif.frame_seconds)] * frame_count(page, gif)
    durations[-1] += round(1000 * gif.hold_seconds)
    repeat = {"loop": 0} if gif.loop else {}
    first.save(
        path, format="GIF", save_all=True, append_images=frames, duration=durations, **repeat
    )


def frame_count(page: Page, options: GifOptions) -> int:
    """Return the number of frames of a page's animation, at least one."""
    return max(math.ceil(_steps(page) / _steps_per_frame(page, options)), 1)


def page_frames(page: Page, options: GifOptions) -> Iterator[Image.Image]:
    """The pictures of the animation, all with one palette.

    Each shows a fixed number of pen steps more than the one before, the last one the whole page.
    Time with the pen off the paper is left out.
    """
    canvas = _Canvas(page, options.dpi)
    per_frame = _steps_per_frame(page, options)
    drawn, frame = 0, 1
    for stroke in page.strokes():
        start, width = 0, page.width_of(stroke)
        while drawn + len(stroke) - start > frame * per_frame:
            stop = start + math.floor(frame * per_frame) - drawn
            canvas.draw(stroke[max(start - 1, 0) : stop], width)
            drawn, start, frame = drawn + stop - start, stop, frame + 1
            yield canvas.picture()
        canvas.draw(stroke[max(start - 1, 0) :], width)
        drawn += len(stroke) - start
    yield canvas.picture()


def _steps(page: Page) -> int:
    return sum(len(stroke) for stroke in page.strokes())


def _steps_per_frame(page: Page, options: GifOptions) -> float:
    frames = options.longest_seconds / options.frame_seconds
    at_pace = options.steps_per_second * options.frame_seconds
    return max(at_pace, _steps(page) / frames, 1.0)


class _Canvas:
    """A page that is drawn on bit by bit."""

    def __init__(self, page: Page, dpi: float) -> None:
        check_pixels(page.width, page.height, dpi)
        self._scale = dpi / MM_PER_INCH
        height, width = pixels_of(page.width, page.height, self._scale)
        self._shades = np.zeros((height, width), dtype=np.uint8)  # [H, W]
        self._ruled = np.zeros((height, width), dtype=np.uint8)  # [H, W]
        rows = (np.array(page.rules) * self._scale).astype(np.int64)
        self._ruled[np.minimum(rows, height - 1)] = _SHADES
        self._palette = _palette()

    def draw(self, points: np.ndarray, pen_width: float) -> None:
        """Draw part of a stroke, points ``[n, 2]``, all in mm; no point is fine."""
        if len(points) == 0:
            return
        pen = max(pen_width * self._scale, _THINNEST_PEN)
        covered = coverage(points * self._scale, pen, self._shades.shape)
        if covered is not None:
            box, ink = covered
            shades = np.rint(ink * (_SHADES - 1)).astype(np.uint8)
            self._shades[box] = np.maximum(self._shades[box], shades)

    def picture(self) -> Image.Image:
        """The page as it is now, pixels as indexes in the palette."""
        picture = Image.fromarray(self._shades + self._ruled)
        picture.putpalette(self._palette)
        return picture


def _palette() -> list[int]:
    """Shades from paper to ink, then from a rule to ink, as red, green, blue of each."""
    ink = np.array(ImageColor.getrgb(INK_COLOUR))
    amount = np.linspace(0.0, 1.0, _SHADES)[:, None]
    shades = [
        (1 - amount) * np.array(ImageColor.getrgb(colour)) + amount * ink
        for colour in (PAPER_COLOUR, RULE_COLOUR)
    ]
    return [int(part) for part in np.concatenate(shades).round().ravel()]
