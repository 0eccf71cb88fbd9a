"""Digits of UCI as distributed."""

import gzip
import itertools

import numpy as np
import pytest
from packed_ink import ink_folder, packed_samples

from base.base_reader import NoSource
from base.registry import READERS
from data_loader.readers.pendigits import PendigitsReader
from handwriting.errors import ConfigError, DataError
from handwriting.ink.line import points_from_strokes, strokes_from_points

HEAD = ".VERSION 1.0\n.COORD X Y\n\n"


def digit(label, writer, number, strokes):
    """A digit as the files have it: two components of points (x, y) and pauses between."""
    ink = "".join(
        ".PEN_DOWN\n" + "".join(f" {x}  {y} \n" for x, y in stroke) + ".PEN_UP\n.DT 140\n"
        for stroke in strokes
    )
    return f'.SEGMENT DIGIT ? "{label}"\n.COMMENT {label} {writer} {number}\n.DT 100\n{ink}\n'


DIGITS = HEAD + digit(8, 12, 224, [[(10, 20), (13, 25)]]) + digit(2, 3, 1, [[(1, 1)], [(4, 3)]])


def test_digits_are_read_with_writer_and_strokes(tmp_path):
    (tmp_path / "pendigits-orig.tra").write_text(DIGITS)
    (tmp_path / "pendigits-orig.tes").write_text(HEAD + digit(5, 12, 0, [[(0, 0)]]))
    reader = READERS["pendigits"](data_dir=str(tmp_path))
    first, second, third = reader
    assert (first.text, first.writer, first.source_id) == ("8", "train-12", "train-0")
    assert points_from_strokes(first.strokes)[0].tolist() == [[0, 0], [3, 5]]
    assert [stroke.tolist() for stroke in points_from_strokes(second.strokes)] == [
        [[0, 0]],
        [[3, 2]],
    ]
    assert (third.text, third.writer) == ("5", "test-12")
    assert reader.skipped.counts == {} and reader.locate().endswith("pendigits-orig.tra")


def test_packed_files_are_read_and_one_of_the_two_is_enough(tmp_path):
    (tmp_path / "pendigits-orig.tes.gz").write_bytes(gzip.compress(DIGITS.encode()))
    assert [line.writer for line in PendigitsReader(str(tmp_path))] == ["test-12", "test-3"]
    (tmp_path / "pendigits-orig.tes.gz").write_bytes(gzip.compress(DIGITS.encode())[:-6])
    with pytest.raises(DataError, match=r"pendigits-orig\.tes\.gz: truncated"):
        list(PendigitsReader(str(tmp_path)))


def test_what_is_no_digit_is_counted(tmp_path):
    bad = '.SEGMENT WORD ? "a"\n.COMMENT 1 2 3\n.PEN_DOWN\n1 1\n'
    bad += '.SEGMENT DIGIT ? "1"\n.COMMENT none\n.PEN_DOWN\n1 1\n'
    bad += '.SEGMENT DIGIT ? "4"\n.COMMENT 4 1 1\n'
    (tmp_path / "pendigits-orig.tra").write_text(bad + DIGITS)
    reader = PendigitsReader(str(tmp_path))
    assert [line.text for line in reader] == ["8", "2"]
    assert reader.skipped.counts == {
        "digit without a writer": 1,
        "digit without ink": 1,
        "segment that is no digit": 1,
    }
    (tmp_path / "pendigits-orig.tra").write_text(bad)
    with pytest.raises(DataError, match="no line can be used; .*no .COMMENT below names one"):
        list(PendigitsReader(str(tmp_path)))


def test_splits_are_of_writers(tmp_path):
    text = "".join(digit(n % 10, n % 60, n, [[(n, n)]]) for n in range(300))
    (tmp_path / "pendigits-orig.tra").write_text(HEAD + text)
    lines = list(PendigitsReader(str(tmp_path), test_fraction=0.2))
    splits = {}
    for line in lines:
        assert splits.setdefault(line.writer, line.split) == line.split
    counts = [list(splits.values()).count(s) for s in ("trainset", "testset_v", "testset_t")]
    assert sum(counts) == 60 and all(counts)
    with pytest.raises(ConfigError):
        PendigitsReader(validation_fraction=1.0)


def test_nothing_there_is_no_source_and_files_make_the_fingerprint(tmp_path):
    with pytest.raises(NoSource, match=r"holds no pendigits-orig\.tra or pendigits-orig\.tes"):
        PendigitsReader(str(tmp_path)).fingerprint()
    (tmp_path / "pendigits-orig.tra").write_text(DIGITS)
    first = PendigitsReader(str(tmp_path)).fingerprint()
    assert first == PendigitsReader(str(tmp_path)).fingerprint()
    assert first != PendigitsReader(str(tmp_path), seed=1).fingerprint()


def test_the_packed_copy_written_as_distributed_is_read_as_it_is(tmp_path):
    # No original file is at hand to compare with, so this is a round trip.
    samples = list(itertools.islice(packed_samples(ink_folder("pendigits")), None))
    by_file = {"tra": [], "tes": []}
    for number, sample in enumerate(samples):
        set_name, writer = sample.writer.split("-")
        strokes = [stroke.tolist() for stroke in sample.strokes]
        file = {"train": "tra", "test": "tes"}[set_name]
        by_file[file].append(digit(sample.label, writer, number, strokes))
    for file, digits in by_file.items():
        (tmp_path / f"pendigits-orig.{file}").write_text(HEAD + "".join(digits))
    lines = list(PendigitsReader(str(tmp_path)))
    samples.sort(key=lambda sample: not sample.writer.startswith("train"))
    assert len(lines) == len(samples) == 9496
    for line, sample in zip(lines, samples, strict=True):
        assert (line.text, line.writer) == (sample.label, sample.writer)
        assert np.array_equal(line.strokes, strokes_from_points(sample.strokes))
