"""Batches with features of the ink."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from line_helpers import ListReader, loader_parts, wavy_lines

from base.batch import RecognitionBatch, collate_features
from base.registry import DATA_LOADERS
from data_loader.augmentation import line_generator
from data_loader.data_loaders import HandwritingDataLoader
from data_loader.ink_augmentation import InkAugmentation
from data_loader.recognition_data_loader import RecognitionDataLoader
from handwriting.errors import ConfigError
from handwriting.ink.features import InkFeatures
from parse_config import ConfigParser

FEATURES = InkFeatures(fit_lines=True, spacing=0.4, time=True)
AUGMENTED = InkAugmentation(scale=0.1, slant=10, rotation=3, warp=0.1, drop=0.2)
CONFIG = Path(__file__).parents[2] / "config_recognition.json"


@pytest.fixture
def cache(tmp_path):
    return str(tmp_path)


def loader(cache, kind=RecognitionDataLoader, **arguments):
    arguments = {"batch_size": 8, "seed": 3, **arguments}
    return kind(ListReader(wavy_lines(60)), **loader_parts(cache_dir=cache, **arguments))


def same(left: RecognitionBatch, right: RecognitionBatch) -> bool:
    return vars(left).keys() == vars(right).keys() and all(
        torch.equal(tensor, getattr(right, name)) for name, tensor in vars(left).items()
    )


def all_same(left, right) -> bool:
    left, right = list(left), list(right)
    return len(left) == len(right) > 0 and all(map(same, left, right))


def features_by_line(batches) -> dict[int, np.ndarray]:
    return {
        index: batch.features[row, : batch.feature_lengths[row]].numpy()
        for batch in batches
        for row, index in enumerate(batch.line_indices.tolist())
    }


def test_it_is_registered_and_the_framework_provides_the_rest():
    assert DATA_LOADERS["RecognitionDataLoader"] is RecognitionDataLoader
    assert DATA_LOADERS.provided("RecognitionDataLoader") == DATA_LOADERS.provided(
        "HandwritingDataLoader"
    )


def test_lines_are_padded_with_zeros():
    lines = [np.full((length, 3), length, dtype=np.float32) for length in (2, 4, 1)]
    padded, lengths = collate_features(lines)
    assert padded.shape == (3, 4, 3) and padded.dtype == torch.float32
    assert lengths.tolist() == [2, 4, 1] and lengths.dtype == torch.int64
    assert padded[:, :, 0].tolist() == [[2, 2, 0, 0], [4, 4, 4, 4], [1, 0, 0, 0]]


def test_batches_hold_the_features_of_the_corpus(cache):
    data = loader(cache, features=FEATURES)
    for batches, split in ((data.train, "trainset"), (data.validation, "testset_v")):
        found = features_by_line(batches)
        assert sorted(found) == data.corpus.split(split).tolist()
        for index, features in found.items():
            expected = FEATURES.compute(data.corpus.strokes(index))
            np.testing.assert_array_equal(features, expected)


def test_features_are_as_long_as_the_longest_and_zero_past_their_lengths(cache):
    lengths = set()
    for batch in loader(cache).train:
        assert isinstance(batch, RecognitionBatch)
        assert batch.features.shape[:2] == (len(batch), batch.feature_lengths.max())
        assert batch.features.dtype == torch.float32
        assert batch.feature_lengths.dtype == torch.int64
        for row, length in zip(batch.features, batch.feature_lengths.tolist(), strict=True):
            assert not row[length:].any()
            assert row[length - 1].any()
        lengths.add(len(set(batch.feature_lengths.tolist())))
    assert max(lengths) > 1


@pytest.mark.parametrize("features", [InkFeatures(), FEATURES])
def test_num_features_is_the_width_of_the_batches(cache, features):
    data = loader(cache, features=features)
    assert data.features is features
    assert data.num_features == next(iter(data.train)).features.shape[2] == features.size


@pytest.mark.parametrize("augmentation", [InkAugmentation(), AUGMENTED])
def test_all_but_the_features_is_as_in_the_other_loader(cache, augmentation):
    """Strokes are as they were written, whatever the features are augmented by."""
    data = loader(cache, augmentation=augmentation)
    plain = loader(cache, HandwritingDataLoader)
    for batches, others in ((data.train, plain.train), (data.validation, plain.validation)):
        for batch, other in zip(batches, others, strict=True):
            for name, tensor in vars(other).items():
                assert torch.equal(getattr(batch, name), tensor), name


def test_augmentation_changes_the_corrected_ink_of_training_lines(cache):
    data = loader(cache, features=FEATURES, augmentation=AUGMENTED)
    data.train.set_epoch(2)
    for index, features in features_by_line(data.train).items():
        ink = FEATURES.normalise(data.corpus.strokes(index))
        changed = AUGMENTED.apply(ink, line_generator(3, 2, index))
        np.testing.assert_array_equal(features, FEATURES.describe(changed))


def test_what_is_evaluated_is_never_augmented(cache):
    data, plain = loader(cache, augmentation=AUGMENTED), loader(cache)
    assert not all_same(data.train, plain.train)
    assert all_same(data.validation, plain.validation)
    assert all_same(data.evaluation("trainset"), plain.evaluation("trainset"))
    assert all_same(data.validation, data.evaluation("testset_v"))


def test_augmentation_is_drawn_anew_in_each_epoch_and_comes_back(cache):
    train = loader(cache, augmentation=AUGMENTED).train
    first = list(train)
    train.set_epoch(1)
    second = features_by_line(train)
    for index, features in features_by_line(first).items():
        assert not np.array_equal(features, second[index])
    train.set_epoch(0)
    assert all_same(first, train)
    assert all_same(first, loader(cache, augmentation=AUGMENTED).train)


def test_another_seed_draws_another_augmentation(cache):
    here = features_by_line(loader(cache, augmentation=AUGMENTED).train)
    there = features_by_line(loader(cache, augmentation=AUGMENTED, seed=4).train)
    assert here.keys() == there.keys()
    assert not any(np.array_equal(here[index], there[index]) for index in here)


def test_worker_processes_change_nothing(cache):
    here = loader(cache, augmentation=AUGMENTED)
    there = loader(cache, augmentation=AUGMENTED, num_workers=1)
    for epoch in (0, 1):
        here.train.set_epoch(epoch)
        there.train.set_epoch(epoch)
        assert all_same(here.train, there.train)


def test_starting_in_the_middle_gives_the_rest_of_the_epoch(cache):
    whole, resumed = (loader(cache, augmentation=AUGMENTED).train for _ in range(2))
    resumed.start_at(2)
    assert all_same(list(whole)[2:], resumed)


def test_a_batch_moves_with_its_features(cache):
    batch = next(iter(loader(cache).train))
    moved = batch.to("meta")
    assert type(moved) is RecognitionBatch
    assert {tensor.device.type for tensor in vars(moved).values()} == {"meta"}
    assert moved.features.shape == batch.features.shape
    assert same(batch.to("cpu"), batch)


def test_a_config_says_what_is_seen_of_ink_and_how_it_is_changed():
    raw = json.loads(CONFIG.read_text(encoding="utf-8"))
    raw["data_loader"]["args"] |= {"features": {"time": True}, "augmentation": {"warp": 0.5}}
    arguments = ConfigParser.from_dict(raw).config.data_loader.args
    assert arguments.features.instance() == InkFeatures(time=True)
    assert arguments.augmentation.instance() == InkAugmentation(warp=0.5)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("features.spacing", 0, "should be greater than 0, got 0"),
        ("features.spacing", 2.5, "should be less than or equal to 2, got 2.5"),
        ("features.time", 1, "should be true or false, got 1"),
        ("features.slant", True, "unknown setting, got true, did you mean 'correct_slant'?"),
        ("augmentation.scale", 1, "should be less than 1, got 1"),
        ("augmentation.slant", 61, "should be less than or equal to 60, got 61"),
        ("augmentation.warp", -0.1, "should be greater than or equal to 0, got -0.1"),
        ("augmentation.warp", 1.5, "should be less than or equal to 1, got 1.5"),
        ("augmentation.drop", 1, "should be less than 1, got 1"),
    ],
)
def test_a_config_with_a_setting_out_of_its_range_is_refused(setting, value, message):
    raw = json.loads(CONFIG.read_text(encoding="utf-8"))
    with pytest.raises(ConfigError) as caught:
        ConfigParser.from_dict(raw, [(f"data_loader.args.{setting}", value)])
    assert caught.value.problems == [f"data_loader.args.{setting}: {message}"]


def test_lines_of_one_writer_are_joined_in_text_and_ink(cache):
    plain = features_by_line(loader(cache, features=FEATURES).train)
    data = loader(cache, features=FEATURES, concatenate_share=1.0)
    joined = 0
    for batch in data.train:
        for row, line in enumerate(batch.line_indices.tolist()):
            text = data.vocabulary.decode(batch.text[row, : batch.text_lengths[row]].tolist())
            own = data.corpus.text(line)
            if text != own:
                joined += 1
                assert text.startswith(f"{own.rstrip()} ")
                assert batch.feature_lengths[row] > len(plain[line])
                assert batch.stroke_lengths[row] > len(data.corpus.strokes(line))
    assert joined
    for batch in data.validation:
        for row, line in enumerate(batch.line_indices.tolist()):
            assert batch.text_lengths[row] == len(data.corpus.text(line))
