"""Shapes of characters and accents as a module of the page: ``python -m handwriting.web.shapes``.

The page has no fonts to take them from, so they are written out, in ten-thousandths of an x-height.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handwriting.files import whole_file
from handwriting.ink.character_shapes import ACCENTS, SHAPED, shape_of
from handwriting.web.site import PAGE

FILE = PAGE / "ink" / "shapes.js"
_UNITS = 10_000


def module_of_shapes() -> str:
    """Return the source of the module."""
    shapes = {character: _whole(shape_of(character).strokes) for character in sorted(SHAPED)}
    accents = {
        mark: {"place": accent.place, "strokes": _whole(accent.strokes)}
        for mark, accent in sorted(ACCENTS.items())
    }
    return (
        "// Written by handwriting/web/shapes.py: strokes [x, y, x, y, ...] of characters and of"
        " accents, in\n// ten-thousandths of an x-height (handwriting/ink/character_shapes.py).\n\n"
        f"export const SHAPES = {_plain(shapes)};\n\nexport const ACCENTS = {_plain(accents)};\n"
    )


def write_shapes(path: Path = FILE) -> None:
    """Write the module, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(module_of_shapes(), encoding="utf-8")


def _whole(strokes: Sequence[np.ndarray]) -> list[list[int]]:
    return [np.rint(_UNITS * stroke).astype(int).ravel().tolist() for stroke in strokes]


def _plain(values: object) -> str:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=True)


if __name__ == "__main__":
    write_shapes()
