"""Pages as animated PNG: see ``handwriting.formats.animation``."""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from handwriting.formats.animation import Animation
from handwriting.pages.options import WriteOptions
from handwriting.pages.page import Page


def write_apng(page: Page, path: Path, options: WriteOptions) -> None:
    """Write the animation of one page."""
    animation = Animation(page, options.gif)
    times: list[int] = []
    pictures = _pictures(animation, times)
    first = next(pictures)
    others = list(pictures)
    first.save(
        path,
        format="PNG",
        save_all=True,
        append_images=others,
        duration=times,
        loop=0 if options.gif.loop else 1,
    )


def _pictures(animation: Animation, times: list[int]) -> Iterator[Image.Image]:
    """The frames; the time that each is shown for is appended to ``times``."""
    for frame in animation.frames():
        times.append(frame.milliseconds)
        picture = Image.fromarray(frame.pixels)
        picture.putpalette(animation.palette)
        yield picture
