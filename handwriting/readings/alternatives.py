"""Other readings of a line and of its words, from the best texts that a search found."""

import math
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from handwriting.readings.result import Alternative

_Scored = Sequence[tuple[str, float]]


def line_alternatives(text: str, score: float, others: _Scored) -> tuple[Alternative, ...]:
    """Return the other texts of a line with their shares of the probability of all.

    Args:
        text: the reading.
        score: its log-probability.
        others: other texts with theirs, the best first.
    """
    shares = _shares([score, *(each for _, each in others)])
    return tuple(
        Alternative(other, share)
        for (other, _), share in zip(others, shares[1:], strict=True)
        if other != text
    )


def word_alternatives(text: str, score: float, others: _Scored) -> list[tuple[Alternative, ...]]:
    """Return the other readings of each word of a line: what the line's other texts have in its
    place, with the shares of all texts that have it.

    Args:
        text, score, others: as for ``line_alternatives``.

    Returns:
        for each word of ``text`` its alternatives, the best first.
    """
    words = text.split()
    shares = _shares([score, *(each for _, each in others)])
    found: list[dict[str, float]] = [{} for _ in words]
    for (other, _), share in zip(others, shares[1:], strict=True):
        for place, reading in _replaced(words, other.split()):
            if reading != words[place]:
                found[place][reading] = found[place].get(reading, 0.0) + share
    return [
        tuple(
            Alternative(reading, share)
            for reading, share in sorted(each.items(), key=lambda pair: -pair[1])
        )
        for each in found
    ]


def _replaced(words: list[str], others: list[str]) -> list[tuple[int, str]]:
    """Each word's place with what another text has there; nothing for what has no one place."""
    pairs = []
    for edit in Levenshtein.opcodes(words, others):
        places = range(edit.src_start, edit.src_end)
        theirs = others[edit.dest_start : edit.dest_end]
        if edit.tag == "replace" and len(places) == len(theirs):
            pairs += list(zip(places, theirs, strict=True))
    return pairs


def _shares(scores: Sequence[float]) -> list[float]:
    """Probabilities from their logs, with sum 1."""
    best = max(scores)
    weights = [math.exp(score - best) for score in scores]
    return [weight / sum(weights) for weight in weights]
