"""Pages as GIF animations: see ``handwriting.formats.animation``.

A frame holds the pixels that changed since the one before, and nothing is compared to find them.
The format is that of https://www.w3.org/Graphics/GIF/spec-gif89a.txt; Pillow compresses the pixels.
"""

import struct
from pathlib import Path

from PIL import GifImagePlugin, Image

from handwriting.formats.animation import Animation
from handwriting.pages.options import WriteOptions
from handwriting.pages.page import Page

_GLOBAL_PALETTE = 0b11110111  # of 256 colours with 8 bits each
_LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_END = b"\x3b"
_STAYS = 1  # a frame is left in place when the next one comes


def write_gif(page: Page, path: Path, options: WriteOptions) -> None:
    """Write the animation of one page."""
    animation = Animation(page, options.gif)
    with open(path, "wb") as file:
        file.write(b"GIF89a" + struct.pack("<HHBBB", *animation.size, _GLOBAL_PALETTE, 0, 0))
        file.write(animation.palette)
        if options.gif.loop:
            file.write(_LOOP)
        for frame in animation.frames():
            left, top, right, bottom = frame.changed
            picture = Image.fromarray(frame.pixels[top:bottom, left:right])
            picture.putpalette(animation.palette)
            file.writelines(
                GifImagePlugin.getdata(
                    picture, (left, top), duration=frame.milliseconds, disposal=_STAYS
                )
            )
        file.write(_END)
