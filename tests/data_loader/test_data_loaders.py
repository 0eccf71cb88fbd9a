import logging
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from line_helpers import ListReader, loader_parts, wavy_lines
from patience import A_HANG

from base.registry import DATA_LOADERS
from data_loader.augmentation import Augmentation, line_generator
from data_loader.data_loaders import HandwritingDataLoader
from handwriting.errors import DataError
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary

AUGMENTED = Augmentation(scale=0.1, slant=10, rotation=3)


@pytest.fixture
def cache(tmp_path):
    return str(tmp_path)


def loader(cache, lines=60, **arguments) -> HandwritingDataLoader:
    arguments = {"batch_size": 8, "seed": 3, **arguments}
    return HandwritingDataLoader(
        ListReader(wavy_lines(lines)), **loader_parts(cache_dir=cache, **arguments)
    )


def same(left, right) -> bool:
    names = ("strokes", "stroke_lengths", "text", "text_lengths", "line_indices")
    return all(torch.equal(getattr(left, name), getattr(right, name)) for name in names)


def all_same(left, right) -> bool:
    left, right = list(left), list(right)
    return len(left) == len(right) > 0 and all(map(same, left, right))


def indices(batches) -> list[int]:
    return [index for batch in batches for index in batch.line_indices.tolist()]


def test_it_is_registered_and_the_framework_provides_the_rest():
    assert DATA_LOADERS["HandwritingDataLoader"] is HandwritingDataLoader
    assert DATA_LOADERS.provided("HandwritingDataLoader") == {"context"}


def test_batches_hold_the_corpus_normalised_and_encoded(cache):
    data = loader(cache)
    assert sorted(indices(data.train)) == data.corpus.split("trainset").tolist()
    assert len(list(data.train)) == len(data.train)
    assert data.train.num_lines == 36
    for batch in data.train:
        for row, index in enumerate(batch.line_indices.tolist()):
            strokes = batch.strokes[row, : batch.stroke_lengths[row]].numpy()
            expected = data.normalisation.normalise(data.corpus.strokes(index))
            np.testing.assert_array_equal(strokes, expected)
            text = batch.text[row, : batch.text_lengths[row]].tolist()
            assert data.vocabulary.decode(text) == data.corpus.text(index)


def test_training_order_changes_with_the_epoch_and_comes_back(cache):
    train = loader(cache).train
    first = list(train)
    train.set_epoch(1)
    second = list(train)
    train.set_epoch(0)
    assert all_same(first, train)
    assert indices(first) != indices(second)


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("position", [0, 2, 5])
def test_starting_in_the_middle_gives_the_rest_of_the_epoch(cache, num_workers, position):
    whole = loader(cache, augmentation=AUGMENTED).train
    whole.set_epoch(4)
    expected = list(whole)
    resumed = loader(cache, augmentation=AUGMENTED, num_workers=num_workers).train
    resumed.set_epoch(4)
    resumed.start_at(position)
    positions = [resumed.position]
    rest = []
    for batch in resumed:
        rest.append(batch)
        positions.append(resumed.position)
    assert len(rest) == len(expected) - position
    assert all(map(same, expected[position:], rest))
    assert positions == list(range(position, len(expected) + 1))
    assert len(resumed) == len(expected)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_the_next_epoch_begins_at_its_beginning(cache, num_workers):
    train = loader(cache, num_workers=num_workers).train
    train.start_at(3)
    next(iter(train))
    assert train.position == 4
    train.set_epoch(1)
    assert train.position == 0
    expected = loader(cache).train
    expected.set_epoch(1)
    assert all_same(train, expected)


@pytest.mark.parametrize("position", [-1, 6])
def test_a_position_outside_the_epoch_is_an_error(cache, position):
    with pytest.raises(ValueError, match=f"0 to 5, got {position}"):
        loader(cache).train.start_at(position)


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # on one processor
def test_worker_processes_change_nothing(cache):
    here = loader(cache, augmentation=AUGMENTED)
    there = loader(cache, augmentation=AUGMENTED, num_workers=2)
    for epoch in (0, 1):
        here.train.set_epoch(epoch)
        there.train.set_epoch(epoch)
        assert all_same(here.train, there.train)
    assert all_same(here.validation, there.validation)


def run_in_own_group(code: str, cache: str) -> subprocess.CompletedProcess[str]:
    paths = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "helpers"), cache]
    # torch warns of more workers than the machine has processors.
    return subprocess.run(
        [sys.executable, "-W", "ignore::UserWarning", "-c", code, *paths],
        start_new_session=True,
        timeout=A_HANG,
        capture_output=True,
        text=True,
        check=False,
    )


SIGNALLED = """
import os, signal, sys
sys.path[:0] = sys.argv[1:3]
from line_helpers import ListReader, loader_parts, wavy_lines
from data_loader.data_loaders import HandwritingDataLoader
received = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: received.append(number))
reader = ListReader(wavy_lines(60))
parts = loader_parts(batch_size=1, cache_dir=sys.argv[3], num_workers=2)
data = HandwritingDataLoader(reader, **parts)
batches = iter(data.train)
taken = [next(batches), next(batches)]  # one of each worker, which has begun by then
for number in (signal.SIGINT, signal.SIGTERM):
    os.killpg(os.getpgrp(), number)
print(len([*taken, *batches]), len(received))
next(iter(data.validation))  # and leave in the middle
"""


def test_signals_to_the_process_group_stop_no_worker_and_the_program_ends(cache):
    done = run_in_own_group(SIGNALLED, cache)
    assert (done.returncode, done.stdout, done.stderr) == (0, "36 2\n", "")


SIGNALLED_AT_ONCE = """
import os, signal, sys
sys.path[:0] = sys.argv[1:3]
from torch.utils.data._utils import worker
from line_helpers import ListReader, loader_parts, wavy_lines
from data_loader.data_loaders import HandwritingDataLoader
received = []
prepare = worker.signal_handling._set_worker_signal_handlers
def signal_group():  # a worker's first act
    prepare()
    os.killpg(os.getpgrp(), signal.SIGTERM)
worker.signal_handling._set_worker_signal_handlers = signal_group
signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
reader = ListReader(wavy_lines(60))
parts = loader_parts(batch_size=1, cache_dir=sys.argv[3], num_workers=1)
data = HandwritingDataLoader(reader, **parts)
print(len(list(data.train)), len(received))
"""


def test_a_signal_in_the_first_moment_of_a_worker_stops_it_neither(cache):
    done = run_in_own_group(SIGNALLED_AT_ONCE, cache)
    assert (done.returncode, done.stdout, done.stderr) == (0, "36 1\n", "")


def test_iterating_leaves_the_global_random_numbers_alone(cache):
    data = loader(cache, augmentation=AUGMENTED)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    list(data.train)
    list(data.validation)
    assert torch.equal(torch.rand(3), expected)


def test_augmentation_changes_training_lines_before_normalisation_and_no_others(cache):
    data, plain = loader(cache, augmentation=AUGMENTED), loader(cache)
    data.train.set_epoch(2)
    batch = next(iter(data.train))
    index = int(batch.line_indices[0])
    changed = AUGMENTED.apply(data.corpus.strokes(index), line_generator(3, 2, index))
    expected = data.normalisation.normalise(changed)
    np.testing.assert_array_equal(batch.strokes[0, : len(expected)].numpy(), expected)
    assert all_same(data.validation, plain.validation)
    assert all_same(data.evaluation("trainset"), plain.evaluation("trainset"))
    assert data.normalisation == plain.normalisation


def test_augmentation_is_new_in_each_epoch(cache):
    train = loader(cache, augmentation=AUGMENTED, batch_size=36).train
    first = next(iter(train))
    train.set_epoch(1)
    second = next(iter(train))
    row, other = first.line_indices.argsort()[0], second.line_indices.argsort()[0]
    assert not torch.equal(first.strokes[row], second.strokes[other])


@pytest.mark.parametrize("split", ["trainset", "testset_v", "testset_t"])
def test_evaluation_gives_every_line_once_in_an_order_that_stays(cache, split):
    data = loader(cache)
    batches = data.evaluation(split, batch_size=5)
    assert sorted(indices(batches)) == data.corpus.split(split).tolist()
    assert all_same(batches, loader(cache, seed=99).evaluation(split, batch_size=5))
    assert max(map(len, batches)) == 5


def test_validation_is_the_evaluation_of_its_split(cache):
    data = loader(cache, validation_split="testset_t")
    assert all_same(data.validation, data.evaluation("testset_t"))


def test_limits_use_lines_from_all_over_the_split(cache):
    data = loader(cache, limit=5)
    for split, batches in (("trainset", data.train), ("testset_v", data.validation)):
        lines = data.corpus.split(split)
        used = sorted(indices(batches))
        assert len(used) == batches.num_lines == 5
        assert {lines[0], lines[-1]} <= set(used) <= set(lines.tolist())
    assert len(indices(data.evaluation("testset_v", limit=7))) == 7
    assert data.vocabulary == loader(cache).vocabulary


def test_long_lines_are_left_out_of_training_only(cache, caplog):
    caplog.set_level(logging.INFO)
    data = loader(cache, max_points=50)
    lengths = data.corpus.lengths
    lines = data.corpus.split("trainset")
    assert sorted(indices(data.train)) == lines[lengths[lines] <= 50].tolist()
    assert f"leaves out {(lengths[lines] > 50).sum()} lines of more than 50" in caplog.text
    assert len(indices(data.validation)) == 12
    with pytest.raises(DataError, match="'trainset': no line has 2 points or fewer"):
        _ = loader(cache, max_points=2).train


def test_processes_share_each_batch(cache):
    alone = loader(cache).train
    ranks = [loader(cache, rank=rank, world_size=2).train for rank in (0, 1)]
    for batch, even, odd in zip(alone, *ranks, strict=True):
        assert batch.line_indices[0::2].tolist() == even.line_indices.tolist()
        assert batch.line_indices[1::2].tolist() == odd.line_indices.tolist()


def test_a_process_without_a_share_of_the_evaluation_gets_no_batch(cache):
    ranks = [loader(cache, rank=rank, world_size=3, limit=2) for rank in range(3)]
    counts = [len(list(each.validation)) for each in ranks]
    assert counts == [len(each.validation) for each in ranks] == [1, 1, 0]
    with pytest.raises(DataError, match="'trainset': each of 3 processes needs a line"):
        _ = ranks[0].train


def test_given_vocabulary_and_normalisation_are_used(cache):
    normalisation = Normalisation(mean=(1.0, 2.0), std=(3.0, 4.0))
    vocabulary = Vocabulary("line")
    data = loader(cache, vocabulary=vocabulary, normalisation=normalisation)
    batch = next(iter(data.validation))
    index = int(batch.line_indices[0])
    np.testing.assert_array_equal(
        batch.strokes[0, : batch.stroke_lengths[0]].numpy(),
        normalisation.normalise(data.corpus.strokes(index)),
    )
    assert batch.text[0, :5].tolist() == [*vocabulary.encode("line"), vocabulary.unk]


def test_without_training_lines_it_evaluates_with_given_statistics(cache):
    given = {"vocabulary": Vocabulary("a"), "normalisation": Normalisation()}
    data = loader(cache, train_split="none", **given)
    assert len(indices(data.validation)) == 12
    with pytest.raises(DataError, match="no line is in split 'none'"):
        _ = data.train
    with pytest.raises(DataError, match="no line is in split 'none'"):
        loader(cache, train_split="none")


def test_pinning_without_a_gpu_warns_of_nothing(cache):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(loader(cache, pin_memory=True).validation)) == 2
