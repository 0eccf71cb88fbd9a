"""Words of real lines have exactly their strokes: on UNIPEN, where these are known.

Needs ``HANDWRITING_INK``. A line counts where its spaces were read in the right places: what is
tested is where words part, not what they say.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from packed_ink import Sample, ink_folder, packed_samples
from rapidfuzz.distance import Levenshtein

from handwriting.readings.document_reader import DocumentReader
from handwriting.readings.page_ink import KnownLine, PageInk
from reading.recogniser import line_reader
from trainer.loaded_model import load_model

SHIPPED = Path(__file__).parents[2] / "saved/models/pretrained/recognition.pth"
GROUPS = ("cec", "hpp", "lex")
LINES = 150
LEAST_EXACT = 0.97


class KnownWords:
    """A line whose words are known: strokes, text, and the strokes of each word."""

    def __init__(self, line: Sample, words: list[Sample]) -> None:
        self.strokes, self.text = line.strokes, line.label
        place = {stroke.tobytes(): at for at, stroke in enumerate(line.strokes)}
        self.words = {
            frozenset(place.get(stroke.tobytes(), -1) for stroke in word.strokes) for word in words
        }

    @property
    def is_whole(self) -> bool:
        """Whether each stroke is in one word."""
        return sorted(at for word in self.words for at in word) == list(range(len(self.strokes)))


def lines_of(samples: list[Sample]) -> Iterator[KnownWords]:
    """The lines of a file, with those words that have a stroke of theirs."""
    words = [each for each in samples if each.level == "words"]
    owner = {stroke.tobytes(): word for word in words for stroke in word.strokes}
    for line in samples:
        if line.level == "lines" and " " in line.label:
            keys = [stroke.tobytes() for stroke in line.strokes]
            if len(set(keys)) == len(keys) and all(key in owner for key in keys):
                own = {id(owner[key]): owner[key] for key in keys}
                yield KnownWords(line, list(own.values()))


def spaces_are_right(text: str, truth: str) -> bool:
    return all(
        kind == "equal" or " " not in text[a:b] + truth[c:d]
        for kind, a, b, c, d in Levenshtein.opcodes(text, truth)
    )


@pytest.fixture(scope="module")
def known() -> list[KnownWords]:
    chosen = (each for each in packed_samples(ink_folder("unipen")) if each.group in GROUPS)
    lines = [
        line
        for _, samples in groupby(chosen, key=lambda sample: sample.name)
        for line in lines_of(list(samples))
        if line.is_whole
    ]
    order = np.random.default_rng(0).permutation(len(lines))
    return [lines[at] for at in order[:LINES]]


def test_words_of_cleanly_read_lines_have_their_strokes(known: list[KnownWords]) -> None:
    reader = DocumentReader(line_reader(load_model(SHIPPED, "cpu"), "test"))
    exact = words = 0
    for line in known:
        strokes = tuple(stroke.astype(np.float64) for stroke in line.strokes)
        page = PageInk(strokes, (KnownLine(tuple(range(len(strokes)))),))
        (read,) = reader.read_page(page).lines
        if spaces_are_right(read.text, line.text):
            found = {frozenset(part.stroke for part in word.strokes) for word in read.words}
            words += len(line.words)
            exact += len(found & line.words)
    assert words > 150
    assert exact / words >= LEAST_EXACT
