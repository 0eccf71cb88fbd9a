"""How far a page is turned."""

import numpy as np
import pytest
from ink_samples import page, waves

from handwriting.ink.page_angle import page_angles, size_at_any_angle, turned


@pytest.mark.parametrize("degrees", [-170, -100, -45, -10, 0, 30, 80, 140, 179])
def test_the_direction_of_writing_is_found(degrees: float) -> None:
    strokes = [turned(stroke, -np.radians(degrees)) for stroke in page(5)[0]]
    for timed in (True, False):
        found = page_angles(strokes, timed)
        off = np.degrees(found.angles[0]) - degrees
        assert found.is_sure and abs((off + 180.0) % 360.0 - 180.0) < 2.0
    assert size_at_any_angle(strokes) == pytest.approx(1.0, rel=0.4)


def test_a_word_alone_is_taken_as_it_is() -> None:
    (angle,) = page_angles(waves(words=1)).angles
    assert angle == 0.0


def test_strokes_that_go_both_ways_leave_a_doubt() -> None:
    strokes = [stroke[:: 1 - 2 * (at % 2)] for at, stroke in enumerate(page(6)[0])]
    found = page_angles(strokes, timed=False)
    assert not found.is_sure
    assert sorted(abs(round(np.degrees(angle))) for angle in found.angles) == [0, 180]
