"""Lines to be written, and what is made of their pen steps, whatever computes these.

Shapes: ``T`` pen steps, ``P`` pen steps of a prime, ``U`` characters.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handwriting.runtime.noise import candidate_seed
from handwriting.runtime.synthesised_line import (
    SynthesisedLine,
    characters_of_steps,
    rest_of_prime,
)
from handwriting.text.vocabulary import Vocabulary
from handwriting.text.writable_text import check_text

Scorer = Callable[[Sequence[SynthesisedLine]], Sequence[float]]
"""How good each candidate is; the greatest wins, a NaN loses."""


@dataclass(frozen=True)
class Limits:
    """Bounds of a line's pen steps, after which it ends even where the window has not passed its
    text.

    More than people need: of the 8,320 lines of IAM-OnDB with a transcription 6 are longer (the
    median is 21 steps a character, the 99th percentile 37).

    Attributes:
        steps_per_character: of its text.
        more_steps: beside these.
        of_style_pace: with a style, at least so many times the style's own steps a character.
    """

    steps_per_character: float = 40.0
    more_steps: int = 100
    of_style_pace: float = 2.0

    @classmethod
    def at(cls, pace: float) -> "Limits":
        """Return the limits in data whose characters take other numbers of pen steps.

        Args:
            pace: times as many as in IAM-OnDB.
        """
        return cls(cls.steps_per_character * pace, round(cls.more_steps * pace))


@dataclass(frozen=True, eq=False)
class Prime:
    """A line of real handwriting whose style the model goes on with.

    Attributes:
        strokes: ``[P, 3]`` as in ``handwriting.ink.line.Line``, in the corpus's units.
        text: what it says.
    """

    strokes: np.ndarray
    text: str


@dataclass(frozen=True, eq=False)
class SynthesisRequest:
    """A line to be written; the step limit is in pen steps."""

    text: str
    prime: Prime | None
    bias: float
    seed: int
    step_limit: int

    @property
    def before(self) -> str:
        """Text that the window sees before the text to write."""
        return "" if self.prime is None else f"{self.prime.text.rstrip()} "

    @property
    def joined_text(self) -> str:
        """All that the window sees."""
        return self.before + self.text

    @property
    def read(self) -> np.ndarray:
        """Strokes that are read before any is written: the prime, or a line's first point."""
        return np.zeros((1, 3), np.float32) if self.prime is None else self.prime.strokes

    def candidates(self, number: int) -> list["SynthesisRequest"]:
        """Orders that differ in their seeds; the first is this one."""
        seeds = [candidate_seed(self.seed, candidate) for candidate in range(number)]
        return [replace(self, seed=seed) for seed in seeds]


def request(
    vocabulary: Vocabulary,
    text: str,
    prime: Prime | None,
    bias: float,
    seed: int,
    limits: Limits,
) -> SynthesisRequest:
    """Return the line to be written.

    Raises:
        UserError: a text, or a prime's, that is empty or has characters the model does not know.
        ValueError: the prime is not ``[P, 3]``, P >= 1.
    """
    check_text(text, vocabulary)
    pace = limits.steps_per_character
    if prime is not None:
        check_prime(prime.strokes)
        check_text(prime.text, vocabulary, "text of the style line")
        pace = max(pace, limits.of_style_pace * (len(prime.strokes) / len(prime.text)))
    return SynthesisRequest(
        text, prime, bias, seed, math.ceil(pace * len(text)) + limits.more_steps
    )


def check_prime(strokes: np.ndarray) -> None:
    """Raise ``ValueError`` unless the strokes are ``[P, 3]``, P >= 1."""
    if strokes.ndim != 2 or strokes.shape[1] != 3 or len(strokes) == 0:
        raise ValueError(f"a prime has the shape [P, 3] with P >= 1, got {list(strokes.shape)}")


def batches(requests: Sequence[SynthesisRequest], size: int) -> Iterator[list[int]]:
    """Places of ``size`` requests at a time, those of like length together."""
    places = sorted(range(len(requests)), key=lambda place: len(requests[place].joined_text))
    for start in range(0, len(places), size):
        yield places[start : start + size]


def by_log_prob(candidates: Sequence[SynthesisedLine]) -> list[float]:
    """The mean log-density of a pen step under the model without a bias.

    The mean and not the sum, which would prefer the shortest. A line that ended by the step limit
    is out: it is not all there, or its pen trembles in one place, which is likely at each step.
    """
    return [
        -math.inf if candidate.reached_step_limit else candidate.log_prob / len(candidate.strokes)
        for candidate in candidates
    ]


def best_of_each(
    lines: list[SynthesisedLine], best_of: int, scorer: Scorer
) -> list[SynthesisedLine]:
    """The best of each ``best_of`` lines in turn."""
    if best_of == 1:
        return lines
    scores = np.asarray(scorer(lines), dtype=np.float64)
    if scores.shape != (len(lines),):
        raise ValueError(f"a scorer gives one number a candidate, got {list(scores.shape)}")
    groups = np.nan_to_num(scores, nan=-np.inf).reshape(-1, best_of)
    return [lines[group * best_of + winner] for group, winner in enumerate(groups.argmax(axis=1))]


def finished_line(
    request: SynthesisRequest,
    strokes: np.ndarray,
    phi: np.ndarray,
    log_probs: np.ndarray,
    at_limit: bool,
) -> SynthesisedLine:
    """Return the line of what a model wrote after what it read.

    Args:
        request: of it.
        strokes: ``[T, 3]``, in the corpus's units.
        phi: ``[T, U+1]``, the window's weights, on the text of the prime too.
        log_probs: ``[T]``.
        at_limit: whether the steps ran out.
    """
    start = len(request.before)
    characters = characters_of_steps(phi)
    if request.prime is None:
        # The point where the line starts is read, not written; it goes with the first step.
        strokes = np.concatenate([request.read, strokes])
        phi, characters = (np.concatenate([part[:1], part]) for part in (phi, characters))
    else:
        rest = rest_of_prime(strokes[:, 0], characters, start)
        strokes, phi, characters, log_probs = (
            part[rest:] for part in (strokes, phi, characters, log_probs)
        )
        strokes[0, 1:] = 0.0
    strokes[-1, 0] = 1.0
    return SynthesisedLine(
        strokes=strokes,
        text=request.text,
        phi=phi[:, start:].astype(np.float32),
        character_of_step=np.clip(characters - start, 0, len(request.text) - 1),
        reached_step_limit=at_limit,
        log_prob=float(log_probs.sum(dtype=np.float64)),
        seed=request.seed,
    )
