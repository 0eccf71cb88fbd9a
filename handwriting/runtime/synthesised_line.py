"""A line that a conditional model wrote, and the rules that read its text off the window.

Shapes: ``T`` pen steps, ``U`` characters.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class SynthesisedLine:
    """A text as a model wrote it.

    Attributes:
        strokes: float32 ``[T, 3]`` as in ``handwriting.ink.line.Line``, in the corpus's units.
        text: the text.
        phi: float32 ``[T, U+1]``: the window's weights on the characters, and on the end of the
            text, when the model wrote each pen step.
        character_of_step: int64 ``[T]``: the index in ``text`` of the character that each pen step
            writes, which is the one the window weighs most. After the last character, the last.
        reached_step_limit: whether the window had not passed the text when the steps ran out: such
            a line is unfinished, or the model lost its place.
        log_prob: log-density of the pen steps that the model wrote, in nats, in normalised units,
            under the model without a bias.
        seed: what gives the same line again.
    """

    strokes: np.ndarray
    text: str
    phi: np.ndarray
    character_of_step: np.ndarray
    reached_step_limit: bool
    log_prob: float
    seed: int


def characters_of_steps(phi: np.ndarray) -> np.ndarray:
    """The place ``[T]`` that the window weighs most at each of the steps of ``phi`` ``[T, U+1]``;
    where it weighs none (between two characters, or past the text), as at the step before."""
    seen = phi.max(axis=1) > 0
    latest = np.maximum.accumulate(np.where(seen, np.arange(len(phi)), 0))
    characters: np.ndarray = phi.argmax(axis=1)[latest]
    return characters


def rest_of_prime(end_of_stroke: np.ndarray, characters: np.ndarray, start: int) -> int:
    """Return how many pen steps after a prime still write the prime's text.

    The window may not have reached the end of the prime's text when the prime's strokes end, and
    then the model finishes that text first. Whole strokes count, by what most of their steps
    write: where the window is only a little late, the first stroke is the new text's all the same.

    Args:
        end_of_stroke: ``[T]``, of the steps after the prime.
        characters: int64 ``[T]``, from ``characters_of_steps``, in the joined text.
        start: the new text's place in the joined text.

    Returns:
        steps, from 0 to T - 1; 0 if all of them write the prime's text, since then nothing of the
        new text is there to be kept apart.
    """
    stroke_ends = np.flatnonzero(end_of_stroke[:-1] > 0.5) + 1
    first = 0
    for end in [*stroke_ends, len(characters)]:
        if 2 * np.count_nonzero(characters[first:end] < start) <= end - first:
            return int(first)
        first = end
    return 0
