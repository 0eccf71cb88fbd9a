"""Which of several drawings of a text is kept, and what is still wrong with it."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from handwriting.pages.aligned_text import AlignedLine
from handwriting.pages.flaws import ink_flaws
from handwriting.runtime.synthesis import Scorer, by_log_prob
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.runtime.text_writer import flaws_of_ink
from handwriting.text.error_rates import line_errors
from handwriting.text.reading_flaws import word_flaws

_FLAW = 3.0  # wrong characters that a flaw of the ink counts as much as


class ReadsTwice(Protocol):
    """A recogniser that looks at lines in two ways."""

    def read_twice(self, lines: Sequence[np.ndarray]) -> list[tuple[str, ...]]:
        """Return the readings of each line of strokes ``[T, 3]``: by the attention decoder, and by
        CTC, where it has it."""


def by_legibility(*readers: ReadsTwice) -> Scorer:
    """Return a scorer that prefers the line read with the fewest wrong characters.

    The attention decoder and CTC of each reader read each line apart, so that a quirk of one of
    them is not enough, and the errors of all readings count; ink that leaves its line or runs away
    counts against it, too. Of equals, it prefers the one that the writing model finds likeliest. A
    line that ended by the step limit is out.
    """

    def score(candidates: Sequence[SynthesisedLine]) -> list[float]:
        readings = _readings(readers, candidates)
        own = [-math.inf if math.isnan(value) else value for value in by_log_prob(candidates)]
        # From 0 to less than one error of one reading.
        unit = 1 / (2 * len(readers) * len(own)) if own else 0.0
        ranks = {value: place * unit for place, value in enumerate(sorted(set(own)))}
        return [
            -math.inf
            if math.isinf(likely)
            else ranks[likely]
            - float(np.mean([_errors(candidate.text, text) for text in looks]))
            - _FLAW * len(ink_flaws(_aligned(candidate)))
            for candidate, looks, likely in zip(candidates, readings, own, strict=True)
        ]

    return score


class Critic:
    """Names what is wrong with lines, so that they can be drawn again.

    Args:
        readers: read them; without any, only what shows without reading is found.
    """

    def __init__(self, *readers: ReadsTwice) -> None:
        self._readers = readers

    def __call__(self, lines: Sequence[SynthesisedLine]) -> list[list[str]]:
        """Return the flaws of each line, in words.

        A word is missing, or there twice, if all readings of the line say so.
        """
        found = flaws_of_ink(lines)
        if self._readers and lines:
            readings = _readings(self._readers, lines)
            for flaws, line, looks in zip(found, lines, readings, strict=True):
                first, *others = (word_flaws(line.text, text) for text in looks)
                flaws += [flaw for flaw in first if all(flaw in other for other in others)]
        return found


def _readings(
    readers: Sequence[ReadsTwice], lines: Sequence[SynthesisedLine]
) -> list[tuple[str, ...]]:
    """All readings of each line."""
    looks = [reader.read_twice([line.strokes for line in lines]) for reader in readers]
    return [
        tuple(text for look in of_line for text in look) for of_line in zip(*looks, strict=True)
    ]


def _aligned(line: SynthesisedLine) -> AlignedLine:
    return AlignedLine(line.strokes, line.text, line.character_of_step)


def _errors(text: str, reading: str) -> int:
    return line_errors(text, reading).character_errors
