import sys
import tracemalloc

import numpy as np
import pytest

from handwriting.errors import UserError
from handwriting.pages import AlignedLine, PageOptions, layout_pages

OPTIONS = PageOptions(
    page_width=120.0, page_height=200.0, margin=10.0, line_spacing=10.0, x_height=2.0
)
TEXT = "some men came home and sang no more songs as once was common on summer evenings"


def _texts(layout):
    return [[line.text for line in page.lines] for page in layout.pages]


def _sides(line):
    x = np.concatenate([stroke[:, 0] for stroke in line.strokes])
    return x.min(), x.max()


def _replaced(**changes):
    return PageOptions(**{**vars(OPTIONS), **changes})


def _word_widths(words, x_height):
    # A letter of the plain hand takes one x-height, its ink from 0.1 to 0.7 of it.
    return [(len(word) - 0.4) * x_height for word in words]


@pytest.mark.parametrize("page_width", [48.0, 61.5, 75.3, 100.0, 230.0])
def test_words_wrap_at_the_width_of_their_ink(write, page_width):
    words = TEXT.split()
    rows, width = [], np.inf
    gap = 2.1 * 2.0  # a space of 1.7, and what letters leave empty of theirs
    for word, ink in zip(words, _word_widths(words, 2.0), strict=True):
        if width + gap + ink > page_width - 20.0 + 1e-3:
            rows.append([])
            width = -gap
        rows[-1].append(word)
        width += gap + ink
    layout = layout_pages([write(TEXT)], _replaced(page_width=page_width))
    assert _texts(layout) == [[" ".join(row) for row in rows]]
    assert layout.warnings == ()


def test_a_word_that_just_fits_stays_on_its_line(write):
    # Three words of four letters and two gaps.
    width = 3 * 3.6 * 2.0 + 2 * 2.1 * 2.0
    fits, lacks = (
        layout_pages([write("some more name")], _replaced(page_width=20.0 + width + slack))
        for slack in (0.01, -0.01)
    )
    assert _texts(fits) == [["some more name"]]
    assert _texts(lacks) == [["some more", "name"]]


def test_pieces_join_with_the_gap_of_the_ink(write):
    whole = layout_pages([write("some men came home")], OPTIONS)
    parts = layout_pages([write("some men"), write("came home", size=30.0)], OPTIONS)
    assert _texts(parts) == _texts(whole)
    for a, b in zip(whole.pages[0].strokes(), parts.pages[0].strokes(), strict=True):
        assert np.allclose(a, b, atol=0.02)


@pytest.mark.parametrize(("align", "part"), [("left", 0.0), ("center", 0.5), ("right", 1.0)])
def test_alignment(write, align, part):
    layout = layout_pages([write(TEXT)], _replaced(align=align, page_width=80.0))
    lines = layout.pages[0].lines
    assert len(lines) == 3
    places = [(1 - part) * left + part * right for left, right in map(_sides, lines)]
    assert np.allclose(places, 10.0 + part * 60.0)


def test_lines_sit_on_their_baselines_one_spacing_apart(write):
    pieces = [write("some men came home", angle=0.1), write("and sang no more", angle=-0.07)]
    layout = layout_pages(pieces, _replaced(page_width=50.0, line_spacing=12.0))
    lines = layout.pages[0].lines
    assert np.allclose(np.diff([line.baseline for line in lines]), 12.0)
    for line in lines:
        bottoms = np.array([stroke[:, 1].max() for stroke in line.strokes if "g" not in line.text])
        assert np.allclose(bottoms, line.baseline, atol=0.05)


def test_one_size_runs_through_the_page(write):
    pieces = [write(TEXT, size=size) for size in (25.0, 30.0, 33.0)]
    layout = layout_pages(pieces, _replaced(page_width=300.0))
    heights = [
        np.median([line.baseline - stroke[:, 1].min() for stroke in line.strokes])
        for line in layout.pages[0].lines
    ]
    assert np.allclose(heights, 2.0, rtol=0.03)


def test_newlines_start_lines_and_leave_empty_ones(write):
    layout = layout_pages([write("some men\n"), write("came\n\nhome\n"), write("now")], OPTIONS)
    assert _texts(layout) == [["some men", "came", "home", "now"]]
    baselines = np.array([line.baseline for line in layout.pages[0].lines])
    assert np.allclose(np.diff(baselines), [10.0, 20.0, 10.0])


def test_a_piece_of_newlines_only(write):
    layout = layout_pages([write("some"), write("\n\n"), write("men")], OPTIONS)
    assert np.isclose(np.diff([line.baseline for line in layout.pages[0].lines])[0], 20.0)


def test_pages_take_the_lines_they_are_given(write):
    words = "one two six ten\n".replace(" ", "\n")
    layout = layout_pages([write(words * 2)], _replaced(page_height=None, lines_per_page=3))
    assert [len(texts) for texts in _texts(layout)] == [3, 3, 2]
    assert {page.height for page in layout.pages} == {3 * 10.0 + 2 * 10.0}
    assert len({page.lines[0].baseline for page in layout.pages}) == 1


def test_pages_without_a_number_of_lines_take_what_fits(write):
    layout = layout_pages([write("no\n" * 20)], _replaced(page_height=85.0))
    assert [len(texts) for texts in _texts(layout)] == [6, 6, 6, 2]


def test_no_page_begins_with_empty_lines(write):
    layout = layout_pages([write("one\ntwo\n\n\n\nsix")], _replaced(lines_per_page=2))
    assert _texts(layout) == [["one", "two"], ["six"]]
    assert layout.pages[1].lines[0].baseline == layout.pages[0].lines[0].baseline


def test_ruled_pages_have_a_line_under_each_line_of_writing(write):
    plain = layout_pages([write("one\ntwo")], OPTIONS).pages[0]
    ruled = layout_pages([write("one\ntwo")], _replaced(ruled=True)).pages[0]
    assert plain.rules == ()
    assert len(ruled.rules) > 10
    assert {line.baseline for line in ruled.lines} <= set(ruled.rules)


def test_a_page_may_end_after_its_last_line(write):
    page = layout_pages([write("one\n\nsix")], _replaced(fit_height=True, ruled=True)).pages[0]
    assert page.height == 3 * 10.0 + 2 * 10.0
    assert len(page.rules) == 3


def test_a_word_wider_than_the_page_is_split_between_characters(write):
    layout = layout_pages([write("no summersummersummer can")], _replaced(page_width=40.0))
    assert _texts(layout) == [["no", "summersumm", "ersummer", "can"]]
    assert layout.warnings == ("'summersummersummer' is wider than the page and was split",)
    assert sum(len(line.strokes) for line in layout.pages[0].lines) == 23
    for line in layout.pages[0].lines:
        assert _sides(line)[1] <= 30.0 + 1e-5


def test_a_character_wider_than_the_page_is_made_smaller(write):
    line = write("an m can")
    strokes = line.strokes.copy()
    strokes[line.character_of_step == 3, 1] *= 100.0
    layout = layout_pages([AlignedLine(strokes, line.text, line.character_of_step)], OPTIONS)
    assert [line.text for line in layout.pages[0].lines] == ["an", "m", "can"]
    assert np.ptp(_sides(layout.pages[0].lines[1])) == pytest.approx(100.0)
    assert layout.warnings == ("'m' is wider than the page and was split",)


@pytest.mark.parametrize("margin", [10.0, 0.0])
def test_ink_that_leaves_its_line_is_held_back_and_stays_on_the_paper(write, margin):
    line = write("some men came home")
    strokes = line.strokes.copy()
    strokes[:, 2] += np.where(np.arange(len(strokes)) == 40, 3000.0, 0.0)
    strokes[:, 2] -= np.where(np.arange(len(strokes)) == 44, 3000.0, 0.0)
    page, warnings = _only(
        layout_pages(
            [AlignedLine(strokes, line.text, line.character_of_step)], _replaced(margin=margin)
        )
    )
    expected = ["'some' left its line and was held back"]
    if margin == 0:
        expected.append("'some' reaches beyond the paper and was cut to its edge")
    assert list(warnings) == expected
    points = np.concatenate(list(page.strokes()))
    assert (points[:, 1] > page.lines[0].baseline - OPTIONS.line_spacing).all()
    assert (points >= 0.0).all() and (points <= [page.width, page.height]).all()


def _only(layout):
    (page,) = layout.pages
    return page, layout.warnings


def test_words_without_ink_are_reported(write):
    line = write("some men sang")
    characters = np.where(line.character_of_step >= 9, 5, line.character_of_step)
    layout = layout_pages([AlignedLine(line.strokes, line.text, characters)], OPTIONS)
    assert layout.warnings == ("no ink was written for 'sang'",)


def test_dots_stay_dots_and_no_stroke_is_lost(write):
    text = "it is in. a hit. it sits in it. "
    layout = layout_pages([write(text.strip(), late_by=1)] * 4, OPTIONS)
    strokes = list(layout.pages[0].strokes())
    dots = [stroke for stroke in strokes if len(stroke) == 1]
    assert len(dots) == 4 * (text.count("i") + text.count("."))
    assert len(strokes) == 4 * sum(1 + (c in "it") for c in text.replace(" ", ""))


@pytest.mark.parametrize("written", [[], ["\n"]])
def test_nothing_written_is_an_empty_page(write, written):
    page, warnings = _only(layout_pages([write(text) for text in written], OPTIONS))
    assert (page.lines, warnings) == ((), ())


def _work(pieces):
    """Calls that are made while pieces are laid out, and bytes held at most: no machine's speed."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(count)
    layout = layout_pages(pieces, OPTIONS)
    sys.setprofile(None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(len(text.split()) for texts in _texts(layout) for text in texts) == 8 * len(pieces)
    return np.array([calls, peak])


def test_the_work_grows_with_the_number_of_words_and_not_with_its_square(write):
    pieces = [write("it is in a man to go home") for _ in range(30)]
    _work(pieces[:6])  # with what is made once
    few, many = _work(pieces[:6]), _work(pieces)
    # A share that is there anyway and one for each word: five times the words, less than five times
    # the work.
    assert (many < 1.02 * 5 * few).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"page_width": -3.0}, r"^page_width: should be greater than or equal to 1, got -3.0$"),
        ({"lines_per_page": 0}, r"lines_per_page: should be greater than or equal to 1, got 0"),
        ({"align": "middle"}, r"align: should be 'left', 'center' or 'right', got 'middle'"),
        ({"page_width": 22.0}, r"page_width: must leave room .* got 22 mm with a margin of 10 mm"),
        (
            {"page_height": 60.0, "lines_per_page": 9},
            r"page_height: must be at least 110 mm for 9 lines .*, got 60 mm",
        ),
        (
            {"line_spacing": float("inf")},
            r"line_spacing: should be less than or equal to 500, got inf",
        ),
    ],
)
def test_options_out_of_range_are_named(write, changes, message):
    with pytest.raises(UserError, match=message):
        layout_pages([write("some")], _replaced(**changes))


def test_indents_and_tabs(write):
    page, _ = _only(layout_pages([write("    some men"), write("\tcame\n  home")], OPTIONS))
    first, second = page.lines
    assert _sides(first)[0] == pytest.approx(10.0 + 4 * 2.0, abs=0.01)
    assert _sides(second)[0] == pytest.approx(10.0 + 2 * 2.0, abs=0.01)
    # The next stop after "some men" is at 36 mm: stops are 6 x-heights apart.
    came = min(stroke[:, 0].min() for stroke in first.strokes[-4:])
    assert (came - 10.0) % 12.0 == pytest.approx(0.0, abs=0.01) and came > 30


def test_a_line_that_wraps_is_not_indented_again(write):
    layout = layout_pages([write("   " + TEXT)], _replaced(page_width=80.0))
    lefts = [_sides(line)[0] for line in layout.pages[0].lines]
    assert lefts[0] == pytest.approx(16.0, abs=0.01)
    assert np.allclose(lefts[1:], 10.0)


def test_each_word_is_level_on_its_own(write):
    line = write("some men came home")
    strokes = line.strokes.copy()
    start = np.flatnonzero(line.character_of_step == 9)[0]
    stop = np.flatnonzero(line.character_of_step == 14)[0]
    strokes[start, 2] += 20.0
    strokes[stop, 2] -= 20.0
    layout = layout_pages([AlignedLine(strokes, line.text, line.character_of_step)], OPTIONS)
    (row,) = layout.pages[0].lines
    bottoms = np.array([stroke[:, 1].max() for stroke in row.strokes])
    # 20 units are two thirds of an x-height, of 2 mm; the least steep word is 0.1 off.
    assert np.abs(bottoms - row.baseline).max() < 0.25


def test_words_are_hyphenated_where_they_may_be(write):
    pytest.importorskip("pyphen")
    text = "no summer remembers another evening"
    options = _replaced(page_width=52.0, hyphenate="en_GB")
    layout = layout_pages([write(text)], options)
    lines = [line.text for line in layout.pages[0].lines]
    assert any(line.endswith("-") for line in lines)
    joined = " ".join(lines).replace("- ", "")
    assert joined == text
    for line in layout.pages[0].lines:
        assert _sides(line)[1] <= 42.0 + 1e-5
    plain = layout_pages([write(text)], _replaced(page_width=52.0))
    assert len(plain.pages[0].lines) >= len(lines)


def test_a_language_without_rules_is_named(write):
    pytest.importorskip("pyphen")
    with pytest.raises(UserError, match="^hyphenate: no rules for 'xx'; there are rules for .*en"):
        layout_pages([write("some")], _replaced(hyphenate="xx"))


@pytest.mark.parametrize("size", [(60.0, 40.0), (150.0, 50.0), (40.0, 120.0)])
def test_a_text_is_as_large_as_fits_on_the_page(write, size):
    options = PageOptions(page_width=size[0], page_height=size[1], margin=4.0, fit=True)
    layout = layout_pages([write(TEXT)], options)
    page, warnings = _only(layout)
    assert (page.width, page.height, warnings) == (*size, ())
    assert " ".join(line.text for line in page.lines) == TEXT
    points = np.concatenate(list(page.strokes()))
    assert (points >= 0).all() and (points <= size).all()
    height = page.pen_width / 0.16
    spacing = height / 0.27
    rows = int((size[1] - 8) / spacing + 1e-6)
    assert rows - len(page.lines) <= 1
    # A tenth larger, it would not fit.
    larger = PageOptions(page_width=size[0], page_height=size[1], margin=4.0, x_height=1.1 * height)
    try:
        found = layout_pages([write(TEXT)], larger)
    except UserError:
        return
    assert len(found.pages) > 1 or found.warnings


def test_a_text_that_fits_no_page_is_an_error(write):
    options = PageOptions(page_width=10.0, page_height=10.0, margin=4.0, fit=True)
    with pytest.raises(UserError, match="^fit: the text is too long for one page of 10 x 10 mm"):
        layout_pages([write(TEXT)], options)


def test_drift_moves_lines_a_little_and_the_same_way_for_a_seed(write):
    pages = [
        _only(layout_pages([write(TEXT)], _replaced(drift=drift, seed=seed, page_width=90.0)))[0]
        for drift, seed in ((0.0, 1), (1.0, 1), (1.0, 1), (1.0, 2))
    ]
    plain, drifted, again, other = (np.concatenate(list(page.strokes())) for page in pages)
    assert 0.05 < np.abs(drifted - plain).max() < 4.0
    assert np.array_equal(drifted, again) and not np.array_equal(drifted, other)


def test_pens_follow_the_characters_of_the_text(write):
    text = "some men\ncame"
    pens = [0] * 4 + [1] * 3 + [2] * 4
    options = _replaced(pens=("#000000", "#ff0000", "#0000ff"))
    page, _ = _only(layout_pages([write("some men\n"), write("came")], options, pens))
    assert page.pens == options.pens
    assert page.lines[0].pens == (0,) * 4 + (1,) * 3
    assert page.lines[1].pens == (2,) * 4
    assert text.split("\n") == [line.text for line in page.lines]
