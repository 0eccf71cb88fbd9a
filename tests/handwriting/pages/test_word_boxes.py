from collections.abc import Callable

import numpy as np
import pytest

from handwriting.pages import AlignedLine
from handwriting.pages.word_boxes import word_boxes


@pytest.mark.parametrize("angle", [0.0, 0.1])
def test_each_word_has_a_box_around_its_ink(
    write: Callable[..., AlignedLine], angle: float
) -> None:
    line = write("the dog sees rain", size=10.0, angle=angle)
    boxes = word_boxes(line)
    assert [(box.text, box.start) for box in boxes] == [
        ("the", 0), ("dog", 4), ("sees", 8), ("rain", 13),
    ]  # fmt: skip
    assert all(box.left < box.right and box.bottom < box.top for box in boxes)
    assert all(a.right < b.left for a, b in zip(boxes[:-1], boxes[1:], strict=True))
    points = np.cumsum(line.strokes[:, 1:].astype(np.float64), axis=0)
    sides = np.array([box[2:] for box in boxes])
    np.testing.assert_allclose(sides[:, :2].min(axis=0), points.min(axis=0), atol=0.5)
    np.testing.assert_allclose(sides[:, 2:].max(axis=0), points.max(axis=0), atol=0.5)


def test_a_line_without_ink_has_no_box(write: Callable[..., AlignedLine]) -> None:
    assert word_boxes(write("\n")) == []
