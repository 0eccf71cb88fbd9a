"""Kinds of text, so that error rates can be told for each: digits, numbers, capitals, prose."""

KINDS = {
    "digit": "one digit",
    "capital": "one capital letter",
    "small letter": "one small letter",
    "symbol": "one character that is neither",
    "number": "digits without a letter, such as 1,250.00 or 12/3",
    "capitals": "two letters or more, all capitals",
    "mixed": "letters and digits, such as an address",
    "word": "one word of letters",
    "short line": "several words, under 20 characters",
    "line": "20 to 80 characters",
    "long line": "over 80 characters",
}
"""What each kind is, in the order of tables. A text is of the first kind that fits."""

_SHORT, _LONG = 20, 80


def kind_of(text: str) -> str:
    """Return the kind of a text, one of ``KINDS``; that of an empty text is "symbol"."""
    if len(text) < 2:
        return _kind_of_character(text)
    letters = [character for character in text if character.isalpha()]
    if any(character.isdigit() for character in text):
        return "mixed" if letters else "number"
    if len(letters) > 1 and all(letter.isupper() for letter in letters):
        return "capitals"
    if " " not in text.strip():
        return "word"
    if len(text) < _SHORT:
        return "short line"
    return "line" if len(text) <= _LONG else "long line"


def _kind_of_character(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "capital" if character.isupper() else "small letter"
    return "symbol"
