"""Results as JSON.

The document::

    {"format": "handwriting-reading", "version": 2, "source": "page.svg", "recogniser": "...",
     "pages": [{"box": [left, bottom, right, top], "angle": 0.0, "notes": [],
                "blocks": [{"box": [...], "lines": [LINE, ...]}, ...],
                "others": [{"kind": "drawing", "box": [...], "strokes": [...],
                            "confidence": 0.98}, ...]}, ...]}

    LINE: {"text": "to be", "confidence": 0.93, "score": -0.4, "doubt": 0.0, "box": [...],
           "baseline": [[x, y], [x, y]], "x_height": 9.5, "strokes": [PART, ...],
           "alternatives": [{"text": "lo be", "share": 0.1}], "name": "", "truth": null,
           "words": [{"text": "to", "confidence": 0.97, "box": [...], "baseline": [...],
                      "strokes": [...], "struck_out": false, "alternatives": [...],
                      "characters": [{"text": "t", "confidence": 0.99, "box": [...],
                                      "strokes": [...]}, ...]}, ...]}

    PART: 7 for the whole stroke 7, [7, 0, 12] for its points 0 to 11.

Coordinates are in the unit of the ink that was read, x to the right and y upwards; strokes and
points are numbered from 0, as they were read from the file. A box is null where no ink is a text's
own.
"""

import json
from typing import Any

from handwriting.readings.result import (
    Alternative,
    Box,
    OtherInk,
    Point,
    ReadCharacter,
    ReadDocument,
    ReadLine,
    ReadPage,
    ReadWord,
    StrokePart,
)

FORMAT, VERSION = "handwriting-reading", 2
_DECIMALS = 4
_PLACES = 3


def json_text(document: ReadDocument) -> str:
    """Return the document as JSON text."""
    return (
        json.dumps(document_values(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )


def document_values(document: ReadDocument) -> dict[str, Any]:
    """Return the document as plain values."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "source": document.source,
        "recogniser": document.recogniser,
        "pages": [_page(page) for page in document.pages],
    }


def _page(page: ReadPage) -> dict[str, Any]:
    return {
        "box": _box(page.box),
        "angle": round(page.angle, _DECIMALS),
        "notes": list(page.notes),
        "blocks": [
            {"box": _box(block.box), "lines": [line_values(line) for line in block.lines]}
            for block in page.blocks
        ],
        "others": [other_values(other) for other in page.others],
    }


def line_values(line: ReadLine) -> dict[str, Any]:
    """Return a line as plain values."""
    return {
        "text": line.text,
        "confidence": _rounded(line.confidence),
        "score": round(line.score, _DECIMALS),
        "doubt": round(line.doubt, _DECIMALS),
        "box": _box(line.box),
        "baseline": _points(line.baseline),
        "x_height": round(line.x_height, _PLACES),
        "strokes": _strokes(line.strokes),
        "alternatives": [_alternative(other) for other in line.alternatives],
        "name": line.name,
        "truth": line.truth,
        "words": [_word(word) for word in line.words],
    }


def other_values(other: OtherInk) -> dict[str, Any]:
    """Return ink that is no text as plain values."""
    return {
        "kind": other.kind,
        "box": _box(other.box),
        "strokes": _strokes(other.strokes),
        "confidence": _rounded(other.confidence),
    }


def _word(word: ReadWord) -> dict[str, Any]:
    return {
        "text": word.text,
        "confidence": _rounded(word.confidence),
        "box": _box(word.box),
        "baseline": _points(word.baseline),
        "strokes": _strokes(word.strokes),
        "struck_out": word.struck_out,
        "alternatives": [_alternative(other) for other in word.alternatives],
        "characters": [_character(character) for character in word.characters],
    }


def _character(character: ReadCharacter) -> dict[str, Any]:
    return {
        "text": character.text,
        "confidence": _rounded(character.confidence),
        "box": _box(character.box),
        "strokes": _strokes(character.strokes),
    }


def _alternative(other: Alternative) -> dict[str, Any]:
    return {"text": other.text, "share": round(other.share, _DECIMALS)}


def _strokes(parts: tuple[StrokePart, ...]) -> list[Any]:
    return [part.stroke if part.whole else [part.stroke, part.begin, part.end] for part in parts]


def _box(box: Box | None) -> list[float] | None:
    if box is None:
        return None
    return [round(side, _PLACES) for side in (box.left, box.bottom, box.right, box.top)]


def _points(points: tuple[Point, Point]) -> list[list[float]]:
    return [[round(value, _PLACES) for value in point] for point in points]


def _rounded(confidence: float | None) -> float | None:
    return None if confidence is None else round(confidence, _DECIMALS)
