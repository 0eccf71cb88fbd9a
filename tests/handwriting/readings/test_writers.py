"""Results in every format, opened by other programs where there are some."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from read_pages import read_document

from handwriting.errors import UserError
from handwriting.formats.ink_file import document_in_file
from handwriting.readings.page_ink import pages_in_file
from handwriting.readings.paper import MARGIN, Paper
from handwriting.readings.registry import (
    FORMATS,
    as_text,
    parse_result_formats,
    write_result,
)
from handwriting.readings.result import ReadDocument, ReadPage

XHTML = "{http://www.w3.org/1999/xhtml}"
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
SPECIAL = ('"a" & <b>', "l'été", "* 1. # x_y")


def text_of(name: str, document: ReadDocument) -> str:
    (entry,) = parse_result_formats(name)
    return as_text(entry, document)


def test_plain_text_has_a_line_for_each_line_and_no_struck_out_words() -> None:
    document = read_document(("to bee be", "or not"), struck=("bee",))
    assert text_of("txt", document) == "to be\nor not\n"
    two = ReadDocument(document.pages * 2)
    assert text_of("txt", two) == "to be\nor not\n\fto be\nor not\n"


@pytest.mark.skipif(importlib.util.find_spec("markdown") is None, reason="no package markdown")
def test_markdown_reads_as_the_text() -> None:
    import markdown

    document = read_document((*SPECIAL, "- a", "1. b", "2) c", "+ d", "a `b` *c* [d](e)"))
    shown = markdown.markdown(text_of("md", document))
    plain = ElementTree.fromstring(f"<p>{shown}</p>")
    lines = "".join(plain.itertext()).replace("\\\n", "\n").split("\n")
    # Markdown's first edition does not know a line's end by a backslash.
    assert [line.removesuffix("\\") for line in lines] == [
        *SPECIAL, "- a", "1. b", "2) c", "+ d", "a `b` *c* [d](e)"
    ]  # fmt: skip


def test_markdown_strikes_out() -> None:
    document = read_document(("to bee be",), struck=("bee",))
    assert text_of("md", document) == "to ~~bee~~ be\n"


def test_json_has_each_part_with_its_place() -> None:
    document = read_document(SPECIAL)
    values = json.loads(text_of("json", document))
    assert (values["format"], values["version"]) == ("handwriting-reading", 2)
    (page,) = values["pages"]
    lines = page["blocks"][0]["lines"]
    assert tuple(line["text"] for line in lines) == SPECIAL
    word = lines[0]["words"][0]
    assert word["strokes"] == [0] and word["characters"][1]["strokes"] == [[0, 2, 5]]
    assert [each["text"] for each in word["characters"]] == list('"a"')
    left, bottom, right, top = word["box"]
    assert (left, bottom, right - left, top - bottom) == (0, 0, 12, 10)
    assert page["others"][0]["kind"] == "drawing"


def sides(title: str) -> list[int]:
    found = re.search(r"bbox (\d+) (\d+) (\d+) (\d+)", title)
    assert found is not None
    return [int(side) for side in found.groups()]


def inside(inner: list[int], outer: list[int]) -> bool:
    return (
        inner[0] >= outer[0]
        and inner[1] >= outer[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )


def test_hocr_nests_boxes_and_says_all_words() -> None:
    document = read_document(SPECIAL, struck=("été",), source='a;"b".svg')
    root = ElementTree.fromstring(text_of("hocr", document))
    page = next(each for each in root.iter(f"{XHTML}div") if each.get("class") == "ocr_page")
    lines = [each for each in page.iter(f"{XHTML}span") if each.get("class") == "ocr_line"]
    assert ["".join(line.itertext()) for line in lines] == list(SPECIAL)
    for line in lines:
        box = sides(line.get("title", ""))
        assert inside(box, sides(page.get("title", "")))
        words = [each for each in line if each.get("class") == "ocrx_word"]
        assert all(inside(sides(word.get("title", "")), box) for word in words)
        assert all("x_wconf 85" in word.get("title", "") for word in words)
        assert re.search(r"baseline 0\.0000 (0|-1)(;|$)", line.get("title", ""))
    assert len(list(root.iter(f"{XHTML}del"))) == sum(
        word.struck_out for line in document.lines() for word in line.words
    )
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(set(ids)) == len(ids)


def test_alto_has_the_order_and_the_attributes_of_its_schema() -> None:
    document = read_document(SPECIAL, struck=("&",))
    root = ElementTree.fromstring(text_of("alto", document))
    assert [each.tag for each in root] == [f"{ALTO}Description", f"{ALTO}Layout"]
    strings = list(root.iter(f"{ALTO}String"))
    assert [each.get("CONTENT") for each in strings] == [
        word for text in SPECIAL for word in text.split()
    ]
    for string in strings:
        tags = [each.tag.removeprefix(ALTO) for each in string]
        assert tags == sorted(tags, key=["ALTERNATIVE", "Glyph"].index)
        glyphs = "".join(each.get("CONTENT", "") for each in string.iter(f"{ALTO}Glyph"))
        assert glyphs == string.get("CONTENT")
        assert (string.get("STYLE") == "strikethrough") == (string.get("CONTENT") == "&")
        assert 0 <= float(string.get("WC", "nan")) <= 1
    for line in root.iter(f"{ALTO}TextLine"):
        assert re.fullmatch(r"[\d.]+,[\d.]+ [\d.]+,[\d.]+", line.get("BASELINE", ""))
    ids = [each.get("ID") for each in root.iter() if each.get("ID")]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[A-Za-z_][\w.-]*", i) for i in ids if i)
    (drawing,) = root.iter(f"{ALTO}Illustration")
    assert drawing.get("TYPE") == "drawing"


def test_alto_keeps_to_its_schema() -> None:
    schema = os.environ.get("HANDWRITING_ALTO_SCHEMA")
    if not schema or importlib.util.find_spec("lxml") is None:
        pytest.skip("needs lxml, and HANDWRITING_ALTO_SCHEMA naming alto-4-4.xsd")
    from lxml import etree

    text = text_of("alto", read_document(SPECIAL, struck=("&",)))
    etree.XMLSchema(file=schema).assertValid(etree.fromstring(text.encode()))


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    pytest.importorskip("fpdf", reason="no package fpdf2")
    path = tmp_path / "page.pdf"
    (entry,) = parse_result_formats("pdf")
    write_result(entry, read_document((*SPECIAL, "\N{GREEK SMALL LETTER PI}r")), path)
    return path


def shown_by_pdftotext(path: Path, *options: str) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext on this machine (package poppler-utils)")
    command = ["pdftotext", *options, str(path), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_pdftotext_finds_the_words_of_a_pdf(pdf: Path) -> None:
    found = shown_by_pdftotext(pdf).split()
    assert found == [word for text in SPECIAL for word in text.split()] + [
        "\N{GREEK SMALL LETTER PI}r"
    ]


def test_words_of_a_pdf_lie_on_their_ink(pdf: Path) -> None:
    document = read_document((*SPECIAL, "\N{GREEK SMALL LETTER PI}r"))
    paper = Paper.of(document.pages[0])
    text = shown_by_pdftotext(pdf, "-bbox")
    boxes = [
        tuple(float(side) * 25.4 / 72 for side in sides)
        for sides in re.findall(
            r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">', text
        )
    ]
    words = [word for line in document.lines() for word in line.words]
    assert len(boxes) == len(words)
    for (left, top, right, bottom), word in zip(boxes, words, strict=True):
        assert word.box is not None
        ink_left, ink_top, ink_right, ink_bottom = paper.sides(word.box)
        assert abs(left - ink_left) < 0.5 and abs(right - ink_right) < 0.5
        assert top < ink_bottom and bottom > ink_top  # the same rows


def test_a_page_without_ink_is_written() -> None:
    document = ReadDocument((ReadPage((), ()),), "empty.ink")
    for entry in FORMATS:
        if entry.text:
            as_text(entry, document)


def test_a_picture_has_the_ink_and_a_box_for_each_part() -> None:
    document = read_document(SPECIAL)
    root = ElementTree.fromstring(text_of("svg", document))
    tags = [each.tag.rpartition("}")[2] for each in root.iter()]
    words = [word for line in document.lines() for word in line.words]
    # The white sheet, a block, lines, words, a drawing; strokes and baselines.
    assert tags.count("rect") == 1 + 1 + len(SPECIAL) + len(words) + 1
    assert tags.count("path") == len(document.pages[0].ink) + len(SPECIAL)
    shown = [each.text for each in root.iter() if each.tag.endswith("text")]
    assert shown == [f"{word.text} 85%" for word in words] + ["drawing"]


def test_paper_keeps_proportions_and_has_a_margin() -> None:
    page = read_document().pages[0]
    paper = Paper.of(page)
    placed = paper.points(np.concatenate(page.ink))
    assert placed.min() == pytest.approx(MARGIN)
    assert placed[:, 0].max() == pytest.approx(paper.width - MARGIN)
    assert placed[:, 1].max() == pytest.approx(paper.height - MARGIN)
    assert np.ptp(placed[:, 0]) / np.ptp(placed[:, 1]) == pytest.approx(
        page.box.width / page.box.height
    )


def test_formats_that_are_none_are_refused() -> None:
    with pytest.raises(UserError, match="--format: .*some of txt, md.*, got gif, x$"):
        parse_result_formats("txt,gif,x")
    with pytest.raises(UserError, match="--format pdf: is written to a file"):
        as_text(parse_result_formats("pdf")[0], read_document())


@pytest.mark.parametrize("name", ["inkml", "xopp"])
def test_ink_with_its_text_reads_as_the_same_lines(name: str, tmp_path: Path) -> None:
    document = read_document(("to be", "or not"))
    (entry,) = parse_result_formats(name)
    path = tmp_path / f"page{entry.suffix}"
    write_result(entry, document, path)
    (page,) = document_in_file(path).pages
    assert len(page.strokes) == len(document.pages[0].ink)
    if name == "inkml":
        (read,) = pages_in_file(path)
        assert [line.truth for line in read.lines] == ["to be", "or not"]
        words = [label.text for label in page.labels if label.level == "word"]
        assert words == ["to", "be", "or", "not"]
    else:
        assert [label.text for label in page.labels] == ["to be", "or not"]
