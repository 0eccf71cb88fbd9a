"""Lines that a corpus lacks, composed from its writers' own characters and words."""

import logging
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from base.base_reader import BaseReader
from base.registry import READERS
from data_loader.readers.composed_grammar import KINDS, draw_text
from data_loader.readers.composed_ink import Hand, Spacing, compose, inventory
from data_loader.readers.synthetic_text import english_vocabulary
from handwriting.errors import ConfigError, DataError
from handwriting.ink.line import Line

logger = logging.getLogger(__name__)

# All readers but those that take readers.
SAMPLE_READERS = READERS.without("composed", "mixed")
DEFAULT_SHARES = {
    "numbers": 3.0, "digits": 3.0, "money": 1.5, "dates": 1.5, "times": 1.0, "telephone": 1.0,
    "email": 0.8, "web": 0.8, "addresses": 1.5, "initials": 1.0, "capitals": 2.5, "titles": 1.0,
    "formulas": 1.0, "code": 1.2, "lists": 0.8, "quotations": 1.0, "mixture": 1.5, "prose": 4.0,
}  # fmt: skip
# Texts tried for a line: a writer who has only digits finds few that can be written.
_TRIES = 40
_MOST_TOKENS = 6
# A writer of so many different characters can write most kinds of text, and writes most lines.
_SPELLER = 10
_SPELLERS_SHARE = 0.8
_NUM_WORDS = 20_000
_VERSION = 1


@READERS.register("composed")
class ComposedReader(BaseReader):
    """Lines of text that nobody wrote, in the ink of people who wrote their characters and words.

    The source is read once and its characters and words are held in memory, by writer. A line is
    one writer's, and in that writer's split. Each line depends on the seed and its number alone.

    Args:
        source: yields single characters and words (lines of one word); others are passed over.
        num_lines: lines that are composed, over all splits.
        text_shares: weight of each kind of text (``composed_grammar.KINDS``); kinds that are not
            named are not drawn.
        max_characters: longest text.
        seed: of all that is drawn.

    Raises:
        ConfigError: a kind of text is not known.
    """

    name: ClassVar[str] = "composed"

    def __init__(
        self,
        source: Annotated[BaseReader, SAMPLE_READERS],
        num_lines: Annotated[int, Field(gt=0)] = 20_000,
        text_shares: dict[str, float] = DEFAULT_SHARES,  # noqa: B006 (never changed)
        max_characters: Annotated[int, Field(gt=0)] = 60,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.source = source
        self.num_lines = num_lines
        self.text_shares = dict(text_shares)
        self.max_characters = max_characters
        self.seed = seed
        unknown = sorted(set(text_shares) - set(KINDS))
        if unknown or not any(weight > 0 for weight in text_shares.values()):
            given = ", ".join(unknown) or "none"
            raise ConfigError([f"text_shares: should name some of {', '.join(KINDS)}, got {given}"])

    def read(self) -> Iterator[Line]:
        """Stream the lines.

        Raises:
            NoSource, DataError: the source cannot be read, or nobody in it wrote two words.
        """
        self.skipped = type(self.skipped)()
        hands, splits = self._hands()
        writers = [writer for writer, hand in hands.items() if np.isfinite(hand.x_height)]
        spellers = [each for each in writers if len(hands[each].characters) >= _SPELLER] or writers
        if not writers:
            raise DataError("composed: the source has no writer with characters or words to use")
        logger.info("composing lines of %s", inventory(hands))
        for number in range(self.num_lines):
            random = np.random.default_rng((self.seed, number))
            among = spellers if random.random() < _SPELLERS_SHARE else writers
            writer = among[int(random.integers(len(among)))]
            text = self._text(hands[writer], random)
            if text is None:
                self.skipped.add("no text that the writer has ink for", f"line {number}: {writer}")
                continue
            strokes = compose(hands[writer], text, Spacing.draw(random), random)
            yield Line(strokes, text, writer, f"composed-{number}", splits[writer])

    def _hands(self) -> tuple[dict[str, Hand], dict[str, str]]:
        """Each writer's samples, and split."""
        hands: dict[str, Hand] = {}
        splits: dict[str, str] = {}
        for line in self.source.read():
            if not line.text or " " in line.text:
                continue
            hands.setdefault(line.writer, Hand()).add(line)
            splits[line.writer] = line.split
        return hands, splits

    def _text(self, hand: Hand, random: np.random.Generator) -> str | None:
        """A text that the hand can write: of a kind that is drawn, or else of its own words."""
        own = [word for word in hand.words if word.isalpha() and word.islower()]
        for _ in range(_TRIES):
            words = own if own and random.random() < 0.5 else english_vocabulary(_NUM_WORDS)
            text = draw_text(random, words, self.text_shares)
            if len(text) <= self.max_characters and all(map(hand.can_write, text.split())):
                return " ".join(text.split())
        return self._own_text(hand, own, random)

    def _own_text(self, hand: Hand, words: list[str], random: np.random.Generator) -> str | None:
        """Some of the words and characters that there is ink for, at random."""
        tokens = words or [*hand.words] or [*hand.characters]
        size = int(random.integers(1, _MOST_TOKENS + 1))
        text = " ".join(tokens[int(random.integers(len(tokens)))] for _ in range(size))
        return text if text and len(text) <= self.max_characters else None

    def fingerprint(self) -> dict[str, Any]:
        """The source's fingerprint and the settings.

        Raises:
            NoSource: the source is not there.
        """
        return {
            "reader": self.name,
            "version": _VERSION,
            "source": self.source.fingerprint(),
            "num_lines": self.num_lines,
            "text_shares": self.text_shares,
            "max_characters": self.max_characters,
            "seed": self.seed,
        }

    def locate(self) -> str:
        """Look for the source.

        Raises:
            NoSource, DataError: it is not there.
        """
        return self.source.locate()

    def expected_lines(self) -> int | None:
        """The lines asked for, at most."""
        return self.num_lines
