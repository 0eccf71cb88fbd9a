"""Evaluation of a trained model: what is measured and what is drawn, by the model's task.

An evaluator is registered under the ``task`` of the models that it evaluates; the commands know
none of them by name.
"""

from base.components import import_components
from evaluation.evaluator import (
    DEFAULT_SAMPLES,
    EVALUATORS,
    NUMBERS,
    SENTENCES,
    SHORT_SENTENCES,
    Evaluator,
    Samples,
    SampleSettings,
    as_picture,
    evaluate,
    evaluator_of,
    evenly_spread,
    sample_figures,
)

import_components("evaluation")

__all__ = [
    "DEFAULT_SAMPLES",
    "EVALUATORS",
    "NUMBERS",
    "SENTENCES",
    "SHORT_SENTENCES",
    "Evaluator",
    "SampleSettings",
    "Samples",
    "as_picture",
    "evaluate",
    "evaluator_of",
    "evenly_spread",
    "sample_figures",
]
