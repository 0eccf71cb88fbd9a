"""Plain text files as lines of a given spread of lengths."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from handwriting.errors import DataError
from handwriting.files import read_regular_file


def text_file_lines(path: str | Path, widths: Sequence[int], seed: int = 0) -> list[str]:
    """The text of a UTF-8 file, broken between words into lines.

    Paragraphs, which empty lines separate, begin on a new line; all other white space is taken for
    one space.

    Args:
        path: of the file.
        widths: lengths in characters of lines as they are written; the width that a line is filled
            to is drawn from them.
        seed: of the drawing.

    Raises:
        DataError: the file cannot be read, is not UTF-8 or has no text.
    """
    try:
        text = read_regular_file(Path(path)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: should be text in UTF-8: {error}") from None
    rng = np.random.default_rng(seed)
    paragraphs = _paragraphs(text)
    lines = [line for words in paragraphs for line in _filled(words, widths, rng)]
    if not lines:
        raise DataError(f"{path}: there is no text in it")
    return lines


def _paragraphs(text: str) -> Iterator[list[str]]:
    """The words of each paragraph."""
    words: list[str] = []
    for line in text.splitlines():
        found = line.split()
        if not found and words:
            yield words
            words = []
        words += found
    if words:
        yield words


def _filled(words: Sequence[str], widths: Sequence[int], rng: np.random.Generator) -> Iterator[str]:
    """Lines of words, each at least one word and no longer than its width unless one word is."""
    line, width = "", int(rng.choice(widths))
    for word in words:
        if line and len(line) + 1 + len(word) > width:
            yield line
            line, width = word, int(rng.choice(widths))
        else:
            line = f"{line} {word}" if line else word
    yield line
