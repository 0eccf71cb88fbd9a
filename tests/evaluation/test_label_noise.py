"""``python -m evaluation.label_noise``: labels that cannot be what was written."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_checkpoint import SHORT_LINES, make_checkpoint

from data_loader.export import write_inkml
from data_loader.readers.left_out import read_left_out
from data_loader.readers.synthetic import SyntheticReader
from evaluation import label_noise
from evaluation.label_noise import Judged
from handwriting.errors import UserError


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("noise")
    make_checkpoint(place / "recognition.pth", SHORT_LINES, task="recognition")
    make_checkpoint(place / "conditional.pth", SHORT_LINES, task="conditional")
    lines = list(SyntheticReader(num_lines=8, min_characters=3, max_characters=6).read())
    # One text is too short to be judged.
    write_inkml(
        (replace(line, text=line.text if n else "ab") for n, line in enumerate(lines)),
        place / "ink",
    )
    source = {"type": "inkml", "args": {"data_dir": str(place / "ink")}}
    loader = {"type": "RecognitionDataLoader", "args": {"source": source}}
    (place / "config.json").write_text(json.dumps({"data_loader": loader}))
    return place


def _options(place: Path, out: Path, *more: str, name: str = "recognition") -> list[str]:
    checkpoint, config = str(place / f"{name}.pth"), str(place / "config.json")
    return ["-r", checkpoint, "-c", config, "--out", str(out), "--device", "cpu", *more]


def test_lines_that_a_recogniser_cannot_read_are_listed_with_both_readings(
    place: Path, tmp_path: Path
):
    out = tmp_path / "list.tsv"
    label_noise.main(_options(place, out, "--limit", "0.01"))
    rows = [row.split("\t") for row in out.read_text().splitlines() if not row.startswith("#")]
    # The tiny recogniser has learned nothing; seven texts are long enough.
    assert len(rows) == len(read_left_out(out)) == 7
    assert all(len(row) == 6 and 0.01 < float(row[5]) <= 1 for row in rows)


def test_nothing_is_listed_above_all_errors(place: Path, tmp_path: Path):
    out = tmp_path / "list.tsv"
    label_noise.main(_options(place, out, "--limit", "1"))
    assert all(row.startswith("#") for row in out.read_text().splitlines())


def test_the_nearer_reading_decides_and_case_does_not_count():
    line = next(iter(SyntheticReader(num_lines=1).read()))
    line = replace(line, text="Number 12.")
    assert Judged(line, "", "NUMBER 12", "xxx").error == 0
    assert Judged(line, "", "zzz", "number 13").error == pytest.approx(1 / 9)
    assert Judged(line, "", "q" * 40, "").error == 1


def test_a_model_that_reads_nothing_is_refused_and_no_list_is_left(place: Path, tmp_path: Path):
    out = tmp_path / "list.tsv"
    with pytest.raises(UserError, match="reads handwriting"):
        label_noise.main(_options(place, out, name="conditional"))
    assert not out.exists()
