"""Which of several drawings of a text is kept."""

import math
from collections.abc import Sequence

from handwriting.runtime.synthesis import Scorer, by_log_prob
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.error_rates import line_errors
from reading.line_reader import LineReader


def by_legibility(reader: LineReader) -> Scorer:
    """Return a scorer that prefers the line read with the fewest wrong characters.

    Of equals, it prefers the one that the writing model finds likeliest. A line that ended by the
    step limit is out.
    """

    def score(candidates: Sequence[SynthesisedLine]) -> list[float]:
        readings = reader.read([candidate.strokes for candidate in candidates])
        own = [-math.inf if math.isnan(value) else value for value in by_log_prob(candidates)]
        # From 0 to less than 1: less than one error.
        ranks = {value: place / len(own) for place, value in enumerate(sorted(set(own)))}
        return [
            -math.inf if math.isinf(likely) else ranks[likely] - _errors(candidate.text, reading)
            for candidate, reading, likely in zip(
                candidates, (reading.text for reading in readings), own, strict=True
            )
        ]

    return score


def _errors(text: str, reading: str) -> int:
    return line_errors(text, reading).character_errors
