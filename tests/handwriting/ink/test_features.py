"""What a recogniser sees of ink."""

from dataclasses import replace

import numpy as np
import pytest
from line_helpers import wavy_line

from handwriting.ink.features import InkFeatures
from handwriting.ink.line import points_from_strokes, strokes_from_points

PLAIN = InkFeatures(correct_slope=False, correct_slant=False)
ALL = InkFeatures(fit_lines=True, surroundings=True, time=True)
EITHER = pytest.mark.parametrize("features", [PLAIN, InkFeatures(), ALL])


def ink(*strokes: object) -> np.ndarray:
    """float32 ``[T, 3]`` of the points of each stroke."""
    return strokes_from_points([np.asarray(stroke, dtype=np.float64) for stroke in strokes])


def placed(strokes: np.ndarray) -> np.ndarray:
    """The points ``[T, 2]``."""
    return np.concatenate(points_from_strokes(strokes))


def mapped(strokes: np.ndarray, matrix: list[list[float]]) -> np.ndarray:
    """Each offset changed by a linear map ``[2, 2]``."""
    return np.concatenate([strokes[:, :1], strokes[:, 1:] @ np.transpose(matrix)], axis=1)


def bars(count: int = 40) -> np.ndarray:
    """Upright strokes, every second one twice as tall, with a level foot to the right."""
    tops = 50.0 * (1 + np.arange(count) % 2)
    return ink(*([[60 * n, top], [60 * n, 0], [60 * n + 30, 0]] for n, top in enumerate(tops)))


def zigzag(ascender: float, where: slice, rise: float = 0.0) -> np.ndarray:
    """One stroke of 30 peaks at height 1, those of ``where`` at ``ascender``."""
    x, y = np.arange(60) / 2, np.tile([0.0, 1.0], 30)
    y[1::2][where] = ascender
    return ink(np.stack([x, y + rise * x], axis=1))


def valleys_and_peaks(strokes: np.ndarray, where: slice, features: InkFeatures):
    """Heights that a zigzag's valleys, and its peaks of height 1, are given."""
    heights = placed(features.normalise(strokes))[:, 1]
    return heights[::2], np.delete(heights[1::2], where)


@EITHER
@pytest.mark.parametrize("factor", [1e-40, 1e-3, 7.0, 1e33])
def test_the_unit_of_the_ink_does_not_matter(features, factor):
    strokes = wavy_line(1).strokes.astype(np.float64)
    expected = features.compute(strokes)
    scaled = mapped(strokes, [[factor, 0], [0, factor]])
    np.testing.assert_allclose(features.compute(scaled), expected, atol=1e-4)


@EITHER
@pytest.mark.parametrize("place", [(300, -40), (-1e6, 1e6)])
def test_the_place_of_the_ink_does_not_matter(features, place):
    strokes = wavy_line(2).strokes
    expected = features.compute(strokes)
    strokes[0, 1:] = place
    np.testing.assert_allclose(features.compute(strokes), expected, atol=1e-4)


@pytest.mark.parametrize("count", range(1, 12))
def test_a_dot_has_no_height_wherever_it_is_and_however_long_the_pen_rests(count):
    strokes = np.zeros((count, 3))
    strokes[0, 1:] = 0.1, 3.0
    strokes[-1, 0] = 1
    assert InkFeatures().compute(strokes).tolist() == [[0, 0, 0, 0, 0, 0, 0, 1, 1]]


def test_the_input_is_untouched():
    strokes = wavy_line(1).strokes
    before = strokes.copy()
    ALL.compute(strokes)
    ALL.positions(strokes)
    np.testing.assert_array_equal(strokes, before)


@pytest.mark.parametrize("degrees", [-35, 20])
def test_a_slant_is_taken_back(degrees):
    sheared = mapped(bars(), [[1, np.tan(np.deg2rad(degrees))], [0, 1]])
    features = replace(PLAIN, correct_slant=True)
    expected = PLAIN.normalise(bars())
    np.testing.assert_allclose(features.normalise(sheared), expected, atol=1e-5)
    np.testing.assert_allclose(InkFeatures().normalise(sheared)[1::3, 1], 0, atol=1e-6)


def test_an_impossible_slant_is_taken_back_in_part():
    flat = mapped(bars(), [[1, np.tan(np.deg2rad(60))], [0, 1]])
    down = replace(PLAIN, correct_slant=True).normalise(flat)[1::3]
    left = np.tan(np.deg2rad(60)) - np.tan(np.deg2rad(50))
    np.testing.assert_allclose(down[:, 1] / down[:, 2], left, rtol=1e-4)


@pytest.mark.parametrize("degrees", [-12, 3, 20])
def test_a_slope_is_taken_back(degrees):
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turned = mapped(bars(), [[cosine, -sine], [sine, cosine]])
    for features in (replace(PLAIN, correct_slope=True), InkFeatures()):
        feet = features.normalise(turned)[2::3]
        assert np.abs(np.rad2deg(np.arctan2(feet[:, 2], feet[:, 1]))).max() < 0.3


def test_the_slope_of_ink_that_is_no_wider_than_a_letter_is_its_own():
    strokes = ink([[0, 0], [30, 30], [60, 0], [70, 50]])
    expected = PLAIN.normalise(strokes)
    np.testing.assert_array_equal(replace(PLAIN, correct_slope=True).normalise(strokes), expected)


def test_moves_in_the_air_have_no_say_in_slope_slant_and_height():
    """Each of two copies of the line alike, though the pen goes far up between them."""
    line = placed(bars())
    strokes = [*np.split(line, range(3, len(line), 3)), [[2500.0, 90.0]]]
    features = InkFeatures()
    alone = features.normalise(ink(*strokes[:-1]))
    beside = features.normalise(ink(*strokes))
    np.testing.assert_allclose(beside[1:-1], alone[1:], atol=1e-6)


def test_ink_lies_about_its_middle_at_a_spread_of_one_half():
    points = placed(PLAIN.normalise(ink([[3, 5], [3, 5.25], [5, 5.25], [5, 5]])))
    assert points[:, 0].min() == -points[:, 0].max()
    # Of the ink's length, 1/10 is in each corner below and 9/10 above: about 5.225 by 0.075 each.
    np.testing.assert_allclose(points[:, 1], [-1.5, 1 / 6, 1 / 6, -1.5], atol=1e-9)


@pytest.mark.parametrize("rise", [-0.05, 0.0, 0.03])
def test_lines_through_the_turns_are_level_where_ascenders_stand_at_one_end(rise):
    where = slice(27, 30)
    strokes = zigzag(2.5, where, rise)
    features = replace(PLAIN, correct_slope=True)
    regressed, _ = valleys_and_peaks(strokes, where, features)
    fitted, _ = valleys_and_peaks(strokes, where, replace(features, fit_lines=True))
    assert np.ptp(regressed) > 0.35
    assert np.ptp(fitted) < 0.15


def test_lines_through_the_turns_lie_about_small_letters_whatever_stands_out():
    where, features = slice(0, None, 5), replace(PLAIN, fit_lines=True)
    heights = []
    for ascender in (1.0, 2.0, 3.0):
        low, high = (part.mean() for part in valleys_and_peaks(zigzag(ascender, where), where, ALL))
        assert abs(low + high) / 2 < 0.04
        assert low < -0.25 and high > 0.25
        heights.append(high - low)
    low, high = (part.mean() for part in valleys_and_peaks(zigzag(3.0, where), where, PLAIN))
    assert abs(low + high) / 2 > 0.15
    assert heights[0] / heights[-1] < 1.6 < 1.0 / (high - low)
    # Without ascenders, the spread says 1 and the lines 1 / 0.64.
    low, high = (part.mean() for part in valleys_and_peaks(zigzag(1.0, where), where, features))
    assert 0.8 < high - low < 0.88


def test_lines_keep_uprights_upright_and_need_turns_of_the_pen_on_paper():
    slope = mapped(bars(), [[1, 0], [0.05, 1]])
    down = replace(PLAIN, fit_lines=True).normalise(slope)[1::3]
    np.testing.assert_allclose(down[:, 1], 0, atol=1e-9)
    dashes = ink(*([[2 * n, n % 3], [2 * n + 1, n % 3]] for n in range(30)))
    for strokes in (ink([[0, 0], [9, 1]]), ink([[0, 0]]), ink([[0, 0]], [[5, 0]]), dashes):
        np.testing.assert_array_equal(
            replace(PLAIN, fit_lines=True).normalise(strokes), PLAIN.normalise(strokes)
        )


@pytest.mark.parametrize("spacing", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("number", range(3))
def test_points_are_equally_spaced_along_each_stroke_and_keep_its_ends(spacing, number):
    features = InkFeatures(spacing=spacing)
    strokes = wavy_line(number).strokes
    normalised = features.normalise(strokes)
    points, starts = features.points(normalised)
    cuts = np.flatnonzero(starts)[1:]
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(placed(normalised), axis=0).T))])
    at = np.interp(features.positions(strokes), np.arange(len(strokes)), along)
    written = points_from_strokes(normalised)
    for found, places, samples in zip(
        np.split(points, cuts), np.split(at, cuts), written, strict=True
    ):
        np.testing.assert_allclose(found[[0, -1]], samples[[0, -1]], atol=1e-9)
        length = np.hypot(*np.diff(samples, axis=0).T).sum()
        if length == 0:
            assert len(found) == 1
        else:
            assert len(found) == max(round(length / spacing), 1) + 1
            np.testing.assert_allclose(np.diff(places), length / (len(found) - 1), rtol=1e-6)


def test_a_straight_stroke_has_points_at_the_spacing():
    line = [[0, 0], [1, 0], [97, 0], [100, 0]]
    features = replace(PLAIN, spacing=0.5)
    normalised = np.array([[0, 0, 0], [0, 0.1, 0], [1, 1.9, 0]])
    points, starts = features.points(normalised)
    np.testing.assert_allclose(points, [[0, 0], [0.5, 0], [1, 0], [1.5, 0], [2, 0]], atol=1e-12)
    assert starts.tolist() == [True, False, False, False, False]
    # A line without height is 1 / 100 of its width high.
    assert len(features.compute(ink(line))) == 201


def test_a_dot_stays_a_point_and_a_move_in_the_air_is_one_step():
    normalised = np.array([[0, 0, 0], [1, 0.6, 0], [1, 0.4, 0.8], [0, 0.5, -0.8], [1, 0, 0.3]])
    features = replace(PLAIN, time=True)
    points, starts = features.points(normalised)
    expected = [[0, 0], [0.3, 0], [0.6, 0], [1, 0.8], [1.5, 0], [1.5, 0.3]]
    np.testing.assert_allclose(points, expected, atol=1e-12)
    assert starts.tolist() == [True, False, False, True, True, False]
    described = dict(zip(features.names, features.describe(normalised).T, strict=True))
    assert described["starts_stroke"].tolist() == [1, 0, 0, 1, 1, 0]
    assert described["ends_stroke"].tolist() == [0, 0, 1, 1, 0, 1]
    np.testing.assert_allclose(described["dx"] * 0.6, [0, 0.3, 0.3, 0.4, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(described["dy"] * 0.6, [0, 0, 0, 0.8, -0.8, 0.3], atol=1e-6)
    np.testing.assert_allclose(described["height"], points[:, 1], atol=1e-6)
    np.testing.assert_allclose(np.expm1(described["time"]), [0, 0.5, 0.5, 1, 1, 1], atol=1e-6)


def test_direction_is_that_of_the_step_and_curvature_its_turn():
    """East, then a left turn to north, a right one of 45 degrees, and back."""
    steps = np.array([[0.3, 0], [0, 0.3], [0.3 / np.sqrt(2), 0.3 / np.sqrt(2)], [0, 0]])
    steps[-1] = -steps[-2]
    normalised = np.concatenate([np.zeros((5, 1)), np.vstack([[0, 0], steps])], axis=1)
    normalised[-1, 0] = 1
    rows = PLAIN.describe(normalised)
    assert len(rows) == 5
    direction, curvature = rows[:, 3:5], rows[:, 5:7]
    assert direction[0].tolist() == [0, 0]
    np.testing.assert_allclose(direction[1:], steps / 0.3, atol=1e-6)
    turns = np.deg2rad([90, -45, 180])
    expected = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    np.testing.assert_allclose(curvature[1:-1], expected, atol=1e-6)
    assert curvature[[0, -1]].tolist() == [[0, 0], [0, 0]]


@EITHER
def test_directions_and_turns_of_ink_are_unit_vectors_but_at_its_ends(features):
    rows = features.compute(wavy_line(3).strokes)
    lengths = np.hypot(rows[:, [3, 5]], rows[:, [4, 6]])
    np.testing.assert_allclose(lengths[1:, 0], 1, atol=1e-6)
    np.testing.assert_allclose(lengths[1:-1, 1], 1, atol=1e-6)
    assert lengths[0].tolist() == [0, 0] and lengths[-1, 1] == 0


def test_far_jumps_are_cut_and_their_direction_is_kept():
    rows = PLAIN.compute(ink([[0, 0], [0, 100]], [[900, 100], [900, 0]], [[900, 5000]]))
    assert np.abs(rows).max() == 4
    assert rows[:, 0].max() == 4 and rows[:, 2].max() == 4
    np.testing.assert_allclose(rows[-1, 3:5], [0, 1], atol=1e-3)


def test_positions_are_rows_of_the_strokes():
    for number in range(5):
        strokes = wavy_line(number).strokes
        positions = InkFeatures().positions(strokes)
        points, starts = InkFeatures().points(InkFeatures().normalise(strokes))
        assert (np.diff(positions) > 0).all() and len(positions) == len(points)
        ends = np.flatnonzero(strokes[:, 0])
        np.testing.assert_allclose(positions[np.append(starts[1:], True)], ends, atol=1e-9)
        np.testing.assert_allclose(positions[starts], [0, *ends[:-1] + 1], atol=1e-9)
        samples = placed(InkFeatures().normalise(strokes))
        rows = np.arange(len(strokes))
        between = np.stack([np.interp(positions, rows, axis) for axis in samples.T], axis=1)
        np.testing.assert_allclose(points, between, atol=1e-9)


def test_a_stroke_that_begins_where_one_ends_is_another_row():
    touching = ink([[0, 0], [1, 0]], [[1, 0], [1, 1]], [[1, 1]], [[1, 1]], [[1, 1], [1, 2]])
    positions = InkFeatures(spacing=2.0).positions(touching)
    np.testing.assert_allclose(positions, np.arange(8), atol=1e-12)


def test_time_is_that_of_the_samples_also_where_the_pen_rests():
    """The last point of a stroke is its last sample, of all that lie at one place."""
    features = replace(PLAIN, time=True)
    for number in range(20):
        strokes = np.repeat(wavy_line(number).strokes, 3, axis=0)
        strokes[1::3, 1:] = strokes[2::3, 1:] = 0
        strokes[0::3, 0] = strokes[1::3, 0] = 0
        starts = features.compute(strokes)[:, 7] == 1
        ends = np.flatnonzero(strokes[:, 0])
        np.testing.assert_array_equal(
            features.positions(strokes)[np.append(starts[1:], True)], ends
        )
        passed = np.expm1(features.compute(strokes)[:, features.names.index("time")])
        # The clock starts as the pen leaves its first place, the third sample.
        assert passed.sum() == pytest.approx(len(strokes) - 3, rel=1e-5)


@EITHER
def test_every_column_has_a_name(features):
    rows = features.compute(wavy_line(0).strokes)
    assert rows.dtype == np.float32
    assert rows.shape[1] == features.size == len(features.names) == len(set(features.names))
    assert ("time" in features.names) == features.time


TINY, HUGE = np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max
DEGENERATE = {
    "one point": ink([[0, 0]]),
    "one point far away": np.array([[1, 5e5, -7]]),
    "no end of stroke": np.array([[0, 0, 0], [0, 3, 4], [0, 1, 0]]),
    "equal points": ink([[0, 0]] * 7),
    "equal dots": ink(*[[[0, 0]]] * 7),
    "two dots": ink([[0, 0]], [[5, 5]]),
    "vertical": ink([[0, 0], [0, 9]]),
    "horizontal": ink([[0, 0], [9, 0]]),
    "smallest": np.array([[0, 0, 0], [0, TINY, -TINY], [0, 0, TINY], [1, TINY, 0]]),
    "smallest beside largest": np.array([[0, 0, 0], [0, TINY, 1], [0, HUGE, 1], [1, 0, -TINY]]),
    "largest": HUGE * np.array([[0, 0, 0], [0, 1, 1], [0, 1, -1], [1e-38, 1, 1]]),
    "a dot after a speck": np.array([[0, 0, 0], [1, TINY, 0], [1, HUGE, HUGE]]),
}


@EITHER
@pytest.mark.parametrize("case", DEGENERATE)
def test_any_ink_has_finite_features(case, features):
    strokes = DEGENERATE[case].astype(np.float32)
    rows, positions = features.compute(strokes), features.positions(strokes)
    assert np.isfinite(rows).all() and np.abs(rows).max() <= 10
    assert 1 <= len(rows) == len(positions) < 1500
    assert (np.diff(positions) >= 0).all()
    assert positions[0] >= 0 and positions[-1] == len(strokes) - 1
    assert rows[0, 7] == rows[-1, 8] == 1


@EITHER
def test_wild_ink_has_finite_features(features):
    rng = np.random.default_rng(0)
    values = np.array([0, 1, -1, TINY, HUGE, -HUGE, 1e-7, 1e7], dtype=np.float32)
    for _ in range(200):
        strokes = rng.choice(values, size=(rng.integers(1, 15), 3), p=rng.dirichlet(np.ones(8) / 2))
        strokes[:, 0] = rng.random(len(strokes)) < rng.random()
        assert np.isfinite(features.compute(strokes)).all()


def around(points: np.ndarray, spacing: float) -> np.ndarray:
    """[N, rows, columns], by counting the points in each cell of pixels of a quarter."""
    pixels = np.floor((points - [points[:, 0].min(), 0]) * 4)
    offsets = pixels[None] - pixels[:, None]
    columns, rows = np.floor_divide(offsets.T + [[[3]], [[7]]], 2).astype(int)
    counts = np.zeros((len(points), 7, 3))
    for point, other in np.ndindex(len(points), len(points)):
        row, column = rows[other, point], columns[other, point]
        if 0 <= row < 7 and 0 <= column < 3:
            counts[point, row, column] += 1
    return np.minimum(counts * spacing / 0.5, 2) / 2


def around_columns(features: InkFeatures) -> list[int]:
    return [at for at, name in enumerate(features.names) if name.startswith("ink_")]


@pytest.mark.parametrize("number", range(3))
def test_ink_around_a_point_is_that_of_the_points_in_each_cell(number):
    features = replace(PLAIN, surroundings=True)
    normalised = features.normalise(wavy_line(number).strokes)
    points, _ = features.points(normalised)
    found = features.describe(normalised)[:, around_columns(features)]
    offset = points - points[:, :1].min(axis=0) * [1, 0]
    expected = around(np.stack([offset[:, 0], points[:, 1]], axis=1), features.spacing)
    assert 0 < expected.max() <= 1
    np.testing.assert_allclose(found, expected.reshape(len(points), -1), atol=1e-6)


def test_a_dot_written_last_is_seen_from_its_letter_and_far_ink_is_not():
    features = replace(PLAIN, surroundings=True)
    rng = np.random.default_rng(1)
    letter, far = (np.stack([x + 0 * y, y], 1) for x, y in ((0.0, np.linspace(-0.5, 0.5, 11)),) * 2)
    far = far + [rng.uniform(5, 1e9), 0]
    line = np.concatenate([letter, far, [[0.0, 1.2]]])
    strokes = np.zeros((len(line), 3))
    strokes[[10, 21, 22], 0] = 1
    strokes[:, 1:] = np.diff(line, axis=0, prepend=np.zeros((1, 2)))
    points, _ = features.points(strokes)
    cells = features.describe(strokes)[:, around_columns(features)].reshape(-1, 7, 3)
    middle = np.abs(points - [0.0, 0.0]).sum(axis=1).argmin()
    own = np.abs(points[:, 0] - far[0, 0]) < 1
    assert cells[middle, 5, 1] > 0  # 1.0 to 1.5 above
    assert cells[middle, :, [0, 2]].max() == 0
    assert cells[own].max() > 0 and cells[own][:, 6].max() == 0
