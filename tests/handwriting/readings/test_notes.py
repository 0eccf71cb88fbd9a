"""What is said of a page as a whole."""

from dataclasses import replace

from read_pages import read_document

from handwriting.readings.notes import page_notes
from handwriting.readings.result import ReadPage
from handwriting.text.vocabulary import Vocabulary

TEXT = ("to be or not to be", "that is the question")
KNOWN = Vocabulary.from_texts(TEXT)


def page(doubts: tuple[float, ...], truth: str | None = None) -> ReadPage:
    found = read_document(TEXT[: len(doubts)]).pages[0]
    (block,) = found.blocks
    lines = tuple(
        replace(line, doubt=doubt, truth=truth)
        for line, doubt in zip(block.lines, doubts, strict=True)
    )
    return replace(found, blocks=(replace(block, lines=lines),))


def test_a_page_that_is_read_well_has_no_notes() -> None:
    assert page_notes(page((0.0, 0.5)), KNOWN) == ()
    assert page_notes(ReadPage((), ()), KNOWN) == ()


def test_a_page_in_doubt_all_over_is_noted_in_one_line() -> None:
    (note,) = page_notes(page((0.6, 0.5)), KNOWN)
    assert "a script, a direction or characters that the model does not know" in note
    assert "differ in 55% of the text" in note and "\n" not in note


def test_a_few_characters_say_nothing_of_the_page() -> None:
    assert page_notes(page((0.9,)), KNOWN) == ()


def test_characters_that_the_model_cannot_know_are_named() -> None:
    (note,) = page_notes(page((0.0, 0.0), truth="to bé ß"), KNOWN)
    assert note.endswith("does not know: 'ßé'")
