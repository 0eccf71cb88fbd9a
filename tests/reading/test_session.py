"""Reading stroke by stroke: the same text as that of the whole page, and not all read again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ink_samples import page as page_of_waves

from handwriting.errors import DataError
from handwriting.readings.document_reader import DocumentReader
from handwriting.readings.page_ink import PageInk
from handwriting.readings.session import Session
from reading.recogniser import line_reader
from trainer.loaded_model import load_model


@pytest.fixture(scope="module")
def reader(recogniser: Path) -> DocumentReader[Any]:
    return DocumentReader(line_reader(load_model(recogniser, "cpu"), "test"))


def test_the_text_after_each_stroke_is_that_of_the_page_so_far(reader: DocumentReader) -> None:
    strokes, _ = page_of_waves(2, pitch=6.0)
    session = Session(reader)
    for number, stroke in enumerate(strokes, start=1):
        text = session.add_stroke(stroke)
        whole = reader.read_page(PageInk(tuple(strokes[:number])))
        assert text == whole.text
    for line, other in zip(session.page.lines, whole.lines, strict=True):
        assert (line.text, line.strokes, line.box) == (other.text, other.strokes, other.box)
        assert line.confidence == pytest.approx(other.confidence, rel=1e-3, abs=1e-9)


def test_only_the_line_that_changed_is_read_again(reader: DocumentReader) -> None:
    strokes, groups = page_of_waves(3, pitch=6.0)
    session = Session(reader)
    for stroke in strokes[:-1]:
        session.add_stroke(stroke)
    before = session.lines_read
    session.add_stroke(strokes[-1])
    assert len(session.page.lines) == len(groups) and session.lines_read == before + 1
    session.remove_stroke()
    session.add_stroke(strokes[-1])
    assert session.lines_read == before + 1


def test_a_stroke_taken_back_leaves_what_was_before(reader: DocumentReader) -> None:
    session = Session(reader, one_line=True)
    strokes, _ = page_of_waves(1)
    before = [session.add_stroke(stroke) for stroke in strokes][-2]
    assert session.remove_stroke() == before
    for _ in strokes:
        session.remove_stroke()
    assert session.remove_stroke() == "" and session.page.lines == ()


def test_a_page_that_is_there_already_is_read_once(reader: DocumentReader) -> None:
    strokes, groups = page_of_waves(2, pitch=6.0)
    session = Session(reader, strokes=strokes)
    assert session.lines_read == len(groups)
    assert session.page.text == reader.read_page(PageInk(tuple(strokes))).text


def test_dots_alone_are_no_text_yet(reader: DocumentReader) -> None:
    session = Session(reader)
    assert session.add_stroke(np.array([[1.0, 2.0]])) == ""
    assert len(session.page.ink) == 1


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.zeros((3, 3)), np.array([[np.nan, 0]])])
def test_what_is_no_stroke_is_refused(reader: DocumentReader, points: np.ndarray) -> None:
    with pytest.raises(DataError, match="^stroke: "):
        Session(reader).add_stroke(points)
