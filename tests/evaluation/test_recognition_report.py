"""The report is one file, says the numbers, and shows errors where they are."""

import csv
import html
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from evaluation.recognition_report import RateRow, ReportedLine, confusions_csv, report_html
from handwriting.text.error_rates import LABEL_SETS, confusions, count_errors
from utils.figures.sheet import Ink, Row, contact_sheet

PAIRS = [("the cat", "he cut"), ("<b> & co", "<b> & go"), ("same", "same")]
ABOUT = {"checkpoint": "run/<best>.pth", "epoch": 3, "split": "testset_v", "lines": 3}


def make_line(reference: str, reading: str, **others: str) -> ReportedLine:
    strokes = np.array([[0, 0, 0], [0, 4, 3], [1, 4, -3]], dtype=np.float32)
    confidences = np.linspace(0.2, 1.0, len(reading)).tolist()
    picture = contact_sheet([Row("", [Ink(strokes)])])
    return ReportedLine("a-1", "w<7>", reference, picture, reading, confidences, others)


def rates() -> list[RateRow]:
    return [
        RateRow(key, name, label_set.name, count_errors(PAIRS, label_set), 12.3)
        for key, name in (("greedy", "greedy"), ("beam", "beam 8"))
        for label_set in LABEL_SETS.values()
    ]


def make_report(lines: list[ReportedLine]) -> str:
    return report_html(ABOUT, rates(), "beam 8", confusions(PAIRS), [2, 1, 0], lines, lines)


class Balance(HTMLParser):
    """Checks that what is opened is closed."""

    VOID = {"meta", "rect"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def words_of(page: str) -> str:
    return html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", "", page, flags=re.DOTALL))


def test_it_needs_nothing_beside_it_and_is_well_formed() -> None:
    page = make_report([make_line(*pair) for pair in PAIRS])
    assert not re.search(r"\b(src|href)=|url\(|@import|<script", page)
    assert re.findall(r"https?://[^\"]*", page) == ["http://www.w3.org/2000/svg"] * 6
    balance = Balance()
    balance.feed(page)
    assert balance.open == []


def test_it_says_each_number_with_its_label_set() -> None:
    page = make_report([])
    words = words_of(page)
    for label_set in LABEL_SETS.values():
        assert label_set.title in words and label_set.description in words
        counts = count_errors(PAIRS, label_set)
        assert f"{100 * counts.cer:.2f}" in words and f"{100 * counts.wer:.2f}" in words
    assert "beam 8" in words and "run/<best>.pth" in words and "None." in words
    assert "<best>" not in page


def test_texts_are_escaped_and_aligned_with_gaps() -> None:
    page = make_report([make_line("<b> the cat", "<b> he cut")])
    rows = re.findall(r'<table class="texts">(.*?)</table>', page, flags=re.DOTALL)
    cells = [words_of(cell) for cell in re.findall(r"<td>(.*?)</td>", rows[0])]
    assert cells == ["<b> the cat", "<b> \N{MIDDLE DOT}he cut"]
    assert '<span class="missed">a</span>' in rows[0]
    assert re.search(r'<span class="wrong"[^>]*>u</span>', rows[0])
    assert "w&lt;7&gt;" in page and "<b>" not in rows[0]


def test_shades_are_darker_where_confidence_is_less() -> None:
    page = make_report([make_line("abc", "abc")])
    shades = re.findall(r"rgba\(247,144,9,([\d.]+)\)\" title=\"confidence", page)
    assert [float(shade) for shade in shades[-2:]] == [0.6, 0.3]  # of 0.2 and 0.6; none of 1


def test_other_readings_are_shown_where_they_differ() -> None:
    line = make_line("cat", "cat", greedy="cut")
    same = make_line("cat", "cat", greedy="cat")
    for reported, rows in ((line, 3), (same, 2)):
        page = make_report([reported])
        table = re.search(r'<table class="texts">(.*?)</table>', page, flags=re.DOTALL)[1]
        assert table.count("<tr>") == rows


@pytest.mark.parametrize(("reference", "reading"), [("", ""), ("", "ab"), ("ab", "")])
def test_nothing_written_or_nothing_read(reference: str, reading: str) -> None:
    page = make_report([make_line(reference, reading)])
    assert "nan" not in words_of(page)


def test_confusions_are_a_table() -> None:
    rows = list(csv.DictReader(io.StringIO(confusions_csv(confusions([("a,b", 'a"c')])))))
    assert [(row["written"], row["read"], row["count"]) for row in rows] == [
        (",", '"', "1"),
        ("b", "c", "1"),
    ]
