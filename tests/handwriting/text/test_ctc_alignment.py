"""Alignment of a text with CTC outputs, against all paths."""

import itertools

import numpy as np
import pytest

from handwriting.text.ctc_alignment import align_text, frames_needed

BLANK = 0


def read_as(path: tuple[int, ...]) -> list[int]:
    return [each for each, _ in itertools.groupby(path) if each != BLANK]


@pytest.mark.parametrize("text", [[1], [1, 2], [1, 1], [2, 1, 2], [1, 1, 2]])
def test_the_alignment_is_that_of_the_best_path(text: list[int]) -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        log_probs = np.log(random.dirichlet(np.ones(3), size=6))
        paths = [path for path in itertools.product(range(3), repeat=6) if read_as(path) == text]
        best = max(paths, key=lambda path: sum(log_probs[at, each] for at, each in enumerate(path)))
        runs = [(each, len(list(run))) for each, run in itertools.groupby(best)]
        ends = np.cumsum([length for _, length in runs])
        expected = [
            (end - length, end - 1)
            for (each, length), end in zip(runs, ends.tolist(), strict=True)
            if each != BLANK
        ]
        found = align_text(log_probs, text, BLANK)
        assert found is not None and found.tolist() == [list(pair) for pair in expected]


def test_too_few_frames_have_no_alignment() -> None:
    assert frames_needed([1, 1, 2]) == 4
    assert align_text(np.zeros((3, 3)), [1, 1, 2], BLANK) is None
    assert align_text(np.zeros((4, 3)), [1, 1, 2], BLANK) is not None


def test_an_empty_text_has_no_places() -> None:
    found = align_text(np.zeros((3, 3)), [], BLANK)
    assert found is not None and found.shape == (0, 2)
