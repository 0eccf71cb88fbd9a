"""Serve the page on this machine, or write it to a folder for a static host::

python -m handwriting.web [--weights DIR]
python -m handwriting.web [--weights DIR] --out DIR
"""

import argparse
import webbrowser
from pathlib import Path

from handwriting.command_line import OneLineParser, add_weights, whole_number
from handwriting.errors import run_command
from handwriting.runtime.weights_folder import weights_folder
from handwriting.web.server import PORT, PORTS, PageServer
from handwriting.web.site import write_site


def main() -> None:
    """Run the command."""
    options = _parser().parse_args()
    weights = weights_folder(options.weights)
    if options.out is None:
        serve(weights, options.port, options.open)
        return
    write_site(options.out, weights)
    print(f"written to {options.out}; to look at it: python -m http.server -d {options.out}")


def serve(weights: Path, port: int = PORT, is_opened: bool = False) -> None:
    """Serve the page until Ctrl-C.

    Args:
        weights: a folder of exported models, see ``docs/export.md``.
        port: 0 for any that is free.
        is_opened: whether a browser is opened at it.

    Raises:
        UserError: there are no weights, or the port is taken.
    """
    with PageServer(weights, port) as server:
        print(f"the page is at {server.url} (Ctrl-C ends it)", flush=True)
        if is_opened:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python -m handwriting.web", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add_weights(parser)
    add("--out", type=Path, metavar="DIR", help="write the page to a new folder instead")
    add("--port", type=whole_number(*PORTS), default=PORT, metavar="N", help="0: any that is free")
    add("--open", action="store_true", help="open a browser at it")
    return parser


if __name__ == "__main__":
    run_command(main)
