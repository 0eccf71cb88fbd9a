"""Ink as SVG and as pictures, judged by their pixels."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import ImageColor

from handwriting.ink.drawing import (
    PAPER_COLOUR,
    PenPath,
    Picture,
    Text,
    coverage,
    draw_picture,
    is_dot,
    number,
    path_data,
    text_element,
)

ROOT = Path(__file__).parents[3]
SHAPE = (60, 90)
RNG = np.random.default_rng(0)


def drawn(points: np.ndarray, width: float) -> np.ndarray:
    """Share of ink ``[H, W]`` of a picture."""
    picture = np.zeros(SHAPE)
    covered = coverage(np.asarray(points, dtype=np.float64), width, SHAPE)
    if covered is not None:
        picture[covered[0]] = covered[1]
    return picture


def middles() -> np.ndarray:
    """The middle ``[H, W, 2]`` (x, y) of each pixel."""
    rows, columns = np.indices(SHAPE) + 0.5
    return np.stack([columns, rows], axis=-1)


@pytest.mark.parametrize("width", [0.3, 1.0, 2.4, 7.0, 20.0])
@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2, 2.5])
def test_a_stroke_has_the_width_of_its_pen_at_any_angle(width: float, angle: float) -> None:
    way = 20.0 * np.array([np.cos(angle), np.sin(angle)])
    ink = drawn(np.array([[45.0, 30.0] - way, [45.0, 30.0] + way]), width)
    area = 40.0 * width + (np.pi * width**2 / 4 if width >= 1 else 0.0)
    assert ink.sum() == pytest.approx(area, rel=0.03 if width >= 1 else 0.06)


@pytest.mark.parametrize("width", [1.0, 5.5, 16.0])
def test_a_dot_is_a_disc_and_a_stroke_that_rests_is_the_same(width: float) -> None:
    place = np.array([[40.3, 30.8]])
    ink = drawn(place, width)
    if width > 2:
        assert ink.sum() == pytest.approx(np.pi * width**2 / 4, rel=0.03)
    away = np.linalg.norm(middles() - place[0], axis=-1)
    np.testing.assert_allclose(ink, np.clip(width / 2 + 0.5 - away, 0, 1), atol=1e-5)
    np.testing.assert_allclose(drawn(np.repeat(place, 3, axis=0), width), ink)


def test_ends_and_joins_are_round_and_pieces_leave_no_seam() -> None:
    corners = np.array([[10.0, 50.0], [30.0, 10.0], [50.0, 50.0], [80.0, 12.0]])
    pairs = list(zip(corners[:-1], corners[1:], strict=True))
    dense = np.concatenate([np.linspace(*pair, 300) for pair in pairs])
    np.testing.assert_allclose(drawn(dense, 6.0), drawn(corners, 6.0), atol=1e-5)
    ink = drawn(corners, 6.0)
    assert ink.max() <= 1
    away = np.min(np.linalg.norm(middles()[:, :, None] - dense, axis=-1), axis=-1)
    np.testing.assert_allclose(ink, np.clip(3.5 - away, 0, 1), atol=0.01)


@pytest.mark.parametrize("shift", [(-40.0, 0.0), (60.0, 20.0), (0.0, -45.0), (3.0, 30.0)])
def test_ink_at_the_edge_is_cut_there_and_nowhere_else(shift: tuple[float, float]) -> None:
    points = RNG.uniform([10, 10], [80, 50], size=(12, 2))
    whole = drawn(points, 5.0)
    moved = drawn(points + np.rint(shift), 5.0)
    columns, rows = np.rint(shift).astype(int)
    expected = np.zeros(SHAPE)
    source = whole[max(-rows, 0) : SHAPE[0] - max(rows, 0), max(-columns, 0) :]
    source = source[:, : SHAPE[1] - abs(columns)]
    expected[max(rows, 0) :, max(columns, 0) :][: len(source), : source.shape[1]] = source
    np.testing.assert_allclose(moved, expected, atol=1e-5)


def test_ink_outside_of_the_picture_is_nothing() -> None:
    assert coverage(np.array([[500.0, 500.0], [600.0, 500.0]]), 3.0, SHAPE) is None


def test_a_picture_of_twice_the_scale_has_the_same_ink() -> None:
    points = RNG.uniform([10, 10], [80, 50], size=(9, 2))
    means = []
    for scale in (1.0, 2.0, 5.0):
        picture = draw_picture((90, 60), scale, [(points, 4.0, "#000000")])
        assert picture.size == (90 * scale, 60 * scale)
        means.append(255 - np.asarray(picture).mean())
    np.testing.assert_allclose(means, means[0], rtol=0.02)


def test_later_strokes_cover_earlier_ones_and_the_paper_is_white() -> None:
    line = np.array([[0.0, 5.0], [10.0, 5.0]])
    strokes = [(line, 4.0, "#ff0000"), (line, 2.0, "#0000ff")]
    pixels = np.asarray(draw_picture((10, 10), 4.0, strokes))
    assert tuple(pixels[20, 20]) == (0, 0, 255) and tuple(pixels[26, 20]) == (255, 0, 0)
    assert tuple(pixels[2, 2]) == ImageColor.getrgb(PAPER_COLOUR)


def dark(text: Text) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a text's pixels."""
    picture = Picture(120, 40, 2.0)
    picture.write([text])
    return np.nonzero(picture.pixels.mean(axis=-1) < 128)


def test_words_stand_on_their_baseline_from_their_left_edge() -> None:
    rows, columns = dark(Text(10.0, 30.0, "HE", "#000000", 12.0))
    assert rows.max() + 1 == pytest.approx(60, abs=1) and columns.min() == pytest.approx(21, abs=3)
    assert 12 < np.ptp(rows) < 24
    larger, _ = dark(Text(10.0, 30.0, "HE", "#000000", 18.0))
    assert np.ptp(larger) > 1.3 * np.ptp(rows)


@pytest.mark.parametrize("words", ["\N{OPEN BOX}", "\N{BLACK LEFT-POINTING TRIANGLE}", "é", "Ж"])
def test_characters_that_the_font_lacks_have_ink(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(dark(Text(10.0, 30.0, words, "#000000", 14.0))[0]) > 0
    monkeypatch.setattr("handwriting.ink.drawing._larger_font", lambda size: None)
    assert len(dark(Text(10.0, 30.0, words, "#000000", 14.0))[0]) > 0


def test_svg_paths_have_every_point_that_differs_in_print() -> None:
    assert path_data(np.array([[0.0, 0.0], [0.00004, 0.0], [1.5, -2.25]])) == "M0 0L1.5 -2.25"
    assert path_data(np.array([[1.0, 2.0]])) == path_data(np.ones((3, 1)) * [1.0, 2.0])
    assert path_data(np.array([[1.0, 2.0]])) == "M1 2L1 2"
    assert path_data(np.array([[1.126, 0.0], [2.0, 0.0]]), decimals=2) == "M1.13 0L2 0"


def test_numbers_are_short() -> None:
    assert [number(value) for value in (1.0, -0.0001, 0.1239, -5.5)] == ["1", "0", "0.124", "-5.5"]
    assert number(0.126, 2) == "0.13"


def test_words_are_escaped_in_svg() -> None:
    element = ElementTree.fromstring(text_element(Text(1.0, 2.5, "a < b & c", "#123456", 9.0)))
    assert element.text == "a < b & c"
    assert (element.get("x"), element.get("y"), element.get("font-size")) == ("1", "2.5", "9")


def test_a_path_of_one_place_is_a_dot() -> None:
    assert is_dot(np.ones((4, 2))) and PenPath(np.zeros((1, 2)), "#000000").is_dot
    assert not PenPath(np.array([[0.0, 0.0], [0.0, 0.1]]), "#000000").is_dot


USING = """
import sys
from pathlib import Path
import importlib, pkgutil
import numpy as np
import handwriting
for module in pkgutil.walk_packages(handwriting.__path__, "handwriting."):
    importlib.import_module(module.name)
from handwriting.formats.page_files import write_pages
from handwriting.formats.registry import WRITTEN_FORMATS
from handwriting.ink.line import strokes_from_points
from handwriting.pages import AlignedLine, layout_pages
zigzag = np.stack([np.arange(60.0), 9.0 * (np.arange(60) % 2)], axis=1)
strokes = strokes_from_points([zigzag, zigzag[:1]])
line = AlignedLine(strokes, "abc", np.arange(61) // 21)
write_pages(layout_pages([line]).pages, Path(sys.argv[1]), WRITTEN_FORMATS)
print(sorted({"torch", "matplotlib"} & {name.partition(".")[0] for name in sys.modules}))
"""


def test_the_package_writes_every_format_without_torch_and_matplotlib(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", USING, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "[]"
