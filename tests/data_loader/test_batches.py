import numpy as np
import pytest
import torch
from line_helpers import wavy_line

from data_loader.batches import BucketBatchSampler, collate
from handwriting.text.vocabulary import Vocabulary

LENGTHS = np.random.default_rng(0).integers(10, 1000, size=203)


def test_collate_pads_and_keeps_every_line():
    lines = [wavy_line(number) for number in range(4)]
    texts = ["one", "", "three", "zzz"]
    vocabulary = Vocabulary.from_texts(["one three"])
    batch = collate([line.strokes for line in lines], texts, [7, 3, 9, 1], vocabulary)
    assert batch.line_indices.tolist() == [7, 3, 9, 1]
    assert batch.strokes.shape == (4, max(len(line.strokes) for line in lines), 3)
    assert batch.text.shape == (4, 5)
    for row, line in enumerate(lines):
        length = batch.stroke_lengths[row]
        np.testing.assert_array_equal(batch.strokes[row, :length].numpy(), line.strokes)
        assert not batch.strokes[row, length:].any()
        assert batch.text[row, : batch.text_lengths[row]].tolist() == vocabulary.encode(texts[row])
        assert not batch.text[row, batch.text_lengths[row] :].any()
    assert batch.text[3, :3].tolist() == [vocabulary.unk] * 3
    assert batch.strokes.dtype == torch.float32
    assert batch.text.dtype == batch.line_indices.dtype == torch.int64


def test_collate_without_any_text():
    batch = collate([wavy_line(0).strokes], [""], [0], Vocabulary("a"))
    assert batch.text.shape == (1, 0)
    assert batch.text_lengths.tolist() == [0]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("pool_batches", [1, 3, 50])
def test_processes_together_see_every_line_once(shuffle, world_size, pool_batches):
    samplers = [
        BucketBatchSampler(LENGTHS, 20, 5, shuffle, pool_batches, rank, world_size)
        for rank in range(world_size)
    ]
    seen = [line for sampler in samplers for batch in sampler.batches(2) for line in batch]
    assert sorted(seen) == list(range(len(LENGTHS)))
    for sampler in samplers:
        assert len(list(sampler.batches(2))) == len(sampler)


def test_rows_of_the_processes_make_up_the_global_batch():
    alone = list(BucketBatchSampler(LENGTHS, 20, seed=1).batches(0))
    halves = [
        list(BucketBatchSampler(LENGTHS, 20, seed=1, rank=rank, world_size=2).batches(0))
        for rank in (0, 1)
    ]
    for batch, even, odd in zip(alone, *halves, strict=True):
        assert batch[0::2] == even
        assert batch[1::2] == odd


def test_order_depends_on_seed_and_epoch_only():
    def order(seed, epoch):
        return list(BucketBatchSampler(LENGTHS, 20, seed).batches(epoch))

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def test_batches_hold_lines_of_like_length():
    lengths = np.random.default_rng(1).integers(10, 1000, size=2000)

    def padded(batches):
        return sum(len(batch) * lengths[batch].max() for batch in batches) / lengths.sum()

    assert padded(BucketBatchSampler(lengths, 20).batches(0)) < 1.06
    assert padded(np.random.default_rng(2).permutation(2000).reshape(100, 20)) > 1.5


def test_batches_of_an_epoch_come_in_mixed_order_of_length():
    longest = [LENGTHS[batch].max() for batch in BucketBatchSampler(LENGTHS, 10).batches(0)]
    assert longest != sorted(longest)


def test_without_shuffling_every_epoch_is_sorted_by_length():
    sampler = BucketBatchSampler(LENGTHS, 20, shuffle=False)
    order = [line for batch in sampler.batches(0) for line in batch]
    assert (np.diff(LENGTHS[order]) >= 0).all()
    assert list(sampler.batches(0)) == list(sampler.batches(9))


@pytest.mark.parametrize("lines", [41, 42, 43, 203, 4])
def test_in_training_every_process_gets_a_row_of_every_batch(lines):
    samplers = [
        BucketBatchSampler(LENGTHS[:lines], 20, pool_batches=2, rank=rank, world_size=4)
        for rank in range(4)
    ]
    batches = [list(sampler.batches(3)) for sampler in samplers]
    assert len({len(each) for each in batches}) == 1
    assert all(batch for each in batches for batch in each)


def test_in_evaluation_a_process_may_get_nothing():
    batches = [
        list(BucketBatchSampler([5, 6, 7], 2, shuffle=False, rank=rank, world_size=2).batches(0))
        for rank in (0, 1)
    ]
    assert batches == [[[0], [2]], [[1]]]
    empty = BucketBatchSampler([5], 4, shuffle=False, rank=1, world_size=2)
    assert list(empty.batches(0)) == []
    assert len(empty) == 0


@pytest.mark.parametrize("groups", [None, LENGTHS % 3])
@pytest.mark.parametrize("world_size", [1, 2, 3, 12])
def test_whole_batches_are_those_of_one_process(groups, world_size):
    options = {"shuffle": False, "groups": groups}
    alone = list(BucketBatchSampler(LENGTHS, 20, **options).batches(0))
    for rank in range(world_size):
        sampler = BucketBatchSampler(
            LENGTHS, 20, rank=rank, world_size=world_size, whole_batches=True, **options
        )
        assert list(sampler.batches(0)) == alone[rank::world_size]
        assert len(sampler) == len(alone[rank::world_size])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "at least 1"),
        ({"batch_size": 8, "rank": 2, "world_size": 2}, "0 to 1, got 2"),
        ({"batch_size": 8, "whole_batches": True}, "are for evaluation, got shuffled ones"),
        ({"batch_size": 1, "world_size": 2}, "2 processes .* batches of 1 from 203 lines"),
    ],
)
def test_numbers_out_of_range_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        BucketBatchSampler(LENGTHS, **arguments)
