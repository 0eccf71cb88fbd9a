"""Export the pen step of a trained model to ONNX, and measure what that costs in quality; and write
with an export.

Shapes: ``B`` lines, ``T`` pen steps, ``U`` characters, ``C`` vocabulary, ``M`` mixture components.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from base.batch import Batch
from base.registry import METRICS
from data_loader.data_loaders import SplitBatches
from handwriting.command_line import print_notes
from handwriting.errors import UserError
from handwriting.files import whole_folder
from model.metric import LineMetric
from model.mixture import BivariateMixture
from model.models import ConditionalHandwriting, StackedHandwriting
from trainer.loaded_model import LoadedModel, open_data
from utils.report import describe_rows, write_report
from writing.pen_steps.onnx_export import FLOAT_FILE, INT8_FILE, write_step
from writing.pen_steps.onnx_steps import OnnxStep
from writing.pen_steps.packed_steps import PenSteps, TextPenSteps
from writing.pen_steps.packed_weights import pack

LINES = 32
CHECKED_STEPS = 20
CLOSE = 1e-3
"""Raw outputs of the float32 file are as close to the model's, relative or absolute."""

_OF_MODEL = "torch float32"
_REMEDY = "say where the data are with --data PATH"


class _Steps(Protocol):
    """Single pen steps of some lines, by whatever computes them."""

    def step(self, strokes: Tensor) -> Tensor:
        """Raw outputs ``[B, 6M+1]`` after pen steps ``[B, 3]``."""


StepsOfText = Callable[[Tensor], _Steps]
"""Makes single pen steps for texts ``[B, U, C]``; of those of a model without, B is all it uses."""


def check_writer(trained: LoadedModel, options: argparse.Namespace) -> None:
    """``UserError`` where a model that writes nothing meets ONNX."""
    if options.onnx is not None:
        _writer(trained, f"{options.resume}: --onnx")


def _writer(trained: LoadedModel, source: str) -> StackedHandwriting:
    """The model; ``UserError`` naming ``source``, what asks for it, when it writes nothing."""
    if not isinstance(trained.model, StackedHandwriting):
        raise UserError(
            f"{source} is for models that write, got one whose task is {trained.model.task!r}"
        )
    return trained.model


def load_step(trained: LoadedModel, options: argparse.Namespace) -> OnnxStep | None:
    """The export of ``--onnx``; None without one.

    Raises:
        UserError: it cannot be used, or it is not of the checkpoint's weights.
    """
    if options.onnx is None:
        return None
    step = OnnxStep(options.onnx)
    if not step.matches(trained.model):
        raise UserError(
            f"{options.onnx}: exported from other weights than those of {options.resume}"
        )
    return step


@torch.inference_mode()
def export_step(trained: LoadedModel, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Write the files of ``writing.pen_steps.onnx_export.write_step`` to ``folder`` and try them.

    Returns:
        plain values for a report: what was measured on (``split``, ``lines``, where there are
        data), and ``steps``: a row each for the model and the two files, with the size in ``MB``,
        the largest ``difference`` of a raw output from the model's over some steps of random pens,
        and the ``nll`` of the same lines.

    Raises:
        UserError: a package is missing, or ``--data`` or ``--split`` name nothing.
        RuntimeError: the float32 file does not compute what the model does.
    """
    model = _writer(trained, f"{options.resume}: --export-onnx")
    about, batches = _lines(trained, options)
    write_step(model, trained.normalisation, trained.vocabulary, folder)
    files = {"ONNX float32": FLOAT_FILE, "ONNX int8": INT8_FILE}
    of_files = {name: _of_file(OnnxStep(folder / file)) for name, file in files.items()}
    megabytes = sum(part.numel() * part.element_size() for part in model.parameters()) / 1e6
    rows: list[dict[str, Any]] = [{"step": _OF_MODEL, "MB": megabytes, "difference": None}]
    for name, file in files.items():
        difference = _difference(model, of_files[name])
        megabytes = (folder / file).stat().st_size / 1e6
        rows.append({"step": name, "MB": megabytes, "difference": difference})
    if not rows[1]["difference"] < CLOSE:
        raise RuntimeError(f"the exported step is not the model's: {rows[1]['difference']:g}")
    if batches is not None:
        nll = _measure(model, of_files, batches)
        rows = [{**row, "nll": nll[row["step"]]} for row in rows]
    return {**about, "steps": rows}


def printable(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows for a table, in which hundredths of the ``nll`` are seen."""
    return [{**row, "nll": f"{row['nll']:.2f}"} if "nll" in row else dict(row) for row in rows]


def _lines(
    trained: LoadedModel, options: argparse.Namespace
) -> tuple[dict[str, Any], SplitBatches | None]:
    """Return the lines to measure on, in words and as batches; none where there are no data."""
    try:
        loader = open_data(trained, options.data, _REMEDY)
    except UserError as error:
        if options.data is not None:
            raise
        print_notes([f"no likelihoods: {error}"])
        return {}, None
    split, limit = options.split or trained.validation_split, options.limit or LINES
    batches = loader.evaluation(split, options.bs, limit)
    lines = min(limit, len(loader.corpus.split(split)))
    return {"split": split, "corpus": str(loader.corpus.folder), "lines": lines}, batches


def _measure(
    model: StackedHandwriting, of_files: dict[str, StepsOfText], batches: Iterable[Batch]
) -> dict[str, float]:
    """The nll by the name of the step, as the evaluation defines it."""
    metrics = {name: METRICS["nll"]() for name in (_OF_MODEL, *of_files)}
    for batch in batches:
        metrics[_OF_MODEL].update(model(batch), batch)
        for name, steps_of in of_files.items():
            _count(metrics[name], model, steps_of, batch)
    return {name: metric.compute() for name, metric in metrics.items()}


def _count(
    metric: LineMetric, model: StackedHandwriting, steps_of: StepsOfText, batch: Batch
) -> None:
    """Count a batch whose real pen steps are read one by one."""
    steps = steps_of(_text(model, batch.text, batch.text_lengths))
    raw = [steps.step(row) for row in batch.strokes[:, :-1].unbind(1)]
    metric.update(BivariateMixture.from_output(torch.stack(raw, dim=1)), batch)


def _difference(model: StackedHandwriting, steps_of: StepsOfText) -> float:
    """The largest difference of a raw output from the model's, absolute or, of outputs above 1,
    relative, for texts and pens at random."""
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([7, 4, 1])
    known = getattr(model, "num_characters", 1)
    text = _text(model, torch.randint(known, (3, 7), generator=generator), lengths)
    mine, theirs = _of_model(model)(text), steps_of(text)
    largest = 0.0
    for row in torch.randn(CHECKED_STEPS, 3, 3, generator=generator):
        expected, raw = mine.step(row), theirs.step(row)
        ratio = (raw - expected).abs() / expected.abs().clamp(min=1)
        largest = max(largest, ratio.max().item())
    return largest


def _text(model: StackedHandwriting, text: Tensor, lengths: Tensor) -> Tensor:
    """Encode texts ``[B, U]`` as ``[B, U+1, C]``; a model without text gets them as they are."""
    return model.encode(text, lengths) if isinstance(model, ConditionalHandwriting) else text


def _of_model(model: StackedHandwriting) -> StepsOfText:
    weights = pack(model)
    if weights.window is None:
        return lambda text: PenSteps(weights, len(text))
    return lambda text: TextPenSteps(weights, text)


def _of_file(step: OnnxStep) -> StepsOfText:
    if step.has_text:
        return step.text_pen_steps
    return lambda text: step.pen_steps(len(text))


def export(trained: LoadedModel, options: argparse.Namespace) -> None:
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
