"""Evaluation of a model without text.

Shapes: ``T`` pen steps, ``P`` pen steps of a prime.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from base.base_model import model_as
from evaluation.evaluator import (
    EVALUATORS,
    LikelihoodEvaluator,
    Samples,
    SampleSettings,
    seeds_of,
)
from handwriting.ink.line import Line
from model.models import UnconditionalHandwriting
from utils.figures.sheet import INK_COLOUR, PRIME_COLOUR, Ink, Row, Sheet, contact_sheet
from writing.sampling import generate

BIASES = (0.0, 0.5, 1.0, 2.0)
SAMPLES = 3


@EVALUATORS.register(name="unconditional")
class UnconditionalEvaluator(LikelihoodEvaluator):
    """Likelihood and prediction error of real lines; samples, with and without a prime."""

    def samples(self, settings: SampleSettings, lines: Sequence[Line]) -> Samples:
        """Pictures ``samples``: lines at each bias, from the same noise; ``density``: where the
        model expected the pen along the first of them; ``primed``: real beginnings of lines and how
        the model goes on, where there are lines."""
        pictures: dict[str, Sheet | Figure] = {}
        pictures["samples"], first = self._samples(settings)
        density = self.density(first, "", "where the model expected the pen, at each step")
        if density is not None:
            pictures["density"] = density
        if lines:
            pictures["primed"] = self._primed(settings, lines)
        return Samples(pictures)

    def _samples(self, settings: SampleSettings) -> tuple[Sheet, np.ndarray]:
        """The sheet, and the strokes of its first line."""
        biases, samples = settings.biases or BIASES, settings.samples or SAMPLES
        strokes = generate(
            model_as(self.model, UnconditionalHandwriting),
            self.normalisation,
            num_samples=len(biases) * samples,
            max_steps=settings.steps - 1,
            bias=[bias for bias in biases for _ in range(samples)],
            seeds=seeds_of(settings, samples) * len(biases),
            progress=settings.progress,
            pen_steps=settings.onnx.pen_steps if settings.onnx else None,
        )
        groups = [strokes[start : start + samples] for start in range(0, len(strokes), samples)]
        sheet = contact_sheet(
            [
                Row(f"bias {bias:g}", [Ink(line) for line in group])
                for bias, group in zip(biases, groups, strict=True)
            ]
        )
        return sheet, strokes[0]

    def _primed(self, settings: SampleSettings, lines: Sequence[Line]) -> Sheet:
        primes = choose_primes([line.strokes for line in lines], settings)
        strokes = generate(
            model_as(self.model, UnconditionalHandwriting),
            self.normalisation,
            num_samples=len(primes),
            max_steps=max(settings.steps - min(map(len, primes)), 1),
            bias=settings.primed_bias,
            primes=primes,
            seeds=seeds_of(settings, len(primes)),
            include_prime=True,
            progress=settings.progress,
        )
        inks = [
            Ink(line[: max(settings.steps, len(prime) + 1)], len(prime))
            for line, prime in zip(strokes, primes, strict=True)
        ]
        captions = [
            ("the start of a real line", PRIME_COLOUR),
            (f"how the model goes on, bias {settings.primed_bias:g}", INK_COLOUR),
        ]
        return contact_sheet([Row("", inks)], captions)


def choose_primes(lines: Sequence[np.ndarray], settings: SampleSettings) -> list[np.ndarray]:
    """Beginnings ``[P, 3]`` of lines ``[T, 3]`` drawn at random: a third of the samples' steps,
    half of a line that is shorter, and at least one step."""
    generator = np.random.default_rng(settings.seed)
    number = min(settings.samples or SAMPLES, len(lines))
    chosen = generator.choice(len(lines), number, replace=False)
    return [
        np.array(lines[index][: max(1, min(settings.steps // 3, len(lines[index]) // 2))])
        for index in chosen
    ]
