"""Changes of corrected ink for recognisers."""

import numpy as np
import pytest
from line_helpers import wavy_line

from data_loader.augmentation import Augmentation
from data_loader.ink_augmentation import InkAugmentation
from handwriting.ink.features import InkFeatures
from handwriting.ink.line import points_from_strokes

ALL = InkAugmentation(scale=0.2, slant=15, rotation=5, warp=0.1, drop=0.3)


def corrected(number: int) -> np.ndarray:
    return InkFeatures().normalise(wavy_line(number).strokes)


def placed(strokes: np.ndarray) -> np.ndarray:
    return np.concatenate(points_from_strokes(strokes))


def grid(places: np.ndarray) -> np.ndarray:
    """Strokes ``[T, 3]`` through points ``[T, 2]``, the first offset included."""
    strokes = np.zeros((len(places), 3))
    strokes[:, 1:] = np.diff(places, axis=0, prepend=np.zeros((1, 2)))
    strokes[-1, 0] = 1
    return strokes


def shifts(places: np.ndarray, amount: float, count: int = 2000) -> np.ndarray:
    """How far each of the places is moved by the warp of ``count`` draws, ``[count, T, 2]``."""
    augmentation = InkAugmentation(warp=amount)
    rng = np.random.default_rng(0)
    strokes = grid(np.asarray(places, dtype=np.float64))
    return np.stack([placed(augmentation.apply(strokes, rng)) - places for _ in range(count)])


def test_default_is_off_and_changes_nothing():
    strokes = corrected(0)
    assert not InkAugmentation().enabled
    changed = InkAugmentation().apply(strokes, np.random.default_rng(0))
    np.testing.assert_allclose(changed, strokes, atol=1e-12)


@pytest.mark.parametrize("name", ["scale", "slant", "rotation", "warp", "drop", "width", "jitter"])
def test_each_amount_alone_enables_it(name):
    augmentation = InkAugmentation(**{name: 2.0 if name == "width" else 0.5})
    strokes = corrected(0)
    rng = np.random.default_rng(0)
    all_changed = [
        augmentation.apply(strokes, rng) for _ in range(20)
    ]  # one amount may be next to 0
    assert augmentation.enabled
    assert any(
        changed.shape != strokes.shape or np.abs(changed - strokes).max() > 1e-3
        for changed in all_changed
    )


def test_the_same_random_numbers_give_the_same_ink_and_others_another():
    strokes = corrected(1)
    first, again, other = (ALL.apply(strokes, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_the_input_is_untouched():
    strokes = corrected(1)
    before = strokes.copy()
    ALL.apply(strokes, np.random.default_rng(0))
    np.testing.assert_array_equal(strokes, before)


def test_without_warp_and_drop_all_points_get_the_linear_map_about_the_middle():
    plain = InkAugmentation(scale=0.2, slant=15, rotation=5)
    for seed in range(5):
        strokes = corrected(seed)
        matrix = plain.draw(np.random.default_rng(seed))
        changed = plain.apply(strokes, np.random.default_rng(seed))
        np.testing.assert_allclose(placed(changed), placed(strokes) @ matrix.T, atol=1e-9)
        np.testing.assert_array_equal(changed[:, 0], strokes[:, 0])
        same = Augmentation(scale=0.2, slant=15, rotation=5).draw(np.random.default_rng(seed))
        np.testing.assert_array_equal(matrix, same)


def test_scale_slant_and_rotation_stay_in_their_ranges_and_fill_them():
    """An east and a north arrow show what became of each."""
    rng = np.random.default_rng(0)
    cross = grid(np.array([[0.0, 0], [1, 0], [0, 1]]))

    def arrows(**amount: float) -> np.ndarray:
        augmentation = InkAugmentation(**amount)
        return np.stack([placed(augmentation.apply(cross, rng))[1:] for _ in range(400)])

    scaled = arrows(scale=0.2)
    for factor in (scaled[:, 0, 0], scaled[:, 1, 1]):
        assert 0.8 <= factor.min() < 0.81 and 1.19 < factor.max() <= 1.2
    east, north = arrows(slant=10).transpose(1, 0, 2)
    np.testing.assert_allclose(east, np.tile([1, 0], (400, 1)), atol=1e-12)
    angles = np.rad2deg(np.arctan2(*north.T))
    assert -10 <= angles.min() < -9.5 and 9.5 < angles.max() <= 10
    east, north = arrows(rotation=5).transpose(1, 0, 2)
    angles = np.rad2deg(np.arctan2(*east.T[::-1]))
    assert -5 <= angles.min() < -4.8 and 4.8 < angles.max() <= 5
    np.testing.assert_allclose(north, np.stack([-east[:, 1], east[:, 0]], axis=1), atol=1e-12)


@pytest.mark.parametrize("drop", [0.1, 0.5, 0.99])
def test_drop_leaves_out_its_share_of_inner_points_and_moves_none(drop):
    augmentation, rng = InkAugmentation(drop=drop), np.random.default_rng(0)
    inner = left = 0
    for number in range(30):
        strokes = corrected(number)
        changed = augmentation.apply(strokes, rng)
        assert len(changed) <= len(strokes)
        before, after = points_from_strokes(strokes), points_from_strokes(changed)
        assert len(before) == len(after)
        for written, kept in zip(before, after, strict=True):
            rows = np.argmin(np.hypot(*(kept[:, None] - written).transpose(2, 0, 1)), axis=1)
            np.testing.assert_allclose(kept, written[rows], atol=1e-9)
            assert rows[0] == 0 and rows[-1] == len(written) - 1
            assert (np.diff(rows) > 0).all()
            inner += max(len(written) - 2, 0)
            left += max(len(written) - 2, 0) - max(len(kept) - 2, 0)
    assert left / inner == pytest.approx(drop, abs=4 * np.sqrt(drop * (1 - drop) / inner))


def test_drop_keeps_dots_and_ink_that_does_not_end():
    dots = np.array([[1, 0, 0], [1, 3, 0], [1, 1, 1]], dtype=np.float64)
    open_ended = np.array([[0, 0, 0], [0, 1, 0], [0, 1, 1]], dtype=np.float64)
    for seed in range(10):
        changed = InkAugmentation(drop=0.9).apply(dots, np.random.default_rng(seed))
        np.testing.assert_array_equal(changed, dots)
        changed = InkAugmentation(drop=0.9).apply(open_ended, np.random.default_rng(seed))
        assert placed(changed)[[0, -1]].tolist() == [[0, 0], [2, 1]]


@pytest.mark.parametrize("number", range(5))
def test_strokes_keep_their_number_order_and_both_ends(number):
    """All amounts at once: each end is where the change without drop puts it."""
    strokes = corrected(number)
    kept = InkAugmentation(**{**vars(ALL), "drop": 0.0})
    whole = points_from_strokes(kept.apply(strokes, np.random.default_rng(number)))
    thinned = points_from_strokes(ALL.apply(strokes, np.random.default_rng(number)))
    assert len(whole) == len(thinned) == len(points_from_strokes(strokes))
    for before, after in zip(whole, thinned, strict=True):
        np.testing.assert_allclose(after[[0, -1]], before[[0, -1]], atol=1e-9)


@pytest.mark.parametrize("amount", [0.05, 0.4])
def test_warp_has_the_spread_it_promises_everywhere_and_along_both_axes(amount):
    moved = shifts([[0, 0], [0.7, -0.4], [60, 1]], amount)
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=0.1 * amount)
    np.testing.assert_allclose(moved.std(axis=0), amount, rtol=0.08)
    along_x, along_y = moved[:, 0].T
    for of_both in ((along_x, along_y), (along_x**2, along_y**2)):
        assert abs(np.corrcoef(of_both)[0, 1]) < 0.1


def test_warp_moves_neighbours_together_and_far_words_apart():
    near, wave_apart, far = 0.05, 1.0, 200.0
    for axis in np.eye(2):
        moved = shifts(np.outer([0, near, wave_apart, far], axis), 1.0)
        to_first = [np.corrcoef(moved[:, 0, 0], moved[:, row, 0])[0, 1] for row in (1, 2, 3)]
        assert to_first[0] > 0.99
        assert 0.3 < to_first[1] < 0.95
        assert abs(to_first[2]) < 0.15


def test_warp_bends_no_more_than_its_shortest_wave():
    """A sine of standard deviation 1 and length l has curvature of (2 pi / l)^2 in the mean."""
    moved = shifts([[0, 0], [0.1, 0], [0.2, 0]], 1.0)
    bend = np.diff(moved, n=2, axis=1) / 0.1**2
    assert bend.std() < (2 * np.pi / 2) ** 2


def test_width_changes_x_alone_and_by_its_factor_at_most():
    strokes, rng = corrected(0), np.random.default_rng(2)
    factors = []
    for _ in range(200):
        changed = InkAugmentation(width=2.0).apply(strokes, rng)
        np.testing.assert_allclose(changed[:, 2], strokes[:, 2], atol=1e-12)
        moved = np.abs(strokes[:, 1]) > 1e-9
        (factor,) = np.unique((changed[moved, 1] / strokes[moved, 1]).round(9))
        factors.append(factor)
    assert 0.5 <= min(factors) < 0.55 and 1.85 < max(factors) <= 2.0
    assert np.median(factors) == pytest.approx(1.0, abs=0.2)


def test_jitter_is_white_noise_of_its_size():
    strokes, rng = grid(np.zeros((400, 2))), np.random.default_rng(3)
    sizes = [placed(InkAugmentation(jitter=0.1).apply(strokes, rng)).std() for _ in range(200)]
    assert max(sizes) < 0.11 and np.mean(sizes) == pytest.approx(0.05, abs=0.01)


def test_lifts_are_lost_in_a_share_of_the_lines_and_no_point_moves():
    places = np.cumsum(np.ones((40, 2)), axis=0)
    strokes = grid(places)
    strokes[3::4, 0] = 1
    rng = np.random.default_rng(4)
    counts = []
    for _ in range(400):
        changed = InkAugmentation(lost_lifts=0.5).apply(strokes, rng)
        np.testing.assert_allclose(changed[:, 1:], strokes[:, 1:], atol=1e-12)
        assert changed[-1, 0] == 1 and set(changed[:, 0]) <= {0, 1}
        assert (changed[:, 0] <= strokes[:, 0]).all()
        counts.append(changed[:, 0].sum())
    whole = sum(count == 10 for count in counts)
    assert 150 < whole < 250
    assert np.mean([count for count in counts if count < 10]) == pytest.approx(5.5, abs=0.4)


def test_ink_without_the_new_changes_is_as_it_was():
    strokes = corrected(2)
    before = ALL.apply(strokes, np.random.default_rng(5))
    more = InkAugmentation(scale=0.2, slant=15, rotation=5, warp=0.1, drop=0.3, jitter=1e-12)
    after = more.apply(strokes, np.random.default_rng(5))
    np.testing.assert_allclose(after, before, atol=1e-9)
