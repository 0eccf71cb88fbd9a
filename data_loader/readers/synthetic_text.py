"""Text for the synthetic corpus: English words by frequency, made into lines.

The words and their frequencies come from ``wordfreq``, loaded when the first line is made.
"""

import functools
import re

import numpy as np

from data_loader.readers.synthetic_random import Draws

_NUM_WORDS = 5000
_WORD = re.compile(r"[a-z]{2,14}('[a-z]{1,2})?|a|i")
# Frequent words that nobody wants to see in a sample.
_LEFT_OUT = re.compile(
    ".*(fuck|shit|bitch|porn|nazi|terror|racis|murder|suicid).*"
    "|ass|cock|crap|damn|dick|pussy|raped?|sex|sexual|sexy"
)
# (probability, before the word, after the word, whether a new sentence starts)
_MARKS = (
    (0.060, "", ",", False),
    (0.045, "", ".", True),
    (0.008, "", "?", True),
    (0.008, "", "!", True),
    (0.005, "", ";", False),
    (0.005, "", ":", False),
    (0.004, '"', '"', False),
    (0.003, "(", ")", False),
)
_P_NUMBER = 0.03
_P_NAME = 0.04
_P_HYPHEN = 0.01
_P_STARTS_SENTENCE = 0.5


class Words:
    """Words with the probability of each, and for every room the ones that fit.

    Args:
        frequencies: of each word.
    """

    def __init__(self, frequencies: dict[str, float]) -> None:
        self._words = sorted(frequencies, key=lambda word: (len(word), word))
        lengths = np.array([len(word) for word in self._words])
        self._cumulative = np.cumsum([frequencies[word] for word in self._words])
        self._fitting = [int((lengths <= room).sum()) for room in range(int(lengths.max()) + 1)]

    def draw(self, draws: Draws, room: int) -> str:
        """A word of at most ``room`` characters (at least 1), by frequency."""
        last = self._fitting[min(room, len(self._fitting) - 1)] - 1
        at = draws.between(0.0, self._cumulative[last])
        return self._words[min(int(np.searchsorted(self._cumulative, at, side="right")), last)]


@functools.lru_cache(maxsize=1)
def english_words() -> Words:
    """The most frequent English words."""
    from wordfreq import top_n_list, word_frequency

    words = top_n_list("en", _NUM_WORDS, ascii_only=True)
    return Words({word: word_frequency(word, "en") for word in words if _is_usable(word)})


@functools.lru_cache(maxsize=2)
def english_vocabulary(num_words: int) -> tuple[str, ...]:
    """The most frequent English words, without their frequencies."""
    from wordfreq import top_n_list

    return tuple(filter(_is_usable, top_n_list("en", num_words, ascii_only=True)))


def _is_usable(word: str) -> bool:
    return bool(_WORD.fullmatch(word)) and not _LEFT_OUT.fullmatch(word)


def draw_text(draws: Draws, words: Words, min_characters: int, max_characters: int) -> str:
    """A line of text of ``min_characters``..``max_characters`` characters, no space at its ends."""
    target = draws.integer(min_characters, max_characters)
    line = ""
    starts_sentence = draws.chance(_P_STARTS_SENTENCE)
    while len(line) < target:
        room = target - len(line) - bool(line)
        # A line that ends in a lone "a" reads worse than one a little shorter.
        if room == 1 and len(line) >= min_characters:
            break
        if room == 0:
            line += "."
            break
        token, starts_sentence = _draw_token(draws, words, room, starts_sentence)
        line += (" " if line else "") + token
    return line


def _draw_token(draws: Draws, words: Words, room: int, capital: bool) -> tuple[str, bool]:
    """A word or number with its marks, at most ``room`` characters; whether it ends a sentence."""
    word = _draw_number(draws) if draws.chance(_P_NUMBER) else _draw_word(draws, words, room)
    if len(word) > room:
        word = words.draw(draws, room)
    if capital or draws.chance(_P_NAME) or word.split("'")[0] == "i":
        word = word[0].upper() + word[1:]
    before, after, ends_sentence = _draw_marks(draws)
    if len(before) + len(word) + len(after) > room:
        return word, False
    return before + word + after, ends_sentence


def _draw_word(draws: Draws, words: Words, room: int) -> str:
    word = words.draw(draws, room)
    if draws.chance(_P_HYPHEN) and room - len(word) > 4:
        return f"{word}-{words.draw(draws, room - len(word) - 1)}"
    return word


def _draw_number(draws: Draws) -> str:
    if draws.chance(0.4):
        return str(draws.integer(1750, 2029))
    return str(draws.integer(1, 10 ** draws.integer(1, 3)))


def _draw_marks(draws: Draws) -> tuple[str, str, bool]:
    at = draws.between(0.0, 1.0)
    for probability, before, after, ends_sentence in _MARKS:
        if at < probability:
            return before, after, ends_sentence
        at -= probability
    return "", "", False
