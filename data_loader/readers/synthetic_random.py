"""Random numbers for the synthetic corpus that are the same on every machine.

NumPy promises the raw bits of a bit generator, not what ``Generator`` makes of them, so everything
here comes from the raw bits of Philox by exact arithmetic. A stream is keyed by what it is for, so
no line depends on which lines were made before it.
"""

import math

import numpy as np

_INDEX_BITS = 48
SEED_LIMIT = 2**63


class Draws:
    """A stream of random numbers.

    Args:
        seed: the corpus's seed, 0 <= seed < ``SEED_LIMIT``.
        purpose: number of what the stream is for, 0 <= purpose < 2**16.
        index: which of them it is for (the line's number), 0 <= index < 2**48.
    """

    def __init__(self, seed: int, purpose: int, index: int) -> None:
        key = np.array([seed, (purpose << _INDEX_BITS) + index], dtype=np.uint64)
        self._bits = np.random.Philox(key=key)

    def uniform(self, *shape: int) -> np.ndarray:
        """float64 of ``shape``, uniform in [0, 1)."""
        count = math.prod(shape)
        raw = np.asarray(self._bits.random_raw(count), dtype=np.uint64)
        numbers: np.ndarray = ((raw >> np.uint64(11)) * 2.0**-53).reshape(shape)
        return numbers

    def between(self, low: float, high: float) -> float:
        """One number, uniform in [low, high)."""
        return low + (high - low) * float(self.uniform(1)[0])

    def integer(self, low: int, high: int) -> int:
        """One integer, uniform in low..high, both included."""
        return low + int(self.uniform(1)[0] * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.uniform(1)[0] < probability)

    def spread(self, *shape: int) -> np.ndarray:
        """float64 of ``shape``: bell-shaped, mean 0, standard deviation 1, never beyond 3.5.

        The sum of four uniform numbers, which has no outliers and needs no logarithm.
        """
        numbers: np.ndarray = (self.uniform(4, *shape).sum(axis=0) - 2.0) * np.sqrt(3.0)
        return numbers
