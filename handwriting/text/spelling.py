"""A text as a model can write it, with what is added to its ink afterwards: accents over letters,
and characters that are drawn from shapes.

Shapes: ``V`` characters that the model writes.
"""

import functools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handwriting.errors import UserError
from handwriting.ink.character_shapes import ACCENTS, SHAPED
from handwriting.text.vocabulary import Vocabulary
from handwriting.text.writable_text import LETTERS_WITHOUT_BASE, TYPOGRAPHY, similar_characters

# Letters with a mark that Unicode does not take apart: base and mark, a combining character.
_MARKED = {
    "ł": "l\u0337", "Ł": "L\u0337", "ø": "o\u0338", "Ø": "O\u0338", "đ": "d\u0335", "Đ": "D\u0335",
    "ð": "d\u0335", "Ð": "D\u0335", "ħ": "h\u0335", "Ħ": "H\u0335", "ŧ": "t\u0335", "Ŧ": "T\u0335",
    "ı": "i\u0131",
}  # fmt: skip
# The caron of these tall letters is written as a comma beside them.
_CARON_BESIDE = {letter + "\u030c": letter + "\u0315" for letter in "dtlL"}
_MOST_NAMED = 6


@dataclass(frozen=True)
class Spelling:
    """A piece of text, and how it is written.

    Attributes:
        text: the piece as it is to be read, with its newlines and indents.
        written: ``V`` characters for the model to write; empty if it has nothing to do with it.
        places: ``[V]``, the index in ``text`` of the character that each of ``written`` is for.
        marks: accents, as an index in ``text`` and one of ``ACCENTS``.
        shapes: an index in ``text`` and one of ``SHAPED``: characters that the model leaves out.
            A space stands for them in ``written``, so that what is around them is apart.
    """

    text: str
    written: str
    places: tuple[int, ...]
    marks: tuple[tuple[int, str], ...]
    shapes: tuple[tuple[int, str], ...]

    @property
    def is_plain(self) -> bool:
        """Whether the model's ink is all of the ink."""
        return not self.marks and not self.shapes


def spell(text: str, vocabulary: Vocabulary) -> Spelling:
    """Return how a piece of ``writable_text`` is written by a model with the vocabulary.

    Raises:
        UserError: naming a character that cannot be written.
    """
    letters: list[tuple[str, int]] = []
    marks: list[tuple[int, str]] = []
    shapes: list[tuple[int, str]] = []
    for at, character in enumerate(text):
        plan = _plan(character, vocabulary)
        if plan is None:
            raise UserError(f"text: {character!r} (U+{ord(character):04X}) cannot be written")
        marks += [(at, mark) for mark in plan.marks]
        if plan.is_shape:
            shapes.append((at, plan.base))
        is_space = plan.is_shape or plan.base.isspace()
        letters += [(" ", at)] if is_space else [(letter, at) for letter in plan.base]
    kept = list(_without_double_spaces(letters))
    written = "".join(letter for letter, _ in kept)
    return Spelling(text, written, tuple(at for _, at in kept), tuple(marks), tuple(shapes))


def writable_text(
    text: str, vocabulary: Vocabulary, source: str, is_lenient: bool = False
) -> tuple[str, list[str]]:
    """Return a text of characters that ``spell`` takes, and notes on what was changed.

    Typographic characters (curly quotes, dashes, an ellipsis, bullets, spaces that do not break)
    and ligatures become what a typewriter has. Characters of the vocabulary, letters with accents
    and characters that have a shape stay.

    Args:
        text: any, in Unicode's composed form (NFC).
        vocabulary: the model's.
        source: where the text is from, for messages.
        is_lenient: write similar characters for those that cannot be written, or leave them out.

    Raises:
        UserError: in one line, the characters that cannot be written and their places.
    """
    written: list[str] = []
    changes: dict[str, str] = {}
    refused: list[str] = []
    line, column = 1, 0
    for character in text:
        column += 1
        replaced = _replaced(character, vocabulary, is_lenient)
        if replaced is None:
            name = f"line {line}, column {column}: {character!r} (U+{ord(character):04X})"
            refused.append(name)
        elif replaced != character and not character.isspace():
            changes[character] = f"{character!r} becomes {replaced!r}"
        written.append(replaced or "")
        if character == "\n":
            line, column = line + 1, 0
    if refused and not is_lenient:
        raise UserError(
            f"{source}: cannot be written: {_listed(refused, '; ')}"
            " (--replace-unknown leaves out what has nothing similar)"
        )
    notes = [f"{source}: {_listed(list(changes.values()), ', ')}"] if changes else []
    notes += [f"{source}: left out: {_listed(refused, '; ')}"] if refused else []
    return "".join(written), notes


def _listed(parts: Sequence[str], separator: str) -> str:
    more = f" and {len(parts) - _MOST_NAMED} more" if len(parts) > _MOST_NAMED else ""
    return separator.join(parts[:_MOST_NAMED]) + more


def _replaced(character: str, vocabulary: Vocabulary, is_lenient: bool) -> str | None:
    """The substitute of a character, itself if it can be written; None if there is none."""
    if _plan(character, vocabulary) is not None:
        return character
    choices = [*TYPOGRAPHY.get(character, ()), *LETTERS_WITHOUT_BASE.get(character, ())]
    compatible = unicodedata.normalize("NFKC", character)
    choices += ["".join(TYPOGRAPHY.get(part, (part,))[0] for part in compatible)]
    if is_lenient:
        choices += similar_characters(character)
    return next((choice for choice in choices if _can_be_written(choice, vocabulary)), None)


def _can_be_written(text: str, vocabulary: Vocabulary) -> bool:
    return all(_plan(character, vocabulary) is not None for character in text)


@dataclass(frozen=True)
class _Plan:
    """The way to write one character: by the model or as a shape, and with which marks."""

    base: str
    marks: str = ""
    is_shape: bool = False


@functools.lru_cache(maxsize=4096)
def _plan(character: str, vocabulary: Vocabulary) -> _Plan | None:
    if character in " \n\t" or not vocabulary.unknown(character):
        return _Plan(character)
    parts = _MARKED.get(character) or unicodedata.normalize("NFD", character)
    parts = _CARON_BESIDE.get(parts, parts)
    base, marks = parts[0], parts[1:]
    if not marks:
        return _Plan(character, is_shape=True) if character in SHAPED else None
    under = _plan(base, vocabulary)
    if under is None or any(mark not in ACCENTS for mark in marks):
        return None
    return _Plan(under.base, under.marks + marks, under.is_shape)


def _without_double_spaces(letters: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """The letters with one space between words, none at the ends."""
    space: tuple[str, int] | None = None
    has_begun = False
    for letter, at in letters:
        if letter == " ":
            space = (letter, at)
            continue
        if space is not None and has_begun:
            yield space
        space, has_begun = None, True
        yield letter, at
