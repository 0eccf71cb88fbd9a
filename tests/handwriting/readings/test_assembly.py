"""Lines, words and characters with their ink: nothing is lost, nothing is there twice."""

import numpy as np
import pytest
from ink_samples import waves

from handwriting.ink.features import InkFeatures
from handwriting.ink.line import strokes_from_points
from handwriting.ink.page_layout import LineInk, TextLine
from handwriting.readings.assembly import LineContext, line_places, read_line
from handwriting.readings.evidence import Evidence
from handwriting.readings.result import ReadLine, points_of

TEXT = "aaa bb aaa"
FRAMES = 60
# In frames of 20 for each of the three words.
PLACES = np.array([3, 9, 15, 19.8, 25, 35, 39.8, 43, 49, 55])


def evidence(text: str = TEXT, frames: np.ndarray = PLACES) -> Evidence:
    sure = np.linspace(0.5, 0.95, len(text))
    spans = np.stack([frames, frames], axis=1) if len(text) else np.zeros((0, 2))
    return Evidence(text, sure, sure, text, spans, FRAMES, -1.0, (("aaa bb aab", -2.0),))


def read(
    strokes: list[np.ndarray], struck: tuple[int, ...] = (), turned: float = 0.0
) -> tuple[ReadLine, tuple[np.ndarray, ...]]:
    """The line of all strokes, turned on the page, numbered from 1 there."""
    cosine, sine = np.cos(turned), np.sin(turned)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    ink = (np.zeros((1, 2)), *(stroke @ turn for stroke in strokes))
    numbers = tuple(range(1, len(ink)))
    origin = np.concatenate(
        [np.stack([np.full(len(ink[n]), n), np.arange(len(ink[n]))], axis=1) for n in numbers]
    )
    rows = LineInk(strokes_from_points(strokes), origin)
    right = max(stroke[:, 0].max() for stroke in strokes)
    baseline = ((0.0, 0.0), (float(right * cosine), float(right * sine)))
    context = LineContext(ink, TextLine(numbers, baseline, 1.0), rows, struck, "line 1", "truth")
    places = line_places(InkFeatures(), rows.strokes, FRAMES)
    return read_line(context, evidence(), places, None), ink


def test_words_share_the_lines_ink_without_rest() -> None:
    line, ink = read(waves(words=3))
    parts = [part for word in line.words for part in word.strokes]
    assert [(part.stroke, part.whole) for part in parts] == [(1, True), (2, True), (3, True)]
    assert tuple(parts) == line.strokes
    assert [word.text for word in line.words] == ["aaa", "bb", "aaa"]
    assert (line.name, line.truth, line.score) == ("line 1", "truth", -1.0)


def test_a_stroke_that_words_share_is_cut_without_rest() -> None:
    line, ink = read([np.concatenate(waves(words=3))])
    parts = [part for word in line.words for part in word.strokes]
    assert {part.stroke for part in parts} == {1} and not any(part.whole for part in parts)
    assert [part.begin for part in parts[1:]] == [part.end for part in parts[:-1]]
    assert (parts[0].begin, parts[-1].end) == (0, len(ink[1]))


def test_characters_share_a_words_ink_without_rest() -> None:
    line, ink = read(waves(words=3))
    for word in line.words:
        parts = [part for each in word.characters for part in each.strokes]
        points = sum(part.end - part.begin for part in parts)
        assert points == sum(part.end - part.begin for part in word.strokes)
        assert word.box is not None
        for each in word.characters:
            assert each.box is not None and each.box.joined(word.box) == word.box
    spaces = [each for each in line.characters if each.text == " "]
    assert all(each.box is None and not each.strokes for each in spaces)


@pytest.mark.parametrize("turned", [0.0, 0.5, 3.0])
def test_baselines_of_words_lie_on_that_of_the_line(turned: float) -> None:
    line, ink = read(waves(words=3), turned=turned)
    start, end = (np.array(point) for point in line.baseline)
    direction = (end - start) / np.hypot(*(end - start))
    for word, number in zip(line.words, (1, 2, 3), strict=True):
        ends = np.array(word.baseline) - start
        across = ends @ np.array([-direction[1], direction[0]])
        assert across == pytest.approx(0, abs=1e-9)
        along = ink[number] @ direction
        assert ends @ direction == pytest.approx([along.min(), along.max()])


def test_confidence_without_calibration_is_the_product() -> None:
    line, _ = read(waves(words=3))
    sure = np.linspace(0.5, 0.95, len(TEXT))
    assert line.confidence == pytest.approx(sure.prod())
    assert [word.confidence for word in line.words] == pytest.approx(
        [sure[0:3].prod(), sure[4:6].prod(), sure[7:10].prod()]
    )
    assert line.words[2].alternatives[0].text == "aab"


def test_a_word_whose_strokes_are_crossed_out_is_marked() -> None:
    line, _ = read(waves(words=3), struck=(2,))
    assert [word.struck_out for word in line.words] == [False, True, False]
    assert line.kept_text == "aaa aaa" and line.text == TEXT


def test_a_line_without_text_keeps_its_ink() -> None:
    strokes = waves(words=1)
    rows = LineInk(
        strokes_from_points(strokes),
        np.stack([np.zeros(len(strokes[0]), int), np.arange(len(strokes[0]))], axis=1),
    )
    context = LineContext(tuple(strokes), TextLine((0,), ((0.0, 0.0), (1.0, 0.0)), 1.0), rows)
    places = line_places(InkFeatures(), rows.strokes, FRAMES)
    line = read_line(context, evidence("", np.zeros(0)), places, None)
    assert (line.text, line.confidence, line.words) == ("", None, ())
    assert points_of(line.strokes, tuple(strokes)).tolist() == strokes[0].tolist()
