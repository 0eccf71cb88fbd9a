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
from typing import Any

import torch
from tqdm import tqdm

from base.base_reader import BaseReader
from base.batch import collate_features
from base.components import checked_block
from base.registry import DATA_LOADERS
from base.schema import build
from data_loader.cleaning import Cleaning, clean
from handwriting.command_line import OneLineParser, number
from handwriting.errors import UserError, run_command
from handwriting.files import whole_file
from handwriting.ink.features import InkFeatures
from handwriting.ink.line import Line, content_digest
from handwriting.quoting import printable
from handwriting.text.error_rates import FOLDED, fold, line_errors
from handwriting.text.vocabulary import Vocabulary
from logger.logger import setup_logging
from model.decoder_protocols import Recogniser, recogniser_of
from reading.ctc import ctc_greedy
from reading.decoding import decode_encoded
from reading.recogniser import line_reader
from trainer.loaded_model import load_model
from utils.device import resolve_device
from utils.json_text import read_json
from utils.memory import keep_freed_memory
from utils.shipped import checkpoint_path

FEWEST_CHARACTERS = 3
DEFAULT_LIMIT = 0.7
# Lines that are read before they are put in order of their lengths, and then at a time.
_WINDOW, _BATCH = 2048, 64
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
    reader, cleaning = _source(read_json(options.config))
    judge = Judge(options.recogniser, options.device)
    judged = found = 0
    with whole_file(options.out) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f"# lines that {options.recogniser.name} reads with more than ")
        file.write(f"{100 * options.limit:g} % of errors, case and punctuation aside\n")
        file.write("# " + "\t".join(_COLUMNS) + "\n")
        for each in judge.judged(_judgeable(reader, cleaning)):
            judged += 1
            if each.error > options.limit:
                found += 1
                cells = (each.line.text, each.attention, each.ctc)
                texts = "\t".join(printable(cell) for cell in cells)
                file.write(f"{each.digest}\t{each.line.source_id}\t{texts}\t{each.error:.2f}\n")
    print(f"{options.out}: {found:,} of {judged:,} lines that were judged")


class Judge:
    """Reads lines in both ways of a recogniser.

    Args:
        checkpoint: of a recogniser with a CTC output.
        device: where it runs, ``auto``, ``cpu`` or ``cuda``.

    Raises:
        UserError: it is none.
    """

    def __init__(self, checkpoint: Path, device: str = "auto") -> None:
        loaded = load_model(checkpoint, device)
        reader = line_reader(loaded, str(checkpoint))
        self._model: Recogniser = recogniser_of(reader.model)
        self._features: InkFeatures = reader.features
        self._vocabulary: Vocabulary = reader.vocabulary
        self._device = resolve_device(device)
        self._name = checkpoint

    def judged(self, lines: Iterator[tuple[Line, str]]) -> Iterator[Judged]:
        """Read lines that come with their digests, a window of them at a time, in their order."""
        with tqdm(desc="reading", unit="line") as bar:
            while window := list(islice(lines, _WINDOW)):
                places = sorted(range(len(window)), key=lambda place: len(window[place][0].strokes))
                found: dict[int, Judged] = {}
                for start in range(0, len(places), _BATCH):
                    batch = places[start : start + _BATCH]
                    found.update(zip(batch, self._batch([window[p] for p in batch]), strict=True))
                    bar.update(len(batch))
                yield from (found[place] for place in range(len(window)))

    @torch.inference_mode()
    def _batch(self, lines: list[tuple[Line, str]]) -> list[Judged]:
        found = [self._features.compute(line.strokes) for line, _ in lines]
        features, lengths = (each.to(self._device) for each in collate_features(found))
        encoded = self._model.encode(features, lengths)
        logits = self._model.ctc_logits(encoded)
        if logits is None:
            raise UserError(f"{self._name}: the recogniser has no CTC output")
        ctc = ctc_greedy(logits, encoded.lengths, self._vocabulary)
        attention = [each.text for each in decode_encoded(self._model, encoded, self._vocabulary)]
        return [Judged(*line, *texts) for line, *texts in zip(lines, attention, ctc, strict=True)]


def _judgeable(reader: BaseReader, cleaning: Cleaning) -> Iterator[tuple[Line, str]]:
    """The lines of a source whose texts are long enough, cleaned, and their digests."""
    for line in reader.read():
        if len(fold(line.text)) >= FEWEST_CHARACTERS:
            cleaned = clean(line, cleaning).line
            if cleaned is not None:
                yield cleaned, content_digest(line)


def _source(config: Any) -> tuple[BaseReader, Cleaning]:
    raw = config.get("data_loader") if isinstance(config, dict) else None
    settings: Any = checked_block(DATA_LOADERS, raw, "data_loader").args
    return build(settings.source, {}), settings.cleaning.instance()


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
