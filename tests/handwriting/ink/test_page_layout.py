"""The layout of a page of ink."""

import numpy as np
import pytest
from ink_samples import page, waves

from handwriting.ink.page_layout import InkKind, PageLayout, find_layout, line_ink


def turned(strokes: list[np.ndarray], degrees: float, size: float = 1.0) -> list[np.ndarray]:
    """Strokes turned counter-clockwise, and scaled."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = size * np.array([[cosine, sine], [-sine, cosine]])
    return [stroke @ turn for stroke in strokes]


def groups_of(layout: PageLayout) -> list[list[int]]:
    return [list(line.strokes) for line in layout.lines]


@pytest.mark.parametrize("degrees", [0.0, 15.0, 45.0, 90.0, 180.0, -120.0])
@pytest.mark.parametrize("size", [1e-3, 200.0])
def test_lines_are_found_on_pages_turned_by_any_angle(degrees: float, size: float) -> None:
    strokes, groups = page(6)
    layout = find_layout(turned(strokes, degrees, size))
    assert groups_of(layout) == groups
    off = (np.degrees(layout.angle) - degrees + 180.0) % 360.0 - 180.0
    assert abs(off) < 2.0
    for line, group in zip(layout.lines, groups, strict=True):
        begin, end = np.array(line.baseline) / size
        assert np.hypot(*(end - begin)) == pytest.approx(6.0 * len(group) - 1.0, rel=0.05)
        assert line.x_height == pytest.approx(size, rel=0.1)


@pytest.mark.parametrize("slopes", [(0.1, -0.1, 0.08, -0.05), (-0.12, -0.12, 0.1, 0.1)])
def test_lines_have_slopes_of_their_own(slopes: tuple[float, ...]) -> None:
    strokes, groups = [], []
    for at, slope in enumerate(slopes):
        groups.append(list(range(len(strokes), len(strokes) + 5)))
        strokes += waves(baseline=-8.0 * at, words=5, slope=slope)
    assert groups_of(find_layout(strokes)) == groups


@pytest.mark.parametrize("pitch", [1.6, 2.0])
def test_lines_that_touch_are_told_apart_by_the_order_of_writing(pitch: float) -> None:
    strokes, groups = page(6, pitch=pitch)
    assert groups_of(find_layout(strokes)) == groups


def with_tall_letters(strokes: list[np.ndarray]) -> list[np.ndarray]:
    """Waves that begin and end in a letter that goes as far up and down as an f, as words do."""
    tall = np.stack([np.zeros(12), np.linspace(1.6, -0.8, 12)], axis=1)
    return [np.concatenate([stroke[0] + tall, stroke, stroke[-1] + tall]) for stroke in strokes]


@pytest.mark.parametrize(("gap", "lines"), [(3.0, 5), (15.0, 3), (100.0, 2)])
def test_columns_are_read_one_after_the_other(gap: float, lines: int) -> None:
    left, first = page(lines)
    right, second = page(lines)
    beside = [stroke + (29.0 + gap, 1.3) for stroke in right]
    layout = find_layout(with_tall_letters([*left, *beside]))
    assert len(layout.blocks) == 2
    later = [[len(left) + at for at in line] for line in second]
    assert groups_of(layout) == [*first, *later]


def test_a_title_over_two_columns_is_read_first() -> None:
    title = waves(baseline=6.0, words=10)
    left, right = page(5)[0], [stroke + (34.0, 0.0) for stroke in page(5)[0]]
    layout = find_layout(with_tall_letters([*left, *right, *title]))
    assert [len(block.lines) for block in layout.blocks] == [1, 5, 5]
    assert groups_of(layout)[0] == list(range(len(left) + len(right), len(left) + len(right) + 10))


def test_every_stroke_is_in_a_line_or_is_other_ink() -> None:
    strokes, groups = page(5)
    frame = np.array([(-2, -14), (32, -14), (32, 3), (-2, 3), (-2, -14)], dtype=float)
    along = np.linspace(0, 4, 400)
    drawn = np.stack([np.interp(along, np.arange(5), axis) for axis in frame.T], axis=1)
    layout = find_layout([drawn, *strokes, strokes[3]])
    assert {(other.kind, other.strokes) for other in layout.others} == {
        (InkKind.FRAME, (0,)),
        (InkKind.COPY, (len(strokes) + 1,)),
    }
    assert groups_of(layout) == [[at + 1 for at in group] for group in groups]


def test_rows_of_a_line_say_which_points_they_are() -> None:
    strokes = turned(page(4)[0], 50.0)
    layout = find_layout(strokes)
    for line in layout.lines:
        ink = line_ink(layout, line)
        rows = np.cumsum(ink.strokes[:, 1:].astype(float), axis=0)
        points = np.array([strokes[stroke][point] for stroke, point in ink.origin])
        (there,) = turned([points - points[0]], -np.degrees(layout.angle))
        assert np.allclose(rows, there, atol=1e-3)
        ends = np.flatnonzero(np.diff(ink.origin[:, 0], append=-1) != 0)
        assert np.array_equal(np.flatnonzero(ink.strokes[:, 0]), ends)


def test_a_page_without_an_order_may_be_asked_about() -> None:
    strokes, groups = page(6)
    shuffled = np.random.default_rng(0).permutation(len(strokes))
    # Every second stroke backwards: strokes do not say which way is up.
    both_ways = [strokes[at][:: 1 - 2 * (at % 2)] for at in shuffled]
    upside_down = turned(both_ways, 180.0)
    asked: list[int] = []

    def choose(layouts: object) -> int:
        assert isinstance(layouts, list)
        asked.append(len(layouts))
        angles = [abs(abs(layout.angle) - np.pi) for layout in layouts]
        return int(np.argmin(angles))

    layout = find_layout(upside_down, timed=False, choose=choose)
    assert asked and asked[0] >= 2
    assert [shuffled[list(line.strokes)].tolist() for line in layout.lines] == groups


def test_undivided_ink_is_one_line() -> None:
    strokes, _ = page(3)
    layout = find_layout(strokes, divide=False)
    (line,) = layout.lines
    assert sorted(line.strokes) == list(range(len(strokes))) and layout.angle == 0.0


@pytest.mark.parametrize(
    "strokes",
    [
        [np.array([[0.0, 0.0]])],
        [np.array([[0.0, 0.0], [5.0, 0.0]])] * 2,
        [*waves(), *waves(baseline=1e9)],
        [*waves(), *waves(left=1e9)],
        [stroke + 1e7 for stroke in waves()],
    ],
)
def test_odd_ink_is_laid_out(strokes: list[np.ndarray]) -> None:
    layout = find_layout(strokes)
    numbers = [at for line in layout.lines for at in line.strokes]
    others = [at for other in layout.others for at in other.strokes]
    assert sorted(numbers + others) == list(range(len(strokes)))


def test_no_ink_has_no_lines() -> None:
    assert find_layout([]).lines == ()
