"""Options of pages of handwriting and of the files they are written to."""

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from handwriting.errors import UserError
from handwriting.ink.drawing import INK_COLOUR
from handwriting.pages.page import MM_PER_INCH

# Lengths in mm. The largest paper is that of B0 and some more; what is smaller than the least is
# smaller than a pen's dot.
PAGE_WIDTH = (1.0, 1000.0)
LINE_SPACING = (0.1, 500.0)
MARGIN = (0.0, 500.0)
X_HEIGHT = (0.01, 500.0)
PEN_WIDTH = (0.01, 100.0)
DRIFT = (0.0, 5.0)
DPI = (10.0, 1200.0)
MOST_PENS = 100
MOST_LINES = 1000
MOST_LINE_SPACING = LINE_SPACING[1]
MOST_HEIGHT = 2000.0
"""Of the paper, in mm, whether it is given or follows from the lines."""

RATES = (0.1, 100_000.0)
"""Of a plotter, in mm a minute."""

MOST_PIXELS = 200_000_000
"""Of a picture of a page."""

Height = Annotated[float, Field(gt=0, le=MOST_HEIGHT, allow_inf_nan=False)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Rate = Annotated[float, Field(ge=RATES[0], le=RATES[1], allow_inf_nan=False)]

# Of a line's share of the page, how much is above its baseline: letters rise more than they hang.
ROOM_ABOVE_BASELINE = 0.7


@dataclass(frozen=True)
class PageOptions:
    """Options of the layout. All lengths are in mm.

    Attributes:
        page_width: of the paper.
        page_height: of the paper; None for what ``lines_per_page`` takes, or without that for the
            proportions of A4.
        margin: empty paper at all four sides.
        lines_per_page: None for as many as fit.
        line_spacing: from one baseline to the next; None for 10, or with an ``x_height`` for what
            is in proportion to it.
        x_height: of the small letters; None for 0.27 of the line spacing.
        align: the lines' common edge, or their middle.
        ruled: whether the paper has a line under each line of writing.
        fit_height: whether a page ends after its last line rather than at the paper's height.
        pen_width: of the pen; None for 0.16 of the x-height.
        fit: whether the writing is made as large as fits on one page; ``x_height`` and
            ``line_spacing`` then say no more than their proportion.
        hyphenate: the language whose rules words are hyphenated by, such as ``en_GB``; None for
            not at all.
        drift: how far lines leave their places as people's do, about 1 for a person without
            ruled paper, 0 for not at all.
        seed: of the drift.
        pens: colours of the pens, the first that of all ink of which nothing else is said.
    """

    page_width: Annotated[float, Field(ge=PAGE_WIDTH[0], le=PAGE_WIDTH[1])] = 210.0
    page_height: Height | None = None
    margin: Annotated[float, Field(ge=MARGIN[0], le=MARGIN[1])] = 18.0
    lines_per_page: Annotated[int, Field(ge=1, le=MOST_LINES)] | None = None
    line_spacing: Annotated[float, Field(ge=LINE_SPACING[0], le=LINE_SPACING[1])] | None = None
    x_height: Annotated[float, Field(ge=X_HEIGHT[0], le=X_HEIGHT[1])] | None = None
    align: Literal["left", "center", "right"] = "left"
    ruled: bool = False
    fit_height: bool = False
    pen_width: Annotated[float, Field(gt=0, le=PEN_WIDTH[1])] | None = None
    fit: bool = False
    hyphenate: str | None = None
    drift: Annotated[float, Field(ge=DRIFT[0], le=DRIFT[1])] = 0.0
    seed: Annotated[int, Field(ge=0)] = 1
    pens: Annotated[tuple[Colour, ...], Field(min_length=1, max_length=MOST_PENS)] = (INK_COLOUR,)


@dataclass(frozen=True)
class GifOptions:
    """Options of an animation.

    Attributes:
        steps_per_second: pen steps written in a second; people's writing takes some 25 a letter.
        longest_seconds: a page that would take longer is written faster, to take this.
        frame_seconds: each frame is shown for, in GIF's own unit of 1/100 s.
        hold_seconds: the finished page is shown for, before the animation begins again.
        dpi: pixels per inch of paper.
        loop: whether it begins again.
        crop_margin: paper shown around the ink, in mm; None for the whole page.
    """

    steps_per_second: Annotated[float, Field(gt=0, le=100_000)] = 80.0
    longest_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    frame_seconds: Annotated[float, Field(ge=0.02, le=10)] = 0.08
    hold_seconds: Annotated[float, Field(ge=0, le=100)] = 2.0
    dpi: Annotated[float, Field(ge=10, le=300)] = 96.0
    loop: bool = True
    crop_margin: Annotated[float, Field(ge=0, le=500)] | None = 5.0


@dataclass(frozen=True)
class GcodeOptions:
    """Commands for a plotter. A command may be several lines.

    Attributes:
        pen_up: the command that lifts the pen.
        pen_down: the command that puts it down.
        pen_change: the command before ink of another pen; ``{pen}`` in it is its number, from 1.
        feed_rate: mm a minute while drawing.
        travel_rate: mm a minute with the pen up.
    """

    pen_up: Annotated[str, Field(min_length=1)] = "G0 Z3"
    pen_down: Annotated[str, Field(min_length=1)] = "G1 Z0 F600"
    pen_change: Annotated[str, Field(min_length=1)] = "M0 ; pen {pen}"
    feed_rate: Rate = 2000.0
    travel_rate: Rate = 6000.0


@dataclass(frozen=True)
class WriteOptions:
    """Options of the files that pages are written to.

    Attributes:
        dpi: pixels per inch of paper in PNG pictures.
        gif: of animations.
        gcode: of plotter programs.
        short_travel: whether strokes of a plotter program are in an order that saves way rather
            than in that of writing.
    """

    dpi: Annotated[float, Field(ge=DPI[0], le=DPI[1])] = 150.0
    gif: GifOptions = field(default_factory=GifOptions)
    gcode: GcodeOptions = field(default_factory=GcodeOptions)
    short_travel: bool = False


def check_options(options: Any) -> None:
    """Raise ``UserError`` naming each option that is out of its range, its value and the rule.

    Args:
        options: an instance of one of the dataclasses of this file.
    """
    try:
        pydantic.TypeAdapter(type(options)).validate_python(dataclasses.asdict(options))
    except pydantic.ValidationError as error:
        raise UserError("; ".join(_problem(details) for details in error.errors())) from None


def check_pixels(width: float, height: float, dpi: float) -> None:
    """Raise ``UserError`` where a picture of a page, in mm, would have too many pixels."""
    pixels = width * height * (dpi / MM_PER_INCH) ** 2
    if pixels > MOST_PIXELS:
        raise UserError(
            f"dpi: a picture has {MOST_PIXELS:,} pixels at most, got {pixels:,.0f} of a page of"
            f" {width:g} x {height:g} mm at {dpi:g} dpi"
        )


def _problem(details: Any) -> str:
    names = [str(name) for name in details["loc"] if "[" not in str(name)]
    rule = details["msg"].removeprefix("Input ")
    return f"{'.'.join(names)}: {rule}, got {details['input']!r}"
