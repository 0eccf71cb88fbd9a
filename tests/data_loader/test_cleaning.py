import numpy as np
import pytest
from line_helpers import wavy_line

from data_loader.cleaning import Cleaning, clean, jump_limit, measure_of
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points
from handwriting.ink.pen_path import PathSampling

NOTHING = Cleaning(max_step=None)


def line_of(*strokes: list, text: str = "text") -> Line:
    points = [np.asarray(stroke, dtype=np.float64) for stroke in strokes]
    return Line(strokes_from_points(points), text, "", "id", "trainset")


def letter(x: float) -> np.ndarray:
    """A stroke of 60 points, 500 units high, that begins at (x, 0), with steps of about 20."""
    points = np.arange(60)
    return np.stack([x + 3 * points, np.round(250 * np.sin(points / 59 * 2 * np.pi))], axis=1)


def positions(line: Line) -> np.ndarray:
    return np.concatenate(points_from_strokes(line.strokes))


@pytest.mark.parametrize("number", range(5))
def test_a_line_that_needs_nothing_is_the_same_object(number):
    line = wavy_line(number)
    outcome = clean(line, Cleaning())
    assert outcome.line is line
    assert outcome.changes == {}


def test_pen_moves_between_strokes_are_kept_however_long():
    dot_far_back = [[30.0, 400.0]]
    line = line_of(letter(0), letter(1500), letter(4000), dot_far_back, letter(5000))
    assert np.hypot(*line.strokes[:, 1:].T).max() > 3900
    assert clean(line, Cleaning()).line is line


@pytest.mark.parametrize("length", [1, 3, 8])
def test_an_excursion_is_removed_and_the_stroke_goes_on(length):
    stroke = letter(0)
    away = stroke[9] + [[900.0 + step, 300.0] for step in range(length)]
    spiky = line_of(np.concatenate([stroke[:10], away, stroke[10:]]), letter(400))
    outcome = clean(spiky, Cleaning())
    np.testing.assert_array_equal(outcome.line.strokes, line_of(stroke, letter(400)).strokes)
    assert outcome.changes == {"spike points removed": length}


def test_a_jump_without_return_splits_the_stroke_and_loses_no_point():
    first, second = letter(0), letter(2000)
    joined = line_of(np.concatenate([first, second]))
    outcome = clean(joined, Cleaning())
    np.testing.assert_array_equal(outcome.line.strokes, line_of(first, second).strokes)
    assert outcome.changes == {"strokes split at a jump": 1}


def test_a_long_excursion_is_ink_and_becomes_a_stroke():
    first, second = letter(0), letter(3000)
    line = line_of(np.concatenate([first[:10], second, first[10:]]))
    outcome = clean(line, Cleaning())
    expected = line_of(first[:10], second, first[10:])
    np.testing.assert_array_equal(outcome.line.strokes, expected.strokes)


@pytest.mark.parametrize("at_end", [False, True])
def test_a_glitch_at_a_strokes_end_is_removed(at_end):
    stroke, glitch = letter(0), np.array([[-1500.0, 0.0], [-1502.0, 3.0]])
    parts = [stroke, glitch] if at_end else [glitch, stroke]
    outcome = clean(line_of(np.concatenate(parts)), Cleaning())
    np.testing.assert_array_equal(outcome.line.strokes, line_of(stroke).strokes)
    assert outcome.line.strokes[0].tolist() == [0.0, 0.0, 0.0]


def test_a_stray_dot_is_removed_and_an_ordinary_dot_is_not():
    dot, stray = [[50.0, 400.0]], [[600.0, 5000.0]]
    outcome = clean(line_of(letter(0), dot, letter(400), stray), Cleaning())
    expected = line_of(letter(0), dot, letter(400))
    np.testing.assert_array_equal(outcome.line.strokes, expected.strokes)
    assert outcome.changes == {"stray points removed": 1}


def test_the_rule_means_the_same_in_every_unit():
    stroke = np.concatenate([letter(0)[:10], [[900.0, 900.0]], letter(0)[10:]])
    for unit in (0.001, 1.0, 1000.0):
        assert clean(line_of(stroke * unit), Cleaning()).changes == {"spike points removed": 1}


def test_a_line_of_dashes_has_no_jumps_although_it_has_no_height():
    dash = np.stack([np.arange(0, 400, 25.0), np.zeros(16)], axis=1)
    line = line_of(dash, dash + [600, 1])
    assert clean(line, Cleaning()).line is line


def test_jump_limit_of_a_line_without_extent_is_infinite():
    assert jump_limit(line_of([[1.0, 1.0]] * 4).strokes, 1.0) == float("inf")


def test_duplicates_are_removed_within_strokes_only():
    outcome = clean(
        line_of([[0, 0], [0, 0], [5, 0], [5, 0], [5, 0]], [[5, 0]], [[7, 1], [9, 9]]),
        Cleaning(max_step=None, drop_duplicates=True),
    )
    expected = line_of([[0, 0], [5, 0]], [[5, 0]], [[7, 1], [9, 9]])
    np.testing.assert_array_equal(outcome.line.strokes, expected.strokes)
    assert outcome.changes == {"duplicate points removed": 3}


@pytest.mark.parametrize("degrees", [-12.0, 5.0])
def test_slope_correction_undoes_a_rotation(degrees):
    level = clean(wavy_line(3, points=200), Cleaning(max_step=None, correct_slope=True)).line
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = line_of(*[stroke @ turn for stroke in points_from_strokes(level.strokes)])
    outcome = clean(turned, Cleaning(max_step=None, correct_slope=True))
    points = positions(outcome.line)
    np.testing.assert_allclose(points, positions(level), rtol=1e-4, atol=0.1)
    covariance = np.cov(points.T)
    assert abs(covariance[0, 1]) < 1e-4 * covariance[0, 0]


def test_slope_of_a_single_letter_is_left_alone():
    upright = np.stack([np.arange(20.0), 25 * np.arange(20.0)], axis=1)
    outcome = clean(line_of(upright), Cleaning(max_step=None, correct_slope=True))
    np.testing.assert_array_equal(outcome.line.strokes, line_of(upright).strokes)


def test_smoothing_keeps_ends_and_straight_lines_and_lessens_jitter():
    straight = np.stack([np.arange(50.0) * 3, np.arange(50.0) * 7], axis=1)
    jitter = np.random.default_rng(0).normal(0, 4, (50, 2))
    smooth = Cleaning(max_step=None, smooth=1.5)
    same = positions(clean(line_of(straight), smooth).line)
    np.testing.assert_allclose(same, straight, atol=1e-3)
    noisy = line_of(straight + jitter)
    smoothed = positions(clean(noisy, smooth).line)
    before = positions(noisy)
    np.testing.assert_allclose(smoothed[[0, -1]], before[[0, -1]], atol=1e-3)
    assert np.diff(smoothed, 2, axis=0).std() < 0.3 * np.diff(before, 2, axis=0).std()


def test_resampling_gives_even_steps_and_keeps_the_ends_and_dots():
    corner = [[0.0, 0.0], [100.0, 0.0], [100.0, 37.0]]
    outcome = clean(line_of(corner, [[150.0, 50.0]]), Cleaning(max_step=None, resample=10.0))
    stroke, dot = points_from_strokes(outcome.line.strokes)
    assert len(stroke) == round(137 / 10) + 1
    along = np.abs(np.diff(stroke, axis=0)).sum(axis=1)  # along a right-angled path
    np.testing.assert_allclose(along, 137 / 14, rtol=1e-5)
    np.testing.assert_allclose(stroke[-1] - stroke[0], [100, 37], atol=1e-4)
    assert len(dot) == 1


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"min_points": 5}, "fewer than 5 points"),
        ({"max_points": 3}, "more than 3 points"),
        ({"min_characters": 3}, "fewer than 3 characters"),
    ],
)
def test_lines_outside_the_limits_are_dropped_with_a_reason(settings, reason):
    line = line_of([[0, 0], [1, 1]], [[2, 2], [3, 1]], text="ab")
    outcome = clean(line, Cleaning(**settings))
    assert outcome.line is None
    assert outcome.dropped == reason
    assert clean(line, NOTHING).line is line


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_line_that_is_not_finite_is_dropped(value):
    line = wavy_line(0)
    line.strokes[3, 1] = value
    assert clean(line, NOTHING).dropped == "numbers that are not finite"


def test_a_line_of_one_point_is_dropped():
    assert clean(line_of([[4.0, 4.0]]), Cleaning()).dropped == "fewer than 2 points"


def test_one_measure_makes_sizes_and_rates_alike():
    t = np.linspace(0, 6 * np.pi, 900)
    loops = np.stack([0.25 * t - 0.4 * np.sin(t), 0.5 - 0.5 * np.cos(t)], axis=1)
    cleaning = Cleaning(x_height=1.0, path=PathSampling())
    lines = [line_of(scale * loops[::every], text="eee") for scale, every in ((1.0, 1), (150.0, 6))]
    small, large = (clean(line, cleaning).line for line in lines)
    assert small is not None and large is not None
    assert abs(len(small.strokes) - len(large.strokes)) <= 1
    heights = [np.ptp(np.cumsum(line.strokes[:, 2])) for line in (small, large)]
    assert heights == pytest.approx([1, 1], abs=0.05)


def test_ink_without_height_is_dropped_where_a_measure_is_asked_for():
    dash = line_of([[0.0, 0], [1, 0], [2, 0]], text="-")
    assert clean(dash, Cleaning()).line is not None
    assert "height" in clean(dash, Cleaning(x_height=1.0)).dropped


def test_the_measure_of_a_model_is_that_of_its_corpus_or_of_its_first_source_that_has_one():
    measured = {"x_height": 1.0, "path": {"step": 0.5}}
    sources = [{"name": "a", "cleaning": {"smooth": 2}}, {"name": "b", "cleaning": measured}]
    mixed = {"source": {"type": "mixed", "args": {"sources": sources}}, "cleaning": {"smooth": 1}}
    wanted = Cleaning(x_height=1.0, path=PathSampling(step=0.5))
    assert measure_of({"source": {"type": "auto", "args": {}}, "cleaning": measured}) == wanted
    assert measure_of(mixed) == wanted
    assert measure_of({"source": {"type": "auto", "args": {}}, "cleaning": {"smooth": 1}}) is None
    assert measure_of({"source": {"type": "auto"}}) is None
