"""The layout of contact sheets, and the files made from it."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handwriting.ink.drawing import INK_COLOUR
from utils.figures.sheet import (
    PRIME_COLOUR,
    Ink,
    Row,
    Sheet,
    contact_sheet,
    pen_paths,
    pen_width,
)
from utils.figures.sheet_files import save_sheet, sheet_image, sheet_svg

SVG = "{http://www.w3.org/2000/svg}"
# A hook of three points, a dot, and a stroke of two points.
STROKES = np.array(
    [[0, 0, 0], [0, 4, 3], [1, 4, -3], [1, 5, 9], [0, 2, -6], [1, 0, -8]], dtype=np.float32
)


def wavy(steps: int = 200, scale: float = 1.0) -> np.ndarray:
    """A line of loops of about 20 units' height, in strokes of 25 points."""
    x = np.arange(steps) * 5.0
    points = np.stack([x + 5 * np.cos(x / 6), 10 * np.sin(x / 8)], axis=1) * scale
    ends = (np.arange(steps) % 25 == 24).astype(np.float64)
    return np.column_stack([ends, np.diff(points, axis=0, prepend=points[:1])])


def sheet_of(strokes: np.ndarray) -> Sheet:
    return contact_sheet([Row("", [Ink(strokes)])])


def svg_points(document: str) -> list[list[tuple[float, float]]]:
    """The points of each path, read back as an SVG viewer does."""
    paths = ElementTree.fromstring(document).iter(f"{SVG}path")
    numbers = [re.findall(r"-?[\d.]+", path.attrib["d"]) for path in paths]
    return [[(float(x), float(y)) for x, y in zip(n[::2], n[1::2], strict=True)] for n in numbers]


def test_every_stroke_is_one_path_with_all_its_points() -> None:
    paths = pen_paths(Ink(STROKES))
    assert [len(path.points) for path in paths] == [3, 1, 2]
    assert [path.is_dot for path in paths] == [False, True, False]
    np.testing.assert_allclose(paths[-1].points[-1], [15, -5])


def test_points_after_the_last_end_of_stroke_are_drawn() -> None:
    open_ended = STROKES.copy()
    open_ended[-1, 0] = 0
    assert [len(path.points) for path in pen_paths(Ink(open_ended))] == [3, 1, 2]


@pytest.mark.parametrize("prime_steps", range(len(STROKES) + 2))
def test_prime_and_continuation_share_a_point_within_a_stroke(prime_steps: int) -> None:
    paths = pen_paths(Ink(STROKES, prime_steps))
    prime = [point for path in paths if path.colour == PRIME_COLOUR for point in path.points]
    assert len(prime) == min(prime_steps, len(STROKES))
    inside_a_stroke = prime_steps in (1, 2, 5)
    assert sum(len(path.points) for path in paths) == len(STROKES) + inside_a_stroke
    if inside_a_stroke:
        continuation = next(path for path in paths if path.colour == INK_COLOUR)
        np.testing.assert_array_equal(continuation.points[0], prime[-1])


def test_ink_ends_at_a_value_that_is_not_finite() -> None:
    strokes = STROKES.copy()
    strokes[4, 1] = np.inf
    assert sum(len(path.points) for path in pen_paths(Ink(strokes))) == 4
    assert "inf" not in sheet_svg(sheet_of(strokes))


def test_pen_width_follows_the_size_of_the_letters_not_of_the_line() -> None:
    short, long = pen_paths(Ink(wavy(200))), pen_paths(Ink(wavy(2000)))
    assert pen_width(short) == pytest.approx(pen_width(long), rel=0.05)
    assert pen_width(pen_paths(Ink(wavy(200, scale=7)))) == pytest.approx(7 * pen_width(short))
    rising = wavy(200)
    rising[:, 2] += 0.4 * rising[:, 1]
    assert pen_width(pen_paths(Ink(rising))) == pytest.approx(pen_width(short), rel=0.1)


@pytest.mark.parametrize(
    "strokes", [np.zeros((0, 3)), np.array([[1.0, 0, 0]]), np.array([[0.0, 0, 0], [1, 50, 0]])]
)
def test_ink_without_height_still_has_a_pen(strokes: np.ndarray) -> None:
    assert pen_width(pen_paths(Ink(strokes))) > 0
    sheet = sheet_of(strokes)
    assert sheet.pen_width > 0 and np.isfinite([sheet.width, sheet.height]).all()


def test_svg_grows_downwards_and_keeps_the_shape() -> None:
    sheet = sheet_of(STROKES)
    points = np.array([p for path in svg_points(sheet_svg(sheet)) for p in dict.fromkeys(path)])
    ink = np.concatenate([path.points for path in pen_paths(Ink(STROKES))])
    scale = sheet.pen_width / pen_width(pen_paths(Ink(STROKES)))
    placed = (ink - [ink[:, 0].min(), ink[:, 1].max()]) * [scale, -scale]
    np.testing.assert_allclose(points - points.min(axis=0), placed, atol=0.011)


def test_svg_loses_nothing_of_ink_in_small_units() -> None:
    """Normalised strokes are a thousandth of a millimetre if taken as pixels."""
    small = sheet_svg(sheet_of(STROKES * np.array([1, 1e-4, 1e-4])))
    assert small == sheet_svg(sheet_of(STROKES))


def test_svg_draws_strokes_round_and_a_dot_as_a_path_of_no_length(tmp_path: Path) -> None:
    save_sheet(sheet_of(STROKES), tmp_path / "ink")
    document = (tmp_path / "ink.svg").read_text()
    group = next(ElementTree.fromstring(document).iter(f"{SVG}g"))
    assert group.attrib["stroke-linecap"] == group.attrib["stroke-linejoin"] == "round"
    assert group.attrib["fill"] == "none"
    hook, dot, last = svg_points(document)
    assert (len(hook), len(last)) == (3, 2)
    assert len(dot) == 2 and dot[0] == dot[1]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ink.png", "ink.svg"]
    assert max(len(n.partition(".")[2]) for n in re.findall(r"\d+\.\d+", document)) <= 2


def test_svg_view_box_holds_all_ink_with_its_pen() -> None:
    sheet = contact_sheet([Row("a", [Ink(wavy()), Ink(STROKES)]), Row("b", [Ink(wavy(90))])])
    points = np.array([p for path in svg_points(sheet_svg(sheet)) for p in path])
    assert (points >= sheet.pen_width / 2).all()
    assert (points <= np.array([sheet.width, sheet.height]) - sheet.pen_width / 2).all()
    assert f'viewBox="0 0 {sheet.width:g} ' in sheet_svg(sheet)


def test_svg_words_are_escaped() -> None:
    sheet = contact_sheet([Row("a < b & c", [Ink(STROKES)])])
    texts = ElementTree.fromstring(sheet_svg(sheet)).iter(f"{SVG}text")
    assert [text.text for text in texts] == ["a < b & c"]


def test_contact_sheet_has_one_scale_and_lines_that_do_not_overlap() -> None:
    inks = [Ink(wavy(100)), Ink(wavy(200)), Ink(wavy(150))]
    sheet = contact_sheet([Row("one", inks[:2]), Row("two", inks[2:])], width=500)
    spans, start = [], 0
    for ink in inks:
        count = len(pen_paths(ink))
        spans.append(np.concatenate([p.points for p in sheet.paths[start : start + count]]))
        start += count
    widths = np.array([np.ptp(span[:, 0]) for span in spans])
    ink_widths = np.array([np.ptp(np.cumsum(ink.strokes[:, 1])) for ink in inks])
    np.testing.assert_allclose(widths / ink_widths, widths[0] / ink_widths[0])
    for above, below in zip(spans[:-1], spans[1:], strict=True):
        assert above[:, 1].max() + sheet.pen_width < below[:, 1].min()
    label = next(text for text in sheet.texts if text.words == "two")
    assert spans[1][:, 1].max() < label.y - label.size < label.y < spans[2][:, 1].min()


def test_contact_sheet_of_ink_that_runs_away_has_a_size_that_opens() -> None:
    falling = np.column_stack([np.zeros(1000), np.full(1000, 0.1), np.full(1000, -100.0)])
    sheet = contact_sheet([Row("", [Ink(falling)] * 3)])
    assert sheet.height < 800


def test_contact_sheet_does_not_blow_short_ink_up() -> None:
    sheet = contact_sheet([Row("", [Ink(wavy(20))])], width=5000)
    points = np.concatenate([path.points for path in sheet.paths])
    assert np.ptp(points[:, 0]) < 500 and sheet.pen_width <= 3


def test_contact_sheet_without_any_ink() -> None:
    assert contact_sheet([Row("nothing", [Ink(np.zeros((0, 3)))]), Row("", [])]).paths == []


def darkness(sheet: Sheet) -> np.ndarray:
    """``[H, W]``, 0 for paper to 1 for black."""
    return 1.0 - np.asarray(sheet_image(sheet)).mean(axis=-1) / 255.0


def test_first_and_last_point_of_every_stroke_and_the_dots_have_ink() -> None:
    sheet = contact_sheet([Row("label", [Ink(STROKES), Ink(wavy(50))])], width=300)
    image = darkness(sheet)
    assert len(sheet.paths) == 5
    for path in sheet.paths:
        for point in (path.points[0], path.points[-1]):
            column, row = (2 * point).astype(int)
            assert image[row, column] > 0.5


def test_y_grows_upwards_and_nothing_reaches_the_edge() -> None:
    image = darkness(sheet_of(np.array([[0.0, 0, 0], [1, 50, 50]])))
    rows, columns = np.nonzero(image > 0.5)
    assert np.corrcoef(rows, columns)[0, 1] < -0.99
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert not edge.any()


def test_pictures_have_the_size_of_the_page(tmp_path: Path) -> None:
    sheet = contact_sheet([Row("bias 0", [Ink(STROKES)])], width=300)
    save_sheet(sheet, tmp_path / "new" / "sheet")
    with Image.open(tmp_path / "new" / "sheet.png") as image:
        assert image.size == (600, round(sheet.height * 2))
