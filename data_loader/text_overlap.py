"""Which lines of one collection of texts also stand in another one.

A language model that was trained on the very texts which a recogniser is tested on would remember
them. Corpora of handwriting do repeat texts: several writers copy the same one, each with other
line breaks. So two texts are taken for the same where they share a run of words, and a line stands
in both if any of its words is part of such a run; upper and lower case and punctuation do not
count.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

RUN = 5  # words

Run = tuple[str, ...]


def words(text: str) -> list[str]:
    """The words of a text without their case and punctuation."""
    return re.findall(r"\w+", text.casefold())


def shared_lines(
    lines: Sequence[str], others: Iterable[Sequence[str]], run: int = RUN
) -> np.ndarray:
    """bool, true for the lines of which a word is in a run of ``run`` words that the others have.

    Runs go on over the ends of lines, since the lines of a page follow each other. A line that is
    the same as one of the others, however short, is shared too.

    Args:
        lines: in their order.
        others: collections of lines, each in its order.
        run: words.
    """
    known: set[Run] = set()
    for other in others:
        split = [words(line) for line in other]
        known |= set(_runs([word for line in split for word in line], run))
        known |= {tuple(line) for line in split}
    split = [words(line) for line in lines]
    stream = [word for line in split for word in line]
    numbers = np.repeat(np.arange(len(split)), [len(line) for line in split])
    shared = np.array([bool(line) and tuple(line) in known for line in split], dtype=bool)
    for start, found in enumerate(_runs(stream, run)):
        if found in known:
            shared[numbers[start : start + run]] = True
    return shared


def _runs(stream: Sequence[str], run: int) -> list[Run]:
    """All runs of words, as they begin one after the other."""
    return [tuple(stream[at : at + run]) for at in range(len(stream) - run + 1)]
