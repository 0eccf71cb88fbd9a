"""Sampling: every sample is its seed's own, whatever is sampled beside it."""

import numpy as np
import pytest
import torch

from base.batch import Batch
from handwriting.ink.normalisation import Normalisation
from model.loss import MixtureNLL
from model.models import UnconditionalHandwriting
from writing.sampling import generate, sample_noise

NORMALISATION = Normalisation(mean=(8.0, 0.5), std=(40.0, 30.0))


@pytest.fixture
def model() -> UnconditionalHandwriting:
    """float64, so that a batch and a single sample agree to the last printed digit."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return UnconditionalHandwriting(hidden_size=12, num_layers=2, num_mixtures=3).double().eval()


def prime(length: int, seed: int = 0) -> np.ndarray:
    strokes = np.random.default_rng(seed).normal(0, 30, (length, 3)).astype(np.float32)
    strokes[:, 0] = strokes[:, 0] > 30
    strokes[0, 1:] = 0
    strokes[-1, 0] = 1
    return strokes


def close(first: np.ndarray, second: np.ndarray) -> None:
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-4)


def test_samples_are_strokes_in_the_corpus_units(model) -> None:
    samples = generate(model, NORMALISATION, 4, 60, generator=torch.Generator().manual_seed(1))
    assert [sample.shape for sample in samples] == [(61, 3)] * 4
    for sample in samples:
        assert sample.dtype == np.float32
        assert set(np.unique(sample[:, 0])) <= {0.0, 1.0}
        assert sample[0].tolist() == [0, 0, 0]
        assert sample[-1, 0] == 1
    spread = np.concatenate(samples)[:, 1:].std(axis=0)
    assert (spread > 10).all()  # an untrained model's offsets are about one standard deviation


def test_same_seed_same_strokes(model) -> None:
    def run(seed: int) -> list[np.ndarray]:
        return generate(model, NORMALISATION, 3, 30, generator=torch.Generator().manual_seed(seed))

    first, again, other = run(5), run(5), run(6)
    for sample, same, different in zip(first, again, other, strict=True):
        assert np.array_equal(sample, same)
        assert not np.array_equal(sample, different)
    assert not np.array_equal(first[0], first[1])


def test_a_sample_does_not_depend_on_those_beside_it(model) -> None:
    seeds = [11, 12, 13]
    together = generate(model, NORMALISATION, 3, 40, bias=[0.0, 0.5, 1.0], seeds=seeds)
    for seed, bias, sample in zip(seeds, (0.0, 0.5, 1.0), together, strict=True):
        (alone,) = generate(model, NORMALISATION, 1, 40, bias=bias, seeds=[seed])
        close(alone, sample)


def test_first_samples_do_not_depend_on_how_many_follow(model) -> None:
    few = generate(model, NORMALISATION, 2, 20, generator=torch.Generator().manual_seed(3))
    many = generate(model, NORMALISATION, 7, 20, generator=torch.Generator().manual_seed(3))
    for sample, same in zip(few, many[:2], strict=True):
        close(sample, same)


def test_a_shorter_sample_is_the_beginning_of_a_longer(model) -> None:
    (short,) = generate(model, NORMALISATION, 1, 20, seeds=[2])
    (long,) = generate(model, NORMALISATION, 1, 350, seeds=[2])
    assert len(long) == 351
    close(short[:-1], long[:20])
    close(short[-1, 1:], long[20, 1:])


def test_noise_of_a_longer_sample_begins_with_that_of_a_shorter() -> None:
    assert torch.equal(sample_noise(4, 3), sample_noise(4, 300)[:3])
    assert sample_noise(4, 0).shape == (0, 4)


def test_primes_of_different_lengths_act_as_each_alone(model) -> None:
    primes = [prime(1), prime(25, 1), prime(9, 2)]
    seeds = [1, 2, 3]
    together = generate(model, NORMALISATION, 3, 15, primes=primes, seeds=seeds)
    for line, seed, sample in zip(primes, seeds, together, strict=True):
        assert sample.shape == (15, 3)
        (alone,) = generate(model, NORMALISATION, 1, 15, primes=[line], seeds=[seed])
        close(alone, sample)


def test_a_prime_is_read(model) -> None:
    first, second = (
        generate(model, NORMALISATION, 1, 10, primes=[prime(20, seed)], seeds=[1])[0]
        for seed in (1, 2)
    )
    assert not np.allclose(first, second)


def test_a_prime_is_read_as_the_model_reads_a_line(model) -> None:
    """The first written step is a sample of what ``step`` predicts after the whole prime."""
    line = prime(6)
    (sample,) = generate(model, NORMALISATION, 1, 2, primes=[line], seeds=[9])
    state = model.initial_state(1)
    with torch.no_grad():
        for row in torch.from_numpy(NORMALISATION.normalise(line)).double():
            mixture, state = model.step(row.unsqueeze(0), state)
        expected = mixture.sample_from_noise(sample_noise(9, 2)[:1].double())
    close(sample[:1], NORMALISATION.denormalise(expected.numpy()))


def test_a_written_line_primes_its_own_continuation(model) -> None:
    (start,) = generate(model, NORMALISATION, 1, 1, seeds=[7])
    start[-1, 0] = 0
    (whole,) = generate(
        model, NORMALISATION, 1, 5, primes=[np.zeros((1, 3), np.float32)], seeds=[7]
    )
    (unprimed,) = generate(model, NORMALISATION, 1, 5, seeds=[7])
    close(unprimed[1:], whole)


def test_include_prime_puts_it_first(model) -> None:
    line = prime(8)
    (sample,) = generate(model, NORMALISATION, 1, 5, primes=[line], seeds=[1], include_prime=True)
    assert sample.shape == (13, 3)
    assert np.array_equal(sample[:8], line)


def test_bias_makes_samples_calmer(model) -> None:
    def roughness(bias: float) -> float:
        samples = generate(model, NORMALISATION, 6, 80, bias=bias, seeds=list(range(6)))
        return float(np.abs(np.diff(np.concatenate(samples)[:, 1:], axis=0)).mean())

    assert roughness(3.0) < roughness(1.0) < roughness(0.0)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_and_the_mode_is_kept(training: bool) -> None:
    torch.manual_seed(0)
    model = UnconditionalHandwriting(8, 2, 2, dropout=0.5, output_dropout=0.5).train(training)
    first, second = (generate(model, NORMALISATION, 1, 10, seeds=[1])[0] for _ in range(2))
    assert np.array_equal(first, second)
    assert model.training is training


def test_training_goes_on_after_generating(model) -> None:
    (sample,) = generate(model, NORMALISATION, 1, 10, seeds=[1])
    strokes = torch.from_numpy(NORMALISATION.normalise(sample)).double().unsqueeze(0)
    batch = Batch(
        strokes=strokes,
        stroke_lengths=torch.tensor([11]),
        text=torch.zeros(1, 0, dtype=torch.int64),
        text_lengths=torch.tensor([0]),
        line_indices=torch.tensor([0]),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    MixtureNLL()(model(batch), batch)["loss"].backward()
    optimizer.step()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert not parameter.is_inference(), name
    (changed,) = generate(model, NORMALISATION, 1, 10, seeds=[1])
    assert not np.allclose(sample, changed), "writes with the weights of before"


def test_no_steps_are_just_the_start(model) -> None:
    assert generate(model, NORMALISATION, 1, 0)[0].tolist() == [[1, 0, 0]]
    assert generate(model, NORMALISATION, 1, 0, primes=[prime(4)])[0].shape == (0, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": [1]}, "2 samples need one seed each, got 1"),
        ({"bias": [0.0]}, "2 samples need one bias each, got 1"),
        ({"bias": -0.5}, "at least 0, got -0.5"),
        ({"primes": [prime(3)]}, "2 samples need one prime each, got 1"),
        ({"primes": [prime(3), np.zeros((0, 3))]}, r"\[P, 3\] with P >= 1, got \[0, 3\]"),
    ],
)
def test_wrong_arguments_are_named(model, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(model, NORMALISATION, 2, 5, **options)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_writes_the_same(model) -> None:
    on_cpu = generate(model, NORMALISATION, 2, 10, seeds=[1, 2])
    on_gpu = generate(model.cuda(), NORMALISATION, 2, 10, seeds=[1, 2])
    for first, second in zip(on_cpu, on_gpu, strict=True):
        close(first, second)
