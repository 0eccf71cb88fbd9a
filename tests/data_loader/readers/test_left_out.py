"""Sources without the lines of a list."""

from pathlib import Path

import pytest

from data_loader.readers.left_out import LeftOutReader
from data_loader.readers.synthetic import SyntheticReader
from handwriting.errors import DataError
from handwriting.ink.line import content_digest


def test_lines_of_the_list_are_left_out_and_counted(tmp_path: Path):
    source = SyntheticReader(num_lines=6)
    lines = list(source.read())
    listed = tmp_path / "list.tsv"
    listed.write_text(
        f"# a remark\n{content_digest(lines[1])}\tlabel\treading\n{content_digest(lines[4])}\n"
    )
    reader = LeftOutReader(SyntheticReader(num_lines=6), str(listed))
    kept = [line.source_id for line in reader.read()]
    assert kept == [line.source_id for place, line in enumerate(lines) if place not in (1, 4)]
    assert sum(reader.skipped.counts.values()) == 2


def test_the_fingerprint_is_that_of_the_lines_left_out(tmp_path: Path):
    first, second, third = (tmp_path / name for name in ("a.tsv", "b.tsv", "c.tsv"))
    first.write_text("x\tone\ny\n")
    second.write_text("# other remarks\ny\nx\tanother\n")
    third.write_text("x\n")
    prints = [
        LeftOutReader(SyntheticReader(num_lines=6), str(path)).fingerprint()
        for path in (first, second, third)
    ]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize("text", [None, "", "# remarks alone\n"])
def test_a_list_that_is_missing_or_empty_is_an_error(tmp_path: Path, text: str | None):
    path = tmp_path / "list.tsv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=r"list\.tsv"):
        list(LeftOutReader(SyntheticReader(num_lines=6), str(path)).read())
