"""``handwriting hands``: the hands that can be written in."""

import argparse
from dataclasses import replace
from pathlib import Path

from handwriting.command_line import add_weights
from handwriting.commands.outputs import print_json


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add = parser.add_argument
    add(
        *("-o", "--out"),
        type=Path,
        metavar="FILE",
        help="write a page with a line in each hand, to see them",
    )
    add("--text", help="what these lines say (default: the hand's name and its example)")
    add("--json", action="store_true", help="print a line of JSON for each hand")
    add_weights(parser)


def run(options: argparse.Namespace) -> None:
    """List the hands, and draw them."""
    from handwriting.pages.options import PageOptions
    from handwriting.runtime.writer import Writer, WrittenText

    writer = Writer(options.weights)
    for name in writer.hands:
        hand = writer.hand(name)
        if options.json:
            print_json({"name": name, "text": hand.example.text, "bias": hand.bias})
        else:
            print(name)
    if not writer.hands and not options.json:
        print("no hands: each seed makes up one of its own")
    if options.out is not None and writer.hands:
        lines = []
        for name in writer.hands:
            text = options.text or f"{name} writes like this"
            written = writer.write(text, hand=name)
            lines += [replace(line, text=line.text.rstrip("\n")) for line in written.lines[:-1]]
            last = written.lines[-1]
            lines.append(replace(last, text=last.text.rstrip("\n") + "\n"))
        WrittenText("", tuple(lines), options=PageOptions(fit_height=True)).save(options.out)
