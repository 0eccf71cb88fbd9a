"""Adapt a recogniser to one's own hand: ``python -m evaluation.adapt --ink INK --out FOLDER``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from evaluation.adaptation import Adaptation, adapt
from handwriting.command_line import OneLineParser, number, whole_number
from handwriting.errors import run_command
from logger.logger import setup_logging
from utils.device import resolve_device
from utils.memory import keep_freed_memory
from utils.report import describe_rows
from utils.shipped import checkpoint_path, shipped_names

_DEFAULT = Adaptation(Path(), Path(), Path())
_MINUTES = (0.01, 10_000)
_MOST_EPOCHS = 10_000
_RATES = (1e-9, 0.1)
_SHARES = (0.001, 0.999)
_MOST_SEED = 2**32 - 1  # what every generator of random numbers takes


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own).

    Raises:
        UserError: the weights, the ink or the other ink are not such as are needed, or the folder
            is there already.
    """
    settings = _settings(_parse(argv))
    keep_freed_memory()
    setup_logging()
    rows = adapt(settings)
    print(describe_rows(rows))
    names = sorted(file.name for file in settings.out.iterdir())
    print(f"written to {settings.out}: {', '.join(names)}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m evaluation.adapt",
        description="Adapt a recogniser to ink of your own, and say what was gained and lost.",
    )
    add = parser.add_argument
    help_weights = (
        "recogniser to start from: a file, or a short name such as"
        f" {', '.join(name for name in shipped_names() if 'recognition' in name)}"
        " (default: recognition)"
    )
    add("-w", "--weights", type=checkpoint_path, metavar="CHECKPOINT", help=help_weights)
    help_ink = "folder of ink files with their texts (see docs/training.md)"
    add("--ink", type=Path, metavar="FOLDER", required=True, help=help_ink)
    add("--out", type=Path, metavar="FOLDER", required=True, help="new folder of the results")
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes", type=number(*_MINUTES), help="train for about so long; validation comes on top"
    )
    length.add_argument(
        "--epochs",
        type=whole_number(1, _MOST_EPOCHS),
        default=_DEFAULT.epochs,
        help=f"passes over {_DEFAULT.epoch_lines} lines each (default: {_DEFAULT.epochs})",
    )
    help_lr = f"learning rate (default: {_DEFAULT.lr})"
    add("--lr", type=number(*_RATES), default=_DEFAULT.lr, help=help_lr)
    help_share = f"part of your own ink in training (default: {_DEFAULT.share})"
    add("--share", type=number(*_SHARES), default=_DEFAULT.share, help=help_share)
    help_other = (
        "ink that guards against forgetting: auto (default; whatever is in data/, else the"
        " built-in corpus), synthetic (the built-in corpus), or a folder"
    )
    add("--other", default=_DEFAULT.other, metavar="auto|synthetic|FOLDER", help=help_other)
    help_prepared = f"folder of prepared corpora (default: {_DEFAULT.prepared})"
    add("--prepared", default=_DEFAULT.prepared, metavar="FOLDER", help=help_prepared)
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, ...")
    add(
        "--seed",
        type=whole_number(0, _MOST_SEED),
        default=_DEFAULT.seed,
        help="of all that is drawn",
    )
    return parser.parse_args(argv)


def _settings(options: argparse.Namespace) -> Adaptation:
    return Adaptation(
        weights=options.weights or checkpoint_path("recognition"),
        ink=options.ink,
        out=options.out,
        minutes=options.minutes,
        epochs=options.epochs,
        lr=options.lr,
        share=options.share,
        other=options.other,
        prepared=options.prepared,
        device=resolve_device(options.device),
        seed=options.seed,
    )


if __name__ == "__main__":
    run_command(main)
