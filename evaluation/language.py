"""Evaluation of a language model.

Shapes: ``B`` texts.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from base.batch import Batch
from evaluation.evaluator import (
    EVALUATORS,
    Evaluator,
    Samples,
    SampleSettings,
    add_sums,
    take_sums,
)
from handwriting.ink.line import Line
from handwriting.text.vocabulary import Vocabulary
from model.language_model import BitsPerCharacter, character_nll


@runtime_checkable
class _OverCharacters(Protocol):
    vocabulary: Vocabulary


@EVALUATORS.register(name="language")
class LanguageEvaluator(Evaluator[Batch]):
    """Prediction of the texts of real lines."""

    def prepare(self) -> None:
        """Make the metric."""
        if not isinstance(self.model, _OverCharacters):
            raise TypeError(f"{type(self.model).__name__}: a language model has a vocabulary")
        self._vocabulary = self.model.vocabulary
        self._bits = BitsPerCharacter(self._vocabulary)

    def score(self, batch: Batch) -> dict[str, list[Any]]:
        """Columns ``characters`` (of the text and its end), ``nll`` (nats of the text) and
        ``bits_per_character`` (of this text alone)."""
        output = self.model(batch)
        self._bits.update(output, batch)
        nll, counts = character_nll(output, batch, self._vocabulary)
        bits = nll / counts / math.log(2)
        return {
            "characters": counts.tolist(),
            "nll": nll.tolist(),
            "bits_per_character": bits.tolist(),
        }

    def take_counted(self) -> dict[str, Any]:
        """The sums of the metric."""
        return take_sums({"bits": self._bits})

    def add_counted(self, counted: dict[str, Any]) -> None:
        """Add to the sums of the metric."""
        add_sums({"bits": self._bits}, counted)

    def numbers(self) -> dict[str, float]:
        """``bits_per_character``; ``perplexity``, 2 to the power of it: among how many equally
        likely characters one would have to choose to be as uncertain."""
        bits = self._bits.compute()
        return {"bits_per_character": bits, "perplexity": 2.0**bits}

    def samples(self, settings: SampleSettings, lines: Sequence[Line]) -> Samples:
        """Nothing: the model writes no ink."""
        return Samples({})
