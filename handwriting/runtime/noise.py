"""Random numbers that are the same in every runtime: torch, NumPy, JavaScript, C.

They come from Philox4x32-10, a generator without a state: a key and a counter give four words of 32
bits (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). The key is
the seed; the counter says which numbers are wanted, so that any of them can be had at once, in any
order. ``docs/export.md`` has the algorithm in full.

The last word of the counter says what the numbers are for: the noise of pen steps, the seeds of the
lines of a text, the seeds of further candidates of a line.
"""

import numpy as np

MOST_SEED = 2**64 - 1

_NOISE, _LINE, _CANDIDATE = range(3)
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_WORD = 2**32
_LOW = np.uint64(_WORD - 1)
_HALF = np.uint64(32)


def random_words(key: int, counters: np.ndarray) -> np.ndarray:
    """Return the four words of each counter.

    Args:
        key: 0 to 2**64 - 1; its low 32 bits are the first word of Philox's key.
        counters: whole numbers ``[n, 4]``, 0 to 2**32 - 1.

    Returns:
        uint64 ``[n, 4]``, each below 2**32.
    """
    a, b, c, d = counters.astype(np.uint64).T
    keys = [key % _WORD, key // _WORD]
    for _ in range(_ROUNDS):
        first, second = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = (
            (second >> _HALF) ^ b ^ np.uint64(keys[0]),
            second & _LOW,
            (first >> _HALF) ^ d ^ np.uint64(keys[1]),
            first & _LOW,
        )
        keys = [(word + step) % _WORD for word, step in zip(keys, _KEY_STEPS, strict=True)]
    return np.stack([a, b, c, d], axis=1)


def pen_noise(seed: int, num_steps: int) -> np.ndarray:
    """Return the noise of the pen steps of one line, float32 ``[num_steps, 4]``.

    Each row has two numbers uniform in [0, 1), of 24 bits, and two from the standard normal
    distribution, by Box and Muller's transform in float64. A longer line begins with the shorter
    one.
    """
    words = random_words(seed % _WORD**2, _counters(np.arange(num_steps), _NOISE))
    uniform = (words[:, :2] >> np.uint64(8)) * 2.0**-24
    radius = np.sqrt(-2 * np.log((words[:, 2] + np.uint64(1)) / _WORD))
    angle = words[:, 3] * (2 * np.pi / _WORD)
    columns = [uniform, (radius * np.cos(angle))[:, None], (radius * np.sin(angle))[:, None]]
    return np.concatenate(columns, axis=1).astype(np.float32)


def line_seed(seed: int, number: int) -> int:
    """Return the seed of one of the lines that are drawn for a text, counted from 0."""
    return _derived(seed, number, _LINE)


def candidate_seed(seed: int, candidate: int) -> int:
    """Return the seed of one of several candidates of a line; the first has the line's own."""
    return _derived(seed, candidate, _CANDIDATE) if candidate else seed


def _derived(seed: int, number: int, purpose: int) -> int:
    (low, high, _, _), *_ = random_words(seed % _WORD**2, _counters(np.array([number]), purpose))
    return int(low) + int(high) * _WORD


def _counters(numbers: np.ndarray, purpose: int) -> np.ndarray:
    counters = np.zeros((len(numbers), 4), np.uint64)
    counters[:, 0], counters[:, 3] = numbers, purpose
    return counters
