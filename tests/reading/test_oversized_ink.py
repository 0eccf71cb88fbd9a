"""Ink beside the lines of a page that is too large for a character of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from ink_samples import page as page_of_waves

from handwriting.readings.document_reader import DocumentReader
from handwriting.readings.page_ink import PageInk
from reading.recogniser import line_reader
from trainer.loaded_model import load_model


@pytest.mark.parametrize(
    ("text", "times", "keep_drawings", "is_text"),
    [("o", 4, False, False), ("o", 1, False, True), ("oooo", 4, False, True), ("o", 4, True, True)],
)
def test_a_character_far_higher_than_the_lines_is_a_drawing(
    recogniser: Path, text: str, times: int, keep_drawings: bool, is_text: bool
) -> None:
    model = load_model(recogniser, "cpu")
    reader = DocumentReader(line_reader(model, "test"), keep_drawings=keep_drawings)
    page = PageInk(tuple(page_of_waves(5, pitch=6.0)[0]))
    laid = reader.laid_out(page)
    results = reader.read_lines(page, laid, range(len(laid.rows)))
    assert len(results) == 5
    changed = []
    for number, result in enumerate(results):
        assert result.line is not None
        height = result.line.box.top - result.line.box.bottom
        box = replace(
            result.line.box, top=result.line.box.bottom + (times if not number else 1) * height
        )
        line = replace(result.line, text="four words are there" if number else text, box=box)
        changed.append(replace(result, line=line))
    found = reader.assembled(page, laid, changed)
    assert len(found.lines) == (5 if is_text else 4)
    assert len(found.others) == (0 if is_text else 1)
