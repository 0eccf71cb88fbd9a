"""Evaluate a trained model: numbers on real lines, and pictures of what it writes.

The checkpoint is enough: it carries the config, the vocabulary and the normalisation.
"""

import argparse
import csv
import json
import logging
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from base.base_model import BaseModel
from base.base_reader import NoSource
from base.registry import DATA_LOADERS, MODELS, READERS
from data_loader.corpus import Corpus
from data_loader.data_loaders import HandwritingDataLoader
from data_loader.normalisation import Normalisation
from data_loader.readers.synthetic import SyntheticReader
from data_loader.vocabulary import Vocabulary
from model.evaluation import DEFAULT_SAMPLES, SampleSettings, evaluate, evaluator_of
from parse_config import ConfigParser
from trainer.checkpointing import evaluation_weights, load_checkpoint, load_weights
from utils.errors import UserError, run_command
from utils.files import whole_folder
from utils.plotting import save_sheet_png
from utils.sheet import Sheet
from utils.svg import save_sheet_svg

UNITS = {
    "nll": "nats per line, normalised units",
    "nll_per_step_raw": "nats per pen step, the corpus's own units",
    "sse": "squared error per pen step, normalised units",
}
_WHERE_DATA = "say where the data are with --data PATH, or draw samples alone with --samples-only"


@dataclass(frozen=True)
class Trained:
    """A trained model with what its checkpoint says of it.

    Attributes:
        model: with the weights to evaluate (averaged where there are such), in evaluation mode.
        normalisation: of the strokes that the model sees.
        vocabulary: of its texts; None where the checkpoint has none.
        config: the resolved config, plain values.
        progress: ``epoch``, ``step`` and whether the weights are ``averaged``.
    """

    model: BaseModel
    normalisation: Normalisation
    vocabulary: Vocabulary | None
    config: dict[str, Any]
    progress: dict[str, Any]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own)."""
    options = parse_options(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    trained = load_trained(options.resume, options.device)
    split = options.split or trained.config["data_loader"]["args"]["validation_split"]
    loader = None if options.samples_only else open_data(trained, options.data, split)
    out = options.out or _default_folder(options.resume, split, options.samples_only)
    settings = SampleSettings(
        seed=options.seed,
        samples=options.samples,
        steps=options.steps or DEFAULT_SAMPLES.steps,
        biases=tuple(options.bias),
        progress=_is_terminal(),
    )
    with whole_folder(out) as folder:
        if loader is None:
            sheets = evaluator_of(*_parts(trained)).sheets(settings, lines=())
        else:
            sheets = _measure(trained, loader, split, settings, options, folder)
        _save_sheets(sheets, folder)
        names = sorted(file.name for file in folder.iterdir())
    print(f"written to {out}: {', '.join(names)}")


def load_trained(path: Path, device: str = "auto") -> Trained:
    """The model of a checkpoint, on ``device``; ``UserError`` when it cannot be had from it."""
    checkpoint = load_checkpoint(path)
    parser = ConfigParser.from_dict(checkpoint["config"], device=device)
    vocabulary = checkpoint["vocabulary"] and Vocabulary.from_dict(checkpoint["vocabulary"])
    model = parser.build(MODELS, parser.config.arch, vocabulary=vocabulary)
    load_weights(model, evaluation_weights(checkpoint), path)
    return Trained(
        model=model.to(parser.device).eval(),
        normalisation=Normalisation.from_dict(checkpoint["normalisation"]),
        vocabulary=vocabulary,
        config=parser.to_dict(),
        progress={
            "epoch": checkpoint["epoch"],
            "step": checkpoint["step"],
            "averaged": checkpoint["averaged"] is not None,
        },
    )


def open_data(trained: Trained, data: Path | None, split: str) -> HandwritingDataLoader:
    """The data that the config names, or those in the folder ``data``, as the model sees them.

    Raises:
        UserError: there are none, they are not those of the config, or no line is in the split.
    """
    # What training used of a split says nothing about evaluation.
    changes: list[tuple[str, Any]] = [("data_loader.args.limit", None)]
    if data is not None:
        source = {"type": "auto", "args": {"data_dir": str(data)}}
        changes.append(("data_loader.args.source", source))
    parser = ConfigParser.from_dict(trained.config, changes)
    try:
        if data is not None:
            _refuse_built_in(parser, data)
        loader = parser.build(
            DATA_LOADERS,
            parser.config.data_loader,
            seed=parser.seed,
            rank=0,
            world_size=1,
            vocabulary=trained.vocabulary,
            normalisation=trained.normalisation,
        )
    except NoSource as error:
        raise UserError(f"{error}; {_WHERE_DATA}") from None
    loader.corpus.split(split)  # says which splits there are when this is none of them
    if data is None:
        _refuse_other_data(trained, loader)
    return loader


def _refuse_built_in(parser: ConfigParser, data: Path) -> None:
    """Who names a folder does not want the numbers of the built-in corpus."""
    reader = parser.build(READERS, parser.config.data_loader.args.source)
    if reader.chosen == SyntheticReader.name:
        raise UserError(f"--data: nothing to read, got {str(data)!r} ({reader.reason})")


def _refuse_other_data(trained: Trained, loader: HandwritingDataLoader) -> None:
    """A config whose source is "auto" may find other data here than where the model was trained.

    Data to which some forms were added since are still taken for the same.
    """
    found = loader.corpus.normalisation_of(loader.train_split).std
    if not np.allclose(found, trained.normalisation.std, rtol=0.05):
        was = " and ".join(f"{value:.4g}" for value in trained.normalisation.std)
        raise UserError(
            f"{loader.corpus.folder}: not the data that the model was trained on, whose offsets"
            f" have the standard deviations {was}, got {found[0]:.4g} and {found[1]:.4g};"
            f" {_WHERE_DATA}"
        )


def _measure(
    trained: Trained,
    loader: HandwritingDataLoader,
    split: str,
    settings: SampleSettings,
    options: argparse.Namespace,
    folder: Path,
) -> dict[str, Sheet]:
    """Write the numbers to ``folder``, print them, and make the pictures."""
    evaluator = evaluator_of(*_parts(trained))
    started = time.perf_counter()
    batches = loader.evaluation(split, options.bs, options.limit)
    numbers, rows = evaluate(evaluator, batches, progress=_is_terminal())
    indices = [int(row["index"]) for row in rows]
    steps = int(loader.corpus.lengths[indices].sum()) - len(indices)
    report = {
        "checkpoint": str(options.resume),
        **trained.progress,
        "task": trained.model.task,
        "split": split,
        "corpus": str(loader.corpus.folder),
        "lines": len(rows),
        "steps": steps,
        **numbers,
        "seconds": round(time.perf_counter() - started, 3),
        "device": str(next(trained.model.parameters()).device),
        "seed": settings.seed,
    }
    write_report(report, folder / "metrics.json")
    write_lines(rows, loader.corpus, folder / "lines.csv")
    print(describe(report, numbers))
    if options.steps is None:
        settings = replace(settings, steps=max(round(steps / len(rows)) + 1, 2))
    return evaluator.sheets(settings, [loader.corpus.strokes(index) for index in indices])


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write ``metrics.json``; numbers that are not finite become null, which JSON can say."""
    finite = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in report.items()
    }
    path.write_text(json.dumps(finite, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_lines(rows: Sequence[dict[str, float]], corpus: Corpus, path: Path) -> None:
    """Write ``lines.csv``: a row for each line, its ids first and its text last."""
    columns = [name for name in rows[0] if name != "index"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["index", "source_id", "writer", *columns, "text"])
        for row in rows:
            index = int(row["index"])
            ids = [index, corpus.source_id(index), corpus.writer(index)]
            writer.writerow([*ids, *(row[name] for name in columns), corpus.text(index)])


def describe(report: dict[str, Any], numbers: dict[str, float]) -> str:
    """The numbers as they are printed."""
    averaged = ", averaged weights" if report["averaged"] else ""
    head = [
        f"{report['checkpoint']}: epoch {report['epoch']}, step {report['step']}{averaged}",
        f"split {report['split']}: {report['lines']:,} lines, {report['steps']:,} pen steps"
        f" in {report['seconds']:.1f} s on {report['device']}",
    ]
    width = max(map(len, numbers))
    lines = [
        f"  {name.ljust(width)}  {value:12.4f}  {UNITS.get(name, '')}".rstrip()
        for name, value in numbers.items()
    ]
    return "\n".join([*head, *lines])


def _save_sheets(sheets: dict[str, Sheet], folder: Path) -> None:
    for name, sheet in sheets.items():
        save_sheet_png(sheet, folder / f"{name}.png")
        save_sheet_svg(sheet, folder / f"{name}.svg")


def _parts(trained: Trained) -> tuple[BaseModel, Normalisation, Vocabulary | None]:
    return trained.model, trained.normalisation, trained.vocabulary


def _default_folder(checkpoint: Path, split: str, samples_only: bool) -> Path:
    what = "samples" if samples_only else split
    return checkpoint.parent / f"evaluation-{checkpoint.stem}-{what}"


def _is_terminal() -> bool:
    return sys.stderr.isatty()


class _OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's options; ``UserError`` for what is wrong in it."""
    parser = _OneLineParser(
        prog="experiments.py",
        allow_abbrev=False,
        description="Evaluate a trained model: numbers on real lines, pictures of what it writes.",
    )
    add = parser.add_argument
    positive, natural = _whole_number(1), _whole_number(0)
    add("-r", "--resume", type=Path, required=True, metavar="CHECKPOINT", help="the trained model")
    add("--data", type=Path, help="folder of the data (default: what the model was trained on)")
    add("--split", help="lines to evaluate on (default: those of validation)")
    add("--out", type=Path, help="folder for the results (default: beside the checkpoint)")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    add("--seed", type=natural, default=1, help="of the samples (default: 1)")
    add("--limit", type=positive, metavar="N", help="evaluate on N lines of the split only")
    add("--bs", type=positive, metavar="N", help="lines in a batch; changes speed only")
    add("--samples", type=positive, default=3, metavar="N", help="lines drawn at each bias")
    add("--steps", type=_whole_number(2), metavar="N", help="pen steps of a drawn line")
    add(
        "--bias",
        type=_bias,
        nargs="+",
        default=DEFAULT_SAMPLES.biases,
        help="sampling biases to draw lines at (default: 0 0.5 1 2)",
    )
    add("--samples-only", action="store_true", help="draw samples alone, which needs no data")
    return parser.parse_args(argv)


def _whole_number(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"a whole number from {least} up, got {text!r}")
        return value

    return parse


def _bias(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"a number from 0 up, got {text!r}")
    return value


if __name__ == "__main__":
    run_command(main)
