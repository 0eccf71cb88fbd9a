"""Pages of reMarkable tablets with software 3 (``.rm``, version 6), read by the package
``rmscene``.

Layers are groups of strokes; strokes are in the order they were made, which their identifiers
count. A stroke has no times. Text typed on the tablet is a block beside the ink.

Shapes: ``n`` points of one stroke.
"""

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handwriting.formats.document import InkDocument, InkPage, InkStroke, PlacedText
from handwriting.formats.ink_values import BadInk, check_coordinates, read_document
from handwriting.formats.old_rm import (
    HEIGHT,
    OLD_HEAD,
    OLD_VERSIONS,
    UNITS_PER_MM,
    WIDTH,
    old_rm_document,
)
from handwriting.formats.optional_library import import_optional

if TYPE_CHECKING:
    from types import ModuleType

_MAGIC = b"reMarkable .lines file, version="
_LINE_HEIGHT = 70.0
_GREATEST_PRESSURE = 255.0
_UNITS_OF_WIDTH = 4.0
_COLOURS = {
    "BLACK": "#000000",
    "GRAY": "#7d7d7d",
    "WHITE": "#ffffff",
    "YELLOW": "#fbf719",
    "GREEN": "#00ff00",
    "PINK": "#ffc0cb",
    "BLUE": "#4e69c9",
    "RED": "#b33e39",
    "GRAY_OVERLAP": "#7d7d7d",
    "GREEN_2": "#a1d87d",
    "CYAN": "#8bd0e5",
    "MAGENTA": "#b782cd",
    "YELLOW_2": "#f7e851",
}


def read_rm(path: Path) -> InkDocument:
    """Return the ink of a page; of software before 3, too, for which no package is needed.

    Raises:
        DataError: ``rmscene`` is not installed, or the file is none that it reads; names the file.
    """
    return read_document(path, _document)


def _document(data: bytes) -> InkDocument:
    if not data.startswith(_MAGIC):
        raise BadInk("no page of a reMarkable tablet")
    version = data[len(_MAGIC) : len(_MAGIC) + 1].decode("latin-1")
    if version in OLD_VERSIONS:
        return old_rm_document(data[OLD_HEAD:], version)
    if version != "6":
        raise BadInk(f"version {version!r} of the format; 3, 5 and 6 are read")
    library = import_optional("rmscene", "reMarkable's .rm files", "formats")
    blocks = _blocks(library, data)
    layers = _layers(library, blocks)
    found = [
        (block.item.item_id, _stroke(block.item.value, layers.get(block.parent_id, 0)))
        for block in blocks
        if isinstance(block, library.SceneLineItemBlock) and block.item.value is not None
    ]
    found.sort(key=lambda pair: (pair[0].part2, pair[0].part1))
    strokes = tuple(stroke for _, stroke in found if stroke is not None)
    texts = tuple(_texts(library, blocks))
    page = InkPage(strokes, texts=texts, width=WIDTH, height=HEIGHT, layers=_names(library, blocks))
    return InkDocument((page,), UNITS_PER_MM)


def _blocks(library: "ModuleType", data: bytes) -> list[Any]:
    # Of blocks that it cannot read, the library logs that, and goes on.
    logging.getLogger("rmscene").setLevel(logging.CRITICAL)
    try:
        blocks = list(library.read_blocks(io.BytesIO(data)))
    except Exception:  # whatever the library makes of it; its own words are for its developers
        raise BadInk("no whole page of a reMarkable tablet: it is damaged or cut off") from None
    line = library.SceneLineItemBlock.BLOCK_TYPE
    lost = [
        b for b in blocks if isinstance(b, library.UnreadableBlock) and b.info.block_type == line
    ]
    if lost:
        raise BadInk(f"{len(lost)} strokes of it cannot be read")
    return blocks


def _groups(library: "ModuleType", blocks: list[Any]) -> list[Any]:
    """The groups of strokes, from the lowest layer; the first is the page itself."""
    return [block.group for block in blocks if isinstance(block, library.TreeNodeBlock)]


def _layers(library: "ModuleType", blocks: list[Any]) -> dict[Any, int]:
    """The number of the layer of each group."""
    groups = _groups(library, blocks)[1:]
    return {group.node_id: number for number, group in enumerate(groups)}


def _names(library: "ModuleType", blocks: list[Any]) -> tuple[str, ...]:
    return tuple(str(group.label.value) for group in _groups(library, blocks)[1:])


def _stroke(line: Any, layer: int) -> InkStroke | None:
    if not line.points:
        return None
    values = np.array([[p.x, p.y, p.width, p.pressure] for p in line.points], dtype=np.float64)
    check_coordinates(values)
    name = line.tool.name.lower()
    tool = next((tool for tool in ("highlighter", "eraser") if tool in name), name)
    colour = _COLOURS.get(line.color.name, "")
    if line.color_rgba is not None:
        red, green, blue, alpha = line.color_rgba
        colour = f"#{red:02x}{green:02x}{blue:02x}" + (f"{alpha:02x}" if alpha < 255 else "")
    return InkStroke(
        values[:, :2],
        pressures=values[:, 3] / _GREATEST_PRESSURE,
        colour=colour,
        width=float(np.median(values[:, 2])) / _UNITS_OF_WIDTH,
        tool=tool,
        layer=layer,
    )


def _texts(library: "ModuleType", blocks: list[Any]) -> Iterator[PlacedText]:
    for block in blocks:
        if isinstance(block, library.RootTextBlock):
            text = block.value
            pieces = (item.value for item in text.items.sequence_items())
            content = "".join(piece for piece in pieces if isinstance(piece, str))
            if content.strip():
                place = np.nan_to_num([text.pos_x, text.pos_y])
                yield PlacedText(
                    content, float(place[0]), float(place[1]), _LINE_HEIGHT / 2, _LINE_HEIGHT
                )
