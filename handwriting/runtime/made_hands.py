"""Hands that a writer makes up, each from a seed of its own; none is anybody's::

python -m handwriting.runtime.made_hands FOLDER

writes ``hands.safetensors`` beside the ``writer.safetensors`` of the folder.
"""

import argparse
from pathlib import Path

from handwriting.command_line import OneLineParser
from handwriting.errors import run_command
from handwriting.runtime.hands import Hand, write_hands
from handwriting.runtime.synthesis import Prime
from handwriting.runtime.weights_folder import HANDS
from handwriting.runtime.writer import Writer

EXAMPLE = "quick foxes jump over 12 lazy dogs"
BIAS = 0.5
"""Of the examples: hands differ less where it is higher."""

CANDIDATES = 8
SEEDS = {"lena": 11, "otto": 12, "mira": 13, "jonas": 14, "ida": 15, "hugo": 16}
"""Of each hand, by its name."""


def make_hands(writer: Writer) -> list[Hand]:
    """Return the hands, each with the line that the writer finds likeliest of several."""
    hands = []
    for name, seed in SEEDS.items():
        (line,) = writer.write_lines([EXAMPLE], seed=seed, bias=BIAS, best_of=CANDIDATES)
        hands.append(Hand(name, Prime(line.strokes, line.text)))
    return hands


def main() -> None:
    """Run the command."""
    parser = OneLineParser(prog="python -m handwriting.runtime.made_hands", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="of exported models")
    folder = parser.parse_args().folder
    hands = make_hands(Writer(folder))
    write_hands(hands, folder / HANDS)
    print(f"written to {folder / HANDS}: {', '.join(hand.name for hand in hands)}")


if __name__ == "__main__":
    run_command(main)
