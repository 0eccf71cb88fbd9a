"""Serve the page on this machine, or write it to a folder for a static host::

python -m handwriting.web --weights FOLDER
python -m handwriting.web --weights FOLDER --out FOLDER
"""

import argparse
import webbrowser
from pathlib import Path

from handwriting.errors import UserError, run_command
from handwriting.web.server import PORTS, PageServer
from handwriting.web.site import write_site


def main() -> None:
    """Run the command."""
    options = _parser().parse_args()
    if options.out is not None:
        write_site(options.out, options.weights)
        print(f"written to {options.out}: serve it with python -m http.server -d {options.out}")
    else:
        serve(options.weights, options.port, options.open)


def serve(weights: Path, port: int = 8000, is_opened: bool = False) -> None:
    """Serve the page until Ctrl-C.

    Args:
        weights: a folder of exported models, see ``docs/export.md``.
        port: 0 for any that is free.
        is_opened: whether a browser is opened at it.

    Raises:
        UserError: there are no weights, or the port is taken or is none.
    """
    least, most = PORTS
    if not least <= port <= most:
        raise UserError(f"port: should be {least} to {most:,}, got {port}")
    with PageServer(weights, port) as server:
        print(f"the page is at {server.url} (Ctrl-C ends it)", flush=True)
        if is_opened:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m handwriting.web", description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="folder of exported models")
    parser.add_argument("--out", type=Path, help="write the page to a new folder instead")
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s; 0: any free")
    parser.add_argument("--open", action="store_true", help="open a browser at it")
    return parser


if __name__ == "__main__":
    run_command(main)
