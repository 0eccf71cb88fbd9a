import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from line_helpers import ListReader, wavy_lines
from patience import A_HANG

from base.registry import READERS
from data_loader.cleaning import Cleaning
from data_loader.corpus import Corpus, prepare_corpus
from data_loader.export import write_inkml, write_strokes_npy
from data_loader.prepare import describe, main, reader_for
from handwriting.errors import UserError

ROOT = Path(__file__).parents[2]


def corpus_in(cache: Path) -> Corpus:
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    return Corpus(folder)


def cells(table: str, row: str) -> list[str]:
    (line,) = (line for line in table.splitlines() if line.startswith(row + " "))
    return line.split()[1:]


def run(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "data_loader.prepare", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=A_HANG,
        check=False,
    )


def test_the_table_counts_every_split_and_reason(tmp_path):
    lines = wavy_lines(40)
    cleaning = Cleaning(min_points=40)
    corpus = prepare_corpus(ListReader(lines), cleaning, tmp_path, progress=False)
    table = describe(corpus)
    kept = [line for line in lines if len(line.strokes) >= 40]
    train = [line for line in kept if line.split == "trainset"]
    points = sum(len(line.strokes) for line in train)
    characters = sum(len(line.text) for line in train)
    dropped = 24 - len(train)
    expected = [len(train), 5, 0, points, characters, dropped]
    assert cells(table, "trainset") == [f"{number:,}" for number in expected]
    assert cells(table, "all")[:2] == [str(len(kept)), "5"]
    assert f"fewer than 40 points: {40 - len(kept)}" in table
    splits_of = {line.writer: set() for line in kept}
    for line in kept:
        splits_of[line.writer].add(line.split)
    shared = sum(len(splits) > 1 for splits in splits_of.values())
    assert f"writers in more than one split: {shared}\n" in table
    assert str(corpus.folder) in table


def test_an_empty_folder_gives_the_built_in_corpus(tmp_path):
    assert reader_for("auto", str(tmp_path)).chosen == "synthetic"


def test_the_built_in_corpus_needs_no_repair(tmp_path):
    reader = READERS["synthetic"](num_lines=150)
    corpus = prepare_corpus(reader, Cleaning(), tmp_path, progress=False)
    assert len(corpus) == 150
    assert corpus.meta["reader"] == "synthetic"
    assert corpus.meta["changes"] == {}
    assert corpus.meta["writers_in_several_splits"] == 0


@pytest.mark.parametrize(
    ("source", "write"), [("strokes_npy", write_strokes_npy), ("inkml", write_inkml)]
)
def test_every_export_can_be_prepared_again(tmp_path, capsys, source, write):
    lines = wavy_lines(30)
    write(lines, tmp_path / "data")
    prepare = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "cache")]
    main([*prepare, "--export", "strokes_npy", "--to", str(tmp_path / "npy")])
    main([*prepare, "--source", source, "--export", "inkml", "--to", str(tmp_path / "inkml")])
    assert "exported as inkml" in capsys.readouterr().out
    first = corpus_in(tmp_path / "cache")
    for form in ("npy", "inkml"):
        main(["--data", str(tmp_path / form), "--out", str(tmp_path / form / "cache")])
        again = corpus_in(tmp_path / form / "cache")
        assert len(again) == 30
        by_text = {again.text(index): again.strokes(index) for index in range(30)}
        for index in range(30):
            np.testing.assert_array_equal(by_text[first.text(index)], first.strokes(index))


def test_a_config_says_source_cleaning_and_cache(tmp_path, capsys):
    write_strokes_npy(wavy_lines(30), tmp_path / "data")
    config = json.loads((ROOT / "config_unconditional.json").read_text())
    config["data_loader"]["args"].update(
        source={"type": "strokes_npy", "args": {"data_dir": str(tmp_path / "data")}},
        cleaning={"min_points": 50},
        cache_dir=str(tmp_path / "cache"),
    )
    (tmp_path / "config.json").write_text(json.dumps(config))
    main(["-c", str(tmp_path / "config.json")])
    corpus = corpus_in(tmp_path / "cache")
    assert 0 < len(corpus) < 30
    assert min(corpus.lengths) >= 50
    assert "fewer than 50 points" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), "error: nowhere"),
        (("--source", "nothing"), "one of auto, .*iam_ondb, .* got 'nothing'"),
        (("--export", "inkml"), "--export and --to are given together"),
        (("-c", "x.json", "--data", "d"), "cannot be given beside --config"),
    ],
)
def test_a_users_mistake_ends_with_code_2_and_one_clear_line(tmp_path, arguments, message):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert re.search(message, last)
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_a_source_that_reads_none_is_an_error():
    with pytest.raises(UserError, match="--data: source 'synthetic' reads no folder, got 'x'"):
        reader_for("synthetic", "x")


def test_the_real_corpus_has_its_official_counts(tmp_path):
    data = os.environ.get("HANDWRITING_IAM_ONDB")
    if not data:
        pytest.skip("HANDWRITING_IAM_ONDB does not name a folder with IAM-OnDB")
    main(["--data", data, "--source", "iam_ondb", "--out", str(tmp_path)])
    corpus = corpus_in(tmp_path)
    counts = {name: split["lines"] for name, split in corpus.meta["splits"].items()}
    assert counts == {"trainset": 5364, "testset_v": 1438, "testset_t": 1518}
    changes = corpus.meta["changes"]
    repaired = sum(number for name, number in changes.items() if name.startswith("lines with"))
    assert 0 < repaired < 0.02 * len(corpus), "pen moves between strokes are no spikes"
