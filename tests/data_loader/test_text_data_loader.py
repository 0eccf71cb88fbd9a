from pathlib import Path

import pytest
import torch
from line_helpers import ListReader, loader_parts, wavy_line, wavy_lines

from base.registry import DATA_LOADERS
from data_loader.text_data_loader import TextDataLoader
from data_loader.text_file import text_file_lines
from handwriting.errors import DataError


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return str(tmp_path / "prepared")


def loader(cache: str, lines=None, **arguments) -> TextDataLoader:
    reader = ListReader(wavy_lines(60) if lines is None else lines)
    return TextDataLoader(
        reader, **loader_parts(cache_dir=cache, **{"batch_size": 8, "seed": 3, **arguments})
    )


def texts(data: TextDataLoader, batches) -> list[str]:
    return [
        data.vocabulary.decode(row[:length].tolist())
        for batch in batches
        for row, length in zip(batch.text, batch.text_lengths, strict=True)
    ]


def numbers(batches) -> list[int]:
    return [index for batch in batches for index in batch.line_indices.tolist()]


def with_texts(**splits: list[str]) -> list:
    pairs = [(split, text) for split, found in splits.items() for text in found]
    return [wavy_line(at, split, text=text) for at, (split, text) in enumerate(pairs)]


def test_batches_hold_the_texts_of_the_corpus_and_no_ink(cache):
    data = loader(cache)
    assert DATA_LOADERS["TextDataLoader"] is TextDataLoader
    assert sorted(numbers(data.train)) == data.corpus.split("trainset").tolist()
    assert texts(data, data.train) == [data.corpus.text(index) for index in numbers(data.train)]
    assert data.vocabulary == data.corpus.vocabulary_of("trainset")
    for batch in data.train:
        assert batch.strokes.shape == (len(batch), 1, 3)
        assert not batch.strokes.any()
        assert (batch.text[~batch.text_mask] == data.vocabulary.pad).all()


def test_the_order_changes_with_the_epoch_and_goes_on_in_the_middle(cache):
    train = loader(cache).train
    first = numbers(train)
    train.set_epoch(1)
    second = numbers(train)
    assert sorted(first) == sorted(second) and first != second
    train.start_at(2)
    batches, positions = [], [train.position]
    for batch in train:
        batches.append(batch)
        positions.append(train.position)
    assert numbers(batches) == second[16:]
    assert positions == list(range(2, len(train) + 1))
    assert numbers(train) == second
    train.set_epoch(0)
    assert numbers(train) == first
    with pytest.raises(ValueError, match="0 to 5, got 6"):
        train.start_at(6)


def test_validation_keeps_its_order_and_limits_are_kept(cache):
    data = loader(cache, limit=5)
    assert numbers(data.validation) == numbers(data.evaluation("testset_v"))
    assert len(numbers(data.validation)) == len(numbers(data.train)) == 5
    assert data.evaluation("testset_t", batch_size=2, limit=3).num_lines == 3
    with pytest.raises(DataError, match="no line is in split 'other'"):
        data.evaluation("other")


def test_processes_share_the_texts(cache):
    shares = [numbers(loader(cache, rank=rank, world_size=2).train) for rank in (0, 1)]
    assert sorted(shares[0] + shares[1]) == sorted(numbers(loader(cache).train))


def test_training_leaves_out_texts_of_the_splits_that_are_for_tests(cache, caplog):
    lines = with_texts(
        trainset=["one two three four", "five six seven", "eight", "something else", "nine"],
        testset_v=["Three four five", "six seven. Eight"],
        testset_t=["nine"],
    )
    caplog.set_level("INFO")
    data = loader(cache, lines)
    assert sorted(texts(data, data.train)) == ["something else"]
    assert "leaves out 4 of 5 lines, whose words also stand in 'testset_v'" in caplog.text
    assert len(texts(data, data.validation)) == 2
    all_texts = loader(cache, lines, exclude_splits=())
    assert len(texts(all_texts, all_texts.train)) == 5
    assert all_texts.vocabulary == data.vocabulary
    some = loader(cache, lines, exclude_splits=("testset_t", "of another corpus"))
    assert len(texts(some, some.train)) == 4
    with pytest.raises(DataError, match="split 'trainset'"):
        _ = loader(cache, lines[:1] + lines[5:], exclude_splits=("trainset",)).train


def test_text_files_are_trained_on_too_but_not_where_they_stand_in_a_test(cache, tmp_path, caplog):
    lines = with_texts(
        trainset=["some text of a line", "and another one"],
        testset_v=["the words of a test are not for training"],
    )
    file = tmp_path / "book.txt"
    file.write_text("A book:\nthe words of a test are.\n\nMore text in œ\n", encoding="utf-8")
    caplog.set_level("INFO")
    data = loader(cache, lines, texts=(str(file),))
    found = dict(zip(numbers(data.train), texts(data, data.train), strict=True))
    assert {found[0], found[1]} == {"some text of a line", "and another one"}
    extra = {number: text for number, text in found.items() if number >= len(data.corpus)}
    assert sorted(extra) == list(range(3, 3 + len(extra)))
    joined = " ".join(extra[number] for number in sorted(extra))
    assert "test" not in joined and joined.endswith("in \N{REPLACEMENT CHARACTER}")
    assert f"{file}: characters that the corpus does not have: . : A M b k w œ" in caplog.text
    assert data.line_id(0) == "id-0"
    assert data.line_id(4) == "line 2 of the added texts"


def test_lines_of_a_file_are_as_long_as_they_are_asked_to_be(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("\n\nab cd\tef\ngh incomprehensibilities ij kl\n \nmn\n\n", encoding="utf-8")
    assert text_file_lines(file, [5]) == ["ab cd", "ef gh", "incomprehensibilities", "ij kl", "mn"]
    assert text_file_lines(file, [99]) == ["ab cd ef gh incomprehensibilities ij kl", "mn"]
    file.write_text("word " * 300, encoding="utf-8")
    drawn = text_file_lines(file, [10, 30], seed=1)
    assert drawn == text_file_lines(file, [10, 30], seed=1) != text_file_lines(file, [10, 30], 2)
    assert {len(line) for line in drawn[:-1]} == {9, 29}
    assert " ".join(drawn).split() == ["word"] * 300


def test_files_that_are_no_text_are_clear_errors(tmp_path):
    file = tmp_path / "text.txt"
    with pytest.raises(DataError, match="text.txt: cannot be read: No such file"):
        text_file_lines(file, [5])
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="text.txt: should be text in UTF-8"):
        text_file_lines(file, [5])
    file.write_text(" \n\n")
    with pytest.raises(DataError, match="text.txt: there is no text in it"):
        text_file_lines(file, [5])


def test_iterating_leaves_the_global_random_numbers_alone(cache):
    data = loader(cache)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    list(data.train)
    list(data.validation)
    assert torch.equal(torch.rand(3), expected)


def test_composed_texts_are_added_and_are_the_same_for_the_same_seed(cache):
    plain = loader(cache)
    data = loader(cache, composed_texts=40)
    assert data.train.num_lines == plain.train.num_lines + 40
    added = [number for number in numbers(data.train) if number >= len(data.corpus)]
    assert len(added) == 40
    assert texts(data, data.train) == texts(data, loader(cache, composed_texts=40).train)
    assert texts(data, data.train) != texts(data, loader(cache, composed_texts=40, seed=4).train)
    assert data.validation.num_lines == plain.validation.num_lines
