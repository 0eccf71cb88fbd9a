"""Texts from files and command lines, as messages, terminals, XML and spreadsheets take them."""

import re

MOST_SHOWN = 60
MOST_OF_LINE = 1000
"""Letters of an error's line; a path has 4,096 at most, a name in a file any number."""

# What moves a terminal's cursor, colours it or runs something: controls of ASCII and Latin-1 but
# for the tabulator and the end of a line, marks that turn the direction of writing, line separators
# that are none to a terminal, and halves of surrogate pairs, which cannot be written.
_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORMULA = re.compile(r"[=+\-@\t\r].")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?%?", re.IGNORECASE)


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


def terminal_text(text: str) -> str:
    """Return a text that does nothing to a terminal but show: controls stand as their escapes, as
    ``\\x1b``. Ends of lines and tabulators stay."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


def error_lines(text: str) -> str:
    """Return the lines of an error's message as ``printable`` makes them, none of them endless."""
    return "\n".join(_shortened(printable(line)) for line in text.split("\n"))


def _shortened(line: str) -> str:
    if len(line) <= MOST_OF_LINE:
        return line
    end = MOST_OF_LINE // 4
    return f"{line[: MOST_OF_LINE - end - 5]} ... {line[-end:]}"


def xml_text(text: str) -> str:
    """Return a text that XML can hold: characters that it cannot stand as U+FFFD. Characters that
    mean something in XML are still to be escaped."""
    return _NOT_XML.sub("\ufffd", text)


def is_xml_text(text: str) -> bool:
    """Whether XML can hold all of a text's characters."""
    return _NOT_XML.search(text) is None


def spreadsheet_cell(value: object) -> object:
    """Return a value for a cell of CSV: a text that a spreadsheet would run as a formula has an
    apostrophe before it, which makes it a text there. Numbers stay."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
