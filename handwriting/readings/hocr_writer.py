"""Results as hOCR 1.2, the HTML that text recognition exchanges (Breuel, "The hOCR microformat for
OCR workflow and results", ICDAR 2007).

Its pixels are 1/300 inch of the paper in ``handwriting.readings.paper``.
"""

from html import escape

from handwriting.readings.paper import Paper
from handwriting.readings.result import (
    Box,
    OtherInk,
    Point,
    ReadBlock,
    ReadCharacter,
    ReadDocument,
    ReadLine,
    ReadPage,
    ReadWord,
)
from handwriting.version import version

PIXELS_PER_MM = 300 / 25.4
_CAPABILITIES = (
    "ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrx_cinfo ocr_linedrawing ocrp_wconf ocrp_poly"
)


def hocr(document: ReadDocument) -> str:
    """Return the document as an XHTML page."""
    pages = [_page(page, number, document) for number, page in enumerate(document.pages, start=1)]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n<head>\n'
        f"<title>{_text(document.source)}</title>\n"
        '<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>\n'
        f'<meta name="ocr-system" content="handwriting {_text(version())}"/>\n'
        f'<meta name="ocr-capabilities" content="{_CAPABILITIES}"/>\n'
        f'<meta name="ocr-number-of-pages" content="{len(pages)}"/>\n</head>\n<body>\n'
        + "".join(pages)
        + "</body>\n</html>\n"
    )


def _page(page: ReadPage, number: int, document: ReadDocument) -> str:
    paper = Paper.of(page)
    right, bottom = (round(side * PIXELS_PER_MM) for side in (paper.width, paper.height))
    image = document.source.replace("\\", "/").replace('"', "'").replace(";", ",")
    title = f'image "{_text(image)}"; bbox 0 0 {right} {bottom}; ppageno {number - 1}'
    name = f"page_{number}"
    inner = [
        *(_block(block, paper, f"{name}_{at}") for at, block in enumerate(page.blocks, start=1)),
        *(_drawing(other, paper, f"{name}_{at}") for at, other in enumerate(page.others, start=1)),
    ]
    return f"<div class='ocr_page' id='{name}' title='{title}'>\n{''.join(inner)}</div>\n"


def _block(block: ReadBlock, paper: Paper, name: str) -> str:
    place = _bbox(block.box, paper)
    lines = "".join(
        _line(line, paper, f"{name}_{at}") for at, line in enumerate(block.lines, start=1)
    )
    return (
        f"<div class='ocr_carea' id='block_{name}' title='{place}'>\n"
        f"<p class='ocr_par' id='par_{name}' title='{place}'>\n{lines}</p>\n</div>\n"
    )


def _drawing(other: OtherInk, paper: Paper, name: str) -> str:
    place = _bbox(other.box, paper)
    return f"<div class='ocr_linedrawing' id='other_{name}' title='{place}'></div>\n"


def _line(line: ReadLine, paper: Paper, name: str) -> str:
    title = f"{_bbox(line.box, paper)}; {_baseline(line, paper)}"
    words = " ".join(
        _word(word, line, paper, f"{name}_{at}") for at, word in enumerate(line.words, start=1)
    )
    return f"<span class='ocr_line' id='line_{name}' title='{title}'>{words}</span>\n"


def _word(word: ReadWord, line: ReadLine, paper: Paper, name: str) -> str:
    title = _bbox(word.box or line.box, paper)
    if word.confidence is not None:
        title += f"; x_wconf {_percent(word.confidence)}"
    text = "".join(_character(each, paper) for each in word.characters) or _text(word.text)
    if word.struck_out:
        text = f"<del>{text}</del>"
    return f"<span class='ocrx_word' id='word_{name}' title='{title}'>{text}</span>"


def _character(character: ReadCharacter, paper: Paper) -> str:
    if character.box is None:
        return _text(character.text)
    title = f"x_bboxes {_sides(character.box, paper)}"
    if character.confidence is not None:
        title += f"; x_conf {_percent(character.confidence)}"
    return f"<span class='ocrx_cinfo' title='{title}'>{_text(character.text)}</span>"


def _bbox(box: Box, paper: Paper) -> str:
    return f"bbox {_sides(box, paper)}"


def _sides(box: Box, paper: Paper) -> str:
    left, top, right, bottom = (side * PIXELS_PER_MM for side in paper.sides(box))
    # A box has at least one pixel.
    return f"{int(left)} {int(top)} {int(right) + 1} {int(bottom) + 1}"


def _baseline(line: ReadLine, paper: Paper) -> str:
    """Its slope, and its height over the lower left corner of the line's box, in pixels."""
    start, end = (_pixels(point, paper) for point in line.baseline)
    run = end[0] - start[0]
    slope = (end[1] - start[1]) / run if run > 0 else 0.0
    left, _, _, bottom = (side * PIXELS_PER_MM for side in paper.sides(line.box))
    at_left = start[1] + slope * (left - start[0])
    return f"baseline {slope:.4f} {round(at_left - bottom)}"


def _pixels(point: Point, paper: Paper) -> Point:
    x, y = paper.point(point)
    return x * PIXELS_PER_MM, y * PIXELS_PER_MM


def _percent(confidence: float) -> int:
    return round(100 * confidence)


def _text(text: str) -> str:
    return escape(text, quote=True)
