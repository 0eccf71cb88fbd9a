"""A model that writes, as ``handwriting.runtime`` and other programs run it: its rules, and vectors
to try a runtime by. ``model.exported_weights`` has its weights.

Shapes: ``B`` lines, ``T`` pen steps, ``U`` characters, ``C`` vocabulary, ``H`` hidden units, ``L``
layers, ``K`` window components, ``M`` mixture components.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data_loader.cleaning import measure_of
from handwriting.runtime.noise import pen_noise
from handwriting.runtime.synthesis import Limits, Prime
from handwriting.runtime.text_writer import Pieces
from handwriting.text.vocabulary import Vocabulary
from model.custom_layers import window_ranges
from model.custom_layers.lstm_with_gaussian_attention import STEPS_PER_CHARACTER
from model.mixture import MAX_CORRELATION_LOGIT, MAX_LOG_SIGMA
from model.models import ConditionalHandwriting
from trainer.loaded_model import LoadedModel
from writing import bias_control, synthesis
from writing.command import BIAS, TASK
from writing.pen_steps.packed_steps import TextPenSteps
from writing.pen_steps.packed_weights import PackedWeights, pack

EXACT = frozenset({"window.weight", *(f"layers.{layer}.pen" for layer in range(64))})
"""Matrices that are not rounded: small, and of what they give much depends."""

_TEXTS = ("The quick brown fox", "jumps over 13 lazy dogs.", "a")
_CASES = ((0, 0.75, 7, False), (1, 1.0, 8, True), (2, 0.0, 9, False))
"""Of each: its text, the bias, the seed, and whether it goes on with the first one's hand."""


def _measure(trained: LoadedModel) -> dict[str, Any] | None:
    """The size and the points of the lines that the model learned from, as plain values; None where
    they were those of their source."""
    cleaning = measure_of(trained.config["data_loader"]["args"])
    if cleaning is None:
        return None
    path = None if cleaning.path is None else asdict(cleaning.path)
    return {"x_height": cleaning.x_height, "path": path}


def about(
    trained: LoadedModel, model: ConditionalHandwriting, vocabulary: Vocabulary
) -> dict[str, Any]:
    """Return the rules, as plain values."""
    alpha, beta, step = window_ranges.PARAMETER_RANGES
    pace = model.steps_per_character / STEPS_PER_CHARACTER
    rules = bias_control.StallRules.at(pace)
    return {
        "task": TASK,
        "symbols": vocabulary.symbols,
        "normalisation": trained.normalisation.to_dict(),
        "measure": _measure(trained),
        "hidden_size": model.hidden_size,
        "num_layers": model.num_layers,
        "num_mixtures": model.num_mixtures,
        "num_window_components": model.attention.num_window_components,
        "layer_norm": any(getattr(layer, "layer_norm", False) for layer in model.layers),
        "window": {
            "log_alpha": alpha,
            "log_beta": beta,
            "log_step": step,
            "log_phi_floor": window_ranges.LOG_PHI_FLOOR,
        },
        "mixture": {
            "max_log_sigma": MAX_LOG_SIGMA,
            "max_correlation_logit": MAX_CORRELATION_LOGIT,
        },
        "bias": BIAS,
        "stalled_pen": {
            "carried": rules.carried,
            "resting_pace": bias_control.RESTING_PACE,
            "moving_pace": bias_control.MOVING_PACE,
        },
        "stalled_window": {
            "long_stay": rules.long_stay,
            "longest_stay": rules.longest_stay,
        },
        "limits": asdict(Limits.at(pace)),
        "pieces": asdict(Pieces()),
    }


class _Recorded(TextPenSteps):
    """Pen steps that keep what they gave."""

    def __init__(self, weights: PackedWeights, text: Tensor) -> None:
        super().__init__(weights, text)
        self.record: dict[str, list[Tensor]] = {name: [] for name in _RECORDED}

    def step_and_draw(self, strokes: Tensor, bias: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        raw, drawn = super().step_and_draw(strokes, bias, noise)
        for name, value in zip(
            _RECORDED, (strokes, bias, raw, self.phi, self.kappa, drawn), strict=True
        ):
            self.record[name].append(value.clone()[0])
        return raw, drawn


_RECORDED = ("pen", "bias", "raw", "phi", "kappa", "next_pen")


@torch.inference_mode()
def parity(
    trained: LoadedModel, model: ConditionalHandwriting, vocabulary: Vocabulary
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return lines that the model writes, step by step, as plain values and as tensors.

    Args:
        trained: for its normalisation.
        model: with the weights of the file, in float64.
        vocabulary: its own.
    """
    cases: list[dict[str, Any]] = []
    tensors: dict[str, np.ndarray] = {}
    texts = [_known(text, vocabulary) for text in _TEXTS]
    weights = pack(model)
    style: Prime | None = None
    for number, (at, bias, seed, in_hand) in enumerate(_CASES):
        runs: list[_Recorded] = []

        def record(text: Tensor, runs: list[_Recorded] = runs) -> _Recorded:
            runs.append(_Recorded(weights, text))
            return runs[-1]

        (line,) = synthesis.write(
            model, trained.normalisation, vocabulary, [texts[at]], bias=bias,
            primes=style if in_hand else None, seeds=[seed], pen_steps=record,
        )  # fmt: skip
        steps = {name: torch.stack(values).numpy() for name, values in runs[0].record.items()}
        steps |= {"strokes": line.strokes, "noise": pen_noise(seed, len(steps["pen"]))}
        steps["character_of_step"] = line.character_of_step
        tensors |= {f"{number}.{name}": _plain(value) for name, value in steps.items()}
        cases.append(
            {
                "text": line.text,
                "bias": bias,
                "seed": seed,
                "style": 0 if in_hand else None,
                "reached_step_limit": line.reached_step_limit,
                "log_prob": line.log_prob,
            }
        )
        style = style or Prime(line.strokes, line.text)
    return {"task": TASK, "cases": cases}, tensors


def _plain(value: np.ndarray) -> np.ndarray:
    return value.astype(np.int32 if value.dtype.kind == "i" else np.float32)


def _known(text: str, vocabulary: Vocabulary) -> str:
    """The text in characters of the vocabulary; one of them where none is."""
    unknown: Sequence[str] = vocabulary.unknown(text)
    known = "".join(character for character in text if character not in unknown).strip()
    return known or next(iter(character for character in vocabulary.characters if character != " "))
