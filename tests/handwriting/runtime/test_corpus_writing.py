"""Labelled corpora, written by tiny models with random weights."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from handwriting.errors import UserError
from handwriting.formats.shards import read_folder
from handwriting.runtime.corpus_writing import (
    CorpusSettings,
    ShardReport,
    shard_path,
    write_corpus,
)
from handwriting.runtime.labelled_lines import LineSettings
from handwriting.runtime.noise import line_seed
from handwriting.runtime.writer import Writer

ROOT = Path(__file__).parents[3]
WORDS = ("a tree", "rain", "it is", "no", "on", "in", "at", "so")
SMALL = CorpusSettings(shard_lines=4)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Ten texts, one of them empty, one of characters that are not known, one not UTF-8."""
    path = tmp_path / "texts.txt"
    lines = [*(word.encode() for word in WORDS), b"", "\u6f22".encode(), b"\xff", b"a" * 9000]
    path.write_bytes(b"\n".join(lines))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_lines_have_their_labels_and_bad_texts_are_reported(
    exported: Path, texts: Path, tmp_path: Path
) -> None:
    reports: list[ShardReport] = []
    done = write_corpus(texts, tmp_path / "c", SMALL, exported, 1, reports.append)
    assert (done.shards, done.lines, done.left_out, done.there_before) == (3, 8, 3, 0)
    assert [(report.path.name, report.lines) for report in reports] == [
        ("shard-000000", 4), ("shard-000001", 4), ("shard-000002", 0),
    ]  # fmt: skip
    left_out = {each.number: each.reason for each in reports[2].left_out}
    assert "does not know the character" in left_out[10]
    assert left_out[11] == "text: is not UTF-8 text (byte 1)"
    assert left_out[12] == "text: has more than 4,096 bytes"
    lines = [
        each
        for number in range(3)
        for each in read_folder(shard_path(tmp_path / "c", number, "folder"))
    ]
    assert [labels["text"] for _, labels in lines] == list(WORDS)
    alone = Writer(exported).write_lines(["rain"], seeds=[line_seed(1, 2)])[0]
    assert lines[1][1]["seed"] == alone.seed and lines[1][1]["id"] == "0000000002"
    assert lines[1][0].shape == alone.strokes.shape
    assert [word[0] for word in lines[0][1]["words"]] == ["a", "tree"]
    about = json.loads((tmp_path / "c" / "shard-000002" / "shard.json").read_text())
    assert [number for number, _ in about["left_out"]] == [10, 11, 12]


@pytest.mark.parametrize("form", ["folder", "webdataset"])
def test_the_bytes_do_not_depend_on_the_number_of_workers(
    exported: Path, texts: Path, tmp_path: Path, form: str
) -> None:
    settings = CorpusSettings(LineSettings("lena"), shard_lines=3, format=form, seed=5)
    for workers in (1, 3):
        write_corpus(texts, tmp_path / str(workers), settings, exported, workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "3")
    again = write_corpus(texts, tmp_path / "1", settings, exported)
    assert (again.there_before, again.shards) == (4, 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # its open file
def test_webdataset_reads_the_tars(exported: Path, texts: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    write_corpus(texts, tmp_path / "c", CorpusSettings(format="webdataset"), exported)
    path = shard_path(tmp_path / "c", 0, "webdataset")
    samples = list(webdataset.WebDataset(str(path), shardshuffle=False).decode())
    assert [sample["json"]["text"] for sample in samples] == list(WORDS)
    assert all(sample["npy"].dtype == np.float32 for sample in samples)
    assert [sample["__key__"] for sample in samples][:2] == ["0000000001", "0000000002"]


def test_a_command_that_is_killed_goes_on_to_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(WORDS * 30))
    options = ["--texts", texts, "--shard-lines", "6", "--weights", exported, "--workers"]
    command = [sys.executable, "-m", "handwriting", "write", *map(str, options)]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([*command, "1", "--corpus", str(whole)], cwd=ROOT, check=True)
    with subprocess.Popen([*command, "2", "--corpus", str(killed)], cwd=ROOT) as process:
        while not list(killed.glob("shard-*")) and process.poll() is None:
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)
    there = {path.name: path.stat().st_mtime_ns for path in killed.glob("shard-*")}
    subprocess.run([*command, "2", "--corpus", str(killed)], cwd=ROOT, check=True)
    assert contents(killed) == contents(whole)
    kept = {path.name: path.stat().st_mtime_ns for path in killed.glob("shard-*")}
    assert there.items() <= kept.items()


def test_a_folder_of_something_else_is_left_alone(
    exported: Path, texts: Path, tmp_path: Path
) -> None:
    write_corpus(texts, tmp_path / "c", SMALL, exported)
    for settings, message in (
        (CorpusSettings(shard_lines=4, seed=2), r"another corpus \(seed: 1, now 2\)"),
        (CorpusSettings(LineSettings("lena"), shard_lines=4), "hand: None, now 'lena'"),
    ):
        with pytest.raises(UserError, match=message):
            write_corpus(texts, tmp_path / "c", settings, exported)
    with pytest.raises(UserError, match="has files that are of no corpus"):
        write_corpus(texts, tmp_path, SMALL, exported)
    texts.write_text("other")
    with pytest.raises(UserError, match="another corpus .texts: "):
        write_corpus(texts, tmp_path / "c", SMALL, exported)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (CorpusSettings(LineSettings("tom")), "hand: there are 1, such as lena"),
        (CorpusSettings(LineSettings(bias=-1.0)), "bias: should be from 0"),
        (CorpusSettings(LineSettings(best_of=0)), "best_of: should be from 1"),
        (CorpusSettings(seed=-1), "seed: should be from 0"),
    ],
)
def test_a_wrong_setting_makes_no_folder(
    exported: Path, texts: Path, tmp_path: Path, settings: CorpusSettings, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        write_corpus(texts, tmp_path / "c", settings, exported)
    assert not (tmp_path / "c").exists()


def test_a_file_without_texts_is_an_error(exported: Path, tmp_path: Path) -> None:
    for path, message in ((tmp_path / "none", "cannot be read"), (tmp_path / "empty", "no text")):
        if path.name == "empty":
            path.write_text("")
        with pytest.raises(UserError, match=message):
            write_corpus(path, tmp_path / "c", SMALL, exported)


@pytest.mark.parametrize("step", [1, 2, 3, 5])
@pytest.mark.parametrize("end", ["", "\n"])
def test_every_line_of_the_file_is_in_one_shard(
    exported: Path, tmp_path: Path, step: int, end: str
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(["no", "in", "on", "at", "so", "it"]) + end)
    reports: list[ShardReport] = []
    settings = CorpusSettings(shard_lines=step)
    write_corpus(texts, tmp_path / "c", settings, exported, report=reports.append)
    assert sum(report.lines for report in reports) == 6
    assert len(reports) == -(-6 // step)
