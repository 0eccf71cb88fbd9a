"""The benchmarks' naive loop computes what the models do, or it would be no reference.

Shapes: ``B`` = 3 lines, ``T`` pen steps.
"""

import pytest
import torch

from base.batch import Batch
from benchmarks.naive import NaiveHandwriting
from handwriting.text.vocabulary import Vocabulary
from model.loss import MixtureNLL
from model.models import ConditionalHandwriting, StackedHandwriting, UnconditionalHandwriting

VOCABULARY = Vocabulary("abc ")
SIZES = {"hidden_size": 8, "num_mixtures": 3}


def make_batch() -> Batch:
    torch.manual_seed(1)
    strokes = torch.randn(3, 12, 3, dtype=torch.float64)
    strokes[..., 0] = (strokes[..., 0] > 1).double()
    return Batch(
        strokes=strokes,
        stroke_lengths=torch.tensor([12, 9, 2]),
        text=torch.randint(4, len(VOCABULARY), (3, 5)),
        text_lengths=torch.tensor([5, 2, 1]),
        line_indices=torch.arange(3),
    )


def make_model(conditional: bool, num_layers: int) -> StackedHandwriting:
    torch.manual_seed(0)
    if conditional:
        return ConditionalHandwriting(VOCABULARY, num_layers=num_layers, **SIZES).double()
    return UnconditionalHandwriting(num_layers=num_layers, **SIZES).double()


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("conditional", [False, True])
def test_its_loss_and_gradients_are_the_models(conditional: bool, num_layers: int) -> None:
    model, batch = make_model(conditional, num_layers), make_batch()
    naive = NaiveHandwriting(model)
    loss = MixtureNLL()(model(batch), batch)["loss"]
    torch.testing.assert_close(naive(batch), loss)
    loss.backward()
    naive(batch).backward()
    torch.testing.assert_close(naive.output.weight.grad, model.output.weight.grad)
    lowest = model.attention.weight_input if conditional else model.layers[0].weight_ih_l0
    torch.testing.assert_close(naive.cells[0].weight_ih.grad[:, :3], lowest.grad)
