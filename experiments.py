"""Evaluate a trained model: numbers on real lines, and pictures of what it writes. Or write a text
with it.

The checkpoint is enough: it carries the config, the vocabulary and the normalisation.

python experiments.py -r saved/models/.../model_best.pth
python experiments.py -r saved/models/.../model_best.pth --text "Dear Sir"
"""

import argparse
import csv
import json
import logging
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from data_loader.corpus import Corpus
from data_loader.data_loaders import HandwritingDataLoader
from model.evaluation import (
    DEFAULT_SAMPLES,
    Evaluator,
    SampleSettings,
    as_figure,
    evaluate,
    evaluator_of,
)
from trainer.trained import Trained, load_trained, open_data
from utils.errors import run_command
from utils.experiment_options import parse_options, writes
from utils.files import whole_folder
from utils.plotting import save_figure
from utils.sheet import Sheet
from utils.svg import save_sheet_svg
from utils.writing_command import write

UNITS = {
    "nll": "nats per line, normalised units",
    "nll_per_step_raw": "nats per pen step, the corpus's own units",
    "sse": "squared error per pen step, normalised units",
}
_REMEDY = "say where the data are with --data PATH, or draw samples alone with --samples-only"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own)."""
    options = parse_options(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    trained = load_trained(options.resume, options.device)
    if writes(options):
        write(trained, options, progress=_is_terminal())
    else:
        _evaluate(trained, options)


def _evaluate(trained: Trained, options: argparse.Namespace) -> None:
    """Numbers and pictures, in a folder and printed."""
    evaluator = evaluator_of(trained.model, trained.normalisation, trained.vocabulary)
    split = options.split or trained.validation_split
    loader = None
    if not options.samples_only:
        loader = open_data(trained, options.data, _REMEDY)
        loader.corpus.split(split)  # says which splits there are when this is none of them
    out = options.out or _default_folder(options.resume, split, loader is None)
    settings = SampleSettings(
        seed=options.seed,
        samples=options.samples,
        steps=options.steps or DEFAULT_SAMPLES.steps,
        biases=options.bias and tuple(options.bias),
        progress=_is_terminal(),
    )
    report = {
        "checkpoint": str(options.resume),
        **trained.progress,
        "task": trained.model.task,
        "device": str(next(trained.model.parameters()).device),
        "seed": settings.seed,
    }
    with whole_folder(out) as folder:
        if loader is None:
            samples = evaluator.samples(settings, lines=())
        else:
            about, numbers, rows = _measure(evaluator, loader, split, options)
            report.update({**about, **numbers})
            write_lines(rows, loader.corpus, folder / "lines.csv")
            print(describe(report, numbers), flush=True)
            lines = [loader.corpus.line(int(row["index"])) for row in rows]
            if options.steps is None:
                mean = sum(len(line.strokes) for line in lines) / len(lines)
                settings = replace(settings, steps=max(round(mean), 2))
            samples = evaluator.samples(settings, lines)
        if samples.rows:
            report["written"] = list(samples.rows)
            print(describe_rows(samples.rows))
        if loader is not None or samples.rows:
            write_report(report, folder / "metrics.json")
        _save_pictures(samples.pictures, folder)
        names = sorted(file.name for file in folder.iterdir())
    print(f"written to {out}: {', '.join(names)}")


def _measure(
    evaluator: Evaluator, loader: HandwritingDataLoader, split: str, options: argparse.Namespace
) -> tuple[dict[str, Any], dict[str, float], list[dict[str, float]]]:
    """What is measured, the numbers of all its lines, and those of each line."""
    started = time.perf_counter()
    batches = loader.evaluation(split, options.bs, options.limit)
    numbers, rows = evaluate(evaluator, batches, progress=_is_terminal())
    indices = [int(row["index"]) for row in rows]
    about = {
        "split": split,
        "corpus": str(loader.corpus.folder),
        "lines": len(rows),
        "steps": int(loader.corpus.lengths[indices].sum()) - len(indices),
        "seconds": round(time.perf_counter() - started, 3),
    }
    return about, numbers, rows


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write ``metrics.json``; numbers that are not finite become null, which JSON can say."""
    text = json.dumps(_finite(report), indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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


def describe(report: dict[str, Any], numbers: Mapping[str, float]) -> str:
    """The numbers about real lines as they are printed."""
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


def describe_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table of numbers about written lines, with a column for each of their names."""
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:,.0f}"


def _save_pictures(pictures: Mapping[str, Sheet | Figure], folder: Path) -> None:
    for name, picture in pictures.items():
        save_figure(as_figure(picture), folder / f"{name}.png")
        if isinstance(picture, Sheet):
            save_sheet_svg(picture, folder / f"{name}.svg")


def _default_folder(checkpoint: Path, split: str, samples_only: bool) -> Path:
    what = "samples" if samples_only else split
    return checkpoint.parent / f"evaluation-{checkpoint.stem}-{what}"


def _is_terminal() -> bool:
    return sys.stderr.isatty()


if __name__ == "__main__":
    run_command(main)
