"""Styles: how a line's is measured, which one a text is written in, how far it is kept."""

import numpy as np
import pytest

from evaluation.style_similarity import Style, choose_styles, measure_style, style_similarity
from handwriting.ink.line import Line, strokes_from_points


def zigzag(height: float = 10.0, lean: float = 0.0, apart: float = 8.0, turn: float = 0.0):
    """Strokes of 30 strokes up and down, ``apart`` from each other, that lean to the right."""
    x, y = apart * np.arange(30) / 2, height * (np.arange(30) % 2)
    points = np.stack([x + lean * y, y], axis=1)
    cosine, sine = np.cos(turn), np.sin(turn)
    return strokes_from_points([points @ np.array([[cosine, sine], [-sine, cosine]])])


def make_line(writer: str, number: int) -> Line:
    return Line(zigzag(), "abc", writer, f"id-{number}", "")


def test_height_slant_and_width_are_those_of_the_ink() -> None:
    plain = measure_style(zigzag(), "x" * 29)
    assert plain.height == pytest.approx(5, rel=0.01)  # its points are at the turns alone
    assert plain.proportions == pytest.approx(10 / 4.0, rel=0.01)
    taller, wider = (
        measure_style(zigzag(height=20), "x" * 29),
        measure_style(zigzag(apart=16), "x" * 29),
    )
    assert taller.height == pytest.approx(2 * plain.height, rel=0.05)
    assert wider.proportions == pytest.approx(plain.proportions / 2, rel=0.01)
    assert measure_style(zigzag(apart=0.8, lean=0.3), "x").slant == pytest.approx(0.3, abs=0.05)
    assert measure_style(zigzag(apart=0.8, lean=-0.3), "x").slant == pytest.approx(-0.3, abs=0.05)


def words(joined: bool, gap: float = 12.0) -> np.ndarray:
    """Three words of four zigzags 8 wide and 10 high, ``gap`` apart, in a stroke each or in one."""
    letter = np.array([[0.0, 0.0], [2.0, 10.0], [4.0, 0.0], [6.0, 10.0], [8.0, 0.0]])
    strokes = []
    for word in range(3):
        letters = [letter + [word * (32 + gap) + 8 * at, 0] for at in range(4)]
        strokes += [np.concatenate(letters)] if joined else letters
    return strokes_from_points(strokes)


def test_strokes_joining_and_gaps_are_those_of_the_ink() -> None:
    text = "abcd abcd abcd"
    joined, printed = (measure_style(words(each), text) for each in (True, False))
    assert (joined.strokes, printed.strokes) == (3 / 12, 1)
    assert (joined.joining, printed.joining) == (pytest.approx(3.2), pytest.approx(0.8))
    assert joined.gap == pytest.approx(printed.gap) == pytest.approx(1.2)
    assert measure_style(words(True, gap=20.0), text).gap == pytest.approx(2.0)
    assert np.isnan(measure_style(words(True), "abcdabcdabcd").gap)


def test_a_line_that_rises_is_measured_as_if_level() -> None:
    level, risen = measure_style(zigzag(), "abc"), measure_style(zigzag(turn=0.1), "abc")
    np.testing.assert_allclose(level, risen, atol=0.05, rtol=0.02)


def test_a_dot_and_no_text_are_styles_of_no_size() -> None:
    style = measure_style(np.array([[1, 0, 0]], np.float32), "")
    assert (style.height, style.slant) == (0, 0)
    assert np.isnan([style.strokes, style.proportions, style.gap, style.joining]).all()


def test_the_style_is_of_another_line_by_the_writer_if_there_is_one() -> None:
    lines = [make_line(writer, number) for number, writer in enumerate(["a", "a", "b", "", ""])]
    for seed in range(5):
        chosen = choose_styles(lines, lines, seed)
        assert [line.source_id for line in chosen[:2]] == ["id-1", "id-0"]
        assert all(line.source_id != own.source_id for line, own in zip(chosen, lines, strict=True))
        again = choose_styles(lines, lines, seed)
        assert [line.source_id for line in chosen] == [line.source_id for line in again]
    drawn = {choose_styles(lines, lines, seed)[2].source_id for seed in range(20)}
    assert len(drawn) > 1


def test_styles_that_are_kept_correlate_and_others_do_not() -> None:
    generator = np.random.default_rng(0)
    styles = [Style(*row) for row in generator.normal(size=(2000, 6))]
    other = generator.normal(size=2000)
    written = [
        style._replace(height=3 * style.height + 1, slant=-style.slant / 2, gap=gap)
        for style, gap in zip(styles, other, strict=True)
    ]
    written[0] = written[0]._replace(strokes=np.nan)
    found = style_similarity(styles, written)
    assert found["height"] == pytest.approx(1) and found["height_slope"] == pytest.approx(3)
    assert found["slant"] == pytest.approx(-1) and found["slant_slope"] == pytest.approx(-0.5)
    assert found["strokes"] == pytest.approx(1)
    assert abs(found["gap"]) < 0.1 and abs(found["gap_slope"]) < 0.1


def test_nothing_is_said_of_too_few_lines_or_of_styles_that_are_all_the_same() -> None:
    style = Style(1.0, 0.0, 2.0, 1.0, 1.0, np.nan)
    assert set(style_similarity([style] * 5, [style] * 5).values()) == {None}
    two = [style, style._replace(height=2.0)]
    assert set(style_similarity(two, two).values()) == {None}
