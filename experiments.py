"""Evaluate a trained model, write a text with it, read handwriting, or export it to ONNX.

The checkpoint is enough: it carries the config, the vocabulary and the normalisation.

python experiments.py -r saved/models/.../model_best.pth
python experiments.py -r saved/models/.../model_best.pth write "Dear Sir"
python experiments.py -r saved/models/.../model_best.pth read page.svg
python experiments.py -r saved/models/.../model_best.pth export DIR
python experiments.py -r saved/models/.../model_best.pth export-onnx
torchrun --nproc_per_node=2 experiments.py -r saved/models/.../model_best.pth
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from handwriting.command_line import (
    OneLineParser,
    check_absent,
    is_terminal,
    number,
    option_name,
    whole_number,
)
from handwriting.errors import UserError, run_command
from handwriting.limits import MOST_BIAS
from reading.options import INK_OPTIONS, add_ink_options, reads
from reading.options import OPTIONS as READING
from reading.options import add_options as add_reading_options
from utils.shipped import checkpoint_path, shipped_names
from writing.options import OPTIONS as WRITING
from writing.options import add_onnx_options, add_runtime_options, check_writing_options, writes
from writing.options import add_options as add_writing_options

if TYPE_CHECKING:
    from trainer.distributed import Distributed

_SAMPLES = ("samples", "in_hands", "steps", "samples_only")
_EVALUATION = ("split", "limit", "bs", *_SAMPLES)
_NOT_READING = ("data", "bias", "recogniser", "split", *_SAMPLES)
_NOT_EXPORTING = ("ink", "watch", *INK_OPTIONS, "text", "text_file", "bias", *_SAMPLES)


class Command(NamedTuple):
    """A command: the option that it stands for, whether that takes no value, and what the titles of
    the groups of its options begin with."""

    option: str | None
    is_flag: bool
    groups: tuple[str, ...]


COMMANDS = {
    "evaluate": Command(None, True, ("evaluation", "recognisers")),
    "write": Command("--text", False, ("writing", "ONNX")),
    "read": Command("--ink", False, ("recognisers", "reading")),
    "export": Command("--export", False, ("export",)),
    "export-onnx": Command("--export-onnx", True, ("ONNX",)),
}

MOST_SEED = 2**63 - 1
MOST_LINES = 100_000_000
MOST_IN_BATCH = 10_000
MOST_SAMPLES = 100_000
MOST_STEPS = 100_000


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own)."""
    options = parse_options(argv)
    is_main = os.environ.get("RANK", "0") == "0"
    logging.basicConfig(level=logging.INFO if is_main else logging.WARNING, format="%(message)s")
    run(options)


def run(options: argparse.Namespace) -> None:
    """Do what the options ask for; torch is imported only now, once they are known to be right."""
    from trainer.distributed import distributed
    from utils.device import resolve_device

    with distributed(resolve_device(options.device)) as processes:
        if processes.world_size > 1:
            _check_divisible(options)
            options.device = str(processes.device)
        _run(options, processes)


def _run(options: argparse.Namespace, processes: "Distributed") -> None:
    from reading.recogniser import check_task_options
    from trainer.loaded_model import load_model
    from utils.matmul_precision import float32_products
    from writing.export_command import check_writer

    trained = load_model(options.resume, options.device)
    # Numbers are in float32 whatever the device is.
    with float32_products(next(trained.model.parameters()).device, tf32=False):
        check_task_options(options, trained.model)
        check_writer(trained, options)
        if options.export is not None:
            from evaluation.runtime_export import export as export_runtime

            export_runtime(trained, options)
        elif options.export_onnx:
            if trained.model.task == "recognition":
                from reading.onnx_command import export
            else:
                from writing.export_command import export

            export(trained, options)
        elif reads(options):
            from reading.command import read_ink

            read_ink(trained, options, progress=is_terminal())
        elif writes(options):
            from writing.command import write

            write(trained, options, progress=is_terminal())
        else:
            from evaluation.command import evaluate_model

            evaluate_model(trained, options, processes)


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, with ``bias`` as a list or None; ``UserError`` for what is wrong in them."""
    arguments, command = _with_options(list(sys.argv[1:] if argv is None else argv))
    parser = OneLineParser(
        prog="experiments.py",
        allow_abbrev=False,
        description="Evaluate a trained model: print numbers on real lines, draw pictures of its"
        " samples. With --text or --text-file, write a text; with --ink, read handwriting; with"
        " --export or --export-onnx, export the model for other programs.",
        epilog=f"Commands: -r CHECKPOINT {{{','.join(COMMANDS)}}} is short for these options;"
        " experiments.py COMMAND --help lists the options of one.",
    )
    _add_common(parser.add_argument)
    evaluation = parser.add_argument_group("evaluation")
    _add_evaluation(evaluation.add_argument)
    writing = parser.add_argument_group("writing, lengths in mm")
    add_writing_options(writing.add_argument)
    recognition = parser.add_argument_group("recognisers: how lines are read")
    add_reading_options(recognition.add_argument)
    reading = parser.add_argument_group("reading ink from a file")
    add_ink_options(reading.add_argument)
    onnx = parser.add_argument_group("ONNX, with the packages of requirements-onnx.txt")
    add_onnx_options(onnx.add_argument)
    runtime = parser.add_argument_group("export for the package handwriting and other programs")
    add_runtime_options(runtime.add_argument)
    _show_options_of(parser, command)
    options = parser.parse_args(arguments)
    _check_conflicts(options)
    return options


def _with_options(arguments: list[str]) -> tuple[list[str], str | None]:
    """The arguments with a command as the option that it stands for, and the command.

    A command is the first word, or the first after the checkpoint, where no option's value can be.
    """
    after_checkpoint = 2 if arguments[:1] in (["-r"], ["--resume"]) else 1
    for at in (0, after_checkpoint):
        word = arguments[at] if at < len(arguments) else ""
        if word in COMMANDS:
            option, is_flag = COMMANDS[word].option, COMMANDS[word].is_flag
            value = arguments[at + 1 : at + 2]
            has_value = bool(value) and (value == ["-"] or not value[0].startswith("-"))
            replaced = [option] if option and (is_flag or has_value) else []
            return [*arguments[:at], *replaced, *arguments[at + 1 :]], word
    return arguments, None


def _show_options_of(parser: argparse.ArgumentParser, command: str | None) -> None:
    """Leave the options of other commands out of the help; they still are what they are."""
    if command is None:
        return
    for group in parser._action_groups[2:]:  # the first two have the options of all commands
        if not str(group.title).startswith(COMMANDS[command].groups):
            for action in group._group_actions:
                action.help = argparse.SUPPRESS


def _add_common(add: Callable[..., Any]) -> None:
    add(
        *("-r", "--resume"),
        type=checkpoint_path,
        required=True,
        metavar="CHECKPOINT",
        help=f"the trained model: a file, or one of {', '.join(shipped_names())}",
    )
    add(
        "--data",
        type=Path,
        help="folder of the data (default: the data that the model was trained on)",
    )
    add("--out", type=Path, help="folder for the results (default: beside the checkpoint)")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    add(
        "--seed",
        type=whole_number(0, MOST_SEED),
        default=1,
        help="seed of all writing; the same seed writes the same strokes (default: 1)",
    )
    add(
        "--bias",
        type=number(0, MOST_BIAS),
        nargs="+",
        help="sampling biases to draw lines at (default: 0 0.5 1 2, with text 0.15 0.5 1); to"
        " write a text, one bias (default: 0.75): 0 is as varied as real writing, more is neater",
    )


def _add_evaluation(add: Callable[..., Any]) -> None:
    add("--split", help="lines to evaluate on (default: those of validation)")
    add(
        "--limit",
        type=whole_number(1, MOST_LINES),
        metavar="N",
        help="evaluate on N lines of the split only",
    )
    add(
        "--bs",
        type=whole_number(1, MOST_IN_BATCH),
        metavar="N",
        help="lines in a batch; changes speed only",
    )
    add(
        "--samples",
        type=whole_number(1, MOST_SAMPLES),
        metavar="N",
        help="lines drawn at each bias (default: 3); of a model with text, lines of the split that"
        " it writes again at each bias, to compare (default: 32); of one that reads, lines in the"
        " report (default: 20 of the worst and as many others)",
    )
    add(
        *("--recogniser", "--recognizer"),
        type=checkpoint_path,
        metavar="CHECKPOINT",
        help="a recogniser that was trained on real ink: how well it reads the lines that a model"
        " writes again, beside the real ones (--samples is 200 then); for a text, the one that"
        " chooses among draws (default: the shipped one)",
    )
    add(
        "--in-hands",
        action="store_true",
        default=None,
        help="a model with text writes each line again in the style of another one, by the same"
        " writer where that is known, and tells how well styles are kept and hands known again",
    )
    add(
        "--steps",
        type=whole_number(2, MOST_STEPS),
        metavar="N",
        help="pen steps of a line without text",
    )
    add(
        "--samples-only",
        action="store_true",
        default=None,
        help="draw samples alone, which needs no data",
    )


def _check_conflicts(options: argparse.Namespace) -> None:
    """``UserError`` where options do not go together."""
    _check_beside_export(options)
    _check_beside_onnx(options)
    if reads(options):
        _check_reading(options)
        return
    check_absent(options, INK_OPTIONS, "says more about --ink, which is not given")
    if not writes(options):
        check_absent(options, WRITING, "is for writing, which needs --text or --text-file")
        for name in ("recogniser", "in_hands"):
            if options.samples_only and getattr(options, name):
                raise UserError(
                    f"{option_name(name)}: is about real lines, which --samples-only leaves out"
                )
        return
    check_absent(
        options,
        (*_EVALUATION, *READING),
        "is for evaluation, it does not go with --text or --text-file",
    )
    check_writing_options(options)


def _check_divisible(options: argparse.Namespace) -> None:
    """``UserError`` for all but an evaluation, which alone several processes divide."""
    exports = options.export is not None or options.export_onnx
    if exports or reads(options) or writes(options) or options.samples_only:
        raise UserError(
            "torchrun: divides the lines of an evaluation alone; start this one without it"
        )


def _check_reading(options: argparse.Namespace) -> None:
    names = ("text", "text_file", *(name for name in WRITING if name != "format"))
    check_absent(options, names, "is for writing, --ink is for reading")
    check_absent(options, _NOT_READING, "does not go with --ink")
    if options.ink is not None:
        check_absent(options, ("watch",), "does not go with --ink, give one of the two")


def _check_beside_export(options: argparse.Namespace) -> None:
    """``UserError`` for what does not go with ``--export``, and for what says more about it."""
    if options.export is None:
        check_absent(options, ("export_weights",), "says more about --export, which is not given")
        return
    names = (*_NOT_EXPORTING, "out", "recogniser", "onnx", "export_onnx", *WRITING, *READING)
    check_absent(options, names, "does not go with --export")


def _check_beside_onnx(options: argparse.Namespace) -> None:
    """``UserError`` for what does not go with ONNX; where that is used, the device is the CPU."""
    if options.export_onnx:
        names = (*_NOT_EXPORTING, "recogniser", "onnx", *WRITING, *READING)
        check_absent(options, names, "does not go with --export-onnx")
    elif options.onnx is None:
        return
    elif not (writes(options) or options.samples_only):
        raise UserError("--onnx: is for writing, with --text, --text-file or --samples-only")
    check_absent(options, ("precision",), "is of the matrix products in torch, --onnx has its own")
    if options.device not in ("auto", "cpu"):
        raise UserError(f"--device: ONNX runs on the CPU here, got {options.device!r}")
    options.device = "cpu"


if __name__ == "__main__":
    run_command(main)
