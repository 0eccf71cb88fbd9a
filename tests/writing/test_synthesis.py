"""Writing texts: each line is its text's and its seed's own, and what the model says it is."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from base.batch import Batch
from handwriting.errors import UserError
from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.synthesis import Limits, Prime, by_log_prob
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.vocabulary import Vocabulary
from model.loss import MixtureNLL
from model.models import ConditionalHandwriting
from writing.bias_control import LONG_STAY, LONGEST_STAY
from writing.synthesis import write

VOCABULARY = Vocabulary("abcdefgh ")
NORMALISATION = Normalisation(mean=(8.0, 0.5), std=(40.0, 30.0))
PACE = 4.0
"""Pen steps that the window of the model here takes for a character."""


@pytest.fixture
def model() -> ConditionalHandwriting:
    """float64, so that a batch and a line alone agree to the last printed digit."""
    return build()


def build(pace: float = PACE, **options) -> ConditionalHandwriting:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    options = {"hidden_size": 12, "num_layers": 2, "num_mixtures": 3, **options}
    model = ConditionalHandwriting(VOCABULARY, num_window_components=2, **options).double().eval()
    with torch.no_grad():
        model.attention.bias_window[-2:] = -float(np.log(pace))
        # The window acts on the pen from the start, as it does in a trained model.
        for layer in model.layers:
            layer.weight_ih_l0[:, 3 : 3 + len(VOCABULARY)] *= 5
    return model


def written(
    model: ConditionalHandwriting, texts: Sequence[str], **options
) -> list[SynthesisedLine]:
    options.setdefault("seeds", range(len(texts)))
    return write(model, NORMALISATION, VOCABULARY, texts, **options)


def prime(length: int, text: str, seed: int = 0) -> Prime:
    strokes = np.random.default_rng(seed).normal(0, 30, (length, 3)).astype(np.float32)
    strokes[:, 0] = strokes[:, 0] > 20
    strokes[0, 1:] = 0
    strokes[-1, 0] = 1
    return Prime(strokes, text)


def batch_of(strokes: np.ndarray, text: str, dtype: torch.dtype = torch.float64) -> Batch:
    """A batch of one line, whose strokes are in normalised units."""
    return Batch(
        strokes=torch.from_numpy(strokes).to(dtype).unsqueeze(0),
        stroke_lengths=torch.tensor([len(strokes)]),
        text=torch.tensor([VOCABULARY.encode(text)]),
        text_lengths=torch.tensor([len(text)]),
        line_indices=torch.tensor([0]),
    )


def assert_same(first: SynthesisedLine, second: SynthesisedLine) -> None:
    np.testing.assert_allclose(first.strokes, second.strokes, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(first.phi, second.phi, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(first.character_of_step, second.character_of_step)
    assert first.log_prob == pytest.approx(second.log_prob)
    assert (first.text, first.reached_step_limit, first.seed) == (
        second.text,
        second.reached_step_limit,
        second.seed,
    )


def test_lines_are_strokes_with_their_text(model) -> None:
    for text, line in zip(("ab cd", "h"), written(model, ["ab cd", "h"]), strict=True):
        steps = len(line.strokes)
        assert line.text == text
        assert line.strokes.dtype == np.float32
        assert line.strokes[0].tolist() == [0, 0, 0]
        assert line.strokes[-1, 0] == 1
        assert set(np.unique(line.strokes[:, 0])) <= {0.0, 1.0}
        assert line.phi.shape == (steps, len(text) + 1)
        assert line.character_of_step.shape == (steps,)
        assert line.character_of_step.dtype == np.int64
        assert line.character_of_step[0] == 0
        assert line.character_of_step.max() == len(text) - 1
        assert not line.reached_step_limit
        assert line.strokes[:, 1:].std() > 5  # the corpus's units, not normalised ones


def test_a_line_is_what_the_model_says_it_is(model) -> None:
    """Read back by ``forward``: the same window at each step, the same log-density, and the stop at
    the first step where the rule holds."""
    text = "abc de"
    (line,) = write(model, Normalisation(), VOCABULARY, [text], bias=0.7, seeds=[3])
    # The step after the last one is read too: it is where the line was found to be done.
    strokes = np.concatenate([line.strokes, np.zeros((1, 3), np.float32)])
    with torch.no_grad():
        mixture, path = model.forward_with_window(batch_of(strokes, text))
    log_probs = mixture.log_prob(torch.from_numpy(strokes[1:]).double())[0, :-1]
    assert line.log_prob == pytest.approx(log_probs.sum().item(), rel=1e-6)
    phi = path.phi[0].numpy()
    np.testing.assert_allclose(line.phi[1:], phi[:-1], rtol=1e-4, atol=1e-6)
    past = (phi[:, -1] > phi[:, :-1].max(axis=1)) & (strokes[:-1, 0] == 1)
    assert np.flatnonzero(past).tolist() == [len(line.strokes) - 1]


def test_two_writings_are_independent_and_the_same_under_the_same_seed(model) -> None:
    def run(seed: int) -> list[SynthesisedLine]:
        return write(
            model,
            NORMALISATION,
            VOCABULARY,
            ["abc", "hgf"],
            generator=torch.Generator().manual_seed(seed),
        )

    first, other, again = run(5), run(6), run(5)
    for line, same, different in zip(first, again, other, strict=True):
        assert np.array_equal(line.strokes, same.strokes)
        assert line.log_prob == same.log_prob
        assert not np.array_equal(line.strokes[:8], different.strokes[:8])
    assert not np.array_equal(first[0].strokes[:8], first[1].strokes[:8])


def test_the_text_is_written_and_not_only_counted(model) -> None:
    first, second = written(model, ["abab", "hghg"], seeds=[1, 1])
    assert not np.allclose(first.strokes[1:8], second.strokes[1:8])


@pytest.mark.parametrize("training", [True, False])
def test_training_goes_on_after_writing(training: bool) -> None:
    model = build(dropout=0.5, output_dropout=0.5).train(training)
    first, again = (written(model, ["abc"])[0] for _ in range(2))
    assert np.array_equal(first.strokes, again.strokes), "dropout is off"
    assert model.training is training
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    batch = batch_of(NORMALISATION.normalise(first.strokes), "abc")
    MixtureNLL()(model(batch), batch)["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert not parameter.is_inference(), name
    optimizer.step()
    (changed,) = written(model, ["abc"])
    assert not np.array_equal(first.strokes[:8], changed.strokes[:8]), "writes with old weights"


def test_a_batch_of_texts_gives_what_each_alone_gives(model) -> None:
    """Short lines end, and leave the batch, long before the others."""
    texts = ["abc defg hab", "a", "hgf", "ab ab ab ab ab ab", "d"]
    biases = [0.0, 0.5, 1.0, 2.0, 0.0]
    together = written(model, texts, bias=biases)
    lengths = [len(line.strokes) for line in together]
    assert max(lengths) > 3 * min(lengths)
    for place, line in enumerate(together):
        (alone,) = written(model, [texts[place]], bias=biases[place], seeds=[place])
        assert_same(line, alone)
    for size in (1, 2):
        in_batches = written(model, texts, bias=biases, batch_size=size)
        for line, same in zip(together, in_batches, strict=True):
            assert_same(line, same)


def test_primes_of_different_lengths_act_as_each_alone(model) -> None:
    primes = [prime(12, "abc"), prime(60, "gfe dcb abc", 1), prime(1, "h", 2)]
    texts = ["ab", "cdef", "gh"]
    together = written(model, texts, primes=primes)
    for place, line in enumerate(together):
        (alone,) = written(model, [texts[place]], primes=primes[place], seeds=[place])
        assert_same(line, alone)
        assert line.phi.shape == (len(line.strokes), len(texts[place]) + 1)
        assert line.strokes[0, 1:].tolist() == [0, 0]
        assert line.strokes[-1, 0] == 1


def test_one_prime_serves_all_texts(model) -> None:
    line = prime(16, "abcd")
    shared = written(model, ["ab", "cd"], primes=line)
    given = written(model, ["ab", "cd"], primes=[line, line])
    for first, second in zip(shared, given, strict=True):
        assert_same(first, second)


def test_a_prime_is_read_with_its_text_before_the_new_text(model) -> None:
    """The window that wrote the first step is where ``forward`` has it at the prime's end."""
    line = prime(22, "abcde")
    (ink,) = written(model, ["fgh"], primes=line)
    strokes = np.concatenate([NORMALISATION.normalise(line.strokes), np.zeros((1, 3))])
    with torch.no_grad():
        _, path = model.forward_with_window(batch_of(strokes, "abcde fgh"))
    np.testing.assert_allclose(ink.phi[0], path.phi[0, -1, 6:].numpy(), rtol=1e-5)
    assert ink.phi[0].max() > 0.01


def test_a_primes_strokes_change_what_is_written(model) -> None:
    first, second = (written(model, ["fgh"], primes=prime(24, "abcde", seed))[0] for seed in (1, 2))
    assert not np.allclose(first.strokes[1:6], second.strokes[1:6])


def test_spaces_at_a_primes_end_are_not_doubled(model) -> None:
    first, second = (
        written(model, ["fgh"], primes=Prime(prime(24, "").strokes, text))[0]
        for text in ("abcde", "abcde  ")
    )
    assert_same(first, second)


def test_what_a_late_window_still_writes_of_the_prime_is_left_out(model) -> None:
    """The prime's strokes end at the third of its 20 characters."""
    late = prime(12, "abcdefghabcdefghabcd")
    (line,) = written(model, ["fgh"], primes=late)
    assert not line.reached_step_limit
    assert len(line.strokes) < 2 * PACE * 6  # of the prime's text more than 60 steps were left
    first_stroke = line.phi[: np.flatnonzero(line.strokes[:, 0])[0] + 1]
    assert (first_stroke.max(axis=1) > 0.05).mean() >= 0.5


def test_a_line_is_not_done_before_it_is_begun(model) -> None:
    """The window has passed both texts when the prime's strokes, pen up, end."""
    (line,) = written(model, ["b"], primes=prime(60, "a"))
    assert len(line.strokes) >= 1
    assert not line.reached_step_limit


def test_a_window_that_does_not_move_ends_by_the_step_limit() -> None:
    stuck = build(pace=1e6)
    short, long = written(stuck, ["a", "abc"], most_steps_per_character=10)
    for line in (short, long):
        assert line.reached_step_limit
        assert len(line.strokes) == 1 + 10 * len(line.text) + Limits.more_steps
        assert line.strokes[-1, 0] == 1
        assert not line.character_of_step.any()


def test_the_cap_reports_only_its_own_line(model) -> None:
    with torch.no_grad():
        model.output.bias[0] = -50.0  # the pen never leaves the paper
        model.output.weight[0] = 0.0
    down = written(model, ["a"], most_steps_per_character=1)[0]
    assert down.reached_step_limit, "the rule takes a lifted pen"
    with torch.no_grad():
        model.output.bias[0] = 0.0  # it leaves it at every second step
    # At about 4 steps a character one ends in some ten steps, the other would in a thousand.
    lines = written(model, ["a", "abcd " * 50], most_steps_per_character=1e-6)
    assert [line.reached_step_limit for line in lines] == [False, True]


def test_a_slow_prime_gets_a_cap_of_its_own_pace() -> None:
    stuck = build(pace=1e6)
    (line,) = written(stuck, ["ab"], primes=prime(60, "abc"), most_steps_per_character=10)
    assert len(line.strokes) == 2 * 20 * 2 + Limits.more_steps


def test_the_best_of_several_is_kept(model) -> None:
    seen: list[SynthesisedLine] = []

    def longest(candidates: Sequence[SynthesisedLine]) -> list[float]:
        seen.extend(candidates)
        return [len(candidate.strokes) for candidate in candidates]

    texts = ["ab", "cdefg"]
    once = written(model, texts)
    best = written(model, texts, best_of=5, scorer=longest)
    for text, single, line in zip(texts, once, best, strict=True):
        candidates = [candidate for candidate in seen if candidate.text == text]
        assert len(candidates) == 5
        assert_same(candidates[0], single)
        assert len({candidate.strokes.tobytes() for candidate in candidates}) == 5
        assert len(line.strokes) == max(len(candidate.strokes) for candidate in candidates)
        assert_same(written(model, [text], seeds=[line.seed])[0], line)


def test_by_default_the_likeliest_step_wins_and_the_cap_loses() -> None:
    def line(log_prob: float, steps: int, at_limit: bool = False) -> SynthesisedLine:
        return SynthesisedLine(
            np.zeros((steps, 3), np.float32), "a", np.zeros((steps, 2), np.float32),
            np.zeros(steps, np.int64), at_limit, log_prob, 0,
        )  # fmt: skip

    short, likely, unfinished = line(-10.0, 5), line(-15.0, 10), line(100.0, 10, at_limit=True)
    assert int(np.argmax(by_log_prob([short, likely, unfinished]))) == 1
    assert by_log_prob([unfinished]) == [-np.inf]


def test_a_score_that_is_no_number_loses(model) -> None:
    (line,) = written(
        model, ["ab"], best_of=3, scorer=lambda candidates: [np.nan, -5.0, -np.inf], seeds=[4]
    )
    assert line.seed != 4


def test_bias_makes_lines_calmer(model) -> None:
    def roughness(bias: float) -> float:
        lines = written(model, ["abcdefgh"] * 6, bias=bias)
        return float(
            np.mean([np.abs(np.diff(line.strokes[:, 1:], axis=0)).mean() for line in lines])
        )

    assert roughness(3.0) < roughness(1.0) < roughness(0.0)


def test_a_line_gets_wild_where_its_window_stays_at_a_character() -> None:
    """A pen that goes right, now a step more and now less; a bias of 4 makes that 55 times less."""
    stuck = build(pace=1e6, num_mixtures=1)
    with torch.no_grad():
        stuck.output.weight.zero_()
        stuck.output.bias.copy_(torch.tensor([-9.0, 0, 1, 0, 0, 0, 0]))
    (line,) = written(stuck, ["abc"], bias=4.0)
    right = line.strokes[:, 1] / NORMALISATION.std[0]
    assert right[10 : LONG_STAY - 1].std() < 0.1
    assert 0.5 < right[LONGEST_STAY + 1 :].std() < 2


def test_progress_counts_lines(model, capsys) -> None:
    written(model, ["ab", "c", "def"], best_of=2, batch_size=2, progress=True)
    assert "6/6" in capsys.readouterr().err
    written(model, ["ab"])
    assert capsys.readouterr().err == ""


def test_no_texts_are_no_lines(model) -> None:
    assert written(model, []) == []


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        (["ab", "héz"], {}, r"text: .* 'z' \(U\+007A\), 'é' \(U\+00E9\)"),
        (["ab", ""], {}, "text: must have a character"),
        (["ab"], {"primes": prime(9, "xa")}, r"text of the style line: .* 'x' \(U\+0078\)"),
        (["ab"], {"primes": prime(9, "")}, "text of the style line: must have a character"),
    ],
)
def test_a_users_mistakes_are_named(model, texts, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        written(model, texts, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": [1]}, "2 samples need one seed each, got 1"),
        ({"bias": [0.0]}, "2 samples need one bias each, got 1"),
        ({"bias": -0.5}, "at least 0, got -0.5"),
        ({"primes": [prime(3, "a")]}, "2 samples need one prime each, got 1"),
        ({"primes": Prime(np.zeros((0, 3)), "a")}, r"\[P, 3\] with P >= 1, got \[0, 3\]"),
        ({"best_of": 0}, "at least 1, got 0"),
        ({"most_steps_per_character": 0}, "above 0, got 0"),
        ({"best_of": 2, "scorer": lambda candidates: [1.0]}, "one number a candidate"),
    ],
)
def test_wrong_arguments_are_named(model, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        written(model, ["a", "b"], **options)


def test_another_vocabulary_is_refused(model) -> None:
    with pytest.raises(ValueError, match="the model has 13 characters, got 7"):
        write(model, NORMALISATION, Vocabulary("abc"), ["abc"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_writes_the_same(model) -> None:
    texts, primes = ["abc", "hg fe"], [prime(10, "ab"), prime(20, "cdef")]
    on_cpu = written(model, texts, primes=primes)
    on_gpu = written(model.cuda(), texts, primes=primes)
    for first, second in zip(on_cpu, on_gpu, strict=True):
        assert_same(first, second)
