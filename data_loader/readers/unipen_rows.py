"""Texts of UNIPEN written on several rows, divided where their words or characters say so.

A row ends where the next part of the text (a word, else a character) lies below the part before it
and begins left of that part's middle. The parts must spell the text out, since only then it is
known which of the text is on which row. Of 1,510 texts of four contributors (``apb apc apd ape``)
1,394 come out as in a division made independently; of 8,166 texts that this one has on one row, 33
are divided, 12 of them outside the groups of coarse ink. ``_FALL`` was chosen on these same texts.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.line_segmentation import split_lines

# From middle to middle, in heights of a typical part: a row further down.
_FALL = 0.6


@dataclass(frozen=True)
class Part:
    """A word or character of a text.

    Attributes:
        label: its text.
        first: the component it begins with.
        last: the component it ends with.
        box: left, bottom, right and top of its ink, y upwards.
    """

    label: str
    first: int
    last: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Row:
    """A row of a text: what is written on it, and the component it begins with."""

    label: str
    first: int


def box_of(strokes: Sequence[np.ndarray]) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of strokes of points ``[n, 2]``."""
    points = np.concatenate(strokes)
    (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
    return float(left), float(bottom), float(right), float(top)


def is_one_row(strokes: Sequence[np.ndarray]) -> bool:
    """Whether strokes of points ``[n, 2]`` look like one row, of which no parts are known."""
    return len(split_lines(strokes)) == 1


def spell_out(parts: Sequence[Part], label: str) -> bool:
    """Whether the parts' texts are the whole label, spaces aside."""
    return "".join(part.label for part in parts).replace(" ", "") == label.replace(" ", "")


def rows_of(label: str, parts: Sequence[Part]) -> list[Row] | None:
    """The rows of a text.

    Args:
        label: the text, words divided by single spaces.
        parts: its words or characters in the order of writing, which spell it out.

    Returns:
        at least one row; None where a row ends inside a word or a component.
    """
    fall = _FALL * float(np.median([part.box[3] - part.box[1] for part in parts]))
    rows, begin, end, first = [], 0, 0, parts[0].first
    for before, part in zip([None, *parts], parts, strict=False):
        if before is not None and _is_below(before, part, fall):
            if label[end : end + 1] != " " or part.first <= before.last:
                return None
            rows.append(Row(label[begin:end].strip(), first))
            begin, first = end, part.first
        end = _end_of(part.label, label, end)
    return [*rows, Row(label[begin:].strip(), first)]


def _is_below(before: Part, part: Part, fall: float) -> bool:
    left, bottom, right, top = before.box
    falls = (bottom + top) - (part.box[1] + part.box[3]) > 2 * fall
    return falls and 2 * part.box[0] < left + right


def _end_of(part: str, label: str, begin: int) -> int:
    """Return the end of the label's part that begins at ``begin`` or behind spaces there."""
    left = len(part.replace(" ", ""))
    while left:
        left -= label[begin] != " "
        begin += 1
    return begin
