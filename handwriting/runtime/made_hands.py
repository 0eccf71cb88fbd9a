"""Hands that a writer makes up, each from a seed of its own; none is anybody's::

python -m handwriting.runtime.made_hands FOLDER

writes ``hands.safetensors`` beside the ``writer.safetensors`` of the folder. Many seeds write the
same line; of those whose line the folder's recogniser reads with an error at most, the hands are
those that lie farthest apart in slant, joining, width, height of tall letters and roundness.

Shapes: ``T`` pen steps, ``N`` lines, ``M`` measures.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handwriting.command_line import OneLineParser
from handwriting.errors import UserError, run_command
from handwriting.ink.levelling import levelled, slant_of
from handwriting.ink.line import points_from_strokes
from handwriting.ink.measures import height_without_extremes, x_height
from handwriting.runtime.hands import Hand, write_hands
from handwriting.runtime.reader import Reader
from handwriting.runtime.synthesis import Prime
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.runtime.weights_folder import HANDS, RECOGNISER
from handwriting.runtime.writer import Writer
from handwriting.text.error_rates import line_errors

EXAMPLE = "The quick foxes jump over 12 dogs"
BIAS = 0.45
"""Of the examples: where it is higher, hands differ less; where it is lower, fewer can be read."""

MOST_ERRORS = 1
"""Characters of an example that may be read wrongly. Without any, print is left and little else."""

CANDIDATES = 1024
SEED = 1
NAMES = (
    *("lena", "otto", "mira", "jonas", "ida", "hugo", "clara", "emil", "nora", "felix", "greta"),
    *("anton", "juno", "oskar", "vera", "linus", "alma", "theo", "edda", "ruben", "ilse", "karl"),
    *("tilda", "bruno"),
)
_TOGETHER = 64


def make_hands(
    writer: Writer,
    reader: Reader | None = None,
    candidates: int = CANDIDATES,
    example: str = EXAMPLE,
) -> list[Hand]:
    """Return a hand for each of ``NAMES``, or as many as there are lines for.

    Args:
        writer: makes them up.
        reader: of lines that it reads with more than ``MOST_ERRORS``, none becomes a hand; None
            takes all that the writer ended by itself.
        candidates: lines to choose from.
        example: what they say.

    Raises:
        UserError: none of the lines can be used.
    """
    lines: list[SynthesisedLine] = []
    for start in range(0, candidates, _TOGETHER):
        texts = [example] * min(_TOGETHER, candidates - start)
        lines += writer.write_lines(texts, seed=SEED + start, bias=BIAS)
    lines = [line for line in lines if not line.reached_step_limit]
    if reader is not None and lines:
        readings = reader.read_lines([line.strokes for line in lines])
        pairs = zip(lines, readings, strict=True)
        lines = [line for line, reading in pairs if _errors(example, reading.text) <= MOST_ERRORS]
    if not lines:
        raise UserError("the writer wrote no line that can be an example of a hand")
    measures = np.array([measures_of_hand(line.strokes, line.text) for line in lines])
    chosen = farthest_apart(measures, len(NAMES))
    return [
        Hand(name, Prime(lines[at].strokes, lines[at].text))
        for name, at in zip(NAMES, chosen, strict=False)
    ]


def _errors(text: str, reading: str) -> int:
    return line_errors(text, reading).character_errors


def measures_of_hand(strokes: np.ndarray, text: str) -> tuple[float, ...]:
    """Return what tells hands apart, of strokes ``[T, 3]``: slant (widths a height), strokes a
    character, width of a character and height of the ink in x-heights, and roundness: how much the
    pen turns, in radians, on the way of an x-height."""
    points = np.cumsum(strokes[:, 1:].astype(np.float64), axis=0)
    pen_down = strokes[:-1, 0] < 0.5
    level = levelled(points, pen_down)
    parts = points_from_strokes(strokes)
    height = max(x_height(parts, text), 1e-9)
    letters = max(len(text.replace(" ", "")), 1)
    moves = [np.diff(part, axis=0) for part in parts if len(part) > 2]
    turned = sum(float(np.abs(_turns(part)).sum()) for part in moves)
    way = sum(float(np.hypot(*part.T).sum()) for part in moves)
    return (
        slant_of(level, pen_down),
        len(parts) / letters,
        float(np.ptp(level[:, 0])) / letters / height,
        height_without_extremes(level[:, 1]) / height,
        turned / max(way / height, 1e-9),
    )


def _turns(moves: np.ndarray) -> np.ndarray:
    """Angles between moves ``[n, 2]``: ``[n-1]``."""
    turns: np.ndarray = np.diff(np.unwrap(np.arctan2(moves[:, 1], moves[:, 0])))
    return turns


def farthest_apart(measures: np.ndarray, number: int) -> list[int]:
    """Return the places of the rows ``[N, M]``, at most ``number``, each of which is as far as can
    be from those before it, the first one in the middle of all; each measure counts by its spread,
    and what lies far outside of it counts no more than its border."""
    middle = np.median(measures, axis=0)
    spread = np.maximum(np.percentile(measures, 75, axis=0) - middle, 1e-9)
    scaled = np.clip((measures - middle) / spread, -3, 3)
    chosen = [int(np.abs(scaled).sum(axis=1).argmin())]
    while len(chosen) < min(number, len(scaled)):
        apart = np.linalg.norm(scaled[:, None] - scaled[chosen], axis=2).min(axis=1)
        apart[chosen] = -1.0
        chosen.append(int(apart.argmax()))
    return chosen


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own)."""
    parser = OneLineParser(prog="python -m handwriting.runtime.made_hands", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="of exported models")
    folder = parser.parse_args(argv).folder
    reader = Reader(folder, beam=1) if (folder / RECOGNISER).is_file() else None
    hands = make_hands(Writer(folder), reader)
    write_hands(hands, folder / HANDS)
    print(f"written to {folder / HANDS}: {', '.join(hand.name for hand in hands)}")


if __name__ == "__main__":
    run_command(main)
