"""Texts from files and command lines, as messages show them."""

MOST_SHOWN = 60


def quoted(text: str) -> str:
    """Quote a text of a file, short and in characters that a terminal can show."""
    return repr(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}...")


def printable(text: str) -> str:
    """Return one line of a text: characters that no terminal shows, and halves of surrogate pairs,
    stand as their escapes."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )
