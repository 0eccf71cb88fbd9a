"""The command line of ``experiments.py``.

An option that only one of its uses knows is None where it was not given, so that it can be refused
in the others.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from handwriting.errors import UserError
from handwriting.pages import FORMATS, GcodeOptions, PageOptions
from reading.options import OPTIONS as _RECOGNITION
from reading.options import add_options as add_recognition
from utils.command_line import (
    OneLineParser,
    number_from_zero,
    option_name,
    positive_number,
    whole_number,
)
from writing.pen_steps.packed_weights import PRECISIONS

_SAMPLES = ("samples", "in_hands", "steps", "samples_only")
_EVALUATION = ("split", "limit", "bs", *_SAMPLES)
_GCODE = ("pen_up", "pen_down", "feed_rate", "travel_rate")
_PAGE = ("lines_per_page", "page_width", "align", "line_spacing", "ruled")
_STYLE_TEXT = "style_text"
INK_LINES = ("auto", "one")
_NOT_READING = ("data", "bias", "recognizer", "split", *_SAMPLES)
_INKING = ("style", _STYLE_TEXT, "format", "replace_unknown", "best_of", "precision")
_NOT_EXPORTING = ("ink", "ink_lines", "text", "text_file", "bias", *_SAMPLES)
_WRITING = (*_INKING, *_PAGE, *_GCODE)


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, with ``bias`` as a list or None; ``UserError`` for what is wrong in them."""
    parser = OneLineParser(
        prog="experiments.py",
        allow_abbrev=False,
        description="Evaluate a trained model: numbers on real lines, pictures of what it writes."
        " Or, with --text or --text-file, write with it; or, with --ink, read handwriting; or,"
        " with --export-onnx, export its pen step.",
    )
    _add_common(parser.add_argument)
    evaluation = parser.add_argument_group("evaluation")
    _add_evaluation(evaluation.add_argument)
    writing = parser.add_argument_group("writing, lengths in mm")
    _add_writing(writing.add_argument)
    recognition = parser.add_argument_group("recognisers: how lines are read")
    add_recognition(recognition.add_argument)
    reading = parser.add_argument_group("reading ink from a file")
    _add_reading(reading.add_argument)
    onnx = parser.add_argument_group("ONNX, with the packages of requirements-onnx.txt")
    _add_onnx(onnx.add_argument)
    options = parser.parse_args(argv)
    _refuse_conflicts(options)
    return options


def writes(options: argparse.Namespace) -> bool:
    """Whether the command is to write a text, not to evaluate."""
    return options.text is not None or options.text_file is not None


def reads(options: argparse.Namespace) -> bool:
    """Whether the command is to read ink from a file, not to evaluate."""
    return options.ink is not None


def page_options(options: argparse.Namespace) -> PageOptions:
    """How the pages are laid out."""
    return PageOptions(**_given(options, _PAGE))


def gcode_options(options: argparse.Namespace) -> GcodeOptions:
    """What a plotter is told. A backslash and n in a command start a new line of it."""
    given = _given(options, _GCODE)
    for name in ("pen_up", "pen_down"):
        if name in given:
            given[name] = given[name].replace("\\n", "\n")
    return GcodeOptions(**given)


def _given(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _add_common(add: Callable[..., Any]) -> None:
    add("-r", "--resume", type=Path, required=True, metavar="CHECKPOINT", help="the trained model")
    add("--data", type=Path, help="folder of the data (default: what the model was trained on)")
    add("--out", type=Path, help="folder for the results (default: beside the checkpoint)")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    add("--seed", type=whole_number(0), default=1, help="of what is written (default: 1)")
    add(
        "--bias",
        type=number_from_zero,
        nargs="+",
        help="sampling biases to draw lines at (default: 0 0.5 1 2, with text 0.15 0.5 1); the one"
        " bias to write a text with (default: 0.75): 0 is as varied as real hands, more is neater",
    )


def _add_evaluation(add: Callable[..., Any]) -> None:
    positive = whole_number(1)
    add("--split", help="lines to evaluate on (default: those of validation)")
    add("--limit", type=positive, metavar="N", help="evaluate on N lines of the split only")
    add("--bs", type=positive, metavar="N", help="lines in a batch; changes speed only")
    add(
        "--samples",
        type=positive,
        metavar="N",
        help="lines drawn at each bias (default: 3); of a model with text, lines of the split that"
        " it writes again at each bias, to compare (default: 32); of one that reads, lines in the"
        " report (default: 20 of the worst and as many others)",
    )
    add(
        "--recognizer",
        type=Path,
        metavar="CHECKPOINT",
        help="a recogniser that was trained on real ink: how well it reads the lines that a model"
        " writes again, beside the real ones (--samples is 200 then); with --best-of, what it reads"
        " best is kept",
    )
    add(
        "--in-hands",
        action="store_true",
        default=None,
        help="a model with text writes each line again in the hand of another one, by the same"
        " writer where that is known; how far the hands are kept is measured, too",
    )
    add("--steps", type=whole_number(2), metavar="N", help="pen steps of a line without text")
    add(
        "--samples-only",
        action="store_true",
        default=None,
        help="draw samples alone, which needs no data",
    )


def _add_writing(add: Callable[..., Any]) -> None:
    add("--text", help="what to write; a newline starts a new line")
    add("--text-file", type=Path, metavar="FILE", help="what to write, UTF-8; - for standard input")
    add(
        "--style",
        metavar="LINE_ID|FILE",
        help="handwriting to write like: a line of the data by its id, or an .inkml, .svg, .npy or"
        " .json file (default: a hand that the model makes up)",
    )
    add("--style-text", metavar="TEXT", help="what the line of --style says")
    add("--best-of", type=whole_number(1), metavar="N", help="write each piece N times, keep one")
    add(
        "--precision",
        choices=PRECISIONS,
        help="of the matrix products (default: float32); bfloat16 writes many lines in half the"
        " time where the processor has instructions for it, with slightly different strokes",
    )
    add(
        "--replace-unknown",
        action="store_true",
        default=None,
        help="write characters that the model does not know as similar ones, or not at all",
    )
    add("--format", help=f"some of {','.join(FORMATS)} (default: svg,png)")
    add("--page-width", type=positive_number, metavar="MM", help="of the paper (default: 210)")
    add("--lines-per-page", type=whole_number(1), metavar="N", help="(default: as many as fit)")
    add("--line-spacing", type=positive_number, metavar="MM", help="between lines (default: 10)")
    add("--align", choices=("left", "center", "right"), help="(default: left)")
    add("--ruled", action="store_true", default=None, help="on ruled paper")
    default = GcodeOptions()
    add("--pen-up", metavar="GCODE", help=f"lifts the pen (default: {default.pen_up})")
    add("--pen-down", metavar="GCODE", help=f"puts it down (default: {default.pen_down})")
    add(
        "--feed-rate",
        type=positive_number,
        metavar="MM",
        help=f"a minute, while drawing (default: {default.feed_rate:g})",
    )
    add(
        "--travel-rate",
        type=positive_number,
        metavar="MM",
        help=f"a minute, pen up (default: {default.travel_rate:g})",
    )


def _add_reading(add: Callable[..., Any]) -> None:
    add(
        "--ink",
        type=Path,
        metavar="FILE",
        help="print what the handwriting in an .inkml, .svg, .json or .npy file says; with --out"
        " also write the text, how sure it is, and a picture",
    )
    add(
        "--ink-lines",
        choices=INK_LINES,
        help="auto: ink that the file does not divide into lines is divided by where its strokes"
        " are; one: all of it is one line (default: auto)",
    )


def _add_onnx(add: Callable[..., Any]) -> None:
    add(
        "--export-onnx",
        action="store_true",
        default=None,
        help="write one pen step of a model that writes as ONNX, in float32 and with weights of 8"
        " bits, and measure both on lines of the data (--limit, default: 32)",
    )
    add(
        "--onnx",
        type=Path,
        metavar="FILE",
        help="write with this export of the checkpoint (step.onnx or step.int8.onnx), which is"
        " faster on a CPU; for --text and --samples-only",
    )


def _refuse_conflicts(options: argparse.Namespace) -> None:
    """``UserError`` where options do not go together."""
    _refuse_beside_onnx(options)
    if reads(options):
        _refuse(options, ("text", "text_file", *_WRITING), "is for writing, --ink is for reading")
        _refuse(options, _NOT_READING, "does not go with --ink")
        return
    _refuse(options, ("ink_lines",), "says more about --ink, which is not given")
    if not writes(options):
        _refuse(options, _WRITING, "is for writing, which needs --text or --text-file")
        for name in ("recognizer", "in_hands"):
            if options.samples_only and getattr(options, name):
                raise UserError(
                    f"{option_name(name)}: is about real lines, which --samples-only leaves out"
                )
        return
    if options.text is not None and options.text_file is not None:
        raise UserError("--text, --text-file: give one of the two")
    _refuse(
        options,
        (*_EVALUATION, *_RECOGNITION),
        "is for evaluation, it does not go with --text or --text-file",
    )
    if options.bias and len(options.bias) > 1:
        raise UserError(f"--bias: one bias to write with, got {len(options.bias)}")
    if options.style is None:
        _refuse(options, (_STYLE_TEXT, "data"), "says more about --style, which is not given")
    if (options.best_of or 1) < 2:
        _refuse(options, ("recognizer",), "picks one of the draws of --best-of, which is not given")
    if "gcode" not in (options.format or ""):
        _refuse(options, _GCODE, "is for G-code, which is not among the formats of --format")


def _refuse_beside_onnx(options: argparse.Namespace) -> None:
    """``UserError`` for what does not go with ONNX; where that is used, the device is the CPU."""
    if options.export_onnx:
        names = (*_NOT_EXPORTING, "recognizer", "onnx", *_WRITING, *_RECOGNITION)
        _refuse(options, names, "does not go with --export-onnx")
    elif options.onnx is None:
        return
    elif not (writes(options) or options.samples_only):
        raise UserError("--onnx: is for writing, with --text, --text-file or --samples-only")
    _refuse(options, ("precision",), "is of the matrix products in torch, --onnx has its own")
    if options.device not in ("auto", "cpu"):
        raise UserError(f"--device: ONNX runs on the CPU here, got {options.device!r}")
    options.device = "cpu"


def _refuse(options: argparse.Namespace, names: Sequence[str], why: str) -> None:
    for name in _given(options, names):
        raise UserError(f"{option_name(name)}: {why}")
