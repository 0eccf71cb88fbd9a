"""``handwriting serve``: the page that writes and reads, in a browser on this machine."""

import argparse
import importlib

from handwriting.command_line import add_weights, whole_number
from handwriting.errors import UserError

_MOST_PORT = 65_535


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add = parser.add_argument
    add(
        "--port",
        type=whole_number(0, _MOST_PORT),
        default=8000,
        metavar="N",
        help="of this machine, 0 for any that is free (default: 8000)",
    )
    add("--no-open", action="store_true", help="do not open a browser")
    add_weights(parser)


def run(options: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C. Nothing but this machine can reach it.

    Raises:
        UserError: there is no page or no weights, or the port is taken.
    """
    from handwriting.runtime.weights_folder import weights_folder

    try:
        page = importlib.import_module("handwriting.web.__main__")
    except ModuleNotFoundError:
        raise UserError("serve: the page is not in this installation") from None
    page.serve(weights_folder(options.weights), options.port, not options.no_open)
