"""Pages as InkML, the W3C's format of digital ink (https://www.w3.org/TR/InkML/).

Coordinates are whole numbers of 1/1000 mm, which the trace format declares as its resolution; x to
the right and y downwards from the page's top left corner. Each line of writing is a trace group
with its text, so the InkML reader reads it as a line.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from handwriting.pages.options import WriteOptions
from handwriting.pages.page import Page
from handwriting.quoting import xml_text

UNITS_PER_MM = 1000
NAMESPACE = "http://www.w3.org/2003/InkML"


def write_inkml(page: Page, path: Path, options: WriteOptions) -> None:
    """Write one page."""
    ink = ElementTree.Element("ink", xmlns=NAMESPACE)
    definitions = ElementTree.SubElement(ink, "definitions")
    context = ElementTree.SubElement(definitions, "context", {"xml:id": "page"})
    source = ElementTree.SubElement(context, "inkSource", {"xml:id": "pen"})
    form = ElementTree.SubElement(source, "traceFormat")
    properties = ElementTree.SubElement(source, "channelProperties")
    for axis, size in (("X", page.width), ("Y", page.height)):
        largest = str(round(size * UNITS_PER_MM))
        ElementTree.SubElement(form, "channel", name=axis, type="integer", min="0", max=largest)
        ElementTree.SubElement(
            properties,
            "channelProperty",
            channel=axis,
            name="resolution",
            value=str(UNITS_PER_MM),
            units="1/mm",
        )
    for line in page.lines:
        group = ElementTree.SubElement(ink, "traceGroup", contextRef="#page")
        ElementTree.SubElement(group, "annotation", type="transcription").text = xml_text(line.text)
        for stroke in line.strokes:
            ElementTree.SubElement(group, "trace").text = _trace(stroke)
    ElementTree.indent(ink)
    ElementTree.ElementTree(ink).write(path, encoding="utf-8", xml_declaration=True)


def _trace(stroke: np.ndarray) -> str:
    whole = np.rint(stroke * UNITS_PER_MM).astype(np.int64)
    return ", ".join(f"{x} {y}" for x, y in whole)
