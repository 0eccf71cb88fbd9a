"""Which source is taken of those that are there."""

import logging

import numpy as np
import pytest
from iam_files import write_tarballs
from unipen_files import add_file, segment, word, write

from base.base_reader import NoSource
from base.registry import READERS
from data_loader.readers.auto import AutoReader
from handwriting.errors import DataError

LINE = np.array([[0, 0, 0], [1, 1, 1]], dtype=np.float32)
ALL = "iam_ondb, strokes_npy, inkml, unipen, pendigits"
INK = '<ink><annotation type="truth">ink</annotation><trace>1 2, 3 4</trace></ink>'


def add_strokes_npy(folder):
    array = np.empty(1, dtype=object)
    array[0] = LINE
    np.save(folder / "strokes.npy", array, allow_pickle=True)
    (folder / "sentences.txt").write_text("npy\n")


def add_inkml(folder):
    (folder / "a.inkml").write_text(INK)


def add_unipen(folder):
    add_file(
        folder / "train_r01_v07", "abc/a.dat", word(0, 0), "", {"7": segment("WORD", "0", "w")}
    )


def add_pendigits(folder):
    write(folder / "pendigits-orig.tes", '.SEGMENT DIGIT ? "1"\n.COMMENT 1 2 3\n' + word(0, 0))


def test_the_first_of_the_sources_there_is_taken(tmp_path):
    assert AutoReader(str(tmp_path)).chosen == "synthetic"
    for add, name in (
        (add_pendigits, "pendigits"),
        (add_unipen, "unipen"),
        (add_inkml, "inkml"),
        (add_strokes_npy, "strokes_npy"),
        (write_tarballs, "iam_ondb"),
    ):
        add(tmp_path)
        auto = READERS["auto"](str(tmp_path))
        assert auto.chosen == name
        assert auto.reason.startswith(f"{name}, found as {tmp_path}")


def test_it_reads_as_the_reader_chosen_does(tmp_path):
    add_inkml(tmp_path)
    (tmp_path / "b.inkml").write_text("<ink>")
    auto, inkml = AutoReader(str(tmp_path)), READERS["inkml"](str(tmp_path))
    assert [line.text for line in auto] == [line.text for line in inkml] == ["ink"]
    assert auto.skipped.counts == inkml.skipped.counts == {"malformed XML": 1}
    assert auto.fingerprint() == inkml.fingerprint()
    assert auto.expected_lines() == inkml.expected_lines()


def test_the_log_says_which_and_why(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        assert AutoReader(str(tmp_path)).chosen == "synthetic"
    (record,) = caplog.records
    assert record.getMessage() == (f"source: synthetic, since {tmp_path} holds no {ALL}")


def test_a_source_there_in_part_is_an_error(tmp_path):
    add_inkml(tmp_path)
    (tmp_path / "sentences.txt").write_text("x\n")
    with pytest.raises(DataError, match=r"strokes\.npy: is missing"):
        AutoReader(str(tmp_path)).locate()
    write_tarballs(tmp_path)
    (tmp_path / "lineStrokes-all.tar.gz").unlink()
    with pytest.raises(DataError, match=r"lineStrokes-all\.tar\.gz: is missing"):
        AutoReader(str(tmp_path)).fingerprint()


def test_a_folder_named_but_absent_is_an_error_the_default_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="elsewhere: does not exist"):
        AutoReader("elsewhere").locate()
    assert AutoReader().chosen == "synthetic"


def test_without_the_built_in_corpus_nothing_is_an_error(tmp_path):
    with pytest.raises(NoSource, match=f"holds no {ALL}"):
        AutoReader(str(tmp_path), builtin=False).locate()
    add_inkml(tmp_path)
    without, usual = AutoReader(str(tmp_path), builtin=False), AutoReader(str(tmp_path))
    assert without.chosen == "inkml" and without.fingerprint() == usual.fingerprint()
