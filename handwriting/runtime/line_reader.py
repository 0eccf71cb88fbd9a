"""Reading lines of ink with an exported recogniser, many at once.

Shapes: ``B`` lines, ``T`` pen steps, ``N`` feature points, ``U`` characters, ``N'`` encoder frames.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from handwriting.errors import UserError
from handwriting.ink.features import InkFeatures
from handwriting.runtime.beam_search import BeamSearch, Found
from handwriting.runtime.ctc import ctc_greedy
from handwriting.runtime.reading_settings import ReadingSettings
from handwriting.runtime.recogniser import Encoded, LanguageModel, Recogniser

# Hypotheses that are worked on at once: a processor is quicker while its caches hold them.
_ROWS = 128
_LINES = 16


@dataclass(frozen=True)
class LineReading:
    """A reading of a line.

    Attributes:
        text: the text.
        score: its joint log-probability, not normalised by its length.
        confidences: of each character, the attention decoder's probability of it, given the line
            and the characters before; ``U`` numbers.
        attention: float32 ``[U+1, N']``, the weight of each encoder frame as each character and the
            end were read; a row sums to 1.
        scores: the logs that the score is made of.
        rank: what the search maximised: the score with length normalisation and coverage.
        alternatives: other texts with their scores, the best first.
        ctc_text: what the CTC output reads by itself; None where there is none.
    """

    text: str
    score: float
    confidences: tuple[float, ...]
    attention: np.ndarray
    scores: dict[str, float]
    rank: float
    alternatives: tuple[tuple[str, float], ...] = ()
    ctc_text: str | None = None

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the characters' confidences; None where no character was read."""
        if not self.confidences:
            return None
        least = np.finfo(np.float64).tiny
        return math.exp(np.log(np.maximum(self.confidences, least)).mean())


class LineReader:
    """Reads lines of ink of any size.

    Args:
        recogniser: exported.
        settings: how texts are searched and scored.
        language: a language model, for a search with such a weight.
        alternatives: texts of each line in all, at most as many as the beam finds.
        threads: batches that are worked on at once.

    Raises:
        UserError: a weight is set for a score that is not there.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        settings: ReadingSettings,
        language: LanguageModel | None = None,
        alternatives: int = 1,
        threads: int = 1,
    ) -> None:
        if settings.ctc_weight > 0 and not recogniser.has_ctc:
            raise UserError("ctc_weight: the recogniser has no CTC output, so it should be 0")
        if settings.language_weight > 0 and language is None:
            raise UserError("language_weight: there is no language model, so it should be 0")
        self.recogniser = recogniser
        self.vocabulary = recogniser.vocabulary
        self.features = InkFeatures(**recogniser.about["features"])
        self.settings = settings
        self.language = language
        self.alternatives = alternatives
        self.threads = threads

    def read(self, lines: Sequence[np.ndarray]) -> list[LineReading]:
        """Read the text of each line.

        Args:
            lines: ``B`` arrays of strokes ``[T, 3]`` as in ``handwriting.ink.line.Line``, T >= 1.
        """
        # Lines of like length together, so that little of a batch is padding.
        order = sorted(range(len(lines)), key=lambda place: len(lines[place]))
        parts = [order[start : start + _LINES] for start in range(0, len(order), _LINES)]
        batches = [[lines[place] for place in part] for part in parts]
        if self.threads > 1 and len(parts) > 1:
            with ThreadPoolExecutor(self.threads) as pool:
                found = list(pool.map(self._read_batch, batches))
        else:
            found = [self._read_batch(batch) for batch in batches]
        readings: dict[int, LineReading] = {}
        for part, batch_readings in zip(parts, found, strict=True):
            readings.update(zip(part, batch_readings, strict=True))
        return [readings[place] for place in range(len(lines))]

    def read_twice(self, lines: Sequence[np.ndarray]) -> list[tuple[str, ...]]:
        """Read each line by the attention decoder, following the best character each time, and by
        CTC, each for itself: two looks at the ink that have the encoder in common and no more.

        Args:
            lines: as for ``read``.

        Returns:
            the readings of each line: two, or one of a recogniser without CTC.
        """
        alone = LineReader(self.recogniser, ReadingSettings(), threads=self.threads)
        return [
            (found.text,) if found.ctc_text is None else (found.text, found.ctc_text)
            for found in alone.read(lines)
        ]

    def _read_batch(self, lines: Sequence[np.ndarray]) -> list[LineReading]:
        encoded = self.recogniser.encode([self.features.compute(line) for line in lines])
        readings = []
        size = max(_ROWS // self.settings.beam, 1)
        for start in range(0, len(lines), size):
            readings += self._decode(Encoded(*(part[start : start + size] for part in encoded)))
        return readings

    def _decode(self, encoded: Encoded) -> list[LineReading]:
        search = BeamSearch(
            self.recogniser, encoded, self.settings, self.language, self.alternatives
        )
        ctc_texts: list[str | None] = [None] * len(encoded.lengths)
        if self.recogniser.has_ctc:
            log_probs = self.recogniser.ctc_log_probs(encoded)
            ctc_texts = [*ctc_greedy(log_probs, encoded.lengths, self.vocabulary)]
        return [
            self._reading(found, ctc_text)
            for found, ctc_text in zip(search.run(), ctc_texts, strict=True)
        ]

    def _reading(self, found: Sequence[Found], ctc_text: str | None) -> LineReading:
        best, *others = found
        texts = [self.vocabulary.decode(each.characters.tolist()) for each in found]
        return LineReading(
            text=texts[0],
            score=best.scores["joint"],
            confidences=tuple(np.exp(best.log_probs[:-1]).tolist()),
            attention=best.attention,
            scores=best.scores,
            rank=best.rank,
            alternatives=tuple(
                (text, each.scores["joint"]) for text, each in zip(texts[1:], others, strict=True)
            ),
            ctc_text=ctc_text,
        )
