"""Joining a line with another one by the same writer, so that a model learns to go on in a hand.

A model that is given a line to write like (Graves 2013, section 5.5) sees twice as much ink and
text as a line of the training has, and has to keep a style for as long. Joined lines show it both.

Shapes: ``T`` pen steps, ``B`` lines of a batch.
"""

from collections.abc import Sequence

import numpy as np

from data_loader.corpus import Corpus
from handwriting.ink.measures import height_without_extremes

NO_PARTNER = -1

# The space between two words as a share of the height of the ink, which is about two x-heights.
_SPACE = (0.35, 0.8)
# Of the ink that is nearest to the joint, so that sloping lines meet.
_NEAR = 0.3
# Keep these random numbers apart from each other and from those of the augmentation.
_OF_BATCH, _OF_LINE = 0x6A6F696E, 0x6A6F696F


class SameWriterPairs:
    """Which lines are joined with which others, drawn anew in each epoch.

    All lines of a batch are joined or none, since lines of a batch should be of like length. A
    partner is another line by the same writer, of those that are trained on; a line whose writer is
    not known, or has no other line, stays alone.

    Args:
        corpus: of the lines.
        lines: numbers of the lines that are trained on.
        share: of the batches that are joined, 0 to 1.
        seed: of the draws.
        max_points: a joined line has no more pen steps than this; None for any number.
        alone_epochs: first epochs, counted from 1, in which none are joined.
    """

    def __init__(
        self,
        corpus: Corpus,
        lines: np.ndarray,
        share: float,
        seed: int,
        max_points: int | None = None,
        alone_epochs: int = 0,
    ) -> None:
        self._lengths = corpus.lengths
        self._writers = {int(line): corpus.writer(line) for line in lines}
        self._lines_of: dict[str, list[int]] = {}
        for line, writer in self._writers.items():
            self._lines_of.setdefault(writer, []).append(line)
        self._share = share
        self._seed = seed
        self._max_points = max_points
        self._alone_epochs = alone_epochs

    def of(self, epoch: int, batch: int, lines: Sequence[int]) -> list[int]:
        """Return the partner of each line of a batch: ``B`` numbers of lines, or ``NO_PARTNER``.

        It depends on the seed, the epoch, the batch's number in it and the line, nothing else:
        processes that share a batch agree.
        """
        drawn = np.random.default_rng((self._seed, _OF_BATCH, epoch, batch)).random()
        if 0 < epoch <= self._alone_epochs or drawn >= self._share:
            return [NO_PARTNER] * len(lines)
        return [self._partner(epoch, line) for line in lines]

    def _partner(self, epoch: int, line: int) -> int:
        writer = self._writers[line]
        found = self._lines_of[writer] if writer else []
        if self._max_points is not None:
            room = self._max_points - self._lengths[line]
            found = [other for other in found if self._lengths[other] <= room]
        others = [other for other in found if other != line]
        if not others:
            return NO_PARTNER
        generator = np.random.default_rng((self._seed, _OF_LINE, epoch, line))
        return others[generator.integers(len(others))]


def joined_strokes(
    first: np.ndarray, second: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """One line of ink: ``second`` to the right of ``first``, a word's space away, at its height.

    Args:
        first, second: ``[T, 3]`` as in ``handwriting.ink.line.Line``.
        generator: draws the width of the space.

    Returns:
        float32 ``[T1 + T2, 3]``.
    """
    ahead, behind = (np.cumsum(part[:, 1:].astype(np.float64), axis=0) for part in (first, second))
    space = generator.uniform(*_SPACE) * height_without_extremes(ahead[:, 1])
    start = behind[0] + [
        ahead[:, 0].max() + space - behind[:, 0].min(),
        np.median(_end(ahead)[:, 1]) - np.median(_start(behind)[:, 1]),
    ]
    joined: np.ndarray = np.concatenate([first, second])
    joined[len(first), 1:] = start - ahead[-1]
    return joined


def joined_text(first: str, second: str) -> str:
    """The texts of two lines, a space between them."""
    return f"{first.rstrip()} {second.lstrip()}"


def _end(points: np.ndarray) -> np.ndarray:
    """The rightmost of points ``[T, 2]``."""
    end: np.ndarray = points[points[:, 0] >= np.quantile(points[:, 0], 1 - _NEAR)]
    return end


def _start(points: np.ndarray) -> np.ndarray:
    """The leftmost of points ``[T, 2]``."""
    start: np.ndarray = points[points[:, 0] <= np.quantile(points[:, 0], _NEAR)]
    return start
