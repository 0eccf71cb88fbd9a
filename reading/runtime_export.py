"""A recogniser and a language model, as ``handwriting.runtime`` and other programs run them: their
rules, and vectors to try a runtime by. ``model.exported_weights`` has their weights.

Shapes: ``T`` pen steps, ``N`` feature points, ``F`` features, ``N'`` encoder frames, ``U``
characters, ``C`` vocabulary.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from base.batch import collate_features
from data_loader.readers.synthetic import SyntheticReader
from handwriting.errors import UserError
from handwriting.ink.features import InkFeatures
from handwriting.readings.line_reading import Reading
from handwriting.text.vocabulary import Vocabulary
from model.language_model import CharacterLanguageModel
from model.recognition import Seq2SeqRecognition
from reading.ctc import ctc_greedy
from reading.decoding import DecodingSettings, decode_encoded
from reading.options import BEAM, LANGUAGE_WEIGHT
from reading.recogniser import TASK

LANGUAGE_TASK = "language"
CTC_WEIGHT = 0.5
SETTINGS = DecodingSettings(BEAM, ctc_weight=CTC_WEIGHT, language_weight=LANGUAGE_WEIGHT)
"""How a runtime reads by itself; without a language model, whose weight is 0 then."""

EXACT = frozenset({"decoder.location"})
"""Kernels that are not rounded: small, and of what they give much depends."""

_NUM_LINES = 3
_TEXTS = ("the quick brown fox", "Hello, 12 of them.")


def about_recogniser(
    model: Seq2SeqRecognition, vocabulary: Vocabulary, features: InkFeatures
) -> dict[str, Any]:
    """Return the rules of reading, as plain values."""
    encoder = model.encoder
    convolutions = list(cast("Iterable[nn.Conv1d]", encoder.subsampling.convolutions))
    return {
        "task": TASK,
        "symbols": vocabulary.symbols,
        "features": asdict(features),
        "feature_names": list(features.names),
        "strides": [int(layer.stride[0]) for layer in convolutions],
        "kernel_size": int(convolutions[0].kernel_size[0]),
        "encoder_size": encoder.output_size // 2,
        "encoder_layers": len(encoder.layers),
        "layer_norm": any(isinstance(norm, nn.LayerNorm) for norm in encoder.norms),
        "decoder_size": model.decoder.hidden_size,
        "location": model.decoder.weight_location is not None,
        "ctc": model.ctc_output is not None,
        "reading": asdict(SETTINGS),
    }


def about_language_model(model: CharacterLanguageModel) -> dict[str, Any]:
    """Return what a runtime has to know of the model, as plain values."""
    return {
        "task": LANGUAGE_TASK,
        "symbols": model.vocabulary.symbols,
        "num_layers": len(model.layers),
        "hidden_size": model.output.in_features,
    }


@torch.no_grad()
def recogniser_parity(
    model: Seq2SeqRecognition, vocabulary: Vocabulary, features: InkFeatures
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return lines of the built-in corpus and all that becomes of them, as plain values and as
    tensors.

    Args:
        model: with the weights of the file, in float64.
        vocabulary: its own.
        features: that it sees.
    """
    cases: list[dict[str, Any]] = []
    tensors: dict[str, np.ndarray] = {}
    lines = SyntheticReader(_NUM_LINES, 3, max_characters=40).read()
    for number, line in enumerate(lines):
        computed = features.compute(line.strokes)
        values, lengths = collate_features([computed])
        encoded = model.encode(values.double(), lengths)
        found = {"strokes": line.strokes, "features": computed, "frames": encoded.memory[0].numpy()}
        case: dict[str, Any] = {"written": line.text}
        logits = model.ctc_logits(encoded)
        settings = {"greedy": DecodingSettings(), "beam": DecodingSettings(BEAM)}
        if logits is not None:
            found["ctc_log_probs"] = logits.log_softmax(dim=2)[0].numpy()
            (case["ctc"],) = ctc_greedy(logits, lengths.new_tensor([logits.shape[1]]), vocabulary)
            settings["beam_ctc"] = DecodingSettings(BEAM, ctc_weight=CTC_WEIGHT)
        for name, each in settings.items():
            (reading,) = decode_encoded(model, encoded, vocabulary, each)
            case[name] = _plain(reading)
        cases.append(case)
        tensors |= {f"{number}.{name}": value.astype(np.float32) for name, value in found.items()}
    return {"task": TASK, "cases": cases}, tensors


def _plain(reading: Reading) -> dict[str, Any]:
    return {"text": reading.text, "rank": reading.rank, "scores": reading.scores}


@torch.no_grad()
def language_parity(model: CharacterLanguageModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return texts and the log-probabilities ``[U+1, C]`` of what may follow each beginning.

    Args:
        model: with the weights of the file, in float64.
    """
    cases, tensors = [], {}
    for number, text in enumerate(_TEXTS):
        indices = model.vocabulary.encode(text)
        state, rows = model.initial_state(1), []
        for previous in (model.vocabulary.sos, *indices):
            log_probs, state = model.step(torch.tensor([previous]), state)
            rows.append(log_probs[0].numpy())
        cases.append({"text": text, "indices": indices})
        tensors[f"{number}.log_probs"] = np.stack(rows).astype(np.float32)
    return {"task": LANGUAGE_TASK, "cases": cases}, tensors


def check_features(features: InkFeatures | None) -> InkFeatures:
    """Return the features; ``UserError`` where the checkpoint has none."""
    if features is None:
        raise UserError("--export: the checkpoint does not say what its model sees of the ink")
    return features
