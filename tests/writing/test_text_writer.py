"""A text of any length, written piece by piece in one hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from handwriting.errors import UserError
from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.noise import line_seed
from handwriting.runtime.synthesis import Prime
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.runtime.text_writer import Pieces, TextWriter, flaws
from handwriting.text.vocabulary import Vocabulary
from model.models import ConditionalHandwriting
from writing.line_writer import line_writer
from writing.synthesis import write

NORMALISATION = Normalisation(mean=(8.0, 0.5), std=(40.0, 30.0))
VOCABULARY = Vocabulary("abcde ")
LONG = "abcde abc abcde abc"  # one piece, of the length of an example
TEXT = f"ab\n\n{LONG}\ncab abc"


@pytest.fixture(scope="module")
def model() -> ConditionalHandwriting:
    torch.manual_seed(0)
    return ConditionalHandwriting(
        VOCABULARY, hidden_size=8, num_layers=1, num_mixtures=3, num_window_components=2
    )


def no_flaws(lines: Sequence[SynthesisedLine]) -> list[list[str]]:
    """Find nothing wrong: the ink of a model that was not trained is no writing."""
    return [[] for _ in lines]


def make_writer(model: ConditionalHandwriting, **options: Any) -> TextWriter:
    bias = options.pop("bias", 0.75)
    lines = line_writer(model, NORMALISATION, VOCABULARY, bias)
    return TextWriter(lines, VOCABULARY, **({"critic": no_flaws} | options))


def make_line(
    text: str, characters: list[int], reached_step_limit: bool = False
) -> SynthesisedLine:
    steps = np.array(characters)
    phi = np.zeros((len(steps), len(text) + 1))
    return SynthesisedLine(np.zeros((len(steps), 3)), text, phi, steps, reached_step_limit, 0.0, 1)


def test_pieces_are_the_text_with_its_newlines(model: ConditionalHandwriting) -> None:
    written = make_writer(model).write(f"\n{TEXT}")
    assert [line.text for line in written.lines] == ["\n", "ab\n\n", f"{LONG}\n", "cab abc"]
    assert [len(line.strokes) > 0 for line in written.lines] == [False, True, True, True]
    assert set(written.reached_step_limit) <= {"ab", LONG, "cab abc"}


def test_a_long_text_is_cut_between_words(model: ConditionalHandwriting) -> None:
    words = ["abcde"] * 12
    written = make_writer(model).write(" ".join(words))
    pieces = [line.text for line in written.lines]
    assert len(pieces) > 1 and max(map(len, pieces)) <= Pieces.longest
    assert " ".join(pieces).split() == words


def test_without_a_style_one_piece_is_the_example_of_the_others(
    model: ConditionalHandwriting,
) -> None:
    written = make_writer(model, bias=0.5, seed=3).write(TEXT)
    parts = (model, NORMALISATION, VOCABULARY)
    seeds = [line_seed(3, number) for number in range(3)]
    (example,) = write(*parts, [LONG], 0.5, best_of=Pieces.candidates, seeds=seeds[:1])
    assert not example.reached_step_limit
    prime = Prime(example.strokes, LONG)
    others = write(*parts, ["ab", "cab abc"], 0.5, primes=prime, seeds=seeds[1:])
    for line, ink in zip(written.lines, [others[0], example, others[1]], strict=True):
        if not flaws(ink):
            assert np.array_equal(line.strokes, ink.strokes)
            assert np.array_equal(line.character_of_step, ink.character_of_step)
    assert any(not flaws(ink) for ink in others)


def test_a_style_is_the_example_of_all_pieces(model: ConditionalHandwriting) -> None:
    (line,) = write(model, NORMALISATION, VOCABULARY, ["bad cab"], seeds=[5])
    style = Prime(line.strokes, line.text)
    written = make_writer(model, seed=3).write("ab\nabc", style)
    seeds = [line_seed(3, number) for number in range(2)]
    inks = write(model, NORMALISATION, VOCABULARY, ["ab", "abc"], 0.75, primes=style, seeds=seeds)
    assert any(not flaws(ink) for ink in inks)
    for line, ink in zip(written.lines, inks, strict=True):
        assert flaws(ink) or np.array_equal(line.strokes, ink.strokes)


def test_writing_again_gives_the_same_and_another_seed_does_not(
    model: ConditionalHandwriting,
) -> None:
    def ink(seed: int) -> np.ndarray:
        written = make_writer(model, seed=seed).write("ab\ncab")
        return np.concatenate([line.strokes for line in written.lines])

    first = ink(1)
    assert np.array_equal(first, ink(1))
    assert not np.array_equal(first[:5], ink(2)[:5])


def test_what_does_not_end_is_reported_and_written_all_the_same() -> None:
    """A model whose window stands still."""
    torch.manual_seed(0)
    model = ConditionalHandwriting(VOCABULARY, hidden_size=8, num_layers=1, num_mixtures=3)
    with torch.no_grad():
        model.attention.bias_window.chunk(3)[2].fill_(-20.0)
    written = make_writer(model).write("ab\nab")
    assert written.reached_step_limit == ["ab", "ab"]
    assert all(len(line.strokes) for line in written.lines)


def test_unknown_characters_are_an_error(model: ConditionalHandwriting) -> None:
    with pytest.raises(UserError, match="'漢' .* cannot be written"):
        make_writer(model).write("ab a漢e")


def test_flaws_are_words_without_ink_and_above_all_an_end_by_the_step_limit() -> None:
    text = "ab c de"
    assert flaws(make_line(text, [0, 1, 2, 3, 5])) == 0
    assert flaws(make_line(text, [0, 0, 2, 2, 6])) == 1
    assert flaws(make_line(text, [6])) == 2
    assert flaws(make_line(text, [0, 3, 5], reached_step_limit=True)) > flaws(make_line(text, [2]))


def test_characters_that_the_model_lacks_are_added_to_its_ink(
    model: ConditionalHandwriting,
) -> None:
    (plain,) = make_writer(model).write("cab bad").lines
    (line,) = make_writer(model).write("cáb €bad").lines
    assert line.text == "cáb €bad"
    assert set(line.character_of_step) >= {1, 4}
    added = sum(line.strokes[:, 0] > 0.5) - sum(plain.strokes[:, 0] > 0.5)
    assert added >= 4  # an accent and the three strokes of the sign
    (alone,) = make_writer(model).write("€").lines
    assert len(alone.strokes) > 0


def test_several_texts_are_one_hand_and_those_of_one_text_are_the_same(
    model: ConditionalHandwriting,
) -> None:
    (one,) = make_writer(model, seed=4).write_all([TEXT])
    alone = make_writer(model, seed=4).write(TEXT)
    assert [line.text for line in one.lines] == [line.text for line in alone.lines]
    for line, other in zip(one.lines, alone.lines, strict=True):
        assert np.array_equal(line.strokes, other.strokes)
    texts = ["ab\ncab", "", "bad cab"]
    written = make_writer(model).write_all(texts)
    assert [[line.text for line in text.lines] for text in written] == [
        ["ab\n", "cab"], [], ["bad cab"]
    ]  # fmt: skip


def test_what_a_critic_finds_is_drawn_again_and_reported_if_it_stays(
    model: ConditionalHandwriting,
) -> None:
    seen: list[str] = []

    def critic(lines: Sequence[SynthesisedLine]) -> list[list[str]]:
        seen.extend(line.text for line in lines)
        return [["is not liked"] if line.text == "ab" else [] for line in lines]

    writer = make_writer(model, critic=critic)
    written = writer.write(f"{LONG}\nab")
    assert seen.count("ab") == Pieces.attempts
    assert written.flaws == ["'ab' is not liked"]
