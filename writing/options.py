"""The options of writing a text; an option that was not given is None."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handwriting.command_line import given, number, whole_number
from handwriting.formats.registry import READ_SUFFIXES, WRITTEN_FORMATS, listed
from handwriting.pages.options import (
    LINE_SPACING,
    MOST_LINES,
    PAGE_WIDTH,
    RATES,
    GcodeOptions,
    PageOptions,
)
from handwriting.runtime.precisions import PRECISIONS as PRECISIONS_OF_FILES

PRECISIONS = ("float32", "bfloat16")
"""Of the matrix products; the first is the default."""

MOST_DRAWS = 1000
"""Of each piece, to keep the best of."""

STYLE_TEXT = "style_text"
GCODE = ("pen_up", "pen_down", "feed_rate", "travel_rate")
PAGE = ("lines_per_page", "page_width", "align", "line_spacing", "ruled")
_INKING = ("style", STYLE_TEXT, "format", "replace_unknown", "best_of", "precision")
OPTIONS = (*_INKING, *PAGE, *GCODE)


def add_options(add: Callable[..., Any]) -> None:
    """Add the options with a parser's ``add_argument``."""
    add("--text", help="text to write; a newline starts a new line")
    add(
        "--text-file",
        type=Path,
        metavar="FILE",
        help="file of text to write, UTF-8; - for standard input",
    )
    add(
        "--style",
        metavar="LINE_ID|FILE",
        help="handwriting to write like: a line of the data by its id, or a"
        f" {listed(READ_SUFFIXES)} file (default: the model makes up a style)",
    )
    add("--style-text", metavar="TEXT", help="the text of the line of --style")
    add(
        "--best-of",
        type=whole_number(1, MOST_DRAWS),
        metavar="N",
        help="write each piece N times and keep the best",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        help="precision of matrix products (default: float32); bfloat16 writes many lines in half"
        " the time where the processor has instructions for it, with slightly different strokes",
    )
    add(
        "--replace-unknown",
        action="store_true",
        default=None,
        help="write characters that the model does not know as similar ones, or not at all",
    )
    add("--format", help=f"some of {','.join(WRITTEN_FORMATS)} (default: svg,png)")
    add(
        "--page-width",
        type=number(*PAGE_WIDTH),
        metavar="MM",
        help="width of the paper (default: 210)",
    )
    add(
        "--lines-per-page",
        type=whole_number(1, MOST_LINES),
        metavar="N",
        help="lines of writing on a page (default: as many as fit)",
    )
    add(
        "--line-spacing",
        type=number(*LINE_SPACING),
        metavar="MM",
        help="distance between baselines (default: 10)",
    )
    add(
        "--align",
        choices=("left", "center", "right"),
        help="alignment of the lines (default: left)",
    )
    add("--ruled", action="store_true", default=None, help="draw ruled paper")
    default = GcodeOptions()
    add("--pen-up", metavar="GCODE", help=f"command that lifts the pen (default: {default.pen_up})")
    add(
        "--pen-down",
        metavar="GCODE",
        help=f"command that lowers the pen (default: {default.pen_down})",
    )
    add(
        "--feed-rate",
        type=number(*RATES),
        metavar="MM",
        help=f"speed while drawing, mm a minute (default: {default.feed_rate:g})",
    )
    add(
        "--travel-rate",
        type=number(*RATES),
        metavar="MM",
        help=f"speed with the pen up, mm a minute (default: {default.travel_rate:g})",
    )


def add_onnx_options(add: Callable[..., Any]) -> None:
    """Add the options of ONNX with a parser's ``add_argument``."""
    add(
        "--export-onnx",
        action="store_true",
        default=None,
        help="write one pen step of a model that writes, or the encoder and the decoder of one that"
        " reads, as ONNX, in float32 and with weights of 8 bits, and measure both on lines of the"
        " data (--limit, default: 32)",
    )
    add(
        "--onnx",
        type=Path,
        metavar="FILE",
        help="write with this export of the checkpoint (step.onnx or step.int8.onnx), which is"
        " faster on a CPU; for --text and --samples-only",
    )


def add_runtime_options(add: Callable[..., Any]) -> None:
    """Add the options of the export for the package with a parser's ``add_argument``."""
    add(
        "--export",
        type=Path,
        metavar="DIR",
        help="write the model for the package, the page and other programs, in a safetensors file"
        " that stands alone (docs/export.md), and measure its rounded weights on lines of the data",
    )
    add(
        "--export-weights",
        choices=PRECISIONS_OF_FILES,
        help=f"numbers of its weights (default: {PRECISIONS_OF_FILES[0]})",
    )


def writes(options: argparse.Namespace) -> bool:
    """Whether the command is to write a text, not to evaluate."""
    return options.text is not None or options.text_file is not None


def page_options(options: argparse.Namespace) -> PageOptions:
    """Return the options of the pages' layout."""
    return PageOptions(**given(options, PAGE))


def gcode_options(options: argparse.Namespace) -> GcodeOptions:
    """Return the plotter's options. A backslash and n in a command start a new line of it."""
    values = given(options, GCODE)
    for name in ("pen_up", "pen_down"):
        if name in values:
            values[name] = values[name].replace("\\n", "\n")
    return GcodeOptions(**values)
