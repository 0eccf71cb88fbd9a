"""Texts from files do nothing where they are shown."""

from xml.etree import ElementTree

import numpy as np
import pytest

from handwriting.formats.gcode_writer import write_gcode
from handwriting.formats.inkml_writer import write_inkml
from handwriting.formats.svg_writer import page_svg
from handwriting.ink.drawing import Text, text_element
from handwriting.pages.options import WriteOptions
from handwriting.pages.page import Page, PageLine
from handwriting.quoting import MOST_OF_LINE, error_lines, spreadsheet_cell, terminal_text
from utils.report import csv_text

HOSTILE = "a\x1b[2J\x07\r\nM3 S0 <b> & \x9b31m\u202e\x00\ud800 é"


def test_a_terminal_shows_text_and_obeys_none() -> None:
    shown = terminal_text(HOSTILE)
    assert shown == "a\\x1b[2J\\x07\\r\nM3 S0 <b> & \\x9b31m\\u202e\\x00\\ud800 é"
    for kept in ("نه\u200cخیر", "a\tb\n", "日本語", "\u00a0"):
        assert terminal_text(kept) == kept


def test_lines_of_errors_are_short_and_printable() -> None:
    lines = error_lines("a: b\n" + "x" * 5000 + "\x1b").split("\n")
    assert lines[0] == "a: b" and len(lines) == 2
    assert lines[1].isprintable() and len(lines[1]) <= MOST_OF_LINE and lines[1].endswith("\\x1b")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|'/c calc'!A0", "'+cmd|'/c calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("-5", "-5"),
        ("+1.5e3", "+1.5e3"),
        ("a=b", "a=b"),
        ("-", "-"),
        ("", ""),
        (-5, -5),
    ],
)
def test_cells_that_a_spreadsheet_would_run(text: object, cell: object) -> None:
    assert spreadsheet_cell(text) == cell


def test_csv_is_made_of_such_cells() -> None:
    assert csv_text([("id", "text"), (1, "=A1"), (-2.5, 'a "b", c')]) == (
        'id,text\n1,\'=A1\n-2.5,"a ""b"", c"\n'
    )


@pytest.fixture
def page() -> Page:
    line = PageLine(HOSTILE, 20.0, (np.array([[1.0, 2.0], [3.0, 4.0]]),))
    return Page(width=60.0, height=40.0, pen_width=0.4, lines=(line,), rules=())


def test_documents_stay_xml_and_programs_keep_their_lines(page: Page, tmp_path) -> None:
    title = next(ElementTree.fromstring(page_svg(page)).iter("{http://www.w3.org/2000/svg}title"))
    assert title.text.startswith("a\ufffd[2J\ufffd") and title.text.endswith("\ufffd\ufffd é")
    write_inkml(page, tmp_path / "a.inkml", WriteOptions())
    ElementTree.parse(tmp_path / "a.inkml")
    ElementTree.fromstring(text_element(Text(0.0, 0.0, HOSTILE)))
    write_gcode(page, tmp_path / "a.gcode", WriteOptions())
    lines = (tmp_path / "a.gcode").read_text().splitlines()
    assert [line for line in lines if "M3 S0 <b>" in line and not line.startswith(";")] == []
