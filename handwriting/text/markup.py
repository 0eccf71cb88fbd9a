"""Mark-up of a text: parts of it in other colours, each drawn by a pen of its own.

``[red]important[/red]``, ``[#2e7d32]green[/]``; mark-up may be inside other mark-up. Square
brackets around anything else are text.
"""

import re
from dataclasses import dataclass

from handwriting.errors import UserError
from handwriting.ink.drawing import INK_COLOUR

COLOURS = {
    "black": "#1c1c1c",
    "blue": "#1f3fae",
    "brown": "#6b4226",
    "gray": "#777777",
    "green": "#1b7a3d",
    "grey": "#777777",
    "orange": "#d9730d",
    "pink": "#d6489a",
    "purple": "#6a3aa8",
    "red": "#b3261e",
}
"""Colours by name."""

_TAG = re.compile(r"\[(?:(#[0-9a-fA-F]{6}|" + "|".join(COLOURS) + r")|/([a-z]*|#[0-9a-fA-F]{6}))\]")


@dataclass(frozen=True)
class MarkedText:
    """A text without its mark-up.

    Attributes:
        text: the text.
        pens: of each character that is no white space, the index of its colour.
        colours: such as ``#16213a``; the first is that of ink of which nothing is said.
    """

    text: str
    pens: tuple[int, ...]
    colours: tuple[str, ...]


def parse_markup(text: str, source: str = "text", ink: str = INK_COLOUR) -> MarkedText:
    """Return a text and its colours.

    Args:
        text: with mark-up.
        source: where the text is from, for messages.
        ink: the colour of what is not marked.

    Raises:
        UserError: in one line, a mark that is not closed, or closed and not open, and its place.
    """
    colours, pens, parts = [ink.lower()], [], []
    open_marks: list[tuple[str, int, int]] = []  # name, pen, place
    start = 0
    for tag in [*_TAG.finditer(text), None]:
        part = text[start : len(text) if tag is None else tag.start()]
        parts.append(part)
        pens += [open_marks[-1][1] if open_marks else 0] * sum(not c.isspace() for c in part)
        if tag is None:
            break
        start = tag.end()
        if tag[1] is not None:
            colour = COLOURS.get(tag[1], tag[1]).lower()
            if colour not in colours:
                colours.append(colour)
            open_marks.append((tag[1], colours.index(colour), tag.start()))
        elif open_marks and tag[2] in ("", open_marks[-1][0]):
            open_marks.pop()
        else:
            expected = f", expected [/{open_marks[-1][0]}]" if open_marks else ", nothing is open"
            raise UserError(f"{source}, {place_of(text, tag.start())}: {tag[0]}{expected}")
    if open_marks:
        name, _, place = open_marks[-1]
        raise UserError(f"{source}, {place_of(text, place)}: [{name}] is not closed by [/{name}]")
    return MarkedText("".join(parts), tuple(pens), tuple(colours))


def place_of(text: str, index: int) -> str:
    """Return the line and the column of a character, counted from 1, in words."""
    before = text[:index]
    column = index - (before.rfind("\n") + 1) + 1
    return f"line {before.count(chr(10)) + 1}, column {column}"
