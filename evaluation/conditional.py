"""Evaluation of a model that writes a text.

Shapes: ``T`` pen steps, ``U`` characters.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from base.base_model import model_as
from evaluation.evaluator import (
    EVALUATORS,
    LikelihoodEvaluator,
    Samples,
    SampleSettings,
    evenly_spread,
    required,
    seeds_of,
)
from evaluation.hand_embedding import KnownHands
from evaluation.style_similarity import choose_styles, measure_style, style_similarity
from handwriting.errors import UserError
from handwriting.ink.drawing import INK_COLOUR
from handwriting.ink.line import Line
from handwriting.runtime.synthesis import Prime
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.writable_text import replace_unknown
from model.models import ConditionalHandwriting
from utils.figures.sheet import PRIME_COLOUR, Ink, Row, Sheet, contact_sheet
from utils.figures.window import WindowedLine, window_figure
from writing.synthesis import write

BIASES = (0.15, 0.5, 1.0)
LINES = 32
WINDOWS = 3
STYLES = 3


@EVALUATORS.register(name="conditional")
class ConditionalEvaluator(LikelihoodEvaluator):
    """Likelihood and prediction error of real lines; what the model writes for fixed sentences,
    and for the texts of real lines beside these lines."""

    def samples(self, settings: SampleSettings, lines: Sequence[Line]) -> Samples:
        """Pictures ``samples``: the sentences at each bias, from the same noise; ``window``: the
        window's path over some of them; ``styles``: styles that the model made up, and how it
        goes on in each; ``density``: where it expected the pen along the first of the sentences. No
        ink of real lines is in them. ``primed``, where there are lines: the same for styles of
        theirs.

        The rows are about the texts of real lines, of the sentences where there are no lines; see
        ``compare``.
        """
        biases = settings.biases or BIASES
        texts = self._known(settings.sentences)
        if not texts:
            return Samples({})
        groups = {bias: self._write(texts, bias, settings) for bias in biases}
        pictures: dict[str, Sheet | Figure] = {
            "samples": _samples_sheet(groups),
            "window": _window_figure(groups, biases[len(biases) // 2]),
        }
        made_up = [Prime(line.strokes, line.text) for line in self._made_up(texts[0], settings)]
        title = "a style that the model made up"
        pictures["styles"] = self._in_styles(made_up, texts[-1], settings, title)
        first = groups[biases[0]][0]
        title = f"where the model expected the pen, at each step: {_label(biases[0], first)}"
        density = self.density(first.strokes, first.text, title)
        if density is not None:
            pictures["density"] = density
        real, texts_of_real = self._texts_of(settings, lines)
        if real:
            chosen = [real[at] for at in evenly_spread(len(real), STYLES)]
            pictures["primed"] = self._in_styles(
                self._primes(chosen), texts[-1], settings, "a real line"
            )
        styles = self._styles_of(real, lines, settings)
        primes = self._primes(styles) or None
        rows: list[dict[str, Any]] = []
        written: dict[float, list[SynthesisedLine]] = {}
        for bias in biases if real else ():
            started = time.perf_counter()
            written[bias] = self._write(texts_of_real, bias, settings, primes)
            seconds = time.perf_counter() - started
            row = compare(written[bias], [line.strokes for line in real])
            rows.append({"bias": bias, **row, "seconds_per_line": seconds / len(real)})
        hands = None
        if styles and settings.hand_embedding is not None:
            hands = KnownHands.of(settings.hand_embedding, lines, styles, settings.seed)
        return Samples(pictures, rows, real, written, _style_rows(styles, real, written, hands))

    def _styles_of(
        self, real: Sequence[Line], lines: Sequence[Line], settings: SampleSettings
    ) -> list[Line]:
        """The line in whose style each text is to be written; none unless it is asked for."""
        if not (settings.in_hands and real):
            return []
        among = [line for line in lines if self._known([line.text])]
        if len(among) < 2:
            raise UserError("--in-hands: needs two lines at least")
        return choose_styles(real, among, settings.seed)

    def _primes(self, lines: Sequence[Line]) -> list[Prime]:
        return [Prime(line.strokes, self._known([line.text])[0]) for line in lines]

    def _texts_of(
        self, settings: SampleSettings, lines: Sequence[Line]
    ) -> tuple[list[Line], list[str]]:
        """Some of the lines, evenly spread over them, and their texts as far as the model knows
        their characters; without those of which nothing is left."""
        number = min(settings.samples or LINES, len(lines))
        chosen = [lines[at] for at in evenly_spread(len(lines), number)]
        known = [(line, text) for line in chosen for text in self._known([line.text])]
        return [line for line, _ in known], [text for _, text in known]

    def _known(self, texts: Sequence[str]) -> list[str]:
        """The texts in characters that the model knows, without those of which nothing is left."""
        known = ["".join(map(self._known_character, text)) for text in texts]
        return [text for text in (" ".join(text.split()) for text in known) if text]

    def _known_character(self, character: str) -> str:
        """The character, a similar one, the same in the other case, or nothing."""
        vocabulary = required(self.vocabulary, "vocabulary")
        for candidate in (character, character.swapcase()):
            try:
                return replace_unknown(candidate, vocabulary)[0]
            except UserError:
                continue
        return ""

    def _made_up(self, text: str, settings: SampleSettings) -> list[SynthesisedLine]:
        """A text in several styles: a style is what the first pen steps happen to be."""
        return self._write([text] * STYLES, settings.primed_bias, settings)

    def _in_styles(
        self, primes: Sequence[Prime], text: str, settings: SampleSettings, title: str
    ) -> Sheet:
        """A text in the style of each prime, under the prime."""
        bias = settings.primed_bias
        lines = self._write([text] * len(primes), bias, settings, primes)
        captions = [
            (title, PRIME_COLOUR),
            (f"how it goes on, bias {bias:g}: {text}", INK_COLOUR),
        ]
        rows = [
            Row("", [Ink(prime.strokes, len(prime.strokes)), Ink(line.strokes)])
            for prime, line in zip(primes, lines, strict=True)
        ]
        return contact_sheet(rows, captions)

    def _write(
        self,
        texts: Sequence[str],
        bias: float,
        settings: SampleSettings,
        primes: Sequence[Prime] | None = None,
    ) -> list[SynthesisedLine]:
        """Each text, from the same noise at every bias."""
        return write(
            model_as(self.model, ConditionalHandwriting),
            self.normalisation,
            required(self.vocabulary, "vocabulary"),
            texts,
            bias=bias,
            primes=primes,
            seeds=seeds_of(settings, len(texts)),
            progress=settings.progress,
            pen_steps=settings.onnx.text_pen_steps if settings.onnx else None,
        )


def compare(written: Sequence[SynthesisedLine], real: Sequence[np.ndarray]) -> dict[str, Any]:
    """Lengths of written lines beside those of real lines ``[T, 3]`` of the same texts.

    Returns:
        ``lines``: how many; ``reached_step_limit``: how many the model did not end by itself.
        The others are about those that it did: ``steps``, ``steps_real``: pen steps of a line;
        ``width``, ``width_real``: of its ink, in the corpus's units; all of them means, None where
        there is none. ``steps_ratio``, ``width_ratio``: written to real.
    """
    ended = [at for at, line in enumerate(written) if not line.reached_step_limit]
    steps = _mean([len(written[at].strokes) for at in ended])
    steps_real = _mean([len(real[at]) for at in ended])
    width = _mean([ink_width(written[at].strokes) for at in ended])
    width_real = _mean([ink_width(real[at]) for at in ended])
    return {
        "lines": len(written),
        "reached_step_limit": len(written) - len(ended),
        "steps": steps,
        "steps_real": steps_real,
        "steps_ratio": _ratio(steps, steps_real),
        "width": width,
        "width_real": width_real,
        "width_ratio": _ratio(width, width_real),
    }


def _style_rows(
    styles: Sequence[Line],
    real: Sequence[Line],
    written: Mapping[float, Sequence[SynthesisedLine]],
    hands: KnownHands | None,
) -> list[dict[str, Any]]:
    """Tell how well real lines, and those written at each bias, keep the style of each of
    ``styles``, a line for each of ``real``, and how often the hand is known again."""
    if not styles:
        return []
    measured = [measure_style(line.strokes, line.text) for line in styles]
    inks: list[tuple[str, float | None, Sequence[Line | SynthesisedLine]]] = [("real", None, real)]
    inks += [("written", bias, lines) for bias, lines in written.items()]
    return [
        {
            "ink": ink,
            "bias": bias,
            "lines": len(lines),
            **style_similarity(
                measured, [measure_style(line.strokes, line.text) for line in lines]
            ),
            **(
                hands.retrieval(styles, real, [(line.strokes, line.text) for line in lines])
                if hands
                else {"retrieval": None}
            ),
        }
        for ink, bias, lines in inks
    ]


def ink_width(strokes: np.ndarray) -> float:
    """From the leftmost to the rightmost point of strokes ``[T, 3]``."""
    return float(np.ptp(np.cumsum(strokes[:, 1].astype(np.float64)))) if len(strokes) else 0.0


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _ratio(written: float | None, real: float | None) -> float | None:
    return written / real if written is not None and real else None


def _samples_sheet(groups: dict[float, list[SynthesisedLine]]) -> Sheet:
    return contact_sheet(
        [
            Row(_label(bias, line), [Ink(line.strokes)])
            for bias, written in groups.items()
            for line in written
        ]
    )


def _label(bias: float, line: SynthesisedLine) -> str:
    at_limit = " (ended by the step limit)" if line.reached_step_limit else ""
    return f"bias {bias:g}: {line.text}{at_limit}"


def _window_figure(groups: dict[float, list[SynthesisedLine]], bias: float) -> Figure:
    return window_figure(
        [
            WindowedLine(line.strokes, line.text, line.phi, _label(bias, line))
            for line in groups[bias][:WINDOWS]
        ]
    )
