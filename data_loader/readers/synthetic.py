"""The built-in synthetic corpus: lines by synthetic writers, made in seconds, no download.

The letters are single-stroke Hershey fonts, the text is English words by frequency, and each writer
has a slant, size, spacing and letter shapes of their own. The same settings give the same lines on
every machine, whichever lines are read before.
"""

import functools
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import numpy as np

from base.base_reader import BaseReader
from base.registry import READERS
from data_loader.readers.synthetic_pen import Writer, draw_writer, write_line
from data_loader.readers.synthetic_random import SEED_LIMIT, Draws
from data_loader.readers.synthetic_text import draw_text, english_words
from handwriting.errors import ConfigError
from handwriting.ink.line import Line, strokes_from_points

# Part of the fingerprint: a prepared corpus is made anew when what is written here changes.
_VERSION = 1
_LINE, _WRITER = range(2)  # what a stream of random numbers is for
_PACKAGES = ("Hershey-Fonts", "wordfreq")
_HELD_OUT = 0.1
_MAX_CHARACTERS = 200
_MAX_LINES = 2**40


@READERS.register("synthetic")
class SyntheticReader(BaseReader):
    """Reads the built-in synthetic corpus, which is made while it is read.

    Coordinates are whole units, about 110 of them to the height of a small letter, as in IAM-OnDB.
    A tenth of the writers (at least one) is ``testset_v``, another tenth ``testset_t``, the rest
    ``trainset``; lines go round the writers.

    Args:
        num_lines: lines in all splits together; the first lines are the same whatever it is.
        num_writers: writers in all splits together, at least 3.
        seed: of everything random.
        min_characters: of a line, spaces included.
        max_characters: of a line, spaces included.
        points_per_character: pen points of a line by its characters, spaces included.
        print_share: probability that a writer prints, without joining letters.

    Raises:
        ConfigError: a setting is out of its range; names all that are.
    """

    name: ClassVar[str] = "synthetic"

    def __init__(
        self,
        num_lines: int = 4000,
        num_writers: int = 40,
        seed: int = 1,
        min_characters: int = 20,
        max_characters: int = 30,
        points_per_character: float = 13.0,
        print_share: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_lines = num_lines
        self.num_writers = num_writers
        self.seed = seed
        self.min_characters = min_characters
        self.max_characters = max_characters
        self.points_per_character = points_per_character
        self.print_share = print_share
        self._check()

    def read(self) -> Iterator[Line]:
        """The lines in order; equal to ``line(0)``, ``line(1)`` and so on."""
        return map(self.line, range(self.num_lines))

    def line(self, index: int) -> Line:
        """Line number ``index``, which depends on no other line."""
        draws = Draws(self.seed, _LINE, index)
        text = draw_text(draws, english_words(), self.min_characters, self.max_characters)
        number = index % self.num_writers
        strokes = write_line(
            text, _writer(self.seed, number, self.print_share), draws, self.points_per_character
        )
        return Line(
            strokes=strokes_from_points(strokes),
            text=text,
            writer=f"w{number:03d}",
            source_id=f"synthetic-{index:06d}",
            split=self._split(number),
        )

    def fingerprint(self) -> dict[str, Any]:
        """The settings, and the versions of what the lines are made from."""
        return {
            "reader": self.name,
            "version": _VERSION,
            "packages": {package: _installed(package) for package in _PACKAGES},
            **{name: getattr(self, name) for name in self._ranges()},
        }

    def expected_lines(self) -> int:
        """Number of lines there are."""
        return self.num_lines

    def _ranges(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest value of each setting."""
        return {
            "num_lines": (1, _MAX_LINES),
            "num_writers": (3, _MAX_LINES),
            "seed": (0, SEED_LIMIT - 1),
            "min_characters": (1, _MAX_CHARACTERS),
            "max_characters": (self.min_characters, _MAX_CHARACTERS),
            "points_per_character": (4.0, 100.0),
            "print_share": (0.0, 1.0),
        }

    def _check(self) -> None:
        problems = [
            f"{name}: must be from {low} to {high}, got {getattr(self, name)}"
            for name, (low, high) in self._ranges().items()
            if not low <= getattr(self, name) <= high
        ]
        if problems:
            raise ConfigError(problems)

    def _split(self, writer: int) -> str:
        held_out = max(1, int(np.rint(_HELD_OUT * self.num_writers)))
        if writer >= self.num_writers - held_out:
            return "testset_t"
        return "testset_v" if writer >= self.num_writers - 2 * held_out else "trainset"


# Lines go round the writers, so more of them than this would be drawn anew for each line.
@functools.lru_cache(maxsize=1024)
def _writer(seed: int, number: int, print_share: float) -> Writer:
    return draw_writer(Draws(seed, _WRITER, number), print_share)


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
