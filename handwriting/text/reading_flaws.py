"""Flaws of written ink that a reading of it shows: words that are missing, or there twice."""

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

_SHARE = 0.75  # of a word's letters without a reading: the word is missing
_FEWEST = 3  # letters: a shorter word may have been read as part of another
_MOST_INSERTED = 4  # letters in a row that are not in the text


def word_flaws(text: str, reading: str) -> list[str]:
    """Return what a reading of a line says about its words.

    Args:
        text: the words that were to be written.
        reading: of the ink. Spaces do not count.

    Returns:
        such as ``misses 'word'``, or ``has more than 'word'`` for letters that are too many after
        it, as of a word that is there twice.
    """
    letters, owners = _letters(text)
    read, _ = _letters(reading)
    words = text.split()
    missing = [0] * len(words)
    inserted: dict[int, int] = {}
    for edit in Levenshtein.editops(letters, read):
        if edit.tag == "delete":
            missing[owners[edit.src_pos]] += 1
        elif edit.tag == "insert":
            inserted[edit.src_pos] = inserted.get(edit.src_pos, 0) + 1
    flaws = [
        f"misses {word!r}"
        for word, lost in zip(words, missing, strict=True)
        if len(word) >= _FEWEST and lost >= _SHARE * len(word)
    ]
    flaws += [
        f"has more than {words[owners[max(place - 1, 0)]]!r}"
        for place, number in inserted.items()
        if number >= _MOST_INSERTED and owners
    ]
    return flaws


def _letters(text: str) -> tuple[str, Sequence[int]]:
    """The letters of a text, and the number of the word that each is in."""
    words = text.split()
    owners = [number for number, word in enumerate(words) for _ in word]
    return "".join(words), owners
