"""Reading a command line: what is wrong with it is said in one line."""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from handwriting.errors import UserError
from handwriting.quoting import quoted
from handwriting.version import version

_MOST_NOTES = 5


class _PrintVersion(argparse.Action):
    """Finds out the version only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"handwriting {version()}")
        parser.exit()


class OneLineParser(argparse.ArgumentParser):
    """Parser that reports a wrong argument in one line, without the usage before it.

    Every command has ``--version``.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.add_argument(
            "--version", action=_PrintVersion, nargs=0, help="print the version and exit"
        )

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number from ``least`` to ``most``."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"a whole number from {least:,} to {most:,}, got {quoted(text)}"
            )
        return value

    return parse


def number(least: float, most: float) -> Callable[[str], float]:
    """The type of an argument that is a number from ``least`` to ``most``."""

    def parse(text: str) -> float:
        value = _number(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"a number from {least:,g} to {most:,g}, got {quoted(text)}"
            )
        return value

    return parse


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--weights``, as ``handwriting.runtime.weights_folder`` takes it."""
    parser.add_argument(
        "--weights",
        metavar="DIR",
        help="a folder of exported models, or hub:OWNER/NAME[@REVISION] for those on a model hub",
    )


def option_name(name: str) -> str:
    """Return the option, as a user writes it, that argparse keeps as ``name``."""
    return "--" + name.replace("_", "-")


def print_notes(notes: Sequence[str]) -> None:
    """Print some notes on stderr, and how many more there are."""
    for note in notes[:_MOST_NOTES]:
        print(f"note: {note}", file=sys.stderr)
    if len(notes) > _MOST_NOTES:
        print(f"note: and {len(notes) - _MOST_NOTES} more of the kind", file=sys.stderr)


def given(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Return the options among ``names`` that were given, by name."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def check_absent(options: argparse.Namespace, names: Sequence[str], why: str) -> None:
    """Raise ``UserError``, saying why, where one of the options was given."""
    for name in given(options, names):
        raise UserError(f"{option_name(name)}: {why}")


def is_terminal() -> bool:
    """Return whether progress bars would be seen: whether stderr is a terminal."""
    return sys.stderr.isatty()
