"""Evaluate a trained model: from the command's options to numbers and pictures in a folder."""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from base.base_data_loader import LineCorpus
from data_loader.data_loaders import HandwritingDataLoader
from evaluation import (
    DEFAULT_SAMPLES,
    Evaluator,
    SampleSettings,
    evaluate,
    evaluator_of,
)
from evaluation.hand_embedding import HandEmbedding
from evaluation.legibility import LINES as LEGIBILITY_LINES
from evaluation.legibility_command import (
    check_writes_texts,
    judging_recogniser,
    measure_legibility,
)
from evaluation.recognition import RecognitionEvaluator
from handwriting.command_line import is_terminal
from handwriting.files import check_can_write, whole_folder
from handwriting.ink.line import Line
from reading.options import decodings
from reading.recogniser import TASK as RECOGNITION
from reading.recogniser import language_model
from trainer.distributed import ALONE, Distributed
from trainer.loaded_model import LoadedModel, open_data
from utils.figures.drawing import save_figure
from utils.figures.sheet import Sheet
from utils.figures.sheet_files import save_sheet
from utils.report import csv_text, describe_rows, write_report
from writing.export_command import load_step

_REMEDY = "say where the data are with --data PATH, or draw samples alone with --samples-only"


def evaluate_model(
    trained: LoadedModel, options: argparse.Namespace, processes: Distributed = ALONE
) -> None:
    """Write numbers and pictures to a folder, and print the numbers.

    Args:
        trained: the model, on the device of this process.
        options: of the command.
        processes: that divide the lines; the main one writes and prints, and draws the pictures.
    """
    split = options.split or trained.validation_split
    out = options.out or _default_folder(options.resume, split, bool(options.samples_only))
    check_can_write(out)
    evaluator = evaluator_for(trained, options)
    recogniser = judging_recogniser(trained, options)
    if options.in_hands:
        check_writes_texts(trained, "--in-hands")
    loader = None if options.samples_only else _open(trained, options.data, split, processes)
    if loader is not None and not processes.is_main:
        _measure(evaluator, loader, split, options, processes)
        return
    settings = SampleSettings(
        seed=options.seed,
        samples=options.samples or (None if recogniser is None else LEGIBILITY_LINES),
        steps=options.steps or DEFAULT_SAMPLES.steps,
        biases=options.bias and tuple(options.bias),
        in_hands=bool(options.in_hands),
        progress=is_terminal(),
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
            about, numbers, rows = _measure(evaluator, loader, split, options, processes)
            report.update({**about, **numbers})
            write_lines(rows, loader.corpus, folder / "lines.csv")
            _print_numbers(report, evaluator.tables(numbers))
            lines = [loader.corpus.line(int(row["line_index"])) for row in rows]
            if options.steps is None:
                mean = sum(len(line.strokes) for line in lines) / len(lines)
                settings = replace(settings, steps=max(round(mean), 2))
            settings = _with_embedding(settings, loader.corpus, lines)
            samples = evaluator.samples(settings, lines)
            for name, text in evaluator.report(report, settings, lines).items():
                (folder / name).write_text(text, encoding="utf-8")
        for name, written in (("written", samples.rows), ("styles", samples.styles)):
            if written:
                report[name] = list(written)
                print(describe_rows(written))
        if recogniser is not None:
            report["legibility"] = measure_legibility(recogniser, samples, folder)
            print(describe_rows(report["legibility"]["rows"]))
        if loader is not None or samples.rows:
            write_report(report, folder / "metrics.json")
        _save_pictures(samples.pictures, folder)
        names = sorted(file.name for file in folder.iterdir())
    print(f"written to {out}: {', '.join(names)}")


def _open(
    trained: LoadedModel, data: Path | None, split: str, processes: Distributed
) -> HandwritingDataLoader:
    """The data; ``DataError`` that says which splits they have, where ``split`` is none of them."""
    loader = open_data(trained, data, _REMEDY, processes=processes)
    loader.corpus.split(split)
    return loader


def _with_embedding(
    settings: SampleSettings, corpus: LineCorpus, lines: Sequence[Line]
) -> SampleSettings:
    """The settings with an embedding of hands, where styles are to be measured."""
    if not settings.in_hands:
        return settings
    return replace(settings, hand_embedding=HandEmbedding.of(_lines_of_others(corpus, lines)))


def _lines_of_others(corpus: LineCorpus, lines: Sequence[Line]) -> Iterator[Line]:
    """The lines of all splits by writers who wrote none of ``lines``."""
    writers = {line.writer for line in lines} | {""}
    for index in range(len(corpus)):
        if corpus.writer(index) not in writers:
            yield corpus.line(index)


def _print_numbers(report: dict[str, Any], tables: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    print(describe(report))
    for table in tables:
        print(describe_rows(table), flush=True)


def evaluator_for(trained: LoadedModel, options: argparse.Namespace) -> Evaluator[Any]:
    if trained.model.task == RECOGNITION:
        return RecognitionEvaluator(
            trained.model,
            trained.normalisation,
            trained.vocabulary,
            trained.features,
            decodings=decodings(options),
            language_model=language_model(options, trained),
        )
    return evaluator_of(trained.model, trained.normalisation, trained.vocabulary)


def _measure(
    evaluator: Evaluator[Any],
    loader: HandwritingDataLoader,
    split: str,
    options: argparse.Namespace,
    processes: Distributed,
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """Measure a split: return facts about it, its numbers, and those of each line."""
    started = time.perf_counter()
    batches = loader.evaluation(split, options.bs, options.limit)
    evaluator.source_of = loader.group if loader.groups else None
    numbers, rows = evaluate(evaluator, batches, is_terminal() and processes.is_main, processes)
    line_indices = [int(row["line_index"]) for row in rows]
    about = {
        "split": split,
        "corpus": str(loader.corpus.folder),
        "lines": len(rows),
        "steps": int(loader.corpus.lengths[line_indices].sum()) - len(line_indices),
        "seconds": round(time.perf_counter() - started, 3),
    }
    return about, numbers, rows


def write_lines(rows: Sequence[dict[str, Any]], corpus: LineCorpus, path: Path) -> None:
    """Write ``lines.csv``: a row for each line, its ids first and its text last."""
    columns = [name for name in rows[0] if name != "line_index"]
    table: list[list[Any]] = [["line_index", "source_id", "writer", *columns, "text"]]
    for row in rows:
        line_index = int(row["line_index"])
        ids = [line_index, corpus.source_id(line_index), corpus.writer(line_index)]
        table.append([*ids, *(row[name] for name in columns), corpus.text(line_index)])
    path.write_text(csv_text(table), encoding="utf-8", newline="")


def describe(report: dict[str, Any]) -> str:
    """Describe the model and the lines, for the text above the numbers."""
    averaged = ", averaged weights" if report["averaged"] else ""
    return (
        f"{report['checkpoint']}: epoch {report['epoch']}, step {report['step']}{averaged}\n"
        f"split {report['split']}: {report['lines']:,} lines, {report['steps']:,} pen steps"
        f" in {report['seconds']:.1f} s on {report['device']}"
    )


def _save_pictures(pictures: Mapping[str, Sheet | Figure], folder: Path) -> None:
    for name, picture in pictures.items():
        if isinstance(picture, Sheet):
            save_sheet(picture, folder / name)
        else:
            save_figure(picture, folder / f"{name}.png")


def _default_folder(checkpoint: Path, split: str, samples_only: bool) -> Path:
    what = "samples" if samples_only else split
    return checkpoint.parent / f"evaluation-{checkpoint.stem}-{what}"
