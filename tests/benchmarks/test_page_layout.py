"""Pages made of lines, and their layout where the ink is the built-in corpus's."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.page_layout import DISTURBANCES, Written, written
from data_loader.readers.synthetic import SyntheticReader
from handwriting.ink.measures import x_height
from handwriting.ink.page_layout import find_layout
from handwriting.readings.document_reader import DocumentReader
from handwriting.readings.page_ink import PageInk
from reading.recogniser import line_reader
from trainer.loaded_model import load_model
from utils.figures.page_layout import read_page_sheet

LINES = [written(line) for line in SyntheticReader(num_lines=12).read()][:10]
# What is on the page beside the lines is told from them, so that no stroke is missing or too many.
EXACT = (
    "pages, undisturbed",
    "two columns, 3 apart",
    "two columns, 15 apart",
    "turned by 15 degrees",
    "turned by 90 degrees",
    "turned by 180 degrees",
    "lines on slopes of their own",
    "underlines, a frame, a rule",
    "ruled paper",
    "beside a sketch",
)


def made(name: str) -> list[Written]:
    return list(DISTURBANCES[name](LINES, np.random.default_rng(3)))


@pytest.mark.parametrize("name", DISTURBANCES)
def test_pages_have_the_texts_of_their_lines_and_one_seed_makes_them(name: str) -> None:
    pages, again = made(name), made(name)
    texts = " ".join(text for page in pages for text in page.texts)
    assert texts == " ".join(line.texts[0] for line in LINES)
    for page, other in zip(pages, again, strict=True):
        for stroke, same in zip(page.strokes, other.strokes, strict=True):
            assert np.array_equal(stroke, same)


def test_lines_have_one_size() -> None:
    for line in LINES:
        assert x_height(line.strokes) == pytest.approx(1.0)


@pytest.mark.parametrize("name", EXACT)
def test_the_layout_of_a_page_has_its_lines(name: str) -> None:
    (page,) = made(name)
    layout = find_layout(page.strokes)
    found = [len(line.strokes) for line in layout.lines]
    wanted = [len(line.strokes) for line in LINES]
    assert len(found) == len(wanted)
    assert np.abs(np.array(found) - wanted).sum() <= 2  # a dot may be nearer to another line


def test_a_picture_has_every_stroke_and_word(recogniser: Path) -> None:
    (page,) = made("underlines, a frame, a rule")
    reader = DocumentReader(line_reader(load_model(recogniser, "cpu"), "test"))
    read = reader.read_page(PageInk(tuple(page.strokes)))
    sheet = read_page_sheet(read)
    words = [word for line in read.lines for word in line.words if word.box is not None]
    assert len(sheet.paths) >= len(page.strokes) + len(read.blocks) + len(words)
    assert [text.words for text in sheet.texts] == [
        *(word.text for word in words),
        *(other.kind for other in read.others),
    ]
    assert {"frame", "underline"} <= {other.kind for other in read.others}
    assert all(np.isfinite(path.points).all() for path in sheet.paths)
