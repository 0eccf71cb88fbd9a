"""Lines whose labels cannot be what was written: ``python -m evaluation.label_noise``.

Labels of a corpus are often what people were asked to write, not what they wrote. A recogniser
reads each line in its two ways, by its attention and by CTC. A line is listed where the reading
that is nearer to the label, case and punctuation aside, still differs from it by more than a share
of its length. The list can be left out of training (reader ``left_out``). Texts of one or two
letters are not judged: a recogniser is wrong about them too often.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from base.base_reader import BaseReader
from data_loader.cleaning import Cleaning, clean
from data_loader.prepare import source_of_config
from handwriting.command_line import OneLineParser, number
from handwriting.errors import UserError, run_command
from handwriting.files import whole_file
from handwriting.ink.line import Line, content_digest
from handwriting.quoting import printable
from handwriting.text.error_rates import FOLDED, fold, line_errors
from logger.logger import setup_logging
from reading.line_reader import LineReader
from reading.recogniser import line_reader
from trainer.loaded_model import load_model
from utils.memory import keep_freed_memory
from utils.shipped import checkpoint_path

FEWEST_CHARACTERS = 3
DEFAULT_LIMIT = 0.7
# Lines that are read together, those of like length in one batch.
_WINDOW = 2048
_COLUMNS = ("digest", "id", "label", "attention reads", "CTC reads", "error")


@dataclass(frozen=True)
class Judged:
    """A line and what was read in it.

    Attributes:
        line: the line, cleaned.
        digest: of the line as its source has it.
        attention, ctc: the two readings.
    """

    line: Line
    digest: str
    attention: str
    ctc: str

    @property
    def error(self) -> float:
        """Character error rate of the nearer reading, case and punctuation aside; at most 1."""
        readings = (self.attention, self.ctc)
        nearest = min(line_errors(self.line.text, each, FOLDED).cer for each in readings)
        return min(nearest, 1.0)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own).

    Raises:
        UserError: the checkpoint or the config are not such as are needed.
    """
    options = _parse(argv)
    keep_freed_memory()
    setup_logging()
    reader, cleaning, _ = source_of_config(options.config)
    recogniser = line_reader(load_model(options.recogniser, options.device), "--recogniser")
    read = found = 0
    with whole_file(options.out) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f"# lines that {options.recogniser.name} reads with more than ")
        file.write(f"{100 * options.limit:g} % of errors, case and punctuation aside\n")
        file.write("# " + "\t".join(_COLUMNS) + "\n")
        for each in judged(recogniser, _judgeable(reader, cleaning)):
            read += 1
            if each.error > options.limit:
                found += 1
                cells = (each.line.text, each.attention, each.ctc)
                texts = "\t".join(printable(cell) for cell in cells)
                file.write(f"{each.digest}\t{each.line.source_id}\t{texts}\t{each.error:.2f}\n")
    print(f"{options.out}: {found:,} of {read:,} lines that were judged")


def judged(reader: LineReader, lines: Iterator[tuple[Line, str]]) -> Iterator[Judged]:
    """Read lines that come with their digests, a window of them at a time, in their order.

    Raises:
        UserError: the recogniser has no CTC output.
    """
    with tqdm(desc="reading", unit="line") as bar:
        while window := list(islice(lines, _WINDOW)):
            looks = reader.read_twice([line.strokes for line, _ in window])
            for (line, digest), texts in zip(window, looks, strict=True):
                if len(texts) != 2:
                    raise UserError("the recogniser has no CTC output, and so no second reading")
                yield Judged(line, digest, *texts)
            bar.update(len(window))


def _judgeable(reader: BaseReader, cleaning: Cleaning) -> Iterator[tuple[Line, str]]:
    """The lines of a source whose texts are long enough, cleaned, and their digests."""
    for line in reader.read():
        if len(fold(line.text)) >= FEWEST_CHARACTERS:
            cleaned = clean(line, cleaning).line
            if cleaned is not None:
                yield cleaned, content_digest(line)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m evaluation.label_noise",
        description="List the lines of a source whose labels cannot be what was written.",
    )
    add = parser.add_argument
    add(
        "-r", "--recogniser", "--recognizer", type=checkpoint_path, required=True,
        metavar="CHECKPOINT", help="recogniser that judges: a file or a short name",
    )  # fmt: skip
    add("-c", "--config", type=Path, required=True, help="config whose source is judged")
    add("--out", type=Path, required=True, metavar="FILE", help="list of lines, tab-separated")
    add(
        "--limit", type=number(0.01, 1), default=DEFAULT_LIMIT,
        help=f"share of the label in error above which a line is listed (default: {DEFAULT_LIMIT})",
    )  # fmt: skip
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where it runs")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_command(main)
