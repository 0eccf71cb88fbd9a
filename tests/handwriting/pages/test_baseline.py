import numpy as np
import pytest

from handwriting.pages.aligned_text import TracedStroke, traced_strokes
from handwriting.pages.baseline import find_baseline, find_size, level, unbend

DESCENDERS = "my happy puppy gallops by quickly jumping"


def _levelled(line):
    strokes = traced_strokes(line)
    return level(strokes, find_baseline(strokes, line.text))


def _bottoms(strokes, text):
    """Lowest y of each small letter without a descender."""
    bottoms = {}
    for stroke in strokes:
        for character in np.unique(stroke.characters):
            if text[character] in "aceklmnosu":
                low = stroke.points[stroke.characters == character, 1].min()
                bottoms[character] = min(low, bottoms.get(character, np.inf))
    return np.array(list(bottoms.values()))


@pytest.mark.parametrize("angle", [-0.2, -0.05, 0.0, 0.1, 0.25])
@pytest.mark.parametrize("joined", [False, True])
def test_slanted_line_with_descenders_becomes_level(write, angle, joined):
    line = write(DESCENDERS, size=30.0, angle=angle, joined=joined)
    baseline = find_baseline(traced_strokes(line), line.text)
    assert baseline.slope == pytest.approx(np.tan(angle), abs=0.0005)
    strokes = _levelled(line)
    # The first letter starts at the x-height.
    assert strokes[0].points[0, 1] == pytest.approx(30.0, abs=0.02 * 30.0)
    if not joined:
        assert np.abs(_bottoms(strokes, line.text)).max() < 0.02 * 30.0


def test_descenders_do_not_pull_the_baseline_down_when_the_window_is_wrong(write):
    line = write("my happy puppy gallops happily by my own home")
    strokes = traced_strokes(line)
    mislabelled = [TracedStroke(s.points, np.zeros_like(s.characters)) for s in strokes]
    baseline = find_baseline(mislabelled, line.text)
    assert abs(baseline.slope) < 0.0005
    assert baseline.intercept == pytest.approx(-30.0, abs=0.02 * 30.0)


def test_levelling_changes_no_shape(write):
    line = write("some words", angle=0.15)
    before, after = traced_strokes(line), _levelled(line)
    for a, b in zip(before, after, strict=True):
        assert np.allclose(
            np.hypot(*np.diff(a.points, axis=0).T), np.hypot(*np.diff(b.points, axis=0).T)
        )


@pytest.mark.parametrize("text", ["I", "l.", "no", "gy"])
def test_short_ink_is_not_tilted(write, text):
    strokes = traced_strokes(write(text))
    assert abs(find_baseline(strokes, text).slope) < 0.05


@pytest.mark.parametrize("joined", [False, True])
def test_size_is_that_of_the_small_letters(write, joined):
    line = write(DESCENDERS, size=42.0, angle=0.1, joined=joined)
    size = find_size(_levelled(line), line.text)
    assert size.x_height == pytest.approx(42.0, rel=0.02)
    assert size.letters >= 10


def test_size_of_ink_without_small_letters_follows_from_its_tall_ones(write):
    line = write("HELLO HELLO", size=20.0)
    size = find_size(_levelled(line), line.text)
    assert size.letters == 1
    assert size.x_height == pytest.approx(20.0, rel=0.1)


def test_wandering_baseline_becomes_level(write):
    text = "a man came home and saw a room as no one else can see one"
    strokes = _levelled(write(text, size=30.0))
    bent = [
        TracedStroke(s.points + [0.0, 1.0] * (12.0 * np.sin(s.points[:, :1] / 300.0)), s.characters)
        for s in strokes
    ]
    assert np.ptp(_bottoms(bent, text)) > 20.0
    assert np.ptp(_bottoms(unbend(bent, text, 30.0), text)) < 5.0


def test_one_dot_has_a_baseline(write):
    line = write(".")
    strokes = _levelled(line)
    assert strokes[0].points.tolist() == [[0.0, 0.0]]
    assert find_size(strokes, line.text).letters == 0
