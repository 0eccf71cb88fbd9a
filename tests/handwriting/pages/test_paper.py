"""Sizes of paper, and pages cut to their ink."""

import numpy as np
import pytest

from handwriting.errors import UserError
from handwriting.pages import Page, PageLine, PageOptions, paper_size
from handwriting.pages.crop import cropped
from handwriting.pages.paper import check_page, line_spacing, of_size, x_height


@pytest.mark.parametrize(
    ("text", "landscape", "size"),
    [
        ("a4", False, (210.0, 297.0)),
        ("A5", True, (210.0, 148.0)),
        ("letter", False, (215.9, 279.4)),
        ("card", False, (148.0, 105.0)),
        ("90x55", False, (90.0, 55.0)),
        ("55.5 × 90 mm", True, (90.0, 55.5)),
    ],
)
def test_papers(text: str, landscape: bool, size: tuple[float, float]) -> None:
    assert paper_size(text, landscape) == size


@pytest.mark.parametrize("text", ["a9", "", "90", "90x", "-1x5", "0x5", "9e9x5", "2000x5", "nanx5"])
def test_what_is_no_paper(text: str) -> None:
    with pytest.raises(UserError, match="^page: ") as fault:
        paper_size(text)
    assert "\n" not in str(fault.value)


def test_spacing_follows_the_x_height_where_it_is_not_given() -> None:
    assert line_spacing(PageOptions()) == 10.0
    assert line_spacing(PageOptions(x_height=5.4)) == pytest.approx(20.0)
    assert line_spacing(PageOptions(x_height=5.4, line_spacing=12.0)) == 12.0
    larger = of_size(PageOptions(x_height=2.0, line_spacing=9.0), 4.0)
    assert (x_height(larger), line_spacing(larger)) == (4.0, 18.0)


def test_a_margin_that_leaves_nothing_is_named() -> None:
    with pytest.raises(UserError, match="margin: must leave room on a page of 40 x 40 mm"):
        check_page(PageOptions(page_width=40, page_height=40, margin=20, fit=True))


def test_a_page_is_cut_to_its_ink() -> None:
    line = PageLine("a", 50.0, (np.array([[30.0, 45.0], [40.0, 50.0]]),))
    page = Page(100.0, 200.0, 0.5, (line,), (10.0, 50.0, 100.0))
    cut = cropped(page, 2.0)
    assert (cut.width, cut.height) == (15.0, 10.0)
    assert np.allclose(cut.lines[0].strokes[0], [[2.5, 2.5], [12.5, 7.5]])
    assert (cut.lines[0].baseline, cut.rules) == (7.5, (7.5,))
    at_edge = cropped(page, 500.0)
    assert (at_edge.width, at_edge.height) == (100.0, 200.0)
    empty = Page(100.0, 200.0, 0.5, (), ())
    assert cropped(empty, 2.0) is empty
