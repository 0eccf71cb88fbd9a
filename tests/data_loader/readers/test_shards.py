import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from line_helpers import wavy_line

from base.base_reader import NoSource
from data_loader.cleaning import Cleaning
from data_loader.corpus import prepare_corpus
from data_loader.readers.shards import ShardsReader
from handwriting.errors import DataError
from handwriting.formats.shards import LabelledLine, write_folder, write_tar


def labelled(first: int, number: int) -> list[LabelledLine]:
    hands = ("lena", "")
    return [
        LabelledLine(each, wavy_line(each).strokes, f"text {each % 7}", hands[each % 2], each, ())
        for each in range(first, first + number)
    ]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two shards as folders and one as a tar, of 10 lines each."""
    write_folder(tmp_path / "a" / "shard-000000", labelled(1, 10))
    write_folder(tmp_path / "a" / "shard-000001", labelled(11, 10))
    write_tar(tmp_path / "b" / "shard-000002.tar", labelled(21, 10))
    (tmp_path / "a" / ".shard-000003.unfinished").mkdir()
    return tmp_path


def test_lines_come_back_shard_by_shard(corpus: Path) -> None:
    lines = list(ShardsReader(str(corpus)))
    assert [line.text for line in lines] == [f"text {number % 7}" for number in range(1, 31)]
    assert {line.writer for line in lines} == {"lena", ""}
    assert lines[0].source_id == "a/shard-000000/0000000001"
    assert lines[-1].source_id == "b/shard-000002.tar/0000000030"
    for number, line in enumerate(lines, start=1):
        np.testing.assert_array_equal(line.strokes, wavy_line(number).strokes)


def test_the_same_text_is_in_one_split(corpus: Path) -> None:
    lines = list(ShardsReader(str(corpus), validation_fraction=0.4, test_fraction=0.2))
    splits = {
        line.text: {other.split for other in lines if other.text == line.text} for line in lines
    }
    assert all(len(of_text) == 1 for of_text in splits.values())
    assert len({line.split for line in lines}) > 1


def test_shards_are_read_that_are_listed(corpus: Path) -> None:
    reader = ShardsReader(str(corpus), ("b", "a/shard-000001"))
    assert [line.source_id[:1] for line in reader] == 10 * ["b"] + 10 * ["a"]
    assert reader.locate().endswith("2 shards")
    with pytest.raises(NoSource, match="c: holds no shard of labelled lines"):
        ShardsReader(str(corpus), ("a", "c")).locate()


def test_a_corpus_is_prepared_of_shards(corpus: Path, tmp_path: Path) -> None:
    prepared = prepare_corpus(ShardsReader(str(corpus)), Cleaning(), tmp_path / "cache", False)
    assert len(prepared) == 30
    assert prepared.text(29) == "text 2"


def test_the_fingerprint_is_of_the_shards_and_settings(corpus: Path) -> None:
    first = ShardsReader(str(corpus)).fingerprint()
    assert ShardsReader(str(corpus)).fingerprint() == first
    assert ShardsReader(str(corpus), seed=2).fingerprint() != first
    assert ShardsReader(str(corpus), ("a",)).fingerprint() != first
    json.dumps(first)


@pytest.mark.parametrize("name", ["strokes.npy", "offsets.npy", "lines.jsonl", "shard.json"])
@pytest.mark.parametrize("damage", ["missing", "short", "empty", "changed"])
def test_a_damaged_shard_is_one_clear_line(corpus: Path, name: str, damage: str) -> None:
    file = corpus / "a" / "shard-000001" / name
    data = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        changed = data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
        file.write_bytes({"short": data[:-7], "empty": b"", "changed": changed}[damage])
    with pytest.raises(DataError, match="shard-000001") as fault:
        list(ShardsReader(str(corpus), ("a/shard-000001",)))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("1.npy", b"")], "1.npy: should be labels"),
        ([("1.json", b'{"id": "1", "text": "a", "hand": ""}')], "has no strokes of its last line"),
        ([("1.json", b"[]")], "labels: should be an object"),
        ([("1.json", b'{"id": "1", "text": 1, "hand": ""}')], "text should be a text"),
        ([("1.json", b"[" * 100_000)], "1.json"),
        (
            [("1.json", b'{"id": "1", "text": "a", "hand": ""}'), ("1.npy", b"PK\x03\x04")],
            "1.npy: ",
        ),
    ],
)
def test_a_tar_of_something_else_is_one_clear_line(
    tmp_path: Path, members: list[tuple[str, bytes]], message: str
) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    with pytest.raises(DataError, match=message):
        list(ShardsReader(str(tmp_path)))
