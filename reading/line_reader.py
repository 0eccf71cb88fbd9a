"""Reading lines of ink with a trained recogniser.

Shapes: ``B`` lines, ``T`` pen steps, ``N`` feature points, ``F`` features.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from base.base_model import BaseModel
from base.batch import collate_features
from handwriting.ink.features import InkFeatures
from handwriting.readings.line_reading import Reading
from handwriting.readings.long_lines import joined, pieces, separators
from handwriting.text.vocabulary import Vocabulary
from model.decoder_protocols import LanguageModel, recogniser_of
from reading.decoding import ctc_greedy, decode_encoded
from reading.doubt import less_doubtful
from reading.settings import GREEDY, TEXT_ALONE, DecodingSettings, Request


class LineReader:
    """Reads lines of ink of any size, many at once, where the model is.

    Args:
        model: a recogniser, put in evaluation mode.
        vocabulary: its characters.
        features: what it sees of the ink, as in its training.
        settings: how texts are searched and scored.
        language_model: for a search with such a weight.
        batch_size: lines at a time; changes speed and memory only.
        progress: show a progress bar.
        careful: read long lines in pieces (``handwriting.readings.long_lines``), and, where CTC has
            no weight in the search, take its text for a line that is in doubt (``reading.doubt``).
            Without, each line is decoded as it is.
        request: what to find beside the text, and which texts may be read; where not all may,
            nothing is read in pieces, nor by CTC's best path.
    """

    def __init__(
        self,
        model: BaseModel,
        vocabulary: Vocabulary,
        features: InkFeatures,
        settings: DecodingSettings = GREEDY.settings,
        language_model: LanguageModel | None = None,
        batch_size: int = 64,
        progress: bool = False,
        careful: bool = True,
        request: Request = TEXT_ALONE,
    ) -> None:
        self.model = model.eval()
        self._recogniser = recogniser_of(model)
        self.vocabulary = vocabulary
        self.features = features
        self.settings = settings
        self.language_model = language_model
        self.batch_size = batch_size
        self.progress = progress
        self._careful = careful
        self.request = request

    @property
    def careful(self) -> bool:
        """Whether lines are read in pieces, and doubts settled."""
        return self._careful and self.request.constraint is None

    @torch.inference_mode()
    def read(self, lines: Sequence[np.ndarray]) -> list[Reading]:
        """Read the text of each line.

        Args:
            lines: ``B`` arrays of strokes ``[T, 3]`` as in ``handwriting.ink.line.Line``, T >= 1.
        """
        if not self.careful:
            return self._read(lines)
        cuts = [pieces(line) for line in lines]
        found = iter(
            self._read([line[cut] for line, of in zip(lines, cuts, strict=True) for cut in of])
        )
        parts = [[next(found) for _ in of] for of in cuts]
        return [
            joined(part, separators(line, of))
            for part, line, of in zip(parts, lines, cuts, strict=True)
        ]

    def find_places(self) -> None:
        """From now on, readings have the places of their characters."""
        self.request = replace(self.request, places=True)

    def positions(self, line: np.ndarray) -> np.ndarray:
        """Return the place of each feature point among the rows of strokes ``[T, 3]``, as
        ``InkFeatures.positions`` does, in the pieces that the line is read in; float64 ``[N]``."""
        cuts = pieces(line) if self.careful else [slice(0, len(line))]
        return np.concatenate([cut.start + self.features.positions(line[cut]) for cut in cuts])

    def _read(self, lines: Sequence[np.ndarray]) -> list[Reading]:
        device = next(self.model.parameters()).device
        readings: dict[int, Reading] = {}
        with tqdm(total=len(lines), desc="reading", unit="line", disable=not self.progress) as bar:
            for places in self._batches(lines):
                found = [self.features.compute(lines[place]) for place in places]
                features, lengths = (value.to(device) for value in collate_features(found))
                readings.update(zip(places, self._decoded(features, lengths), strict=True))
                bar.update(len(places))
        return [readings[place] for place in range(len(lines))]

    def _decoded(self, features: Tensor, lengths: Tensor) -> list[Reading]:
        encoded = self._recogniser.encode(features, lengths)
        readings = decode_encoded(
            self._recogniser,
            encoded,
            self.vocabulary,
            self.settings,
            self.language_model,
            self.request,
        )
        # A search that CTC has a weight in has weighed both already.
        if not self.careful or self.settings.ctc_weight > 0:
            return readings
        return less_doubtful(self._recogniser, encoded, readings, self.vocabulary)

    @torch.inference_mode()
    def read_twice(self, lines: Sequence[np.ndarray]) -> list[tuple[str, ...]]:
        """Read each line by the attention decoder and by CTC, each for itself: two looks at the ink
        that have the encoder in common and no more.

        Args:
            lines: as for ``read``.

        Returns:
            the readings of each line: two, or one of a recogniser without CTC.
        """
        device = next(self.model.parameters()).device
        texts: dict[int, tuple[str, ...]] = {}
        for places in self._batches(lines):
            found = [self.features.compute(lines[place]) for place in places]
            features, lengths = (value.to(device) for value in collate_features(found))
            encoded = self._recogniser.encode(features, lengths)
            readings = decode_encoded(self._recogniser, encoded, self.vocabulary)
            looks = [[reading.text for reading in readings]]
            logits = self._recogniser.ctc_logits(encoded)
            if logits is not None:
                looks.append(ctc_greedy(logits, encoded.lengths, self.vocabulary))
            texts.update(zip(places, zip(*looks, strict=True), strict=True))
        return [texts[place] for place in range(len(lines))]

    def _batches(self, lines: Sequence[np.ndarray]) -> list[list[int]]:
        """Places of lines, those of like length together."""
        places = sorted(range(len(lines)), key=lambda place: len(lines[place]))
        starts = range(0, len(places), self.batch_size)
        return [places[start : start + self.batch_size] for start in starts]
