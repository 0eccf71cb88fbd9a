"""Long lines, read in pieces."""

import numpy as np
import pytest
from ink_samples import waves

from handwriting.ink.line import strokes_from_points
from handwriting.readings.line_reading import Reading
from handwriting.readings.long_lines import LONGEST, joined, pieces, separators


def line(words: int, size: float = 1.0) -> np.ndarray:
    return strokes_from_points(waves(words=words, size=size))


@pytest.mark.parametrize("size", [1e-3, 50.0])
def test_long_lines_are_cut_between_words(size: float) -> None:
    assert pieces(line(5, size)) == [slice(0, 605)]
    strokes = line(80, size)
    cuts = pieces(strokes)
    assert len(cuts) > 3
    assert [cut.start for cut in cuts[1:]] == [cut.stop for cut in cuts[:-1]]
    assert cuts[0].start == 0 and cuts[-1].stop == len(strokes)
    assert all(strokes[cut.stop - 1, 0] == 1 for cut in cuts)
    assert separators(strokes, cuts) == [" "] * (len(cuts) - 1)
    for cut in cuts:
        assert np.hypot(*np.diff(np.cumsum(strokes[cut, 1:], axis=0), axis=0).T).sum() / size < (
            1.5 * LONGEST
        )


def test_a_line_without_gaps_stays_whole() -> None:
    joined_up = np.concatenate(waves(words=60))
    strokes = strokes_from_points([joined_up])
    assert pieces(strokes) == [slice(0, len(strokes))]
    dot = strokes_from_points([np.zeros((1, 2))])
    assert pieces(dot) == [slice(0, 1)]


def reading(text: str, frames: int) -> Reading:
    attention = np.full((len(text) + 1, frames), 1 / frames, np.float32)
    scores = {"joint": -1.0, "attention": -2.0}
    return Reading(text, -1.0, (0.5,) * len(text), attention, scores, -0.5)


def test_readings_of_pieces_are_one_reading() -> None:
    parts = [reading("ab", 4), reading("c", 3), reading("de", 5)]
    whole = joined(parts, [" ", ""])
    assert whole.text == "ab cde"
    assert len(whole.confidences) == 6
    assert whole.attention.shape == (7, 12)
    assert np.allclose(whole.attention.sum(axis=1), 1.0)
    assert np.array_equal(whole.attention[3] > 0, [*[False] * 4, *[True] * 3, *[False] * 5])
    assert whole.score == -3.0 and whole.scores == {"joint": -3.0, "attention": -6.0}
    assert joined(parts[:1], []) is parts[0]
