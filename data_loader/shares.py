"""The lines of each epoch, where sources have shares or an epoch has a length of its own."""

from collections.abc import Mapping, Sequence

import numpy as np

# Keeps these random numbers apart from those of the sampler.
_OF_SHARES = 0x73686172


class EpochLines:
    """The lines of each epoch, drawn so that every line of a source comes equally often.

    A source's lines are an endless row of permutations of them; each epoch takes the next piece of
    it, whose length is the source's share. So an epoch depends on the seed and its number alone.

    Args:
        sources: name of the source of each line, ``[L]``.
        shares: weight of each source; empty for the number of its lines.
        lines_per_epoch: lines in an epoch; None for ``L``.
        seed: of the order.
        is_short: whether each line is short, ``[L]``; None where no epoch has short lines alone.
        short_epochs: first epochs that do, counted from 1, of as many lines as the others.

    Raises:
        ValueError: a source has no share, or a share is of a source without lines, or a source has
            no short line.
    """

    def __init__(
        self,
        sources: Sequence[str] | np.ndarray,
        shares: Mapping[str, float],
        lines_per_epoch: int | None,
        seed: int,
        is_short: np.ndarray | None = None,
        short_epochs: int = 0,
    ) -> None:
        names, place = np.unique(np.asarray(sources), return_inverse=True)
        if shares and set(shares) != set(names.tolist()):
            strangers = sorted(set(shares) ^ set(names.tolist()))
            raise ValueError(f"each source needs a share and lines, not so: {', '.join(strangers)}")
        self._members = [np.flatnonzero(place == number) for number in range(len(names))]
        self._short_epochs = 0 if is_short is None else short_epochs
        self._short_members = [
            members if is_short is None else members[is_short[members]] for members in self._members
        ]
        if self._short_epochs:
            without = [
                name for name, m in zip(names, self._short_members, strict=True) if not len(m)
            ]
            if without:
                raise ValueError(f"short_epochs: no short line in {', '.join(map(str, without))}")
        weights = np.array(
            [shares.get(name, len(m)) for name, m in zip(names, self._members, strict=True)]
        )
        total = len(place) if lines_per_epoch is None else lines_per_epoch
        ends = np.rint(np.cumsum(weights) / weights.sum() * total).astype(np.int64)
        self._counts = np.diff(ends, prepend=0)
        self._seed = seed

    def __len__(self) -> int:
        """Lines in an epoch, the same in every epoch."""
        return int(self._counts.sum())

    def of(self, epoch: int) -> np.ndarray:
        """Return the positions of the lines of an epoch, int64, sorted by source."""
        is_short = 0 < epoch <= self._short_epochs
        of_sources = self._short_members if is_short else self._members
        parts = [
            self._piece(number, members, epoch * count, count)
            for number, (members, count) in enumerate(
                zip(of_sources, self._counts.tolist(), strict=True)
            )
        ]
        return np.concatenate(parts)

    def _piece(self, number: int, members: np.ndarray, start: int, count: int) -> np.ndarray:
        """``count`` members from place ``start`` on of the row of permutations."""
        size = len(members)
        first, last = start // size, (start + count - 1) // size
        row = [
            np.random.default_rng((self._seed, _OF_SHARES, number, turn)).permutation(members)
            for turn in range(first, last + 1)
        ]
        return np.concatenate(row)[start - first * size :][:count] if count else members[:0]
