"""Results as plain text and as Markdown."""

import re

from handwriting.readings.result import ReadBlock, ReadDocument, ReadLine

_PAGE_BREAK = "\f"
# What Markdown would take for its own, anywhere, or at the beginning of a line.
_SPECIAL = re.compile(r"([\\`*_\[\]>#])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", "~": "&#126;"}  # what not every Markdown can escape
_AT_START = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")


def plain_text(document: ReadDocument) -> str:
    """Return the text: a line for each line, an empty one between blocks, a form feed between
    pages. Struck-out words are left out."""
    pages = [page.text + "\n" if page.text else "" for page in document.pages]
    return _PAGE_BREAK.join(pages)


def markdown(document: ReadDocument) -> str:
    """Return the text as Markdown: blocks are paragraphs, lines end as they did, struck-out words
    are struck out, a rule parts pages."""
    pages = ["\n\n".join(_paragraph(block) for block in page.blocks) for page in document.pages]
    return "\n\n---\n\n".join(pages).strip("\n") + "\n"


def _paragraph(block: ReadBlock) -> str:
    return "\\\n".join(_line(line) for line in block.lines)


def _line(line: ReadLine) -> str:
    if not any(word.struck_out for word in line.words):
        return _escaped(line.text)
    words = [
        f"~~{_escaped(word.text)}~~" if word.struck_out else _escaped(word.text)
        for word in line.words
    ]
    return " ".join(words)


def _escaped(text: str) -> str:
    text = _SPECIAL.sub(r"\\\1", text)
    text = "".join(_ENTITIES.get(character, character) for character in text)
    found = _AT_START.match(text)
    if found is None:
        return text
    begin, mark = found.groups()
    rest = text[found.end() :]
    # A digit cannot be escaped, the full stop after a number can.
    return f"{begin}{mark}\\{rest}" if mark.isdigit() else f"{begin}\\{mark}{rest}"
