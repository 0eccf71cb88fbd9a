"""Documents that are written are read back with all that their format has a place for."""

from dataclasses import replace
from pathlib import Path

import pytest
from ink_samples import page
from random_documents import assert_same, random_document
from sample_files import write_sample

from handwriting.errors import UserError
from handwriting.formats.document import (
    InkDocument,
    InkLabel,
    InkPage,
    InkStroke,
    hex_colour,
)
from handwriting.formats.document_files import write_document
from handwriting.formats.ink_file import document_in_file, read_ink_file
from handwriting.formats.registry import READ_SUFFIXES

SEEDS = range(12)


@pytest.mark.parametrize("seed", SEEDS)
def test_inkml_keeps_everything_to_the_last_digit(tmp_path: Path, seed: int) -> None:
    document = random_document(seed)
    write_document(document, tmp_path / "a.inkml")
    found = document_in_file(tmp_path / "a.inkml")
    assert_same(found, document)
    write_document(found, tmp_path / "b.inkml")
    assert (tmp_path / "b.inkml").read_bytes() == (tmp_path / "a.inkml").read_bytes()


@pytest.mark.parametrize("seed", SEEDS)
def test_xournal_keeps_all_but_times_and_rotations(tmp_path: Path, seed: int) -> None:
    document = random_document(seed, decimals=6, with_all=False)
    write_document(document, tmp_path / "a.xopp")
    found = document_in_file(tmp_path / "a.xopp")
    assert_same(found, document, tolerance=1e-6)
    write_document(found, tmp_path / "b.xopp")
    assert (tmp_path / "b.xopp").read_bytes() == (tmp_path / "a.xopp").read_bytes()


@pytest.mark.parametrize("suffix", READ_SUFFIXES)
@pytest.mark.parametrize("written", [".inkml", ".xopp"])
def test_what_is_read_can_be_written(tmp_path: Path, suffix: str, written: str) -> None:
    strokes, groups = page(2)
    document = document_in_file(write_sample(tmp_path / f"a{suffix}", strokes))
    labels = tuple(
        InkLabel(text, tuple(group)) for text, group in zip(("one", "two"), groups, strict=True)
    )
    with_texts = replace(document, pages=(replace(document.pages[0], labels=labels),))
    write_document(with_texts, tmp_path / f"b{written}")
    lines = read_ink_file(tmp_path / f"b{written}")
    assert [line.text for line in lines] == ["one", "two"]
    assert [int(line.strokes[:, 0].sum()) for line in lines] == [len(group) for group in groups]


def test_ink_without_a_page_is_put_on_one(tmp_path: Path) -> None:
    strokes = tuple(InkStroke(stroke - 500.0) for stroke in page(1)[0])
    write_document(InkDocument((InkPage(strokes),)), tmp_path / "a.xopp")
    (found,) = document_in_file(tmp_path / "a.xopp").pages
    for stroke in found.strokes:
        assert (stroke.points >= 0).all()
        assert (stroke.points <= [found.width, found.height]).all()


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#1A2B3C", "#1a2b3c"),
        ("#1a2b3cFF", "#1a2b3c"),
        ("#1a2b3c80", "#1a2b3c80"),
        (" #abc ", "#aabbcc"),
        ("#abc8", "#aabbcc88"),
        *((text, "") for text in ("red", "#12345", "#1a2bNc", "", "rgb(1,2,3)", "#")),
    ],
)
def test_colours_of_files_are_kept_in_one_form(text: str, colour: str) -> None:
    assert hex_colour(text) == colour


def test_other_formats_are_refused_and_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    document = random_document(1)
    for name in ("a.svg", "a.rnote", "a"):
        with pytest.raises(UserError, match=r"ink is written to .inkml or .xopp"):
            write_document(document, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
