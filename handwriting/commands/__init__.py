"""The command ``handwriting``: write, read, hands, convert, serve, hub, info.

Each sub-command is a module here with ``add_options`` and ``run``; only that of the one that is
asked for is imported, so that help answers at once.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from handwriting.command_line import OneLineParser
from handwriting.errors import UserError, run_command

COMMANDS = {
    "write": "write a text by hand, into files of pages",
    "read": "read handwriting from files",
    "hands": "list the hands that can be written in",
    "convert": "convert files of ink",
    "serve": "open the page that writes and reads in a browser, on this machine",
    "hub": "send exported models to a model hub",
    "info": "say what is installed: versions, models, formats",
}
SHELLS = ("bash", "zsh", "tcsh")


class _PrintCompletion(argparse.Action):
    """Prints a script that completes the command's options in a shell."""

    def __call__(self, parser: argparse.ArgumentParser, _: Any, shell: Any, __: Any = None) -> None:
        try:
            import shtab
        except ImportError:
            raise UserError(
                "--print-completion: shtab is not installed: pip install shtab"
            ) from None
        print(shtab.complete(_parser(list(COMMANDS)), shell))
        parser.exit()


def run() -> NoReturn:
    """Run the command with the process's own arguments, and end the process."""
    run_command(main)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own).

    Raises:
        UserError: the user's input is at fault; one clear line.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    named = [name for name in arguments[:1] if name in COMMANDS]
    options = _parser(named).parse_args(arguments)
    if options.command is None:
        raise UserError(f"handwriting: give a command, one of {', '.join(COMMANDS)}")
    _module(options.command).run(options)


def _parser(full: Sequence[str]) -> OneLineParser:
    """The parser, with the options of the sub-commands ``full``."""
    parser = OneLineParser(
        prog="handwriting",
        allow_abbrev=False,
        description="Write and read handwriting with trained models.",
        epilog="handwriting COMMAND --help lists the options of a command.",
    )
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=SHELLS,
        help="print a script that completes this command in a shell",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=OneLineParser)
    for name, about in COMMANDS.items():
        is_full = name in full
        command = commands.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", allow_abbrev=False
        )
        if is_full:
            _module(name).add_options(command)
    return parser


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")
