"""``handwriting hub push``: exported models to a repository of a model hub."""

import argparse
from pathlib import Path

from handwriting.command_line import OneLineParser, print_notes
from handwriting.errors import UserError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", parser_class=OneLineParser)
    about = "send a folder of exported models, with its card, to a repository"
    push = actions.add_parser("push", help=about, description=about, allow_abbrev=False)
    add = push.add_argument
    add("folder", type=Path, metavar="FOLDER", help="of exported models, which are checked first")
    add("repository", metavar="OWNER/NAME", help="made where it is not there; @BRANCH may follow")
    add(
        "--card",
        type=Path,
        metavar="FILE",
        help="a model card, Markdown with a YAML header (default: README.md of the folder, or a"
        " short one that is made up)",
    )
    add("--license", metavar="NAME", help="of a card that is made up, such as cc-by-4.0")
    add("--private", action="store_true", help="make a repository that only you can see")


def run(options: argparse.Namespace) -> None:
    """Send the models, and say what was sent.

    Raises:
        UserError: one clear line.
    """
    if options.action is None:
        raise UserError("hub: give an action: push")
    from handwriting.runtime.hub import parse_repository
    from handwriting.runtime.hub_push import push

    place = parse_repository(options.repository)
    done = push(options.folder, place, options.card, options.license, options.private)
    print_notes(done.notes)
    print(f"sent to {done.url}: {', '.join(done.files)}; to use them: --weights {place}")
