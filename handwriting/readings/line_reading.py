"""A line of ink as a recogniser read it, and what it says of its characters' places.

Shapes: ``U`` characters, ``N'`` encoder frames, ``C`` vocabulary.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from handwriting.readings.evidence import Evidence
from handwriting.text.ctc_alignment import align_text
from handwriting.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Reading:
    """A reading of a line.

    Attributes:
        text: the text.
        score: its joint log-probability, not normalised by its length.
        confidences: of each character, the attention decoder's probability of it, given the line
            and the characters before; ``U`` numbers.
        attention: float32 ``[U+1, N']``, the weight of each encoder frame as each character and the
            end were read; a row sums to 1.
        scores: the logs that the score is made of: ``joint``, ``attention``, and ``ctc`` and
            ``language`` where these have weight.
        rank: what the search maximised: the score with length normalisation and coverage.
        frames: int64 ``[U, 2]``, the first and the last encoder frame of each character on the most
            likely path of the CTC output; None where this was not asked for, or there is none.
        ctc_confidences: of each character, the CTC output's largest probability of it over these
            frames; empty where there are none.
        ctc_text: what the most likely path of the CTC output reads as; None as ``frames``.
        alternatives: further readings of the line, the best first, without places.
    """

    text: str
    score: float
    confidences: tuple[float, ...]
    attention: np.ndarray
    scores: dict[str, float]
    rank: float
    frames: np.ndarray | None = None
    ctc_confidences: tuple[float, ...] = ()
    ctc_text: str | None = None
    alternatives: "tuple[Reading, ...]" = ()

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the characters' confidences; None where no character was read."""
        if not self.confidences:
            return None
        least = np.finfo(np.float64).tiny
        return math.exp(np.log(np.maximum(self.confidences, least)).mean())


def with_frames(
    reading: Reading, log_probs: np.ndarray, ctc_text: str, vocabulary: Vocabulary
) -> Reading:
    """Return a reading with the frames of its characters.

    Args:
        reading: of a line.
        log_probs: ``[N', C]``, the CTC output's.
        ctc_text: what its most likely path reads as.
        vocabulary: of the text.
    """
    characters = vocabulary.encode(reading.text)
    frames = align_text(log_probs, characters, vocabulary.pad)
    if frames is None:
        return replace(reading, ctc_text=ctc_text)
    spans = zip(characters, frames.tolist(), strict=True)
    surest = [float(log_probs[first : last + 1, at].max()) for at, (first, last) in spans]
    sure = tuple(np.exp(surest).tolist())
    return replace(reading, frames=frames, ctc_confidences=sure, ctc_text=ctc_text)


def evidence_of(reading: Reading) -> Evidence:
    """Return what a reading says of its line; places are from the CTC output's path where there is
    one, else from where the decoder looked."""
    confidences = np.array(reading.confidences, np.float64)
    ctc = np.array(reading.ctc_confidences, np.float64)
    frames = reading.frames
    return Evidence(
        text=reading.text,
        confidences=confidences,
        ctc_confidences=ctc if len(ctc) == len(confidences) else confidences,
        ctc_text=reading.ctc_text,
        frames=_attended(reading.attention) if frames is None else frames.astype(np.float64),
        num_frames=reading.attention.shape[1],
        score=reading.score,
        alternatives=tuple((other.text, other.score) for other in reading.alternatives),
    )


def _attended(attention: np.ndarray) -> np.ndarray:
    """float64 ``[U, 2]``, the frame that each character was read from, never going back.

    The path that has most of the attention ``[U+1, N']`` in all; the end of text has no place.
    """
    weights = attention[:-1].astype(np.float64)
    number, frames = weights.shape
    if not number:
        return np.zeros((0, 2))
    best = np.zeros((number, frames))
    best[0] = np.maximum.accumulate(weights[0])
    for at in range(1, number):
        best[at] = np.maximum.accumulate(weights[at] + best[at - 1])
    place = frames - 1
    path = np.zeros(number)
    for at in range(number - 1, -1, -1):
        place = int(np.searchsorted(best[at, : place + 1], best[at, place]))
        path[at] = place
    return np.stack([path, path], axis=1)
