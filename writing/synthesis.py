"""Writing texts with a conditional model, many at once.

Shapes: ``P`` pen steps of a prime.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from tqdm import tqdm

from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.synthesis import (
    Limits,
    Prime,
    Scorer,
    batches,
    best_of_each,
    by_log_prob,
    request,
)
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.vocabulary import Vocabulary
from model.custom_layers.lstm_with_gaussian_attention import STEPS_PER_CHARACTER
from model.models import ConditionalHandwriting
from writing.pen_steps import cuda_graph_steps
from writing.pen_steps.packed_weights import pack
from writing.pen_steps.protocols import StepsOfTexts
from writing.sampling import one_each, sample_biases, sample_seeds
from writing.synthesis_loop import SynthesisBatch


@torch.inference_mode()
def write(
    model: ConditionalHandwriting,
    normalisation: Normalisation,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    bias: float | Sequence[float] = 0.0,
    primes: Prime | Sequence[Prime] | None = None,
    best_of: int = 1,
    scorer: Scorer = by_log_prob,
    generator: torch.Generator | None = None,
    seeds: Sequence[int] | None = None,
    most_steps_per_character: float | None = None,
    batch_size: int = 64,
    precision: str = "float32",
    progress: bool = False,
    pen_steps: StepsOfTexts | None = None,
) -> list[SynthesisedLine]:
    """Write each text as one line of handwriting, many at once (Graves 2013, section 5).

    It is computed where the model is. A line depends on its own text, seed, prime and bias alone,
    beyond rounding: not on the other texts nor on ``batch_size``.

    With a prime the model reads the prime's strokes with the window over the prime's text, a space
    and the new text, and goes on (section 5.5). Only what it writes of the new text is returned:
    if the window is late when the prime ends, the model first finishes the prime's text, and that
    ink is left out (``rest_of_prime``). If it is early, the new text's beginning may be missing.

    Args:
        model: dropout is off, whichever mode the model is in.
        normalisation: of the strokes that the model was trained on.
        vocabulary: the model's.
        texts: a line each.
        bias: sampling bias, at least 0 (section 5.4), one for all or one a text.
        primes: one for all or one a text.
        best_of: candidates of each text, of which the best is returned. The first is the one that
            ``best_of=1`` gives.
        scorer: finds the best; it gets the candidates of several texts at a time. A recogniser can
            stand here. Of equals the first wins.
        generator: gives each text's seed in turn; must be on the CPU. Default: torch's own.
        seeds: each text's seed, instead of ``generator``.
        most_steps_per_character: a line ends after this many pen steps a character of its text, or
            twice the prime's own if they are more, and some more, even where the window has not
            passed its text (``Limits``); see ``SynthesisedLine.reached_step_limit``. Default: as
            the model's pace says.
        batch_size: the most lines at work at once.
        precision: of the layers' products, see ``pack``.
        progress: show a progress bar, in lines.
        pen_steps: what computes the pen steps for texts ``[B, U+1, C]``, such as
            ``OnnxStep.text_pen_steps`` of an export of the model; default: ``TextPenSteps``.

    Returns:
        a line for each text. The last row's end of stroke is 1.

    Raises:
        UserError: a text, or a prime's, that is empty or has characters the model does not know.
        ValueError: other arguments out of range, or not one a text.
    """
    limits = Limits.at(model.steps_per_character / STEPS_PER_CHARACTER)
    if most_steps_per_character is not None:
        limits = replace(limits, steps_per_character=most_steps_per_character)
    _check(model, vocabulary, best_of, limits.steps_per_character, batch_size)
    requests = [
        request(vocabulary, text, prime, text_bias, seed, limits)
        for text, prime, text_bias, seed in zip(
            texts,
            _primes(primes, len(texts)),
            sample_biases(bias, len(texts)).tolist(),
            sample_seeds(len(texts), generator, seeds),
            strict=True,
        )
    ]
    pen_steps = pen_steps or partial(cuda_graph_steps.text_pen_steps, pack(model, precision))
    best: dict[int, SynthesisedLine] = {}
    with tqdm(total=len(texts) * best_of, desc="writing", unit="line", disable=not progress) as bar:
        for places in batches(requests, max(batch_size // best_of, 1)):
            wanted = [wish for place in places for wish in requests[place].candidates(best_of)]
            lines = SynthesisBatch(model, pen_steps, vocabulary, wanted).write(normalisation, bar)
            best.update(zip(places, best_of_each(lines, best_of, scorer), strict=True))
    return [best[place] for place in range(len(texts))]


def _primes(primes: Prime | Sequence[Prime] | None, num_texts: int) -> Sequence[Prime | None]:
    if primes is None or isinstance(primes, Prime):
        return [primes] * num_texts
    return one_each("prime", primes, num_texts)


def _check(
    model: ConditionalHandwriting,
    vocabulary: Vocabulary,
    best_of: int,
    most_steps_per_character: float,
    batch_size: int,
) -> None:
    if len(vocabulary) != model.num_characters:
        raise ValueError(f"the model has {model.num_characters} characters, got {len(vocabulary)}")
    if best_of < 1 or batch_size < 1:
        raise ValueError(f"best_of and batch_size: at least 1, got {best_of} and {batch_size}")
    if not 0 < most_steps_per_character < math.inf:
        raise ValueError(f"most_steps_per_character: above 0, got {most_steps_per_character}")
