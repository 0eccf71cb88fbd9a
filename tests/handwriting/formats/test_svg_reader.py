"""Pen strokes from SVG."""

import numpy as np
import pytest

from handwriting.formats.svg_reader import SvgLine, read_svg
from handwriting.formats.xml_safe import BadXml


def svg(inside: str, attributes: str = "") -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'.encode()


def strokes(inside: str) -> list[list[list[float]]]:
    (line,) = read_svg(svg(inside))
    assert line.text == ""
    return [stroke.round(6).tolist() for stroke in line.strokes]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ('<path d="M1 2L3 4 5 6m1 1h2v-1"/>', [[[1, 2], [3, 4], [5, 6]], [[6, 7], [8, 7], [8, 6]]]),
        ('<path d="M0 0L1 0L1 1z"/>', [[[0, 0], [1, 0], [1, 1], [0, 0]]]),
        ('<path d="M5 6L5 6"/>', [[[5, 6], [5, 6]]]),
        ('<polyline points="1,2 3,4"/>', [[[1, 2], [3, 4]]]),
        ('<polygon points="0 0 1 0 1 1"/>', [[[0, 0], [1, 0], [1, 1], [0, 0]]]),
        ('<line x1="1" y1="2px" x2="3"/>', [[[1, 2], [3, 0]]]),
        ('<circle cx="4" cy="5" r="1"/>', [[[4, 5], [4, 5]]]),
        ('<path d="M0 0A0 0 0 0 1 2 2"/>', [[[0, 0], [2, 2]]]),
        ('<path d="M1 1"/><path d=""/><path/><polyline points=""/>', []),
        ('<rect width="9" height="9"/><text>M0 0L1 1</text>', []),
    ],
)
def test_shapes(inside: str, expected: list) -> None:
    assert strokes(inside) == expected


def test_transforms_are_applied_from_the_inside_out() -> None:
    inside = '<path transform="scale(2)" d="M1 1L2 3"/>'
    assert strokes(f'<g transform="translate(10, 0) rotate(90)">{inside}</g>') == [[[8, 2], [4, 4]]]
    assert strokes('<path transform="matrix(1 2 3 4 5 6)" d="M1 0L0 1"/>') == [[[6, 8], [8, 10]]]


@pytest.mark.parametrize(
    ("data", "curve"),
    [
        ("M0 0C0 4 8 4 8 0", lambda t: (24 * t**2 * (1 - t) + 8 * t**3, 12 * t * (1 - t))),
        ("M0 0Q4 8 8 0", lambda t: (8 * t, 16 * t * (1 - t))),
        ("M1 0A1 1 0 0 1 -1 0", lambda t: (np.cos(np.pi * t), np.sin(np.pi * t))),
    ],
)
def test_curves_are_followed(data: str, curve) -> None:
    """No point of the curve is far from the chords that stand for it."""
    (line,) = read_svg(svg(f'<path d="{data}"/>'))
    (points,) = line.strokes
    size = np.ptp(points, axis=0).max()
    assert 4 <= len(points) <= 40
    wanted = np.stack(curve(np.linspace(0, 1, 200)), axis=1)
    starts, steps = points[:-1], np.diff(points, axis=0)
    along = np.einsum("tkd,kd->tk", wanted[:, None] - starts, steps) / np.square(steps).sum(axis=1)
    nearest = starts + np.clip(along, 0, 1)[..., None] * steps
    away = np.hypot(*(wanted[:, None] - nearest).transpose(2, 0, 1)).min(axis=1)
    assert away.max() < 0.012 * size


def test_a_straight_curve_is_one_chord() -> None:
    assert strokes('<path d="M0 0C1 1 2 2 3 3"/>') == [[[0, 0], [3, 3]]]


def test_pieces_of_a_stroke_are_joined() -> None:
    pieces = '<path d="M0 0L1 1"/><path d="M1 1L2 0"/><path d="M2.1 0L3 0"/>'
    assert strokes(pieces) == [[[0, 0], [1, 1], [2, 0]], [[2.1, 0], [3, 0]]]


def test_what_is_not_drawn_is_no_ink() -> None:
    path = '<path d="M0 0L1 1"/>'
    for around in (
        "<defs>{}</defs>",
        '<g display="none">{}</g>',
        '<g style="display: none">{}</g>',
        '<g visibility="hidden">{}</g>',
        '<g id="rules">{}</g>',
    ):
        assert strokes(around.format(path)) == []


def test_a_page_of_ours_has_its_lines() -> None:
    rules = '<g id="rules"><path d="M0 25H210"/></g>'
    lines = '<g><title>to be</title><path d="M0 0L1 1"/></g><g><title>or</title></g>'
    found = read_svg(svg(f'{rules}<g transform="scale(2)"><g id="ink">{lines}</g></g>'))
    assert [(line.text, len(line.strokes)) for line in found] == [("to be", 1), ("or", 0)]
    assert isinstance(found[0], SvgLine) and found[0].strokes[0].tolist() == [[0, 0], [2, 2]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "malformed"),
        (b"<svg>", "line 1: malformed"),
        (b"<html/>", "line 1: the root is <html>, not <svg>"),
        (svg('\n<path d="M0 0L1"/>'), r"line 2: path cannot be read, got 'M0 0L1'"),
        (svg('<path d="L1 1 hello"/>'), "path cannot be read"),
        (svg('<g transform="rotate(a)"><path d="M0 0L1 1"/></g>'), "transform cannot be read"),
        (svg('<line x2="5%"/>'), "x2 must be a number, got '5%'"),
        (
            b'<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>',
            "a DOCTYPE with declarations is not allowed",
        ),
    ],
)
def test_what_is_wrong_is_named(data: bytes, message: str) -> None:
    with pytest.raises(BadXml, match=message):
        read_svg(data)


def test_arcs_are_followed() -> None:
    """A circle in halves, an ellipse that is turned, and one too small, which SVG enlarges."""
    (circle,) = read_svg(b'<svg><path d="M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0"/></svg>')
    (points,) = circle.strokes
    assert np.allclose(np.hypot(*points.T), 5) and len(points) < 40
    middles = (points[1:] + points[:-1]) / 2
    assert (np.hypot(*middles.T) > 4.9).all()
    (ellipse,) = read_svg(b'<svg><path d="M3 0A3 1 0 0 1 0 1A3 1 0 0 1-3 0"/></svg>')
    x, y = ellipse.strokes[0].T
    assert np.allclose((x / 3) ** 2 + y**2, 1)
    (small,) = read_svg(b'<svg><path d="M0 0A1 1 0 0 1 8 0"/></svg>')
    assert np.allclose(np.hypot(*(small.strokes[0] - [4, 0]).T), 4)
