"""Texts as a model can write them: only of characters that it knows."""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from handwriting.errors import UserError
from handwriting.text.vocabulary import Vocabulary

TYPOGRAPHY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u0060\u02bc", ("'",)),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", ('"', "''")),
    **dict.fromkeys("\u00ab\u00bb", ('"', "''")),
    **dict.fromkeys("\u2039\u203a", ("'", '"')),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022", ("-",)),
    **dict.fromkeys("\u2023\u2043\u25aa\u25cf\u25e6", ("-",)),
    **dict.fromkeys("\u2044\u2215", ("/",)),
    **dict.fromkeys("\n\r\t\v\f\u2028\u2029", (" ",)),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff", ("",)),
    "\u2026": ("...",),
    "\u00d7": ("x",),
}
"""How characters of typography are written with those of a typewriter, the first choice first."""

LETTERS_WITHOUT_BASE: dict[str, tuple[str, ...]] = {
    "ß": ("ss",), "ẞ": ("SS",), "æ": ("ae",), "Æ": ("AE", "Ae"), "œ": ("oe",), "Œ": ("OE", "Oe"),
    "þ": ("th",), "Þ": ("Th",),
}  # fmt: skip
"""Letters that are two, or that Unicode finds no base of."""

# Letters whose stroke or tail is no accent to Unicode; what Unicode takes apart itself is not here.
_BASES = {
    "ø": ("o",), "Ø": ("O",), "ł": ("l",), "Ł": ("L",), "đ": ("d",), "Đ": ("D",), "ð": ("d",),
    "Ð": ("D",), "ħ": ("h",), "Ħ": ("H",), "ı": ("i",), "ŧ": ("t",), "Ŧ": ("T",),
}  # fmt: skip
_SUBSTITUTES = {**TYPOGRAPHY, **LETTERS_WITHOUT_BASE, **_BASES}


class Replacement(NamedTuple):
    """A character of a text, and what was put in its place (nothing, if it has no ink)."""

    character: str
    written: str


def check_text(text: str, vocabulary: Vocabulary, name: str = "text") -> None:
    """Raise ``UserError``, with the text's ``name``, unless a model with the vocabulary can write
    the text."""
    if not text.strip():
        raise UserError(f"{name}: must have a character that is no space, got {text!r}")
    unknown = vocabulary.unknown(text)
    if unknown:
        raise UserError(f"{name}: the model does not know the characters {_listed(unknown)}")


def replace_unknown(text: str, vocabulary: Vocabulary) -> tuple[str, list[Replacement]]:
    """The text with each character that is not in the vocabulary replaced by one that is.

    Letters lose their accents and ligatures come apart (the compatibility decomposition of
    Unicode, NFKD); typographic quotes, dashes, spaces and ellipses become those of a typewriter.

    Returns:
        the text, and what was replaced: each character once, in the order of the text.

    Raises:
        UserError: naming all characters for which the vocabulary has nothing.
    """
    text = unicodedata.normalize("NFC", text)
    unknown = set(vocabulary.unknown(text))
    choices = {
        character: substitute
        for character in unknown
        if (substitute := _substitute(character, vocabulary)) is not None
    }
    missing = sorted(unknown - choices.keys())
    if missing:
        raise UserError(
            f"text: the model does not know the characters {_listed(missing)},"
            " nor any to write in their place"
        )
    found = dict.fromkeys(character for character in text if character in unknown)
    replacements = [Replacement(character, choices[character]) for character in found]
    return "".join(choices.get(character, character) for character in text), replacements


def _substitute(character: str, vocabulary: Vocabulary) -> str | None:
    options = (option for option in similar_characters(character) if not vocabulary.unknown(option))
    return next(options, None)


def similar_characters(character: str) -> Iterator[str]:
    """Yield texts to write for a character, the first choice first: substitutes, and what is left
    of it without its accents."""
    yield from _SUBSTITUTES.get(character, ())
    parts = unicodedata.normalize("NFKD", character)
    base = "".join(part for part in parts if not unicodedata.combining(part))
    if base != character:
        yield base
        yield "".join(_SUBSTITUTES.get(part, (part,))[0] for part in base)


def _listed(characters: Iterable[str]) -> str:
    return ", ".join(f"{character!r} (U+{ord(character):04X})" for character in characters)
