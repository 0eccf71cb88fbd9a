"""The characters a model knows, and their indices."""

from collections.abc import Iterable, Sequence

PAD, SOS, EOS, UNK = "<pad>", "<sos>", "<eos>", "<unk>"
SPECIALS = (PAD, SOS, EOS, UNK)
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Vocabulary:
    """Characters and four special symbols, each with an index.

    Indices 0 to 3 are padding, start of text, end of text and unknown character; the characters
    follow in the order given.

    Args:
        characters: single characters, each once; ``ValueError`` otherwise.
    """

    pad, sos, eos, unk = range(len(SPECIALS))

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = tuple(characters)
        wrong = [item for item in self.characters if not isinstance(item, str) or len(item) != 1]
        if wrong:
            raise ValueError(f"vocabulary: each entry is one character, got {wrong[0]!r}")
        self._indices = {
            character: len(SPECIALS) + number for number, character in enumerate(self.characters)
        }
        if len(self._indices) != len(self.characters):
            raise ValueError("vocabulary: a character stands in it twice")

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> "Vocabulary":
        """The characters of ``texts``, sorted by code point."""
        return cls(sorted({character for text in texts for character in text}))

    @classmethod
    def from_symbols(cls, symbols: Sequence[str]) -> "Vocabulary":
        """The vocabulary of symbols by index; ``ValueError`` unless the special ones come first."""
        if tuple(symbols[: len(SPECIALS)]) != SPECIALS:
            raise ValueError(f"vocabulary: should begin with {', '.join(SPECIALS)}")
        return cls(symbols[len(SPECIALS) :])

    @property
    def symbols(self) -> list[str]:
        """All symbols by index; the inverse of ``from_symbols``."""
        return [*SPECIALS, *self.characters]

    def extended(self, characters: Iterable[str]) -> "Vocabulary":
        """Return a vocabulary with ``characters`` too; those that it knows keep their indices, new
        ones follow, sorted by code point."""
        return Vocabulary((*self.characters, *self.unknown("".join(characters))))

    def __len__(self) -> int:
        """Number of indices, the special ones included."""
        return len(SPECIALS) + len(self.characters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and other.characters == self.characters

    def __hash__(self) -> int:
        return hash(self.characters)

    def __repr__(self) -> str:
        return f"Vocabulary({''.join(self.characters)!r})"

    def encode(self, text: str) -> list[int]:
        """Index of each character; characters it does not know become ``unk``."""
        return [self._indices.get(character, self.unk) for character in text]

    def decode(self, indices: Iterable[int]) -> str:
        """The text up to the first end of text; padding and start of text are left out, an unknown
        character reads as U+FFFD. ``ValueError`` for an index outside the vocabulary."""
        characters = []
        for index in map(int, indices):
            if index == self.eos:
                break
            if index not in (self.pad, self.sos):
                characters.append(self._character(index))
        return "".join(characters)

    def unknown(self, text: str) -> list[str]:
        """The characters of ``text`` that are not in the vocabulary, sorted, each once."""
        return sorted(set(text) - self._indices.keys())

    def to_dict(self) -> dict[str, list[str]]:
        """Plain values, for a checkpoint or JSON."""
        return {"characters": list(self.characters)}

    @classmethod
    def from_dict(cls, values: dict[str, list[str]]) -> "Vocabulary":
        """The inverse of ``to_dict``."""
        return cls(values["characters"])

    def _character(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise ValueError(f"character index: 0 to {len(self) - 1}, got {index}")
        return REPLACEMENT if index == self.unk else self.characters[index - len(SPECIALS)]
