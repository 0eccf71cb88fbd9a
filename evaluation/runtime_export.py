"""Export a trained model for ``handwriting.runtime`` and other programs: one ``safetensors`` file
that stands alone, and one of vectors to try a runtime by."""

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from base.base_model import BaseModel
from base.registry import METRICS
from handwriting.command_line import print_notes
from handwriting.errors import UserError
from handwriting.files import whole_folder
from handwriting.runtime.model_file import as_floats, in_precision, write_model_file
from handwriting.runtime.precisions import PRECISIONS
from handwriting.version import version
from model.exported_weights import for_export, load_tensors, tensors_of
from model.language_model import CharacterLanguageModel
from model.models import ConditionalHandwriting
from model.recognition import Seq2SeqRecognition
from reading import runtime_export as reading_export
from reading.file_reader import calibration_of
from trainer.loaded_model import LoadedModel, open_data
from utils.report import describe_rows
from writing import runtime_export as writing_export

FILES = {"conditional": "writer", "recognition": "recogniser", "language": "language_model"}
"""Name of the file, without its suffix, by the model's task."""

LINES = 32
_METRICS = {"conditional": "nll", "recognition": "cer", "language": "bits_per_character"}


def export(trained: LoadedModel, options: argparse.Namespace) -> None:
    """Write the files of ``options.export``, and print what they cost in quality on real lines,
    where there are data."""
    precision = options.export_weights or PRECISIONS[0]
    with whole_folder(options.export) as folder:
        name, exported = write_export(trained, folder, precision)
        files = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    report = _measured(trained, exported, options)
    if report:
        metric, lines = report["metric"], report["lines"]
        print(f"{metric} of {lines:,} lines of split {report['split']}")
        print(describe_rows(report["weights"]))
    sizes = ", ".join(f"{file} ({size / 1e6:.2f} MB)" for file, size in files.items())
    print(f"written to {options.export}: {sizes}")


def _measured(
    trained: LoadedModel, exported: BaseModel, options: argparse.Namespace
) -> dict[str, Any]:
    """The metric of the model's task with its own weights and with those of the file; nothing where
    there are no data."""
    try:
        loader = open_data(trained, options.data, "say where the data are with --data PATH")
    except UserError as error:
        if options.data is not None:
            raise
        print_notes([f"no numbers on real lines: {error}"])
        return {}
    split, limit = options.split or trained.validation_split, options.limit or LINES
    batches = list(loader.evaluation(split, options.bs, limit))
    name = _METRICS[trained.model.task]
    rows = []
    device = next(trained.model.parameters()).device
    for weights, model in (("own", trained.model), ("exported", exported.float().to(device))):
        provided = {"vocabulary": trained.vocabulary, "normalisation": trained.normalisation}
        metric = METRICS[name](**{key: provided[key] for key in METRICS.provided(name)})
        with torch.inference_mode():
            for batch in batches:
                metric.update(model(batch.to(device)), batch)
        rows.append({"weights": weights, name: f"{metric.compute():.4f}"})
    lines = sum(len(batch.text_lengths) for batch in batches)
    return {"split": split, "lines": lines, "metric": name, "weights": rows}


def write_export(
    trained: LoadedModel, folder: Path, precision: str = PRECISIONS[0]
) -> tuple[str, BaseModel]:
    """Write ``NAME.safetensors`` and ``NAME.parity.safetensors``, see ``docs/export.md``.

    Args:
        trained: a writer of texts, a recogniser or a language model.
        folder: that exists; files in it are replaced.
        precision: of the weights, one of ``PRECISIONS``.

    Returns:
        ``NAME``, one of ``FILES``; and the model with the weights of the file, in float64.

    Raises:
        UserError: the model has no export.
    """
    name = FILES.get(trained.model.task)
    if name is None:
        raise UserError(
            f"--export: for models whose task is {', '.join(FILES)}, got {trained.model.task!r}"
        )
    model, about, stored, parity = _parts(trained, precision)
    general = {"made_by": f"handwriting {version()}", "precision": precision, **trained.progress}
    if name == FILES["recognition"] and trained.path is not None:
        calibration = calibration_of(trained.path)
        if calibration is not None:
            about = {**about, "calibration": calibration.to_dict()}
    write_model_file(
        folder / f"{name}.safetensors", {**about, **general, "weights": fingerprint(stored)}, stored
    )
    vectors, tensors = parity
    vectors |= {"weights": fingerprint(stored)}
    write_model_file(folder / f"{name}.parity.safetensors", vectors, tensors)
    return name, model


def fingerprint(stored: Mapping[str, np.ndarray]) -> str:
    """Return a hash of the tensors of a file, by which another one says what it belongs to."""
    digest = hashlib.sha256()
    for name, value in sorted(stored.items()):
        digest.update(name.encode() + np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


_Tensors = dict[str, np.ndarray]
_Parts = tuple[BaseModel, dict[str, Any], _Tensors, tuple[dict[str, Any], _Tensors]]


def _parts(trained: LoadedModel, precision: str) -> _Parts:
    """The model with the weights of the file, the rules, the tensors as they are stored, and the
    vectors that these give."""
    model, vocabulary = trained.model, trained.vocabulary
    if isinstance(model, CharacterLanguageModel):
        model = for_export(model)
        stored = in_precision(tensors_of(model), precision)
        load_tensors(model, as_floats(stored))
        about = reading_export.about_language_model(model)
        return model, about, stored, reading_export.language_parity(model)
    if vocabulary is None:
        raise UserError("--export: the checkpoint has no vocabulary")
    if isinstance(model, Seq2SeqRecognition):
        features = reading_export.check_features(trained.features)
        model = for_export(model)
        stored = in_precision(tensors_of(model), precision, reading_export.EXACT)
        load_tensors(model, as_floats(stored))
        about = reading_export.about_recogniser(model, vocabulary, features)
        return model, about, stored, reading_export.recogniser_parity(model, vocabulary, features)
    if isinstance(model, ConditionalHandwriting):
        model = for_export(model)
        stored = in_precision(tensors_of(model), precision, writing_export.EXACT)
        load_tensors(model, as_floats(stored))
        about = writing_export.about(trained, model, vocabulary)
        return model, about, stored, writing_export.parity(trained, model, vocabulary)
    raise UserError(f"--export: is not for a {type(model).__name__}, which is not of this project")
