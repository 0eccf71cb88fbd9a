"""Results as ALTO 4, the XML of libraries and archives (Library of Congress, "Analyzed Layout and
Text Object", version 4.4).

Lengths are in tenths of mm of the paper in ``handwriting.readings.paper``.
"""

import math
from xml.etree import ElementTree

from handwriting.readings.paper import Paper
from handwriting.readings.result import (
    Box,
    OtherInk,
    Point,
    ReadBlock,
    ReadDocument,
    ReadLine,
    ReadPage,
    ReadWord,
)
from handwriting.version import version

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_PER_MM = 10.0
_STRUCK = "strikethrough"


def alto(document: ReadDocument) -> str:
    """Return the document as XML."""
    root = ElementTree.Element(
        "alto",
        {
            "xmlns": NAMESPACE,
            "xmlns:xsi": _INSTANCE,
            "xsi:schemaLocation": f"{NAMESPACE} {SCHEMA}",
            "SCHEMAVERSION": "4.4",
        },
    )
    _describe(root, document)
    layout = ElementTree.SubElement(root, "Layout")
    for number, page in enumerate(document.pages, start=1):
        _page(layout, page, number)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _describe(root: ElementTree.Element, document: ReadDocument) -> None:
    description = ElementTree.SubElement(root, "Description")
    ElementTree.SubElement(description, "MeasurementUnit").text = "mm10"
    source = ElementTree.SubElement(description, "sourceImageInformation")
    ElementTree.SubElement(source, "fileName").text = _valid(document.source)
    processing = ElementTree.SubElement(description, "Processing", {"ID": "processing"})
    software = ElementTree.SubElement(processing, "processingSoftware")
    ElementTree.SubElement(software, "softwareName").text = "handwriting"
    ElementTree.SubElement(software, "softwareVersion").text = version()


def _page(layout: ElementTree.Element, page: ReadPage, number: int) -> None:
    paper = Paper.of(page)
    name = f"page_{number}"
    size = {"HEIGHT": _length(paper.height), "WIDTH": _length(paper.width)}
    attributes = {"ID": name, **size, "PHYSICAL_IMG_NR": str(number)}
    if page.angle:
        attributes["ROTATION"] = f"{math.degrees(page.angle):.2f}"
    element = ElementTree.SubElement(layout, "Page", attributes)
    space = ElementTree.SubElement(element, "PrintSpace", {**size, "HPOS": "0", "VPOS": "0"})
    for at, block in enumerate(page.blocks, start=1):
        _block(space, block, paper, f"{name}_{at}")
    for at, other in enumerate(page.others, start=1):
        _drawing(space, other, paper, f"{name}_{at}")


def _block(space: ElementTree.Element, block: ReadBlock, paper: Paper, name: str) -> None:
    attributes = {"ID": f"block_{name}", **_place(block.box, paper)}
    element = ElementTree.SubElement(space, "TextBlock", attributes)
    for at, line in enumerate(block.lines, start=1):
        _line(element, line, paper, f"{name}_{at}")


def _drawing(space: ElementTree.Element, other: OtherInk, paper: Paper, name: str) -> None:
    attributes = {"ID": f"other_{name}", **_place(other.box, paper), "TYPE": other.kind}
    ElementTree.SubElement(space, "Illustration", attributes)


def _line(block: ElementTree.Element, line: ReadLine, paper: Paper, name: str) -> None:
    attributes = {"ID": f"line_{name}", **_place(line.box, paper)}
    attributes["BASELINE"] = " ".join(_point(point, paper) for point in line.baseline)
    element = ElementTree.SubElement(block, "TextLine", attributes)
    for at, word in enumerate(line.words, start=1):
        if at > 1:
            ElementTree.SubElement(element, "SP")
        _word(element, word, paper, f"{name}_{at}")
    if not line.words:
        ElementTree.SubElement(element, "String", {"CONTENT": ""})


def _word(line: ElementTree.Element, word: ReadWord, paper: Paper, name: str) -> None:
    attributes = {"ID": f"word_{name}", **_place(word.box, paper), "CONTENT": _valid(word.text)}
    if word.struck_out:
        attributes["STYLE"] = _STRUCK
    if word.confidence is not None:
        attributes["WC"] = f"{word.confidence:.4f}"
    element = ElementTree.SubElement(line, "String", attributes)
    for other in word.alternatives:
        found = ElementTree.SubElement(element, "ALTERNATIVE", {"PURPOSE": "recognition"})
        found.text = _valid(other.text)
    for at, character in enumerate(word.characters, start=1):
        glyph = {
            "ID": f"glyph_{name}_{at}",
            "CONTENT": _valid(character.text),
            **_place(character.box, paper),
        }
        if character.confidence is not None:
            glyph["GC"] = f"{character.confidence:.4f}"
        ElementTree.SubElement(element, "Glyph", glyph)


def _place(box: Box | None, paper: Paper) -> dict[str, str]:
    if box is None:
        return {}
    left, top, right, bottom = paper.sides(box)
    return {
        "HPOS": _length(left),
        "VPOS": _length(top),
        "WIDTH": _length(right - left),
        "HEIGHT": _length(bottom - top),
    }


def _point(point: Point, paper: Paper) -> str:
    x, y = paper.point(point)
    return f"{_length(x)},{_length(y)}"


def _length(millimetres: float) -> str:
    return f"{millimetres * _PER_MM:.1f}"


def _valid(text: str) -> str:
    """The text without characters that XML cannot hold."""
    return "".join(
        character
        for character in text
        if character in "\t\n\r"
        or (character >= "\x20" and not "\ud800" <= character <= "\udfff")
        and character not in "\ufffe\uffff"
    )
