"""Writing with an unconditional model: one pen step after another.

Shapes: ``B`` samples, ``T`` pen steps, ``P`` pen steps of a prime.
"""

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.noise import pen_noise
from handwriting.runtime.synthesis import check_prime
from model.models import UnconditionalHandwriting
from writing.bias_control import StalledPenBias
from writing.pen_steps import cuda_graph_steps
from writing.pen_steps.packed_weights import pack
from writing.pen_steps.protocols import Steps, StepsOfLines

Each = TypeVar("Each")


@torch.inference_mode()
def generate(
    model: UnconditionalHandwriting,
    normalisation: Normalisation,
    num_samples: int = 1,
    max_steps: int = 700,
    bias: float | Sequence[float] = 0.0,
    primes: Sequence[np.ndarray] | None = None,
    generator: torch.Generator | None = None,
    seeds: Sequence[int] | None = None,
    include_prime: bool = False,
    progress: bool = False,
    pen_steps: StepsOfLines | None = None,
) -> list[np.ndarray]:
    """Sample pen strokes, all samples at once.

    It is computed where the model is. A sample depends on its own seed, prime and bias alone: not
    on ``num_samples``, on the other samples, nor on the device beyond rounding; and a smaller
    ``max_steps`` gives the first part of the same sample.

    Args:
        model: dropout is off, whichever mode the model is in.
        normalisation: of the strokes that the model was trained on.
        num_samples: ``B``.
        max_steps: pen steps that each sample gets (beyond its prime); any number.
        bias: sampling bias, at least 0 (Graves 2013, section 5.4), one for all or one a sample.
        primes: one line a sample, strokes ``[P, 3]`` in the corpus's units as in ``Line.strokes``,
            that the model reads first and continues (as in Graves 2013, section 5.5).
        generator: gives each sample's seed in turn; must be on the CPU. Default: torch's own.
        seeds: each sample's seed, instead of ``generator``.
        include_prime: put each prime before its continuation.
        progress: show a progress bar.
        pen_steps: what computes the pen steps of that many lines, such as ``OnnxStep.pen_steps``
            of an export of the model; default: ``PenSteps``.

    Returns:
        ``B`` arrays, float32 strokes ``[T, 3]`` in the corpus's units; the last row's end of stroke
        is 1. Without a prime the first row is the starting point (0, 0, 0), so T is
        ``max_steps + 1``; with one, the first row's offset is from the prime's last point.

    Raises:
        ValueError: numbers of primes, seeds or biases that are not ``num_samples``, a negative
            bias, or a prime that is not ``[P, 3]`` with P >= 1.
    """
    weights = next(model.parameters())
    seeds = sample_seeds(num_samples, generator, seeds)
    noise = torch.stack([sample_noise(seed, max_steps) for seed in seeds]).to(weights)
    biases = StalledPenBias(sample_biases(bias, num_samples).to(weights), normalisation)
    starts = _starts(primes, num_samples)
    heads = [normalisation.normalise(start) for start in starts]
    pen_steps = pen_steps or partial(cuda_graph_steps.pen_steps, pack(model))
    written = _continue(pen_steps(num_samples), heads, noise, biases, progress)
    keep_start = primes is None or include_prime
    return [
        _finished(start if keep_start else start[:0], normalisation.denormalise(row))
        for start, row in zip(starts, written, strict=True)
    ]


def sample_noise(seed: int, num_steps: int) -> Tensor:
    """The noise ``[num_steps, 4]`` (see ``BivariateMixture.sample_from_noise``) of one sample.

    It depends on the seed alone, and a longer one begins with the shorter one; see
    ``handwriting.runtime.noise``.
    """
    return torch.from_numpy(pen_noise(seed, num_steps))


def sample_seeds(
    num_samples: int, generator: torch.Generator | None, seeds: Sequence[int] | None
) -> list[int]:
    """The given seeds, or one drawn for each sample."""
    if seeds is None:
        # One draw a seed, so that the first seeds do not depend on how many follow.
        return [int(torch.randint(2**62, (), generator=generator)) for _ in range(num_samples)]
    return [int(seed) for seed in one_each("seed", seeds, num_samples)]


def sample_biases(bias: float | Sequence[float], num_samples: int) -> Tensor:
    """The bias ``[num_samples]`` of each sample; ``ValueError`` for one below 0."""
    biases = [bias] * num_samples if isinstance(bias, int | float) else bias
    for value in one_each("bias", biases, num_samples):
        if not value >= 0:
            raise ValueError(f"a sampling bias is at least 0, got {value}")
    return torch.tensor([float(value) for value in biases])


def one_each(name: str, values: Sequence[Each], num_samples: int) -> Sequence[Each]:
    """The values; ``ValueError`` if they are not one a sample."""
    if len(values) != num_samples:
        raise ValueError(f"{num_samples} samples need one {name} each, got {len(values)}")
    return values


def _continue(
    steps: Steps,
    heads: list[np.ndarray],
    noise: Tensor,
    bias: StalledPenBias,
    progress: bool,
) -> list[np.ndarray]:
    """Samples in normalised units: ``max_steps`` rows after each head ``[P, 3]``.

    All samples step together. A sample reads its own head first and goes on with what it wrote,
    so a short head's sample is done before a long one's, and its further steps are thrown away.
    """
    device, max_steps = noise.device, noise.shape[1]
    lengths = [len(head) for head in heads]
    read = torch.tensor(lengths, device=device)  # [B]
    padded = _pad(heads).to(noise)  # [B, P, 3]
    lines = torch.arange(len(heads), device=device)
    written = []
    row = padded[:, 0]  # [B, 3]
    total_steps = max(lengths) - 1 + max_steps if max_steps else 0
    for step in tqdm(range(total_steps), desc="writing", unit="step", disable=not progress):
        if 0 < step < padded.shape[1]:
            row = torch.where((step < read).unsqueeze(-1), padded[:, step], row)
        own_step = (step + 1 - read).clamp(0, max_steps - 1)  # of the noise, for each sample
        _, row = steps.step_and_draw(row, bias.after(row), noise[lines, own_step])
        written.append(row)
    rows = torch.stack(written, dim=1) if written else padded[:, :0]  # [B, total_steps, 3]
    return [
        of_line[length - 1 : length - 1 + max_steps]
        for of_line, length in zip(rows.float().cpu().numpy(), lengths, strict=True)
    ]


def _starts(primes: Sequence[np.ndarray] | None, num_samples: int) -> list[np.ndarray]:
    """Return the ink that each sample reads before it writes: its prime, or a first point."""
    if primes is None:
        return [np.zeros((1, 3), dtype=np.float32)] * num_samples
    for prime in one_each("prime", primes, num_samples):
        check_prime(prime)
    return [prime.astype(np.float32) for prime in primes]


def _pad(heads: list[np.ndarray]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(
        [torch.from_numpy(head) for head in heads], batch_first=True
    )


def _finished(start: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """The strokes after their start, the pen lifted at the end."""
    strokes = np.concatenate([start, strokes])
    strokes[-1:, 0] = 1.0
    return strokes
