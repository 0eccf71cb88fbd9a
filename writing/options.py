"""The options of writing a text; an option that was not given is None."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from handwriting.command_line import check_absent, given, number, option_name, whole_number
from handwriting.errors import UserError
from handwriting.formats.registry import READ_SUFFIXES, WRITTEN_FORMATS, format_named, listed
from handwriting.limits import MOST_DRAWS
from handwriting.pages.options import (
    DPI,
    DRIFT,
    LINE_SPACING,
    MARGIN,
    MOST_LINES,
    PAGE_WIDTH,
    PEN_WIDTH,
    RATES,
    X_HEIGHT,
    GcodeOptions,
    PageOptions,
    WriteOptions,
)
from handwriting.pages.paper import SIZES, paper_size
from handwriting.runtime.precisions import PRECISIONS as PRECISIONS_OF_FILES

PRECISIONS = ("float32", "bfloat16")
"""Of the matrix products; the first is the default."""

STYLE_TEXT = "style_text"
GCODE = ("pen_up", "pen_down", "pen_change", "feed_rate", "travel_rate")
PAGE = (
    *("lines_per_page", "page_width", "align", "line_spacing", "ruled", "margin", "x_height"),
    *("pen_width", "fit", "hyphenate", "drift"),
)
PAPER = ("page", "landscape")
TABLE = ("csv", "template", "template_file")
_INKING = (
    *("hand", "style", STYLE_TEXT, "format", "replace_unknown", "best_of", "precision", "markup"),
    *("dpi", "short_travel"),
)
OPTIONS = (*_INKING, *TABLE, *PAPER, *PAGE, *GCODE)


def add_options(add: Callable[..., Any]) -> None:
    """Add the options with a parser's ``add_argument``."""
    add("--text", help=r"text to write; a newline, also as \n, starts a new line, \t is a tab")
    add(
        "--text-file",
        type=Path,
        metavar="FILE",
        help="file of text to write, UTF-8; - for standard input",
    )
    add(
        "--hand",
        metavar="NAME",
        help="a hand to write in, of hands.safetensors beside the checkpoint (default: the seed"
        " makes one up)",
    )
    add(
        "--style",
        metavar="LINE_ID|FILE",
        help="handwriting to write like: a line of the data by its id, or a"
        f" {listed(READ_SUFFIXES)} file (default: the model makes up a style)",
    )
    add("--style-text", metavar="TEXT", help="the text of the line of --style")
    add(
        "--csv",
        type=Path,
        metavar="FILE",
        help="write a text for each row of this table, with a header, by --template",
    )
    add(
        "--template",
        metavar="TEXT",
        help="the text of each row of --csv; {name} is what the row has in the column of that name",
    )
    add("--template-file", type=Path, metavar="FILE", help="file of such a text")
    add(
        "--markup",
        action="store_true",
        default=None,
        help="[red]parts[/red] of the text are in another colour (a name, or such as #2e7d32), and"
        " drawn with another pen",
    )
    add(
        "--best-of",
        type=whole_number(1, MOST_DRAWS),
        metavar="N",
        help="write each piece N times and keep the one that is read best (default: 4 if a"
        " recogniser is at hand, else 1)",
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
    _add_page_options(add)
    _add_plotter_options(add)


def _add_page_options(add: Callable[..., Any]) -> None:
    add(
        "--page",
        metavar="SIZE",
        help=f"paper: {', '.join(SIZES)}, or such as 90x55 (default: as --page-width says)",
    )
    add(
        "--landscape", action="store_true", default=None, help="with the paper's longer side across"
    )
    add("--margin", type=number(*MARGIN), metavar="MM", help="empty at all sides (default: 18)")
    add(
        "--x-height",
        type=number(*X_HEIGHT),
        metavar="MM",
        help="height of small letters (default: 0.27 of the line spacing); lines are apart in"
        " proportion",
    )
    add(
        "--pen-width",
        type=number(*PEN_WIDTH),
        metavar="MM",
        help="width of the pen (default: 0.16 of the height of small letters)",
    )
    add("--dpi", type=number(*DPI), metavar="N", help="pixels per inch in PNG (default: 150)")
    add(
        "--fit",
        action="store_true",
        default=None,
        help="write as large as fits on one page",
    )
    add(
        "--hyphenate",
        metavar="LANGUAGE",
        help="hyphenate words by the rules of a language such as en_GB (needs pyphen)",
    )
    add(
        "--drift",
        type=number(*DRIFT),
        metavar="X",
        help="how far lines and words leave their places, about 1 for a person without ruled paper"
        " (default: 0)",
    )
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


def _add_plotter_options(add: Callable[..., Any]) -> None:
    add(
        "--short-travel",
        action="store_true",
        default=None,
        help="order the strokes of a plotter's program so that the pen travels less",
    )
    default = GcodeOptions()
    add("--pen-up", metavar="GCODE", help=f"command that lifts the pen (default: {default.pen_up})")
    add(
        "--pen-down",
        metavar="GCODE",
        help=f"command that lowers the pen (default: {default.pen_down})",
    )
    add(
        "--pen-change",
        metavar="GCODE",
        help="command before ink of another colour, {pen} is its number, from 1"
        f" (default: {default.pen_change})",
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
    return bool(given(options, ("text", "text_file", *TABLE)))


def page_options(options: argparse.Namespace) -> PageOptions:
    """Return the options of the pages' layout."""
    values = given(options, PAGE)
    if options.page is not None:
        size = paper_size(options.page, bool(options.landscape))
        values["page_width"], values["page_height"] = size
    elif options.landscape:
        values["page_width"], values["page_height"] = paper_size("a4", is_landscape=True)
    return PageOptions(**values, seed=options.seed)


def write_options(options: argparse.Namespace) -> WriteOptions:
    """Return the options of the files."""
    values = given(options, ("dpi", "short_travel"))
    return WriteOptions(gcode=gcode_options(options), **values)


def gcode_options(options: argparse.Namespace) -> GcodeOptions:
    """Return the plotter's options. A backslash and n in a command start a new line of it."""
    values = given(options, GCODE)
    for name in ("pen_up", "pen_down", "pen_change"):
        if name in values:
            values[name] = values[name].replace("\\n", "\n")
    return GcodeOptions(**values)


def check_writing_options(options: argparse.Namespace) -> None:
    """Raise ``UserError`` where options of writing do not go together."""
    _check_texts(options)
    _check_style(options)
    if options.bias and len(options.bias) > 1:
        raise UserError(f"--bias: one bias to write with, got {len(options.bias)}")
    if options.best_of == 1:
        check_absent(options, ("recogniser",), "picks one of several draws, --best-of 1 makes one")
    formats = options.format or ""
    if "gcode" not in formats:
        check_absent(options, GCODE, "is for G-code, which is not among the formats of --format")
    if "gcode" not in formats and "hpgl" not in formats:
        why = "is for plotters, --format has neither gcode nor hpgl"
        check_absent(options, ("short_travel",), why)
    if options.page is not None:
        check_absent(options, ("page_width",), "is what --page says already")
    if options.landscape and options.page_width is not None:
        raise UserError("--landscape: is for a paper of --page, not for --page-width")


def _check_texts(options: argparse.Namespace) -> None:
    _check_one_of(options, ("text", "text_file", "csv"))
    if options.csv is None:
        check_absent(options, TABLE, "is for the rows of --csv, which is not given")
        return
    _check_one_of(options, ("template", "template_file"))
    if not given(options, ("template", "template_file")):
        raise UserError("--csv: needs a text for its rows, --template or --template-file")


def _check_style(options: argparse.Namespace) -> None:
    _check_one_of(options, ("hand", "style"))
    if options.style is None:
        check_absent(options, (STYLE_TEXT, "data"), "says more about --style, which is not given")
        return
    path = style_file(options)
    if path is None:
        return
    check_absent(options, ("data",), "is for a --style that is a line of the data, not a file")
    if not path.exists():
        raise UserError(f"--style {path}: cannot be read: No such file or directory")
    entry = format_named(path.suffix.lower().removeprefix("."))
    if not path.is_file() or entry is None or entry.reader is None:
        raise UserError(f"--style {path}: is no file of ink, it should be {listed(READ_SUFFIXES)}")


def style_file(options: argparse.Namespace) -> Path | None:
    """Return the file that ``--style`` names; None where it names a line of the data."""
    path = Path(options.style)
    return path if path.suffix or len(path.parts) > 1 or path.exists() else None


def _check_one_of(options: argparse.Namespace, names: Sequence[str]) -> None:
    found = given(options, names)
    if len(found) > 1:
        raise UserError(f"{', '.join(map(option_name, found))}: give one of them")
