"""Notes for Xournal++ (``.xopp``): XML packed by gzip.

Texts of strokes are in a layer of their own, the lowest, each over its strokes, in white that
cannot be seen: Xournal++ finds them when it searches, and they are in the PDF it exports. Which
strokes a text is of stands beside it, in an attribute that Xournal++ ignores. Times have no place
in the format.

Shapes: ``n`` points of one stroke.
"""

import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from handwriting.formats.document import (
    LINE,
    NOT_WRITING,
    InkDocument,
    InkLabel,
    InkPage,
    InkStroke,
    PlacedText,
    box_of,
)
from handwriting.formats.page_document import document_of_pages
from handwriting.formats.xml_safe import xml_characters
from handwriting.formats.xopp_reader import (
    FORMAT,
    KEPT,
    LABELS_LAYER,
    LINE_HEIGHT,
    NUMBER,
    UNITS_PER_MM,
)
from handwriting.pages.options import WriteOptions
from handwriting.pages.page import Page

_DECIMALS = 8
_WIDTH = 1.41
_MARGIN = 36.0
_BACKGROUND = '<background type="solid" color="#ffffffff" style="plain"/>'
_UNSEEN = "#ffffff00"
_FONT = "Sans"


def write_xopp(document: InkDocument, path: Path) -> None:
    """Write all pages of a document.

    Lengths of a document whose unit is known become points of 1/72 inch; of one whose unit is not,
    they stay the numbers they are. Ink of a canvas without end is moved onto a page that it fits.
    """
    text = "\n".join(_lines(_in_points(document)))
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(text.encode("utf-8"))
    path.write_bytes(packed.getvalue())


def write_xopp_pages(pages: Sequence[Page], path: Path, options: WriteOptions) -> None:
    """Write pages of writing, with the text of each line."""
    write_xopp(document_of_pages(pages), path)


def _in_points(document: InkDocument) -> InkDocument:
    scale = UNITS_PER_MM / document.units_per_mm if document.units_per_mm else 1.0
    return replace(document, pages=tuple(_fitted(_scaled(page, scale)) for page in document.pages))


def _scaled(page: InkPage, scale: float, shift: tuple[float, float] = (0.0, 0.0)) -> InkPage:
    if scale == 1.0 and shift == (0.0, 0.0):
        return page
    return replace(
        page,
        strokes=tuple(
            replace(stroke, points=stroke.points * scale + shift, width=stroke.width * scale)
            for stroke in page.strokes
        ),
        texts=tuple(
            replace(
                text,
                left=text.left * scale + shift[0],
                top=text.top * scale + shift[1],
                size=text.size * scale,
                line_height=text.line_height * scale,
            )
            for text in page.texts
        ),
        width=page.width * scale,
        height=page.height * scale,
    )


def _fitted(page: InkPage) -> InkPage:
    """A page with a size, and its ink on it."""
    if page.width > 0 and page.height > 0:
        return page
    points = [stroke.points for stroke in page.strokes]
    points += [np.array([[text.left, text.top]]) for text in page.texts]
    if not points:
        return replace(page, width=2 * _MARGIN, height=2 * _MARGIN)
    left, top, right, bottom = box_of(points)
    shift = (max(_MARGIN - left, 0.0), max(_MARGIN - top, 0.0))
    return replace(
        _scaled(page, 1.0, shift),
        width=right + shift[0] + _MARGIN,
        height=bottom + shift[1] + _MARGIN,
    )


def _lines(document: InkDocument) -> Iterator[str]:
    yield '<?xml version="1.0" standalone="no"?>'
    yield '<xournal creator="handwriting" fileversion="4">'
    for name, text in document.notes:
        if name in ("title", "preview"):
            yield f"<{name}>{_escaped(text)}</{name}>"
    for page in document.pages:
        yield from _page(page)
    yield "</xournal>"


def _page(page: InkPage) -> Iterator[str]:
    yield f'<page width="{_number(page.width)}" height="{_number(page.height)}">'
    backgrounds = [part.content for part in page.parts if part.format == FORMAT and part.layer < 0]
    yield from backgrounds or [_BACKGROUND]
    labels = [label for label in page.labels if label.text and label.strokes]
    if labels:
        yield f"<layer name={quoteattr(LABELS_LAYER)}>"
        yield from (_label(label, page.strokes) for label in labels)
        yield "</layer>"
    layers = [stroke.layer for stroke in page.strokes] + [text.layer for text in page.texts]
    layers += [part.layer for part in page.parts if part.format == FORMAT]
    written = [stroke.layer for stroke in page.strokes]
    for number in range(max([*layers, len(page.layers) - 1, 0]) + 1):
        yield from _layer(page, number, is_numbered=written != sorted(written))
    yield "</page>"


def _layer(page: InkPage, number: int, is_numbered: bool) -> Iterator[str]:
    name = page.layers[number] if number < len(page.layers) else ""
    yield f"<layer name={quoteattr(xml_characters(name))}>" if name else "<layer>"
    parts = [part for part in page.parts if part.format == FORMAT and part.layer == number]
    own = [at for at, stroke in enumerate(page.strokes) if stroke.layer == number]
    for under, at in enumerate(own):
        while parts and parts[0].over <= under:
            yield parts.pop(0).content
        yield _stroke(page.strokes[at], {NUMBER: str(at)} if is_numbered else {})
    yield from (part.content for part in parts)
    yield from (_text(text) for text in page.texts if text.layer == number)
    yield "</layer>"


def _stroke(stroke: InkStroke, more: dict[str, str]) -> str:
    width = stroke.width or _WIDTH
    widths = [width]
    if stroke.pressures is not None:
        # The last point has the width of its piece.
        widths += list(stroke.pressures[: max(len(stroke.points) - 1, 1)] * width)
    points = stroke.points if len(stroke.points) > 1 else np.repeat(stroke.points, 2, axis=0)
    attributes = {
        "tool": stroke.tool if stroke.tool in NOT_WRITING else "pen",
        "color": _colour(stroke.colour),
        "width": " ".join(map(_number, widths)),
        **_kept(stroke.attributes),
        **more,
    }
    return f"<stroke{_attributes(attributes)}>{' '.join(map(_number, points.flat))}</stroke>"


def _text(text: PlacedText, **more: str) -> str:
    attributes = {
        "font": _FONT,
        **_kept(text.attributes),
        "size": _number(text.size),
        "x": _number(text.left),
        "y": _number(text.top),
        "color": _colour(text.colour),
        **more,
    }
    return f"<text{_attributes(attributes)}>{_escaped(text.text)}</text>"


def _label(label: InkLabel, strokes: Sequence[InkStroke]) -> str:
    """A label's text over its strokes, as high as they are."""
    left, top, _, bottom = box_of([strokes[at].points for at in label.strokes])
    size = max((bottom - top) / LINE_HEIGHT, 1.0)
    text = PlacedText(label.text, left, top, size, LINE_HEIGHT * size, _UNSEEN)
    more = {"strokes": _ranges(label.strokes)}
    more |= {} if label.level == LINE else {"level": label.level}
    more |= {"rotation": _number(label.rotation)} if label.rotation else {}
    more |= {"writer": label.writer} if label.writer else {}
    return _text(text, **more)


def _kept(attributes: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in attributes.items() if key in KEPT}


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers as in ``0-3,7``."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in found)


def _colour(colour: str) -> str:
    return f"{colour or '#000000'}ff" if len(colour) in (0, 7) else colour


def _number(value: float) -> str:
    return f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".")


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(
        f" {key}={quoteattr(xml_characters(value))}" for key, value in attributes.items()
    )


def _escaped(text: str) -> str:
    return escape(xml_characters(text))
