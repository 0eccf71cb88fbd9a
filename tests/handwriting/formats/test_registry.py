"""The table of formats, and what the guide says of them."""

import re
from pathlib import Path

import pytest

from handwriting.formats.registry import (
    FORMATS,
    KEPT,
    READ_SUFFIXES,
    formats_table,
    is_ink_name,
    reader_of,
)

GUIDE = Path(__file__).parents[3] / "docs/formats.md"


def test_the_guide_has_the_table_of_the_registry() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    found = re.search(r"^\| format .*?\n\n", text, re.MULTILINE | re.DOTALL)
    assert found and found[0].strip() == formats_table().strip()


def test_suffixes_are_of_one_format_each() -> None:
    assert len(set(READ_SUFFIXES)) == len(READ_SUFFIXES)
    for entry in FORMATS:
        assert set(entry.keeps) <= set(KEPT)
        assert not entry.keeps or entry.reader


@pytest.mark.parametrize("suffix", READ_SUFFIXES)
def test_every_reader_is_there(suffix: str) -> None:
    assert callable(reader_of(Path(f"a{suffix.upper()}")))


def test_notes_in_folders_are_drawings_by_their_names() -> None:
    for name, is_ink in (("a.xopp", True), ("README.md", False), ("A.Excalidraw.MD", True)):
        assert is_ink_name(Path(name)) == is_ink
    assert not is_ink_name(Path("a.png")) and not is_ink_name(Path("a"))
