"""Error rates as metrics: exact sums, however lines are batched or distributed."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

import model.recognition_metric  # noqa: F401  (registers the metrics)
from base.batch import Batch
from base.registry import METRICS
from handwriting.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary("abcdABCD .1")
WRITTEN = ("ab cd.", "ABC", "a 1", "d")
READ = ("ab cb", "abc", "a .", "d")
# By hand: errors in characters 2 + 3 + 1 + 0 of 6 + 3 + 3 + 1, in words 1 + 1 + 1 + 0 of 2 + 1 + 2
# + 1. Folded, of 5 + 3 + 3 + 1 characters: "ab cd"/"ab cb" 1, 0, "a 1"/"a" 2, 0.
RATES = {
    "cer": 6 / 13,
    "wer": 3 / 6,
    "exact": 1 / 4,
    "cer_folded": 3 / 12,
    "wer_folded": 2 / 6,
    "cer_57": 6 / 13,
    "wer_57": 3 / 6,
}


def part(start: int, stop: int) -> tuple[SimpleNamespace, Batch]:
    """Output and batch of some of the lines."""
    texts = [torch.tensor(VOCABULARY.encode(text)) for text in WRITTEN[start:stop]]
    lengths = torch.tensor([len(text) for text in texts])
    strokes = torch.zeros(len(texts), 1, 3)
    batch = Batch(
        strokes,
        torch.ones(len(texts), dtype=torch.int64),
        pad_sequence(texts, batch_first=True, padding_value=VOCABULARY.pad),
        lengths,
        torch.arange(start, stop),
    )
    return SimpleNamespace(text=list(READ[start:stop])), batch


@pytest.mark.parametrize("name", RATES)
def test_rates_by_hand(name: str) -> None:
    metric = METRICS[name](vocabulary=VOCABULARY)
    assert math.isnan(metric.compute())
    metric.update(*part(0, 4))
    assert metric.compute() == RATES[name]
    metric.reset()
    assert math.isnan(metric.compute())


@pytest.mark.parametrize("name", RATES)
def test_parts_add_up_over_batches_and_processes(name: str) -> None:
    first, second, joined = (METRICS[name](vocabulary=VOCABULARY) for _ in range(3))
    first.update(*part(0, 1))
    second.update(*part(1, 3))
    second.update(*part(3, 4))
    sums = first.sums() + second.sums()
    assert sums.dtype == torch.float64 and sums.shape == (2,)
    joined.load_sums(sums)
    assert joined.compute() == RATES[name]


def test_sums_handed_out_are_a_copy() -> None:
    metric = METRICS["cer"](vocabulary=VOCABULARY)
    metric.update(*part(0, 4))
    metric.sums().zero_()
    assert metric.compute() == RATES["cer"]


def test_unknown_characters_of_the_reference_are_errors() -> None:
    metric = METRICS["cer"](vocabulary=VOCABULARY)
    _, batch = part(3, 4)
    batch.text[0, 0] = VOCABULARY.unk
    metric.update(SimpleNamespace(text=["d"]), batch)
    assert metric.compute() == 1.0


def test_a_model_in_training_mode_is_told() -> None:
    with pytest.raises(ValueError, match="training mode"):
        METRICS["cer"](vocabulary=VOCABULARY).update(SimpleNamespace(text=None), part(0, 1)[1])
