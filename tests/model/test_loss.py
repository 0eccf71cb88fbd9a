"""The loss is the mean negative log-likelihood of what was written, and of nothing else."""

import pytest
import torch

from base.batch import Batch
from model.loss import MixtureNLL
from model.mixture import BivariateMixture


def lines(lengths: tuple[int, ...], padding: float = 0.0) -> tuple[BivariateMixture, Batch]:
    """Random mixtures and lines; ``padding`` is what stands past the lengths."""
    generator = torch.Generator().manual_seed(0)
    steps, count = max(lengths), len(lengths)
    raw = torch.randn(count, steps - 1, 13, generator=generator, dtype=torch.float64)
    strokes = torch.randn(count, steps, 3, generator=generator, dtype=torch.float64)
    strokes[..., 0] = (strokes[..., 0] > 0).double()
    for line, length in enumerate(lengths):
        strokes[line, length:] = padding
        raw[line, length - 1 :] += padding
    batch = Batch(
        strokes=strokes,
        stroke_lengths=torch.tensor(lengths),
        text=torch.zeros(count, 1, dtype=torch.int64),
        text_lengths=torch.ones(count, dtype=torch.int64),
        line_indices=torch.arange(count),
    )
    return BivariateMixture.from_output(raw.requires_grad_()), batch


def direct_sum(output: BivariateMixture, batch: Batch) -> float:
    """-log p of all lines, step by step."""
    log_prob = output.log_prob(batch.strokes[:, 1:])
    lengths = batch.stroke_lengths.tolist()
    return -sum(log_prob[line, : length - 1].sum().item() for line, length in enumerate(lengths))


@pytest.mark.parametrize(("reduction", "weight"), [("step", 6 + 3 + 1), ("line", 3)])
def test_loss_is_the_mean_over_its_units(reduction: str, weight: int) -> None:
    output, batch = lines((7, 4, 2))
    losses = MixtureNLL(reduction)(output, batch)
    assert losses["weight"].item() == weight
    assert losses["loss"].item() == pytest.approx(direct_sum(output, batch) / weight)
    parts = losses["nll_strokes"] + losses["nll_end_of_stroke"]
    torch.testing.assert_close(parts, losses["loss"].detach())


@pytest.mark.parametrize("reduction", ["step", "line"])
def test_padding_changes_nothing(reduction: str) -> None:
    values = []
    for padding in (0.0, 100.0):
        output, batch = lines((7, 4, 2), padding)
        loss = MixtureNLL(reduction)(output, batch)["loss"]
        values.append(loss)
        (gradient,) = torch.autograd.grad(loss, output.means)
        assert gradient[1, 3:].abs().sum() == 0
        assert gradient[1, :3].abs().sum() > 0
    assert torch.equal(values[0], values[1])


@pytest.mark.parametrize("reduction", ["step", "line"])
def test_parts_of_a_batch_join_by_their_weights(reduction: str) -> None:
    output, batch = lines((7, 4, 2))
    criterion = MixtureNLL(reduction)
    whole = criterion(output, batch)
    total = weights = 0.0
    for part in (slice(0, 1), slice(1, 3)):
        sub_output = BivariateMixture(*(getattr(output, name)[part] for name in vars(output)))
        losses = criterion(sub_output, Batch(*(value[part] for value in vars(batch).values())))
        total += losses["loss"] * losses["weight"]
        weights += losses["weight"]
    torch.testing.assert_close(total / weights, whole["loss"])


def test_unknown_reduction_is_an_error() -> None:
    with pytest.raises(ValueError, match="'step' or 'line', got 'sum'"):
        MixtureNLL("sum")
