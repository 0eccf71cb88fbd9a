"""Export a recogniser to ONNX, and measure what that costs in quality.

Shapes: ``B`` lines, ``N`` feature points, ``F`` features, ``N'`` encoder frames, ``C`` vocabulary.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from base.batch import RecognitionBatch
from handwriting.command_line import print_notes
from handwriting.errors import UserError
from handwriting.files import whole_folder
from handwriting.runtime.ctc import ctc_greedy
from handwriting.text.error_rates import count_errors
from handwriting.text.vocabulary import Vocabulary
from model.exported_weights import for_export, tensors_of
from model.recognition import Seq2SeqRecognition
from model.recognition_metric import written_texts
from reading.onnx_export import ENCODER, file_name, write_recogniser
from reading.runtime_export import about_recogniser
from trainer.loaded_model import LoadedModel, open_data
from utils.optional_package import require
from utils.report import describe_rows, write_report

LINES = 32
_OF_MODEL = "torch float32"
_PRECISIONS = ("float32", "int8")

Encode = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From features ``[B, N, F]`` and lengths ``[B]`` to CTC's log-probabilities ``[B, N', C]`` and the
numbers of frames ``[B]``."""


def export(trained: LoadedModel, options: argparse.Namespace) -> None:
    """The graphs in files, and what they cost in quality, in a folder and printed.

    Raises:
        UserError: the model is none of this project's recognisers, or a package is missing.
    """
    model, vocabulary, features = trained.model, trained.vocabulary, trained.features
    if not isinstance(model, Seq2SeqRecognition) or vocabulary is None or features is None:
        raise UserError(
            f"{options.resume}: --export-onnx is for models that write or read, got a"
            f" {type(model).__name__}"
        )
    out = options.out or options.resume.parent / f"onnx-{options.resume.stem}"
    about = about_recogniser(model, vocabulary, features) | {"weights": str(options.resume.name)}
    report: dict[str, Any] = {"checkpoint": str(options.resume), **trained.progress}
    with whole_folder(out) as folder:
        write_recogniser(about, tensors_of(for_export(model)), folder)
        sizes = {each: (folder / file_name(ENCODER, each)).stat().st_size for each in _PRECISIONS}
        rows: list[dict[str, Any]] = [
            {"encoder": _OF_MODEL},
            *({"encoder": f"ONNX {each}", "MB": size / 1e6} for each, size in sizes.items()),
        ]
        if model.ctc_output is not None:
            rows = _with_errors(rows, trained, model, vocabulary, folder, options, report)
        print(describe_rows([{"MB": None, **row} for row in rows]))
        write_report({**report, "graphs": rows}, folder / "metrics.json")
        names = sorted(file.name for file in folder.iterdir())
    print(f"written to {out}: {', '.join(names)}")


def _with_errors(
    rows: list[dict[str, Any]],
    trained: LoadedModel,
    model: Seq2SeqRecognition,
    vocabulary: Vocabulary,
    folder: Path,
    options: argparse.Namespace,
    report: dict[str, Any],
) -> list[dict[str, Any]]:
    """The rows with the error rate of reading by CTC alone, where there are data."""
    try:
        loader = open_data(trained, options.data, "say where the data are with --data PATH")
    except UserError as error:
        if options.data is not None:
            raise
        print_notes([f"no error rates: {error}"])
        return rows
    split, limit = options.split or trained.validation_split, options.limit or LINES
    batches = cast("list[RecognitionBatch]", list(loader.evaluation(split, options.bs, limit)))
    encoders = [
        _torch_encoder(model),
        *(onnx_encoder(folder / file_name(ENCODER, each)) for each in _PRECISIONS),
    ]
    report |= {"split": split, "lines": sum(len(batch.text_lengths) for batch in batches)}
    print(f"character error rate by CTC alone, {report['lines']:,} lines of split {split}")
    return [
        {**row, "cer": _error_rate(encode, batches, vocabulary)}
        for row, encode in zip(rows, encoders, strict=True)
    ]


def _error_rate(
    encode: Encode, batches: Iterable[RecognitionBatch], vocabulary: Vocabulary
) -> float:
    pairs: list[tuple[str, str]] = []
    for batch in batches:
        log_probs, lengths = encode(batch.features.numpy(), batch.feature_lengths.numpy())
        texts = ctc_greedy(log_probs, lengths, vocabulary)
        pairs += zip(written_texts(batch, vocabulary), texts, strict=True)
    return count_errors(pairs).cer


def _torch_encoder(model: Seq2SeqRecognition) -> Encode:
    device = next(model.parameters()).device

    @torch.inference_mode()
    def encode(features: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        given = (torch.from_numpy(part).to(device) for part in (features, lengths))
        encoded = model.encode(*given)
        logits = model.ctc_logits(encoded)
        assert logits is not None  # asked of models that have such an output
        return logits.log_softmax(dim=2).cpu().numpy(), encoded.lengths.cpu().numpy()

    return encode


def onnx_encoder(path: Path) -> Encode:
    """Return an exported encoder, on one thread."""
    runtime = require("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, ["CPUExecutionProvider"])

    def encode(features: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        given = {"features": features, "lengths": lengths}
        log_probs, frames = session.run(["ctc_log_probs", "frame_lengths"], given)
        return log_probs, frames

    return encode
