"""CTC sums against an enumeration of all paths."""

import itertools

import pytest
import torch

from handwriting.text.vocabulary import Vocabulary
from reading.ctc import ctc_frames, ctc_greedy, empty_prefixes, extend, extension_scores

BLANK, END, SIZE = 0, 2, 5
LETTERS = (3, 4)


def outputs(lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(len(lengths), max(lengths), SIZE, generator=generator).double() * 2
    return logits, torch.tensor(lengths)


def read(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK)


def text_probabilities(logits: torch.Tensor) -> dict[tuple[int, ...], float]:
    """Of every text of a line ``[N', C]``, from all of its paths."""
    probs = logits.softmax(1)
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(SIZE), repeat=len(logits)):
        text = read(path)
        probability = probs[range(len(path)), list(path)].prod().item()
        found[text] = found.get(text, 0.0) + probability
    return found


@pytest.mark.parametrize("frames", [1, 2, 4])
def test_prefixes_and_texts_have_the_sums_over_all_their_paths(frames: int) -> None:
    # The line is beside a longer one: its padding changes nothing.
    logits, lengths = outputs([frames, 5])
    texts = text_probabilities(logits[0, :frames])
    sums = ctc_frames(logits, lengths, BLANK)
    for text in itertools.chain(*(itertools.product(LETTERS, repeat=n) for n in range(4))):
        prefixes = empty_prefixes(sums, 1, BLANK)
        for character in text:
            parents = torch.zeros(2, 1, dtype=torch.int64)
            prefixes = extend(sums, prefixes, parents, torch.full((2, 1), character))
        scores = extension_scores(sums, prefixes, BLANK, END)[0, 0].exp()
        assert scores[END].item() == pytest.approx(texts.get(text, 0.0), rel=1e-9, abs=1e-15)
        assert scores[BLANK] == 0
        for character in LETTERS:
            begun = (*text, character)
            expected = sum(p for other, p in texts.items() if other[: len(begun)] == begun)
            assert scores[character].item() == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_prefixes_of_a_line_are_taken_from_their_parents() -> None:
    logits, lengths = outputs([5, 4])
    frames = ctc_frames(logits, lengths, BLANK)
    both = torch.tensor([[3, 4], [3, 4]])
    zeros = torch.zeros(2, 2, dtype=torch.int64)
    first = extend(frames, empty_prefixes(frames, 2, BLANK), zeros, both)
    swapped = extend(frames, first, torch.tensor([[1, 0], [1, 1]]), torch.full((2, 2), 3))
    straight = extend(frames, first, torch.tensor([[0, 1], [0, 1]]), torch.full((2, 2), 3))
    torch.testing.assert_close(swapped.character[0], straight.character[0].flip(0))
    torch.testing.assert_close(swapped.blank[1, 0], swapped.blank[1, 1])
    torch.testing.assert_close(swapped.blank[1, 0], straight.blank[1, 1])


def test_extensions_and_the_end_share_the_probability_of_their_prefix() -> None:
    """Also over hundreds of frames, where probabilities are far below the smallest float."""
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(1, 400, SIZE, generator=generator) * 4
    logits[:, :, [1, 2]] = -30.0  # symbols that texts do not have
    frames = ctc_frames(logits, torch.tensor([400]), BLANK)
    prefixes, whole = empty_prefixes(frames, 1, BLANK), torch.tensor(0.0).double()
    for position in range(60):
        scores = extension_scores(frames, prefixes, BLANK, END)[0, 0]
        torch.testing.assert_close(scores[[END, 1, 3, 4]].logsumexp(0), whole, atol=1e-5, rtol=1e-7)
        character = LETTERS[position % 3 // 2]
        whole = scores[character]
        prefixes = extend(
            frames, prefixes, torch.zeros(1, 1, dtype=torch.int64), torch.tensor([[character]])
        )
    assert torch.isfinite(whole)


def test_the_best_path_reads_without_repeats_blanks_and_padding() -> None:
    vocabulary = Vocabulary("ab")  # a is 4, b is 5
    path = torch.tensor([[4, 4, 0, 4, 5, 5, 0, 4], [0, 5, 5, 0, 5, 4, 4, 4]])
    logits = torch.nn.functional.one_hot(path, 6).float()
    logits[:, :, vocabulary.eos] = 0.5
    assert ctc_greedy(logits, torch.tensor([8, 5]), vocabulary) == ["aaba", "bb"]
    assert ctc_greedy(logits * 0 - 1, torch.tensor([8, 5]), vocabulary) == ["", ""]


def test_the_best_path_never_reads_what_is_no_character() -> None:
    vocabulary = Vocabulary("ab")
    logits = torch.zeros(1, 3, 6)
    logits[:, :, [vocabulary.sos, vocabulary.eos, vocabulary.unk]] = 9.0
    logits[:, 1, 5] = 1.0
    assert ctc_greedy(logits, torch.tensor([3]), vocabulary) == ["b"]
