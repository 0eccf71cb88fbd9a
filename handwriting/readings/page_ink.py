"""The ink of a page as it comes to be read.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from handwriting.errors import DataError
from handwriting.formats.document import PlacedText
from handwriting.formats.document_lines import FileInk
from handwriting.formats.ink_file import check_way, inks_in_file
from handwriting.ink.line import Line, points_from_strokes

_PITCH = 0.3  # of a line's height, between lines that their file has no places for


@dataclass(frozen=True)
class KnownLine:
    """A line that its file knows.

    Attributes:
        strokes: their numbers on the page, in the order in which they are read.
        name: of the line in its file.
        truth: what it says there; empty where nothing is said.
    """

    strokes: tuple[int, ...]
    name: str = ""
    truth: str = ""


@dataclass(frozen=True)
class PageInk:
    """A page's strokes.

    Attributes:
        strokes: arrays of finite points ``[n, 2]``, y upwards, in the order of writing as far as
            that is known.
        lines: those that the file knows, from the top; empty where they are to be found.
        timed: whether the order of the strokes is that of writing.
        texts: typed on the page, which may be what lines of it say; y downwards.
    """

    strokes: tuple[np.ndarray, ...]
    lines: tuple[KnownLine, ...] = ()
    timed: bool = True
    texts: tuple[PlacedText, ...] = ()


def pages_in_file(path: Path, divide: bool = True) -> tuple[PageInk, ...]:
    """Return the pages of a file of ink; see ``handwriting.formats.ink_file``.

    Args:
        path: of the file.
        divide: whether ink that the file does not divide into lines is still to be divided; else it
            is one line.

    Raises:
        DataError: one line naming the file and what is wrong with it.
    """
    inks = [ink for ink in inks_in_file(path) if np.any(ink.line.strokes[1:, 1:])]
    if not inks:
        raise DataError(f"{path}: no ink to read: nothing in it is more than a dot")
    for ink in inks:
        check_way(ink.line, path)
    pages: list[PageInk] = []
    for is_line, found in groupby(inks, key=lambda ink: ink.is_line or not divide):
        group = list(found)
        if is_line:
            pages.append(page_of_lines([ink.line for ink in group]))
        else:
            pages += [_page_to_divide(ink) for ink in group]
    return tuple(pages)


def _page_to_divide(ink: FileInk) -> PageInk:
    return PageInk(tuple(points_from_strokes(ink.line.strokes)), texts=ink.texts)


def page_of_lines(lines: Sequence[Line]) -> PageInk:
    """Return lines that have no places on a page one below the other."""
    strokes: list[np.ndarray] = []
    known: list[KnownLine] = []
    bottom = 0.0
    for line in lines:
        own = points_from_strokes(line.strokes)
        points = np.concatenate(own)
        height = float(np.ptp(points[:, 1]))
        down = points[:, 1].max() - (bottom - _PITCH * height * bool(known))
        numbers = tuple(range(len(strokes), len(strokes) + len(own)))
        strokes += [stroke - [0.0, down] for stroke in own]
        known.append(KnownLine(numbers, line.source_id, line.text))
        bottom = points[:, 1].min() - down
    return PageInk(tuple(strokes), tuple(known))
