"""Random numbers that are the same everywhere."""

import numpy as np
import pytest

from handwriting.runtime.noise import (
    MOST_SEED,
    candidate_seed,
    line_seed,
    pen_noise,
    random_words,
)

# Known answers that the authors of Philox publish with it (Random123, kat_vectors).
KNOWN = [
    (0, (0, 0, 0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    (2**64 - 1, (2**32 - 1,) * 4, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        0x299F31D0A4093822,
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize(("key", "counter", "words"), KNOWN)
def test_words_are_those_of_philox(key: int, counter: tuple[int, ...], words: str) -> None:
    (found,) = random_words(key, np.array([counter], np.uint64))
    assert " ".join(f"{int(word):08x}" for word in found) == words


def test_noise_is_uniform_and_normal() -> None:
    noise = pen_noise(3, 100_000).astype(np.float64)
    uniform, normal = noise[:, :2], noise[:, 2:]
    assert uniform.min() >= 0 and uniform.max() < 1
    assert np.allclose([uniform.mean(), uniform.std()], [0.5, 12**-0.5], atol=0.003)
    assert np.allclose([normal.mean(), normal.std()], [0, 1], atol=0.01)
    # A normal variable is beyond two standard deviations in 4.55 % of cases.
    assert np.mean(np.abs(normal) > 2) == pytest.approx(0.0455, abs=0.002)
    assert np.abs(np.corrcoef(noise.T) - np.eye(4)).max() < 0.02


def test_a_longer_line_begins_with_the_shorter_one() -> None:
    assert np.array_equal(pen_noise(4, 300)[:3], pen_noise(4, 3))
    assert pen_noise(4, 0).shape == (0, 4)


def test_seeds_differ_and_are_within_their_range() -> None:
    seeds = [line_seed(1, number) for number in range(100)]
    seeds += [candidate_seed(1, number) for number in range(100)]
    assert len(set(seeds)) == 200
    assert all(0 <= seed <= MOST_SEED for seed in seeds)
    assert candidate_seed(7, 0) == 7
    assert not np.array_equal(pen_noise(seeds[0], 3), pen_noise(seeds[1], 3))
