"""Make a checkpoint small enough to share: ``python -m trainer.slim CHECKPOINT SMALL``.

It keeps the weights that are evaluated (the averaged ones where there are any), the config, the
vocabulary and the normalisation, and leaves out what only resuming needs.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handwriting.command_line import OneLineParser
from handwriting.errors import UserError, run_command
from handwriting.files import make_folder


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own).

    Raises:
        UserError: the new file is there already, or the checkpoint cannot be used.
    """
    options = _parse(argv)
    from trainer.checkpointing import load_checkpoint, save_checkpoint, slim  # torch
    from trainer.loaded_model import checked_model

    if options.small.exists():
        raise UserError(f"{options.small}: is there already; give the new file another name")
    checkpoint = load_checkpoint(options.checkpoint)
    checked_model(options.checkpoint, checkpoint)
    make_folder(options.small.parent)
    save_checkpoint(options.small, slim(checkpoint, options.half))
    before, after = (path.stat().st_size / 1e6 for path in (options.checkpoint, options.small))
    print(f"{options.small}: {after:.1f} MB (of {before:.1f} MB), epoch {checkpoint['epoch']}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m trainer.slim", description="Keep of a checkpoint what evaluating needs."
    )
    parser.add_argument("checkpoint", type=Path, help="a checkpoint; it stays as it is")
    parser.add_argument("small", type=Path, help="the new file")
    parser.add_argument(
        "--half", action="store_true", help="keep weights in half precision (float16)"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_command(main)
