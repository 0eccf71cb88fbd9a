"""Error rates of texts that were read, against the texts that were written.

A rate is the edit distance (Levenshtein: substitutions, deletions and insertions, each counting 1)
summed over all lines, divided by the length of all references, so that long lines weigh more than
short ones and a reading longer than its reference can go over 1. Three rates are counted, each of
them in three label sets:

- the *character error rate*, over characters, the spaces between words among them;
- the *word error rate*, over words: what lies between white space, with the punctuation that
  stands beside it ("end." is one word, and not the same as "end");
- the rate of *exact lines*, those without any error.

The label sets say which characters are told apart:

- ``all``: all of them, as they are;
- ``folded``: letters and digits of whatever case. Case is folded, everything of the Unicode
  categories punctuation and symbol is dropped (so "re-read" becomes "reread"), and white space is
  one space between words and none at the ends;
- ``57``: 57 symbols as in IAM-OnDB's task 1 and Graves 2013, section 5, who keep the letters and
  have one symbol for digits and most punctuation. Neither says in full which are kept. Here they
  are the 52 letters a-z and A-Z, the space, the three punctuation marks that are by far the most
  frequent in the training lines (full stop, comma and quotation mark), and one symbol for each
  character that is none of these: 52 + 1 + 3 + 1.

Case, punctuation and label set are applied to both texts before anything is counted.

Shapes: ``U`` characters.
"""

import math
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from handwriting.text.vocabulary import REPLACEMENT

OTHER = "#"
SYMBOLS_57 = string.ascii_letters + ' .,"' + OTHER


@dataclass(frozen=True)
class LabelSet:
    """Which characters are told apart.

    Attributes:
        name: in files and names of metrics.
        title: to stand beside a number.
        description: what it says exactly.
        apply: turns a text into one of this label set.
    """

    name: str
    title: str
    description: str
    apply: Callable[[str], str]


def fold(text: str) -> str:
    """A text in one case, without punctuation and symbols, a single space between words."""
    return " ".join("".join(filter(_is_kept, text.casefold())).split())


def _is_kept(char: str) -> bool:
    # U+FFFD, a symbol to Unicode, stands for a character that a model does not know.
    return char == REPLACEMENT or unicodedata.category(char)[0] not in "PS"


def to_57(text: str) -> str:
    """A text in 57 symbols, as long as it was; ``OTHER`` stands for what is not kept."""
    return "".join(char if char in SYMBOLS_57 else OTHER for char in text)


def as_it_is(text: str) -> str:
    """The text itself."""
    return text


ALL = LabelSet("all", "all characters", "all characters are told apart", as_it_is)
FOLDED = LabelSet(
    "folded",
    "no case or punctuation",
    "letters and digits in one case, white space as one space, everything else dropped",
    fold,
)
TASK_57 = LabelSet(
    "57",
    "57 symbols",
    "a-z, A-Z, space, full stop, comma, quotation mark, and one symbol for everything else",
    to_57,
)
LABEL_SETS = {label_set.name: label_set for label_set in (ALL, FOLDED, TASK_57)}


class ErrorCounts(NamedTuple):
    """Errors of some lines, and what they are divided by. Those of several sets of lines add up
    with ``plus``.

    Attributes:
        lines: how many.
        exact: those of them without an error.
        character_errors: characters substituted, deleted and inserted.
        characters: of the references.
        word_errors: words substituted, deleted and inserted.
        words: of the references.
    """

    lines: int = 0
    exact: int = 0
    character_errors: int = 0
    characters: int = 0
    word_errors: int = 0
    words: int = 0

    def plus(self, other: "ErrorCounts") -> "ErrorCounts":
        """Return the counts of both."""
        return ErrorCounts(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def cer(self) -> float:
        """Character error rate; nan where the references have no characters."""
        return rate(self.character_errors, self.characters)

    @property
    def wer(self) -> float:
        """Word error rate; nan where the references have no words."""
        return rate(self.word_errors, self.words)

    @property
    def exact_rate(self) -> float:
        """Rate of lines without an error; nan where there are no lines."""
        return rate(self.exact, self.lines)


def rate(errors: float, of: float) -> float:
    """``errors / of``; nan where there is nothing to divide by."""
    return errors / of if of else math.nan


def line_errors(reference: str, reading: str, label_set: LabelSet = ALL) -> ErrorCounts:
    """Errors of one line. With an empty reference all that was read is in error, over nothing."""
    reference, reading = label_set.apply(reference), label_set.apply(reading)
    return ErrorCounts(
        lines=1,
        exact=int(reference == reading),
        character_errors=Levenshtein.distance(reference, reading),
        characters=len(reference),
        word_errors=Levenshtein.distance(reference.split(), reading.split()),
        words=len(reference.split()),
    )


def count_errors(pairs: Iterable[tuple[str, str]], label_set: LabelSet = ALL) -> ErrorCounts:
    """Errors of all lines.

    Args:
        pairs: reference and reading of each line.
        label_set: which characters are told apart.
    """
    total = ErrorCounts()
    for reference, reading in pairs:
        total = total.plus(line_errors(reference, reading, label_set))
    return total


class Edit(NamedTuple):
    """A part of the reference and what was read for it.

    Attributes:
        kind: "equal", "replace", "delete" (nothing was read) or "insert" (nothing was written).
        reference: characters; none of an insertion.
        reading: characters; none of a deletion. As many as in the reference where the kind is
            "equal" or "replace".
    """

    kind: str
    reference: str
    reading: str


def align(reference: str, reading: str) -> list[Edit]:
    """The parts of both texts in their order, with the fewest errors; of several ways to align
    with as few, one of them."""
    return [
        Edit(
            code.tag,
            reference[code.src_start : code.src_end],
            reading[code.dest_start : code.dest_end],
        )
        for code in Levenshtein.opcodes(reference, reading)
    ]


@dataclass(frozen=True)
class Confusions:
    """Count how often each error was made, by the alignments of ``align``.

    Attributes:
        substitutions: by written and read character.
        deletions: by written character.
        insertions: by read character.
        written: how often each character stands in the references.
    """

    substitutions: Mapping[tuple[str, str], int] = field(default_factory=Counter)
    deletions: Mapping[str, int] = field(default_factory=Counter)
    insertions: Mapping[str, int] = field(default_factory=Counter)
    written: Mapping[str, int] = field(default_factory=Counter)

    def rows(self) -> list[tuple[str, str, int]]:
        """(written, read, count) of each error, the most frequent first; an empty string stands
        for nothing."""
        rows = [(*pair, count) for pair, count in self.substitutions.items()]
        rows += [(char, "", count) for char, count in self.deletions.items()]
        rows += [("", char, count) for char, count in self.insertions.items()]
        return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


def confusions(pairs: Iterable[tuple[str, str]], label_set: LabelSet = ALL) -> Confusions:
    """The errors of all lines.

    Args:
        pairs: reference and reading of each line.
        label_set: which characters are told apart.
    """
    substitutions: Counter[tuple[str, str]] = Counter()
    deletions: Counter[str] = Counter()
    insertions: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for pair in pairs:
        reference, reading = map(label_set.apply, pair)
        written.update(reference)
        for edit in align(reference, reading):
            if edit.kind == "replace":
                substitutions.update(zip(edit.reference, edit.reading, strict=True))
            elif edit.kind == "delete":
                deletions.update(edit.reference)
            elif edit.kind == "insert":
                insertions.update(edit.reading)
    return Confusions(substitutions, deletions, insertions, written)
