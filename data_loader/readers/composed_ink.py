"""Lines of ink put together from one writer's own characters and words.

The place of a character on its line is known from its kind: a small letter lies between the
baseline and the x-height, a capital is twice as high, a comma hangs. A writer's x-height is
measured on these characters; a word's baseline on the letters that its text has.

Shapes: ``n`` points of a stroke, y upwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from handwriting.ink.line import Line, points_from_strokes, strokes_from_points

Strokes = list[np.ndarray]

# (characters, bottom, top) in x-heights above the baseline.
_PLACES = (
    ("acemnorsuvwxz", 0.0, 1.0),
    ("bdhkl", 0.0, 1.9),
    ("f", -0.2, 1.9),
    ("t", 0.0, 1.6),
    ("i", 0.0, 1.5),
    ("gpqy", -0.9, 1.0),
    ("j", -0.9, 1.5),
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789&%#!?", 0.0, 1.9),
    ("$@", -0.15, 1.95),
    (".", 0.0, 0.12),
    (",", -0.4, 0.15),
    (";", -0.4, 0.85),
    (":", 0.05, 0.85),
    ("\"'`", 1.35, 1.95),
    ("^", 1.2, 1.9),
    ("*", 0.8, 1.7),
    ("-~", 0.55, 0.65),
    ("_", -0.25, -0.15),
    ("=", 0.4, 0.8),
    ("+<>", 0.25, 1.05),
    ("()[]{}|/\\", -0.35, 1.95),
)
PLACE_OF = {character: (low, high) for group, low, high in _PLACES for character in group}
# Flat characters say nothing of a writer's size, and keep their own.
_FLAT = frozenset("-~_.,'`")
# Of the way from a writer's own proportions (boxed letters are all of one height) to usual ones.
_TO_USUAL = 0.6
_SMALLEST_HEIGHT = 0.3
# Ink of a word outside of these shares of its points does not decide where the word stands.
_LOW, _HIGH = 2, 98


@dataclass(frozen=True)
class Spacing:
    """Spacing of a line and steadiness of its writer, in x-heights.

    Attributes:
        letter, letter_spread: between the ink of two characters, mean and standard deviation.
        word, word_spread: between words.
        baseline: standard deviation of a character's place above the baseline.
        size: standard deviation of the log of a character's size.
        slope: rise of the line, a unit of its length.
    """

    letter: float
    letter_spread: float
    word: float
    word_spread: float
    baseline: float
    size: float
    slope: float

    @classmethod
    def draw(cls, random: np.random.Generator) -> "Spacing":
        """Draw the spacing of one line, as people's lines have it."""
        letter = float(np.exp(random.normal(-1.3, 0.5)))
        return cls(
            letter=letter,
            letter_spread=0.35 * letter + 0.05,
            word=letter + float(np.exp(random.normal(-0.1, 0.35))),
            word_spread=0.25,
            baseline=float(random.uniform(0.0, 0.14)),
            size=float(random.uniform(0.0, 0.12)),
            slope=float(random.normal(0.0, 0.02)),
        )


@dataclass
class Hand:
    """The characters and words of one writer.

    Attributes:
        characters: samples by character, each the strokes with its place as it is written.
        words: samples by word.
    """

    characters: dict[str, list[Strokes]] = field(default_factory=dict)
    words: dict[str, list[Strokes]] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        """Take the ink of a character or a word."""
        kept = self.characters if len(line.text) == 1 else self.words
        kept.setdefault(line.text, []).append(points_from_strokes(line.strokes))

    def can_write(self, token: str) -> bool:
        """Whether the ink of a word without spaces can be had."""
        return token in self.words or all(character in self.characters for character in token)

    @cached_property
    def x_height(self) -> float:
        """The writer's x-height, in the ink's units; nan where nothing tells it. It is measured
        once, after all ink was added."""
        sizes = [
            height / _usual_height(character)
            for character, height in self._heights.items()
            if character in PLACE_OF and character not in _FLAT
        ]
        sizes += [_word_place(samples[0], text)[1] for text, samples in self.words.items()]
        return float(np.median(sizes or [np.nan]))

    @cached_property
    def _heights(self) -> dict[str, float]:
        return {character: _height(samples) for character, samples in self.characters.items()}

    def scale(self, character: str) -> float:
        """Return the factor that brings a character part of the way to usual proportions."""
        if character in _FLAT:
            return 1.0
        own = self._heights[character] / self.x_height
        usual = _usual_height(character)
        return float((usual / max(own, _SMALLEST_HEIGHT * usual)) ** _TO_USUAL)


def compose(hand: Hand, text: str, spacing: Spacing, random: np.random.Generator) -> np.ndarray:
    """Return strokes ``[T, 3]`` of a line that says ``text``, in the writer's units.

    Args:
        hand: of which ``can_write`` each word of the text.
        text: words with single or several spaces between them.
        spacing: of the line.
        random: all that is drawn comes from it.
    """
    x_height = hand.x_height
    placed: Strokes = []
    pen = 0.0
    for number, token in enumerate(text.split(" ")):
        if number:
            pen += max(random.normal(spacing.word, spacing.word_spread), 0.45)
        for piece in _pieces(hand, token, x_height, spacing, random):
            left = min(stroke[:, 0].min() for stroke in piece)
            piece = [stroke + (pen - left, spacing.slope * pen) for stroke in piece]
            placed += piece
            pen = max(stroke[:, 0].max() for stroke in piece)
            pen += max(random.normal(spacing.letter, spacing.letter_spread), -0.1)
    return strokes_from_points([stroke * x_height for stroke in placed])


def _pieces(
    hand: Hand, token: str, x_height: float, spacing: Spacing, random: np.random.Generator
) -> list[Strokes]:
    """The ink of a word, as one piece or a piece a character, in x-heights about the baseline."""
    spelled = all(character in hand.characters for character in token)
    if token in hand.words and not (spelled and random.random() < 0.3):
        strokes = _any(hand.words[token], random)
        bottom, _ = _word_place(strokes, token)
        shift = random.normal(0.0, spacing.baseline)
        return [[(stroke - (0.0, bottom)) / x_height + (0.0, shift) for stroke in strokes]]
    return [_character(hand, character, x_height, spacing, random) for character in token]


def _character(
    hand: Hand, character: str, x_height: float, spacing: Spacing, random: np.random.Generator
) -> Strokes:
    strokes = _any(hand.characters[character], random)
    size = hand.scale(character) * np.exp(random.normal(0.0, spacing.size)) / x_height
    points = np.concatenate(strokes)
    low, high = points[:, 1].min() * size, points[:, 1].max() * size
    bottom, top = PLACE_OF.get(character, (0.0, 1.9))
    # Letters that hang are known by their tops, all others by their feet; marks by their middles.
    if bottom < -0.3 and top <= 1.5:
        shift = top - high
    elif character in _FLAT or top - bottom < 1.0:
        shift = (bottom + top - low - high) / 2
    else:
        shift = bottom - low
    shift += random.normal(0.0, spacing.baseline)
    return [stroke * size + (0.0, shift) for stroke in strokes]


def _any(samples: Sequence[Strokes], random: np.random.Generator) -> Strokes:
    return samples[int(random.integers(len(samples)))]


def _height(samples: Sequence[Strokes]) -> float:
    """The median height of some samples of one character."""
    return float(np.median([np.ptp(np.concatenate(strokes)[:, 1]) for strokes in samples]))


def _usual_height(character: str) -> float:
    low, high = PLACE_OF.get(character, (0.0, 1.9))
    return high - low


def _word_place(strokes: Strokes, text: str) -> tuple[float, float]:
    """The baseline of a word and its x-height, from its height and the letters that it has."""
    low, high = np.percentile(np.concatenate(strokes)[:, 1], (_LOW, _HIGH))
    places = [PLACE_OF.get(character, (0.0, 1.9)) for character in text]
    bottom, top = min(place[0] for place in places), max(place[1] for place in places)
    x_height = float(high - low) / max(top - bottom, _SMALLEST_HEIGHT)
    return float(low) - bottom * x_height, x_height


def inventory(hands: Mapping[str, Hand]) -> str:
    """Return how many characters and words some hands have, for the log."""
    characters = sum(
        len(samples) for hand in hands.values() for samples in hand.characters.values()
    )
    words = sum(len(samples) for hand in hands.values() for samples in hand.words.values())
    return f"{len(hands):,} writers, {characters:,} characters, {words:,} words"
