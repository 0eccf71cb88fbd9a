"""Reading lines of ink with an exported recogniser, many at once.

Shapes: ``B`` lines, ``T`` pen steps, ``N`` feature points, ``U`` characters, ``N'`` encoder frames.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from handwriting.errors import UserError
from handwriting.ink.features import InkFeatures
from handwriting.readings.line_reading import Reading, with_frames
from handwriting.readings.long_lines import joined, pieces, separators
from handwriting.runtime.beam_search import BeamSearch, Found
from handwriting.runtime.ctc import ctc_greedy
from handwriting.runtime.reading_settings import ReadingSettings
from handwriting.runtime.recogniser import Encoded, LanguageModel, Recogniser

# Hypotheses that are worked on at once: a processor is quicker while its caches hold them.
_ROWS = 128
_LINES = 16


class LineReader:
    """Reads lines of ink of any size.

    Args:
        recogniser: exported.
        settings: how texts are searched and scored.
        language: a language model, for a search with such a weight.
        alternatives: texts of each line in all, at most as many as the beam finds.
        threads: batches that are worked on at once.
        careful: read long lines in pieces (``handwriting.readings.long_lines``).

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
        careful: bool = True,
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
        self.careful = careful
        self._places = False

    def find_places(self) -> None:
        """From now on, readings have the places of their characters."""
        self._places = True

    def positions(self, line: np.ndarray) -> np.ndarray:
        """Return the place of each feature point among the rows of strokes ``[T, 3]``, as
        ``InkFeatures.positions`` does, in the pieces that the line is read in; float64 ``[N]``."""
        return np.concatenate(
            [cut.start + self.features.positions(line[cut]) for cut in self._cuts(line)]
        )

    def _cuts(self, line: np.ndarray) -> list[slice]:
        return pieces(line) if self.careful else [slice(0, len(line))]

    def read(self, lines: Sequence[np.ndarray]) -> list[Reading]:
        """Read the text of each line.

        Args:
            lines: ``B`` arrays of strokes ``[T, 3]`` as in ``handwriting.ink.line.Line``, T >= 1.
        """
        cuts = [self._cuts(line) for line in lines]
        found = iter(
            self._read([line[cut] for line, of in zip(lines, cuts, strict=True) for cut in of])
        )
        parts = [[next(found) for _ in of] for of in cuts]
        return [
            joined(part, separators(line, of) if len(of) > 1 else [])
            for part, line, of in zip(parts, lines, cuts, strict=True)
        ]

    def _read(self, lines: Sequence[np.ndarray]) -> list[Reading]:
        # Lines of like length together, so that little of a batch is padding.
        order = sorted(range(len(lines)), key=lambda place: len(lines[place]))
        parts = [order[start : start + _LINES] for start in range(0, len(order), _LINES)]
        batches = [[lines[place] for place in part] for part in parts]
        if self.threads > 1 and len(parts) > 1:
            with ThreadPoolExecutor(self.threads) as pool:
                found = list(pool.map(self._read_batch, batches))
        else:
            found = [self._read_batch(batch) for batch in batches]
        readings: dict[int, Reading] = {}
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
        alone = LineReader(self.recogniser, ReadingSettings(), threads=self.threads, careful=False)
        return [
            (found.text,) if found.ctc_text is None else (found.text, found.ctc_text)
            for found in alone.read(lines)
        ]

    def _read_batch(self, lines: Sequence[np.ndarray]) -> list[Reading]:
        encoded = self.recogniser.encode([self.features.compute(line) for line in lines])
        readings = []
        size = max(_ROWS // self.settings.beam, 1)
        for start in range(0, len(lines), size):
            readings += self._decode(Encoded(*(part[start : start + size] for part in encoded)))
        return readings

    def _decode(self, encoded: Encoded) -> list[Reading]:
        search = BeamSearch(
            self.recogniser, encoded, self.settings, self.language, self.alternatives
        )
        readings = [self._reading(found) for found in search.run()]
        if not self.recogniser.has_ctc:
            return readings
        log_probs = self.recogniser.ctc_log_probs(encoded)
        texts = ctc_greedy(log_probs, encoded.lengths, self.vocabulary)
        if not self._places:
            pairs = zip(readings, texts, strict=True)
            return [replace(reading, ctc_text=text) for reading, text in pairs]
        rows = zip(readings, log_probs, encoded.lengths.tolist(), texts, strict=True)
        return [
            with_frames(reading, logs[:length], text, self.vocabulary)
            for reading, logs, length, text in rows
        ]

    def _reading(self, found: Sequence[Found]) -> Reading:
        best, *others = (
            Reading(
                text=self.vocabulary.decode(each.characters.tolist()),
                score=each.scores["joint"],
                confidences=tuple(np.exp(each.log_probs[:-1]).tolist()),
                attention=each.attention,
                scores=each.scores,
                rank=each.rank,
            )
            for each in found
        )
        return replace(best, alternatives=tuple(others))
