"""Adapt a recogniser to one's own ink, and measure what was gained and lost by it.

Training is the project's own, with a config made for few lines: one's own ink mixed with other ink,
so that nothing is forgotten. The held-out lines choose nothing: the weights are those of the last
epoch.
"""

import json
import logging
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from base.components import checked_block
from base.registry import DATA_LOADERS
from base.schema import build
from data_loader.data_loaders import HandwritingDataLoader
from data_loader.loader_settings import LoaderContext
from data_loader.readers.ink_files import InkFilesReader
from evaluation.adaptation_config import (
    BATCH_SIZE,
    MOST_VALIDATION_LINES,
    OTHER,
    OWN,
    Adaptation,
    adaptation_config,
    other_source,
)
from evaluation.evaluator import Evaluator, evaluate
from evaluation.recognition import RecognitionEvaluator
from handwriting.command_line import is_terminal, print_notes
from handwriting.errors import DataError, Interrupted, UserError
from handwriting.files import whole_folder
from handwriting.text.error_rates import ErrorCounts, line_errors
from parse_config import ConfigParser
from reading.recogniser import TASK
from reading.settings import GREEDY
from trainer.assembly import build_trainer
from trainer.checkpointing import load_checkpoint, save_checkpoint, slim
from trainer.distributed import distributed
from trainer.loaded_model import LoadedModel, load_model
from trainer.trainer import Trainer
from utils.report import write_report

__all__ = ["Adaptation", "adapt"]

LEAST_LINES = 5
CHECKPOINT, CONFIG, REPORT = "recognition.pth", "config.json", "adaptation.json"
_TITLES = {OWN: "your own, not trained on", OTHER: "other ink, not trained on"}
_TRIAL_STEPS = 4
_SHORT_RUN_EPOCHS = 8
# Files of a run that are kept.
_KEPT = ("loss_curve.png", "metrics.jsonl")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Run:
    """The parts of an adaptation that are known before it is trained."""

    settings: Adaptation
    recipe: dict[str, Any]
    arch: dict[str, Any]
    other: dict[str, Any]

    def config(self, save_dir: Path | str, **changes: Any) -> ConfigParser:
        """Return the checked config, with some settings of the adaptation changed."""
        settings = replace(self.settings, **changes)
        raw = adaptation_config(settings, self.recipe, self.arch, self.other)
        overrides = [("trainer.save_dir", str(save_dir))]
        weights, device = settings.weights, settings.device
        return ConfigParser.from_dict(raw, overrides, device=device, weights=weights)


def adapt(settings: Adaptation) -> list[dict[str, Any]]:
    """Train, measure and write the results to ``settings.out``.

    Returns:
        a row for one's own lines and one for the others: ``lines``, ``number``, and the character
        error rates in percent ``CER % before`` and ``after`` with their ``change``.

    Raises:
        UserError: the weights, the ink or the other ink are not such as are needed, or the folder
            is there already.
        Interrupted: Ctrl-C or SIGTERM came; nothing is left.
    """
    if settings.out.exists():
        raise UserError(f"--out: {settings.out} is there already, name a new folder")
    run = _prepared_run(settings)
    with whole_folder(settings.out) as folder, _temporary_folder() as work:
        # Before training, so that mistakes of data and settings show at once.
        before = measure(settings.weights, run.config(work), settings)
        config = run.config(work / "run", **_length(run, work))
        trainer = _trained(config, settings.device)
        _keep(trainer, folder)
        after = measure(folder / CHECKPOINT, config, settings)
        rows = gains(before, after)
        report = {"weights": str(settings.weights), "ink": str(settings.ink), "rows": rows}
        write_report(report, folder / REPORT)
    return rows


def gains(before: dict[str, ErrorCounts], after: dict[str, ErrorCounts]) -> list[dict[str, Any]]:
    """Return the rows of the table, see ``adapt``, from the errors of each source's lines."""
    return [
        {
            "lines": _TITLES[name],
            "number": str(before[name].lines),
            "CER % before": f"{100 * before[name].cer:.2f}",
            "after": f"{100 * after[name].cer:.2f}",
            "change": f"{100 * (after[name].cer - before[name].cer):+.2f}",
        }
        for name in (OWN, OTHER)
        if name in before and before[name].lines
    ]


def measure(checkpoint: Path, config: ConfigParser, settings: Adaptation) -> dict[str, ErrorCounts]:
    """Read the validation lines of each source greedily and count the errors, by source."""
    trained = load_model(checkpoint, settings.device)
    loader = _loader(trained, config)
    evaluator: Evaluator[Any] = RecognitionEvaluator(
        trained.model, trained.normalisation, trained.vocabulary, trained.features
    )
    batches = loader.evaluation(loader.validation_split, limit=2 * MOST_VALIDATION_LINES)
    _, rows = evaluate(evaluator, batches, progress=is_terminal())
    counts = dict.fromkeys(loader.corpus.sources, ErrorCounts())
    for row in rows:
        line, reading = int(row["line_index"]), row[f"{GREEDY.key}.reading"]
        source = loader.corpus.source(line)
        counts[source] = counts[source].plus(line_errors(loader.corpus.text(line), reading))
    return counts


def _prepared_run(settings: Adaptation) -> _Run:
    """Check the weights, the ink and the other ink, in this order."""
    checkpoint = load_checkpoint(settings.weights)
    task = load_model(settings.weights).model.task
    if task != TASK:
        raise UserError(
            f"-w: needs a model that reads handwriting, whose task is {TASK!r}, got one whose task"
            f" is {task!r} ({settings.weights})"
        )
    check_ink(settings.ink)
    try:
        other = other_source(settings)
    except DataError as error:
        raise UserError(f"--other: {error}") from None
    return _Run(settings, checkpoint["config"], checkpoint["arch"], other)


def check_ink(folder: Path) -> None:
    """Print what of a folder of ink is left out, and why.

    Raises:
        UserError: there is no ink, no text, or too little of both.
    """
    reader = InkFilesReader(str(folder))
    try:
        lines = list(reader.read())
    except DataError as error:
        raise UserError(f"--ink: {error}") from None
    print_notes(reader.skipped.messages)
    if len(lines) < LEAST_LINES:
        raise UserError(
            f"--ink: {folder}: {len(lines)} lines with a text, at least {LEAST_LINES} are needed;"
            " write some more"
        )


def _loader(trained: LoadedModel, config: ConfigParser) -> HandwritingDataLoader:
    """The lines of a config, as a model reads them."""
    context = LoaderContext(
        config.seed, vocabulary=trained.vocabulary, normalisation=trained.normalisation
    )
    raw = config.to_dict()["data_loader"]
    block = checked_block(DATA_LOADERS, raw, "data_loader")
    loader: HandwritingDataLoader = build(block, {"context": context})
    return loader


def _length(run: _Run, work: Path) -> dict[str, int]:
    """The epochs and the lines in each; where a time is given, this machine's speed is tried."""
    settings = run.settings
    if settings.minutes is None:
        return {"epochs": settings.epochs}
    speed = _lines_per_second(run, work / "trial")
    lines = max(settings.minutes * 60 * speed, BATCH_SIZE)
    epochs = min(_SHORT_RUN_EPOCHS, math.ceil(lines / BATCH_SIZE))
    _log.info("%.0f lines/s: %d epochs of %.0f lines", speed, epochs, lines / epochs)
    return {"epochs": epochs, "epoch_lines": round(lines / epochs)}


def _lines_per_second(run: _Run, save_dir: Path) -> float:
    """Train some steps, and return the speed of the second epoch: the first one warms up."""
    config = run.config(save_dir, epochs=2, epoch_lines=_TRIAL_STEPS * BATCH_SIZE)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.WARNING)
    try:
        rows = _trained(config, run.settings.device).history.rows
    finally:
        root.setLevel(level)
    return float(rows[-1]["lines_per_second"])


def _trained(config: ConfigParser, device: str) -> Trainer:
    """Return the trainer of a config when it has trained."""
    try:
        with distributed(device) as processes, _unnamed(config.trainer.save_dir):
            trainer = build_trainer(config, processes)
            trainer.train()
    except Interrupted:
        raise Interrupted("stopped; nothing was written") from None
    return trainer


@contextmanager
def _unnamed(folder: str) -> Iterator[None]:
    """Keep the trainer from telling where its files are, which are gone in the end."""

    def is_shown(record: logging.LogRecord) -> bool:
        return folder not in record.getMessage()

    logger = logging.getLogger("trainer.trainer")
    logger.addFilter(is_shown)
    try:
        yield
    finally:
        logger.removeFilter(is_shown)


def _keep(trainer: Trainer, folder: Path) -> None:
    """Write what a run made to the folder of the results: small, and naming no temporary folder."""
    checkpoint = load_checkpoint(trainer.run.checkpoint)
    config = checkpoint["config"]
    config["trainer"]["save_dir"] = "saved"
    save_checkpoint(folder / CHECKPOINT, slim(checkpoint))
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for place in (trainer.run.models, trainer.run.log):
        for name in _KEPT:
            if (place / name).is_file():
                shutil.copyfile(place / name, folder / name)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    # The log may still be open at the end, which some systems do not let go.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        yield Path(name)
