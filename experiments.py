"""Evaluate a trained model: numbers on real lines, and pictures of what it writes. Or write a text
with it, or read handwriting, or export its pen step to ONNX.

The checkpoint is enough: it carries the config, the vocabulary and the normalisation.

python experiments.py -r saved/models/.../model_best.pth
python experiments.py -r saved/models/.../model_best.pth --text "Dear Sir"
python experiments.py -r saved/models/.../model_best.pth --ink page.svg
python experiments.py -r saved/models/.../model_best.pth --export-onnx
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
from evaluation import (
    DEFAULT_SAMPLES,
    Evaluator,
    SampleSettings,
    as_figure,
    evaluate,
    evaluator_of,
)
from evaluation.legibility import LINES as LEGIBILITY_LINES
from evaluation.legibility_command import (
    measure_legibility,
    recognizer_beside,
    refuse_unless_writes_texts,
)
from handwriting.errors import run_command
from handwriting.files import whole_folder
from reading.command import read_ink
from reading.options import TASK as RECOGNITION
from reading.options import recognition_evaluator, refuse_unless_recogniser
from trainer.loaded_model import Trained, load_trained, open_data
from utils.experiment_options import parse_options, reads, writes
from utils.figures.drawing import save_figure
from utils.figures.sheet import Sheet
from utils.figures.sheet_svg import save_sheet_svg
from utils.matmul_precision import float32_products
from writing.command import write
from writing.export_command import export_step, load_step, printable, refuse_unless_writer

_REMEDY = "say where the data are with --data PATH, or draw samples alone with --samples-only"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own)."""
    options = parse_options(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    trained = load_trained(options.resume, options.device)
    # Numbers are in float32 whatever the device is.
    with float32_products(next(trained.model.parameters()).device, tf32=False):
        _run(trained, options)


def _run(trained: Trained, options: argparse.Namespace) -> None:
    """What was asked for."""
    refuse_unless_recogniser(options, trained.model)
    refuse_unless_writer(trained, options)
    if options.export_onnx:
        _export(trained, options)
    elif reads(options):
        read_ink(trained, options, progress=_is_terminal())
    elif writes(options):
        write(trained, options, progress=_is_terminal())
    else:
        _evaluate(trained, options)


def _evaluate(trained: Trained, options: argparse.Namespace) -> None:
    """Numbers and pictures, in a folder and printed."""
    evaluator = _evaluator(trained, options)
    split = options.split or trained.validation_split
    recognizer = recognizer_beside(trained, options)
    if options.in_hands:
        refuse_unless_writes_texts(trained, "--in-hands")
    loader = None
    if not options.samples_only:
        loader = open_data(trained, options.data, _REMEDY)
        loader.corpus.split(split)  # says which splits there are when this is none of them
    out = options.out or _default_folder(options.resume, split, loader is None)
    settings = SampleSettings(
        seed=options.seed,
        samples=options.samples or (recognizer and LEGIBILITY_LINES),
        steps=options.steps or DEFAULT_SAMPLES.steps,
        biases=options.bias and tuple(options.bias),
        in_hands=bool(options.in_hands),
        progress=_is_terminal(),
        onnx=load_step(trained, options),
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
            print(describe(report))
            print(describe_rows(evaluator.describe(numbers)), flush=True)
            lines = [loader.corpus.line(int(row["index"])) for row in rows]
            if options.steps is None:
                mean = sum(len(line.strokes) for line in lines) / len(lines)
                settings = replace(settings, steps=max(round(mean), 2))
            samples = evaluator.samples(settings, lines)
            for name, text in evaluator.report(report, settings, lines).items():
                (folder / name).write_text(text, encoding="utf-8")
        if samples.rows:
            report["written"] = list(samples.rows)
            print(describe_rows(samples.rows))
        if samples.hands:
            report["hands"] = list(samples.hands)
            print(describe_rows(samples.hands))
        if recognizer is not None:
            report["legibility"] = measure_legibility(recognizer, samples, folder)
            print(describe_rows(report["legibility"]["rows"]))
        if loader is not None or samples.rows:
            write_report(report, folder / "metrics.json")
        _save_pictures(samples.pictures, folder)
        names = sorted(file.name for file in folder.iterdir())
    print(f"written to {out}: {', '.join(names)}")


def _export(trained: Trained, options: argparse.Namespace) -> None:
    """The pen step in files, and what they cost in quality, in a folder and printed."""
    out = options.out or options.resume.parent / f"onnx-{options.resume.stem}"
    report = {"checkpoint": str(options.resume), **trained.progress, "task": trained.model.task}
    with whole_folder(out) as folder:
        report |= export_step(trained, options, folder)
        if "split" in report:
            print(f"nll of {report['lines']:,} lines of split {report['split']}")
        print(describe_rows(printable(report["steps"])))
        write_report(report, folder / "metrics.json")
        names = sorted(file.name for file in folder.iterdir())
    print(f"written to {out}: {', '.join(names)}")


def _evaluator(trained: Trained, options: argparse.Namespace) -> Evaluator:
    if trained.model.task == RECOGNITION:
        return recognition_evaluator(trained, options)
    return evaluator_of(trained.model, trained.normalisation, trained.vocabulary)


def _measure(
    evaluator: Evaluator, loader: HandwritingDataLoader, split: str, options: argparse.Namespace
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
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


def write_lines(rows: Sequence[dict[str, Any]], corpus: Corpus, path: Path) -> None:
    """Write ``lines.csv``: a row for each line, its ids first and its text last."""
    columns = [name for name in rows[0] if name != "index"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["index", "source_id", "writer", *columns, "text"])
        for row in rows:
            index = int(row["index"])
            ids = [index, corpus.source_id(index), corpus.writer(index)]
            writer.writerow([*ids, *(row[name] for name in columns), corpus.text(index)])


def describe(report: dict[str, Any]) -> str:
    """What was evaluated on what, as it is printed above the numbers."""
    averaged = ", averaged weights" if report["averaged"] else ""
    return (
        f"{report['checkpoint']}: epoch {report['epoch']}, step {report['step']}{averaged}\n"
        f"split {report['split']}: {report['lines']:,} lines, {report['steps']:,} pen steps"
        f" in {report['seconds']:.1f} s on {report['device']}"
    )


def describe_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table with a column for each name that the rows have a value for, words on the left of
    their columns and numbers on the right."""
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    columns = [_column(column) for column in zip(*cells, strict=True)]
    return "\n".join("  " + "  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _column(cells: Sequence[str]) -> list[str]:
    width = max(map(len, cells))
    is_number = all(cell[:1] in "-0123456789n" for cell in cells[1:])
    return [cell.rjust(width) if is_number else cell.ljust(width) for cell in cells]


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
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
