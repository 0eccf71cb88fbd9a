"""Find out what a recogniser's confidence means: ``python -m evaluation.calibrate -r CHECKPOINT``.

It reads validation lines, fits how often what is read with which confidence is right (characters,
words, lines), and how text differs from drawings, and writes a small JSON file beside the
checkpoint, which reading finds there. The numbers that it prints are from writers, and kinds of
drawings, that were not fitted to.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handwriting.command_line import OneLineParser, is_terminal, whole_number
from handwriting.errors import UserError, run_command
from utils.shipped import checkpoint_path, shipped_names

_MOST_LINES = 1_000_000
_DEFAULT_LINES = 3000
_MOST_DRAWINGS = 10_000
_DEFAULT_DRAWINGS = 40


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own)."""
    options = _parse(argv)
    from evaluation.calibration import calibrate, evaluation_lines, save_plot  # torch
    from handwriting.readings.calibration import calibration_path, write_calibration
    from reading.recogniser import line_reader
    from reading.settings import GREEDY, Request
    from trainer.loaded_model import load_model
    from utils.report import describe_rows

    trained = load_model(options.resume, options.device)
    reader = line_reader(trained, str(options.resume), GREEDY.settings, progress=is_terminal())
    reader.request = Request(places=True)
    split = options.split or trained.validation_split
    lines = evaluation_lines(trained, options.data, split, options.lines, options.seed)
    about = {"split": split, "seed": options.seed}
    found = calibrate(reader, lines, about, options.seed, options.drawings)
    print(describe_rows(found.rows))
    print(describe_rows([found.drawings]))
    out = options.out or calibration_path(options.resume)
    write_calibration(found.calibration, out)
    if options.plot is not None:
        save_plot(found, options.plot)
    print(f"written to {out}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m evaluation.calibrate",
        allow_abbrev=False,
        description="Find out what a recogniser's confidence means, on validation lines, and write"
        " it to a file beside the checkpoint.",
    )
    add = parser.add_argument
    add(
        *("-r", "--resume"),
        type=checkpoint_path,
        required=True,
        metavar="CHECKPOINT",
        help=f"the recogniser: a file, or one of {', '.join(shipped_names())}",
    )
    add("--data", type=Path, help="folder of the data (default: that of its training)")
    add("--split", help="lines to fit to (default: those of validation)")
    add(
        "--lines",
        type=whole_number(2, _MOST_LINES),
        default=_DEFAULT_LINES,
        metavar="N",
        help=f"lines of the split at most, drawn by the seed (default: {_DEFAULT_LINES})",
    )
    add(
        "--drawings",
        type=whole_number(1, _MOST_DRAWINGS),
        default=_DEFAULT_DRAWINGS,
        metavar="N",
        help=f"drawings of each kind to tell text from (default: {_DEFAULT_DRAWINGS})",
    )
    add("--out", type=Path, metavar="FILE", help="the file (default: beside the checkpoint)")
    add("--plot", type=Path, metavar="FILE", help="picture of how confidence and truth agree")
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, ...")
    add("--seed", type=whole_number(0, 2**31 - 1), default=1, help="of all that is drawn")
    options = parser.parse_args(argv)
    if options.out is not None and options.out.is_dir():
        raise UserError(f"--out: {options.out}: is a folder, a file is needed")
    return options


if __name__ == "__main__":
    run_command(main)
