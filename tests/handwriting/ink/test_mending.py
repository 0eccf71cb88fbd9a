"""Mending ink: copies, repeated points, strokes stored backwards, noise."""

import numpy as np
import pytest
from ink_samples import page, waves

from data_loader.readers.synthetic import SyntheticReader
from handwriting.ink.line import points_from_strokes
from handwriting.ink.measures import x_height
from handwriting.ink.mending import directed, direction_evidence, mend, noise_of


def written(index: int = 0) -> list[np.ndarray]:
    """The strokes of a line of the built-in corpus."""
    return points_from_strokes(SyntheticReader(num_lines=20).line(index).strokes)


@pytest.mark.parametrize("strokes", [waves(), written(), [np.zeros((1, 2))], []])
def test_clean_ink_is_left_as_it_is(strokes: list[np.ndarray]) -> None:
    found = mend(strokes)
    assert found.copies == {}
    for stroke, mended in zip(strokes, found.strokes, strict=True):
        assert np.array_equal(stroke, mended.points)
        assert np.array_equal(mended.origin, np.arange(len(stroke)))


@pytest.mark.parametrize("moved", [0.0, 0.02])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_stroke_at_the_place_of_another_is_its_copy(moved: float, backwards: bool) -> None:
    strokes, _ = page(2)
    again = [stroke[::-1] + moved if backwards else stroke + moved for stroke in strokes]
    number = len(strokes)
    assert mend([*strokes, *again]).copies == {number + at: at for at in range(number)}
    beside = [stroke + (0.5, 0.0) for stroke in strokes]
    assert mend([*strokes, *beside]).copies == {}


def test_points_that_all_come_twice_are_kept_once() -> None:
    strokes = waves()
    found = mend([np.repeat(stroke, 2, axis=0) for stroke in strokes])
    for stroke, mended in zip(strokes, found.strokes, strict=True):
        assert np.array_equal(stroke, mended.points)
        assert np.array_equal(mended.origin, 2 * np.arange(len(stroke)))
    resting = np.concatenate([strokes[0][:60], np.repeat(strokes[0][60:61], 20, axis=0)])
    assert len(mend([resting, *strokes[1:]]).strokes[0].points) == 80


@pytest.mark.parametrize("size", [0.01, 30.0])
def test_noise_is_measured_and_taken_out(size: float) -> None:
    random = np.random.default_rng(0)
    strokes = waves(size=size)
    noisy = [stroke + random.normal(0.0, 0.1 * size, stroke.shape) for stroke in strokes]
    assert noise_of(noisy) == pytest.approx(0.1 * size, rel=0.1)
    smooth = [stroke.points for stroke in mend(noisy).strokes]
    before, after = (
        np.mean([np.square(a - b).mean() for a, b in zip(strokes, ink, strict=True)])
        for ink in (noisy, smooth)
    )
    assert after < before / 4
    assert [len(stroke) for stroke in smooth] == [len(stroke) for stroke in strokes]


def test_evidence_of_a_direction_changes_its_sign_with_it() -> None:
    for stroke in written():
        there, back = direction_evidence(stroke / 20.0), direction_evidence(stroke[::-1] / 20.0)
        assert np.allclose(there, -back, atol=1e-9)


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("angle", [0.0, 2.0])
def test_strokes_stored_backwards_are_turned_around(index: int, angle: float) -> None:
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    strokes = [stroke @ turn for stroke in written(index)]
    assert x_height(strokes) > 0
    forwards = directed(mend(strokes).strokes, angle)
    backwards = directed(mend([stroke[::-1] for stroke in strokes]).strokes, angle)
    for one, other in zip(forwards, backwards, strict=True):
        assert np.allclose(one.points, other.points, atol=1e-6)
        assert np.array_equal(one.origin, len(one.origin) - 1 - other.origin)
    assert np.mean([stroke.origin[0] == 0 for stroke in forwards]) > 0.9
