"""Colours of parts of a text."""

import pytest

from handwriting.errors import UserError
from handwriting.text.markup import COLOURS, parse_markup


def test_marks_are_colours_of_the_characters_within() -> None:
    marked = parse_markup("a [red]b\nc[blue]d[/blue][/red]e [#00ff00]f[/]")
    assert marked.text == "a b\ncde f"
    assert marked.pens == (0, 1, 1, 2, 0, 3)
    assert marked.colours[1:] == (COLOURS["red"], COLOURS["blue"], "#00ff00")


def test_one_colour_is_one_pen() -> None:
    marked = parse_markup("[red]a[/red][blue]b[/blue][red]c[/red]")
    assert marked.pens == (1, 2, 1)
    assert len(marked.colours) == 3


@pytest.mark.parametrize("text", ["no marks", "see [1] and [note]", "[x] [ ] []"])
def test_other_brackets_are_text(text: str) -> None:
    marked = parse_markup(text)
    assert marked.text == text
    assert set(marked.pens) == {0}
    assert len(marked.pens) == sum(not character.isspace() for character in text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n [red]b", r"^--text, line 2, column 2: \[red\] is not closed by \[/red\]$"),
        ("a[/red]", r"^--text, line 1, column 2: \[/red\], nothing is open$"),
        ("[red]a[blue]b[/red]", r"column 14: \[/red\], expected \[/blue\]$"),
    ],
)
def test_marks_that_do_not_match_are_named_with_their_place(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_markup(text, "--text")
