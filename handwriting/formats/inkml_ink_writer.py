"""Documents of ink as InkML, with all that readers keep: times, pressures, other channels, brushes,
pages, layers, and the texts of lines and words as views of their strokes.

W3C, "Ink Markup Language (InkML)", Recommendation of 20 September 2011.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from handwriting.formats.document import InkDocument, InkLabel, InkPage, InkStroke, PlacedText
from handwriting.formats.inkml_document import HEIGHT, LAYER, LAYER_NAME, PAGE, WIDTH
from handwriting.formats.inkml_writer import NAMESPACE
from handwriting.formats.xml_safe import xml_characters

_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_ATTRIBUTES = ("timeOffset", "duration")

_Channels = tuple[str, ...]
_Style = tuple[str, float, str]


def write_inkml_document(document: InkDocument, path: Path) -> None:
    """Write all pages of a document to one file.

    Numbers are written so that reading gives the same 64-bit floats.
    """
    ink = ElementTree.Element("ink", xmlns=NAMESPACE)
    notes = [*document.notes, *([("writer", document.writer)] if document.writer else [])]
    for kind, text in notes:
        _annotate(ink, kind, text)
    channels = {_channels_of(stroke): f"c{at}" for at, stroke in enumerate(document.strokes())}
    styles = {_style_of(stroke): f"b{at}" for at, stroke in enumerate(document.strokes())}
    definitions = ElementTree.SubElement(ink, "definitions")
    for found, name in channels.items():
        _add_context(definitions, found, name, document.units_per_mm)
    for style, name in styles.items():
        _add_brush(definitions, style, name)
    for number, page in enumerate(document.pages, start=1):
        _add_page(ink, page, number, channels, styles)
    ElementTree.indent(ink)
    ElementTree.ElementTree(ink).write(path, encoding="utf-8", xml_declaration=True)


def _annotate(node: ElementTree.Element, kind: str, text: str) -> None:
    annotation = ElementTree.SubElement(node, "annotation", type=xml_characters(kind))
    annotation.text = xml_characters(text)
    if text != " ".join(text.split()):
        annotation.set(_SPACE, "preserve")


def _channels_of(stroke: InkStroke) -> _Channels:
    own = (("T", stroke.times is not None), ("F", stroke.pressures is not None))
    return (*(name for name, is_there in own if is_there), *stroke.others)


def _style_of(stroke: InkStroke) -> _Style:
    return stroke.colour, stroke.width, stroke.tool


def _add_context(
    definitions: ElementTree.Element, channels: _Channels, name: str, units_per_mm: float
) -> None:
    context = ElementTree.SubElement(definitions, "context", {_ID: name})
    source = ElementTree.SubElement(context, "inkSource", {_ID: f"{name}-source"})
    form = ElementTree.SubElement(source, "traceFormat")
    for axis in "XY":
        ElementTree.SubElement(form, "channel", name=axis, type="decimal")
    for channel in channels:
        attributes = {"name": xml_characters(channel), "type": "decimal"}
        attributes |= {"units": "s"} if channel == "T" else {}
        ElementTree.SubElement(form, "channel", attributes)
    if units_per_mm:
        properties = ElementTree.SubElement(source, "channelProperties")
        for axis in "XY":
            ElementTree.SubElement(
                properties,
                "channelProperty",
                channel=axis,
                name="resolution",
                value=_number(units_per_mm),
                units="1/mm",
            )


def _add_brush(definitions: ElementTree.Element, style: _Style, name: str) -> None:
    colour, width, tool = style
    brush = ElementTree.SubElement(definitions, "brush", {_ID: name})
    properties = {}
    if colour:
        properties["color"] = colour[:7]
    if len(colour) == 9:
        properties["transparency"] = str(255 - int(colour[7:], 16))
    if width:
        properties["width"] = _number(width)
    if tool == "highlighter":
        properties["rasterOp"] = "maskPen"
    elif tool:
        properties["tool"] = xml_characters(tool)
    for key, value in properties.items():
        ElementTree.SubElement(brush, "brushProperty", name=key, value=value)


def _add_page(
    ink: ElementTree.Element,
    page: InkPage,
    number: int,
    channels: Mapping[_Channels, str],
    styles: Mapping[_Style, str],
) -> None:
    group = ElementTree.SubElement(ink, "traceGroup")
    facts = {PAGE: str(number)}
    facts |= {WIDTH: _number(page.width)} if page.width else {}
    facts |= {HEIGHT: _number(page.height)} if page.height else {}
    facts |= {"rotation": _number(page.rotation)} if page.rotation else {}
    for kind, text in facts.items():
        _annotate(group, kind, text)
    if page.texts:
        annotation = ElementTree.SubElement(group, "annotationXML", type="text")
        for placed in page.texts:
            _add_text(annotation, placed)
    names = _names(page, number)
    used = {stroke.layer for stroke in page.strokes}
    for layer in range(len(page.layers)):
        if page.layers[layer] and layer not in used:
            _add_layer(group, page, layer)
    for layer, together in groupby(range(len(page.strokes)), lambda at: page.strokes[at].layer):
        inside = _add_layer(group, page, layer) if layer or page.layers else group
        for at in together:
            stroke = page.strokes[at]
            references = {
                _ID: names[at],
                "contextRef": f"#{channels[_channels_of(stroke)]}",
                "brushRef": f"#{styles[_style_of(stroke)]}",
            }
            own = {key: stroke.attributes[key] for key in _ATTRIBUTES if key in stroke.attributes}
            ElementTree.SubElement(inside, "trace", references | own).text = _trace(stroke)
    for label in page.labels:
        _add_view(group, label, names, page.rotation)


def _add_layer(group: ElementTree.Element, page: InkPage, layer: int) -> ElementTree.Element:
    """A group for strokes of a layer that follow one another."""
    inside = ElementTree.SubElement(group, "traceGroup")
    _annotate(inside, LAYER, str(layer))
    if layer < len(page.layers) and page.layers[layer]:
        _annotate(inside, LAYER_NAME, page.layers[layer])
    return inside


def _names(page: InkPage, number: int) -> list[str]:
    return [f"t{number}-{at}" for at in range(len(page.strokes))]


def _add_text(annotation: ElementTree.Element, text: PlacedText) -> None:
    numbers = {"x": text.left, "y": text.top, "size": text.size, "lineHeight": text.line_height}
    attributes = {key: _number(value) for key, value in numbers.items()}
    attributes |= {"color": xml_characters(text.colour)} if text.colour else {}
    attributes |= {"layer": str(text.layer)} if text.layer else {}
    ElementTree.SubElement(annotation, "text", attributes).text = xml_characters(text.text)


def _add_view(group: ElementTree.Element, label: InkLabel, names: list[str], around: float) -> None:
    view = ElementTree.SubElement(group, "traceView")
    _annotate(view, "level", label.level)
    if label.text:
        _annotate(view, "transcription", label.text)
    if label.writer:
        _annotate(view, "writer", label.writer)
    if label.rotation != around:
        _annotate(view, "rotation", _number(label.rotation))
    for at in label.strokes:
        ElementTree.SubElement(view, "traceView", traceDataRef=f"#{names[at]}")


def _trace(stroke: InkStroke) -> str:
    own = (stroke.times, stroke.pressures, *stroke.others.values())
    columns = [stroke.points, *(values[:, None] for values in own if values is not None)]
    return ", ".join(_point(row) for row in np.hstack(columns))


def _point(values: np.ndarray) -> str:
    return " ".join(_values(values))


def _values(values: np.ndarray) -> Iterator[str]:
    for value in values.tolist():
        yield "?" if value != value else _number(value)


def _number(value: float) -> str:
    """The shortest text of the same 64-bit float."""
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
