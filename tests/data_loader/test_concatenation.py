"""Joined lines: ink that stands like one line, by one hand, with both texts."""

import numpy as np
import pytest
import torch
from line_helpers import ListReader, loader_parts, wavy_line, wavy_lines

from data_loader.concatenation import joined_strokes, joined_text
from data_loader.data_loaders import HandwritingDataLoader
from handwriting.ink.line import points_from_strokes, strokes_from_points


def loader(cache, **arguments) -> HandwritingDataLoader:
    arguments = {"batch_size": 4, "seed": 3, "concatenate_share": 1.0, **arguments}
    return HandwritingDataLoader(
        ListReader(wavy_lines(60)), **loader_parts(cache_dir=str(cache), **arguments)
    )


def placed(strokes: np.ndarray) -> np.ndarray:
    return np.cumsum(strokes[:, 1:].astype(np.float64), axis=0)


def decoded(data: HandwritingDataLoader, batch, row: int) -> str:
    return data.vocabulary.decode(batch.text[row, : batch.text_lengths[row]].tolist())


def test_the_second_line_stands_to_the_right_at_the_same_height_and_keeps_its_shape():
    first, second = wavy_line(1, points=80).strokes, wavy_line(2, points=60).strokes
    # Written elsewhere: its first point is not where its ink begins, and it stands lower.
    second = second[1:].copy()
    joined = joined_strokes(first, second, np.random.default_rng(0))
    assert len(joined) == len(first) + len(second) and joined.dtype == np.float32
    ahead, behind = np.split(placed(joined), [len(first)])
    np.testing.assert_allclose(ahead, placed(first))
    np.testing.assert_allclose(np.diff(behind, axis=0), np.diff(placed(second), axis=0), atol=1e-3)
    height = np.ptp(ahead[:, 1])
    assert 0.1 * height < behind[:, 0].min() - ahead[:, 0].max() < height
    assert np.array_equal(joined[:, 0], np.concatenate([first[:, 0], second[:, 0]]))


@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_lines_that_slope_meet_at_the_joint(slope):
    x = np.linspace(0, 1000, 200)
    zigzag = 50 * (np.arange(200) % 2)
    strokes = strokes_from_points([np.stack([x, slope * x + zigzag], axis=1)])
    joined = joined_strokes(strokes, strokes, np.random.default_rng(0))
    ahead, behind = np.split(placed(joined), [200])
    assert abs(behind[:60, 1].mean() - ahead[-60:, 1].mean()) < 1


def test_a_dot_can_be_joined():
    dot = np.array([[1, 0, 0]], np.float32)
    joined = joined_strokes(dot, dot, np.random.default_rng(0))
    assert np.isfinite(joined).all() and len(points_from_strokes(joined)) == 2


def test_texts_are_joined_by_one_space():
    assert joined_text("to be ", " or not") == "to be or not"


def test_a_line_is_followed_by_another_one_of_its_writer(tmp_path):
    data = loader(tmp_path)
    trained_on = set(data.corpus.split("trainset").tolist())
    numbers = {data.corpus.text(line): line for line in range(len(data.corpus))}
    seen = []
    for batch in data.train:
        for row, line in enumerate(batch.line_indices.tolist()):
            text = decoded(data, batch, row)
            own = data.corpus.text(line)
            assert text.startswith(own + " ")
            partner = numbers[text[len(own) + 1 :]]
            assert partner != line and partner in trained_on
            assert data.corpus.writer(partner) == data.corpus.writer(line)
            lengths = data.corpus.lengths[[line, partner]]
            assert batch.stroke_lengths[row] == lengths.sum()
            seen.append(line)
    assert sorted(seen) == sorted(trained_on)


def test_epochs_differ_and_the_same_epoch_is_the_same_again_from_its_middle(tmp_path):
    data = loader(tmp_path, concatenate_share=0.5)
    epochs = []
    for epoch in (0, 1, 0):
        data.train.set_epoch(epoch)
        epochs.append(list(data.train))
    assert all(map(_same, epochs[0], epochs[2]))
    texts = [{b.line_indices[0].item(): decoded(data, b, 0) for b in batches} for batches in epochs]
    assert any(texts[0][line] != texts[1][line] for line in texts[0].keys() & texts[1].keys())
    data.train.set_epoch(1)
    data.train.start_at(4)
    assert all(map(_same, list(data.train), epochs[1][4:]))


def test_a_batch_is_joined_or_not_and_the_share_says_how_many(tmp_path):
    data = loader(tmp_path, concatenate_share=0.4, batch_size=2)
    joined = 0
    for epoch in range(20):
        data.train.set_epoch(epoch)
        for batch in data.train:
            alone = data.corpus.lengths[batch.line_indices.numpy()]
            longer = batch.stroke_lengths.numpy() > alone
            assert longer.all() or not longer.any()
            joined += longer.all()
    assert 0.3 < joined / (20 * len(data.train)) < 0.5


def test_processes_that_share_batches_agree(tmp_path):
    whole = list(loader(tmp_path, concatenate_share=0.5).train)
    ranks = [
        list(loader(tmp_path, concatenate_share=0.5, rank=r, world_size=2).train) for r in (0, 1)
    ]
    for batch, *parts in zip(whole, *ranks, strict=True):
        for rank, part in enumerate(parts):
            assert torch.equal(batch.stroke_lengths[rank::2], part.stroke_lengths)


def test_who_is_not_known_or_has_no_other_line_that_fits_stays_alone(tmp_path):
    lines = [wavy_line(number, points=40) for number in range(12)]
    lines = [
        *(
            type(line)(line.strokes, line.text, "", line.source_id, line.split)
            for line in lines[:4]
        ),
        *lines[4:],
        wavy_line(50, "testset_v"),
    ]
    reader = ListReader(lines)
    alone = HandwritingDataLoader(
        reader, **loader_parts(concatenate_share=1.0, max_points=79, cache_dir=str(tmp_path))
    )
    assert all((batch.stroke_lengths == 40).all() for batch in alone.train)
    (batch,) = HandwritingDataLoader(
        reader, **loader_parts(concatenate_share=1.0, cache_dir=str(tmp_path))
    ).train
    length = dict(zip(batch.line_indices.tolist(), batch.stroke_lengths.tolist(), strict=True))
    writers = [line.writer for line in lines[:12]]
    for number in range(12):
        has_partner = writers[number] and writers.count(writers[number]) > 1
        assert length[number] == (80 if has_partner else 40)


def test_lines_to_evaluate_on_stay_as_they_are(tmp_path):
    data = loader(tmp_path)
    for batches in (data.validation, data.evaluation("trainset")):
        for batch in batches:
            alone = data.corpus.lengths[batch.line_indices.numpy()]
            assert np.array_equal(batch.stroke_lengths.numpy(), alone)


def _same(left, right) -> bool:
    return torch.equal(left.strokes, right.strokes) and torch.equal(left.text, right.text)
