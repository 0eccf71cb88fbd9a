"""Numbers of a recogniser's reading of a line, which confidence and places come from.

Shapes: ``U`` characters, ``N'`` encoder frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

# Probabilities nearer to 0 or 1 say no more.
_LEAST = 1e-6
FEATURES = ("attention", "ctc", "disagreeing", "least", "length")
"""Of a unit (a character, a word, a line): ``unit_features`` returns them."""


@dataclass(frozen=True)
class Evidence:
    """A reading of a line.

    Attributes:
        text: ``U`` characters.
        confidences: float64 ``[U]``, the decoder's probability of each character, given those
            before it.
        ctc_confidences: float64 ``[U]``, the CTC output's; the same as ``confidences`` where the
            recogniser has none.
        ctc_text: what the CTC output reads by itself; None where there is none.
        frames: float64 ``[U, 2]``, growing: the first and the last frame of each character.
        num_frames: ``N'``.
        score: log-probability of the text, as the search counts it.
        alternatives: other texts of the line with their scores, the best first.
    """

    text: str
    confidences: np.ndarray
    ctc_confidences: np.ndarray
    ctc_text: str | None
    frames: np.ndarray
    num_frames: int
    score: float = 0.0
    alternatives: tuple[tuple[str, float], ...] = ()

    def disagreeing(self) -> np.ndarray:
        """Which characters the CTC output reads otherwise, bool ``[U]``; a character that it reads
        between two of them counts for the one after it, or for the last."""
        found = np.zeros(len(self.text), bool)
        if self.ctc_text is None or not self.text:
            return found
        for edit in Levenshtein.opcodes(self.text, self.ctc_text):
            if edit.tag != "equal":
                begin = min(edit.src_start, len(self.text) - 1)
                found[begin : max(edit.src_end, begin + 1)] = True
        return found

    def disagreement(self) -> float:
        """The edit distance of both texts, as a share of the longer one's length."""
        if self.ctc_text is None:
            return 0.0
        return float(Levenshtein.normalized_distance(self.text, self.ctc_text))


def unit_features(evidence: Evidence, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return what says whether characters ``begin`` to ``end - 1`` are all right, for each span.

    Args:
        evidence: of the line.
        spans: ``begin, end`` of each unit, not empty.

    Returns:
        float64 ``[number of spans, len(FEATURES)]``: the log-odds of the product of the decoder's
        probabilities, the same of the CTC output's, the number of characters that the two read
        otherwise, the least log-odds of a character, and the log of the number of characters.
    """
    decoder, ctc = _log(evidence.confidences), _log(evidence.ctc_confidences)
    differs = evidence.disagreeing()
    rows = [
        (
            _log_odds(decoder[begin:end].sum()),
            _log_odds(ctc[begin:end].sum()),
            float(differs[begin:end].sum()),
            _log_odds(min(decoder[begin:end].min(), ctc[begin:end].min())),
            np.log(end - begin),
        )
        for begin, end in spans
    ]
    return np.array(rows, np.float64).reshape(len(rows), len(FEATURES))


def product(confidences: np.ndarray) -> float:
    """Return the probability that all of some characters are right, taken for independent."""
    return float(np.exp(_log(confidences).sum()))


def _log(probabilities: np.ndarray) -> np.ndarray:
    logs: np.ndarray = np.log(np.clip(probabilities, _LEAST, 1.0))
    return logs


def _log_odds(log_probability: float) -> float:
    probability = float(np.clip(np.exp(log_probability), _LEAST, 1 - _LEAST))
    return float(np.log(probability) - np.log1p(-probability))
