import numpy as np
import pytest
from line_helpers import wavy_line

from data_loader.augmentation import Augmentation, line_generator

ALL = Augmentation(scale=0.2, slant=15, rotation=5)


def test_default_is_off_and_changes_nothing():
    strokes = wavy_line(0).strokes
    assert not Augmentation().enabled
    np.testing.assert_array_equal(Augmentation().apply(strokes, line_generator(0, 0, 0)), strokes)


@pytest.mark.parametrize("name", ["scale", "slant", "rotation"])
def test_each_amount_alone_enables_it(name):
    augmentation = Augmentation(**{name: 0.5})
    strokes = wavy_line(0).strokes
    assert augmentation.enabled
    assert (augmentation.apply(strokes, line_generator(0, 0, 0)) != strokes).any()


def test_pen_lifts_stay_and_the_input_is_untouched():
    strokes = wavy_line(1).strokes
    before = strokes.copy()
    changed = ALL.apply(strokes, line_generator(0, 0, 1))
    np.testing.assert_array_equal(strokes, before)
    np.testing.assert_array_equal(changed[:, 0], strokes[:, 0])
    assert changed.dtype == np.float32
    assert changed[0, 1:].tolist() == [0, 0]


def test_all_offsets_of_a_line_get_the_same_linear_map():
    strokes = wavy_line(2).strokes
    changed = ALL.apply(strokes, line_generator(3, 4, 5))
    matrix = ALL.draw(line_generator(3, 4, 5))
    np.testing.assert_allclose(changed[:, 1:], strokes[:, 1:] @ matrix.T, rtol=1e-5, atol=1e-4)


def test_scale_stays_in_its_range_for_each_axis_and_fills_it():
    maps = [Augmentation(scale=0.2).draw(line_generator(0, 0, n)) for n in range(500)]
    width, height = np.array([np.diag(matrix) for matrix in maps]).T
    for factor in (width, height):
        assert 0.8 <= factor.min() < 0.81
        assert 1.19 < factor.max() <= 1.2
    assert abs(np.corrcoef(width, height)[0, 1]) < 0.15
    assert all(matrix[0, 1] == matrix[1, 0] == 0 for matrix in maps)


def test_slant_leans_uprights_by_its_angle_and_keeps_levels():
    maps = [Augmentation(slant=10).draw(line_generator(0, 0, n)) for n in range(300)]
    angles = np.rad2deg([np.arctan2(*(matrix @ [0, 1])) for matrix in maps])
    assert -10 <= angles.min() < -9.5
    assert 9.5 < angles.max() <= 10
    for matrix in maps:
        np.testing.assert_allclose(matrix @ [1, 0], [1, 0])


def test_rotation_keeps_lengths_and_turns_by_its_angle():
    maps = [Augmentation(rotation=5).draw(line_generator(0, 0, n)) for n in range(300)]
    angles = np.rad2deg([np.arctan2(matrix[1, 0], matrix[0, 0]) for matrix in maps])
    assert -5 <= angles.min() < -4.8
    assert 4.8 < angles.max() <= 5
    for matrix in maps:
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(2), atol=1e-12)


def test_numbers_depend_on_seed_epoch_and_line_and_on_nothing_else():
    keys = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]
    draws = [line_generator(*key).random() for key in keys]
    assert len(set(draws)) == len(keys)
    assert draws == [line_generator(*key).random() for key in keys]
