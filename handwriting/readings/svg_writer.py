"""Results as pictures: the ink, with boxes around blocks, lines and words, what the words say, and
what is no text. For looking at; the other formats say the same to programs.

Lengths are in mm of the paper in ``handwriting.readings.paper``; pages are one below the other.
"""

from xml.sax.saxutils import escape

from handwriting.ink.drawing import INK_COLOUR, ROUND, number, path_data
from handwriting.readings.paper import Paper
from handwriting.readings.result import Box, ReadDocument, ReadLine, ReadPage

_PEN = 0.35
_BLOCK, _LINE, _WORD, _OTHER = "#98a2b3", "#15803d", "#1d4ed8", "#b91c1c"
_FONT = 2.6
_GAP = 5.0


def svg(document: ReadDocument) -> str:
    """Return the document as one SVG drawing."""
    papers = [Paper.of(page) for page in document.pages]
    width = max(paper.width for paper in papers)
    height = sum(paper.height for paper in papers) + _GAP * (len(papers) - 1)
    parts, top = [], 0.0
    for page, paper in zip(document.pages, papers, strict=True):
        parts.append(f'<g transform="translate(0 {number(top)})">\n{_page(page, paper)}</g>\n')
        top += paper.height + _GAP
    size = f'width="{number(width)}mm" height="{number(height)}mm"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}'
        f' viewBox="0 0 {number(width)} {number(height)}">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{"".join(parts)}</svg>\n'
    )


def _page(page: ReadPage, paper: Paper) -> str:
    ink = "".join(f'<path d="{path_data(paper.points(stroke))}"/>\n' for stroke in page.ink)
    boxes = [
        *(_box(block.box, paper, _BLOCK, 1.5) for block in page.blocks),
        *(_line(line, paper) for line in page.lines),
        *(_box(other.box, paper, _OTHER, 0.5, other.kind) for other in page.others),
    ]
    return (
        f'<g fill="none" stroke="{INK_COLOUR}" stroke-width="{_PEN}" {ROUND}>\n{ink}</g>\n'
        + "".join(boxes)
    )


def _line(line: ReadLine, paper: Paper) -> str:
    (left, below), (right, end) = (paper.point(point) for point in line.baseline)
    baseline = (
        f'<path d="M {number(left)} {number(below)} L {number(right)} {number(end)}" fill="none"'
        f' stroke="{_LINE}" stroke-width="0.15"/>\n'
    )
    words = [
        _box(word.box, paper, _WORD, 0.3, f"{word.text}{_percent(word.confidence)}")
        for word in line.words
        if word.box is not None
    ]
    return _box(line.box, paper, _LINE, 0.8) + baseline + "".join(words)


def _box(box: Box, paper: Paper, colour: str, room: float, text: str = "") -> str:
    left, top, right, bottom = paper.sides(box)
    sides = (left - room, top - room, right - left + 2 * room, bottom - top + 2 * room)
    x, y, width, height = map(number, sides)
    drawn = (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="none" stroke="{colour}"'
        ' stroke-width="0.15"/>\n'
    )
    if not text:
        return drawn
    return (
        f'{drawn}<text x="{x}" y="{number(top - room - 0.4)}" font-size="{_FONT}"'
        f' font-family="sans-serif" fill="{colour}">{escape(text)}</text>\n'
    )


def _percent(confidence: float | None) -> str:
    return "" if confidence is None else f" {confidence:.0%}"
