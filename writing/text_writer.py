"""Writing a text of any length with a model that writes lines: piece by piece, in one hand."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handwriting.ink.normalisation import Normalisation
from handwriting.pages import AlignedLine, split_text
from handwriting.runtime.noise import line_seed
from handwriting.text.vocabulary import Vocabulary
from model.models import ConditionalHandwriting
from writing.pen_steps.protocols import StepsOfTexts
from writing.synthesis import Scorer, by_log_prob, write
from writing.synthesis_loop import Prime
from writing.synthesised_line import SynthesisedLine

# Of 95 % of IAM-OnDB's lines, no more than 41 characters; their mean is 29. What is longer than
# what a model was trained on, it writes less well.
LONGEST_PIECE = 36
# The piece that shows the others what to look like is the best of so many. It wants some letters.
CANDIDATES = 8
SHORTEST_EXAMPLE = 15
ATTEMPTS = 3


@dataclass(frozen=True)
class WrittenText:
    """A text in ink.

    Attributes:
        lines: its pieces, all in one hand, in the text's order.
        reached_step_limit: the pieces that the model did not end by itself, which may end in
            scribble.
    """

    lines: list[AlignedLine]
    reached_step_limit: list[str]


class TextWriter:
    """Writes texts with a trained model. The same seed gives the same strokes.

    Args:
        model: trained.
        normalisation: of the strokes that it was trained on.
        vocabulary: of its texts.
        bias: sampling bias, at least 0 (Graves 2013, section 5.4).
        seed: of all that is drawn.
        best_of: each piece is written so often, and the best is kept.
        scorer: finds the best; what the model finds likeliest, or what a recogniser can read
            (``evaluation.legibility.by_legibility``).
        precision: of the layers' products, see ``writing.pen_steps.packed_weights.pack``.
        progress: show progress bars.
        pen_steps: what computes the pen steps, see ``writing.synthesis.write``.
    """

    def __init__(
        self,
        model: ConditionalHandwriting,
        normalisation: Normalisation,
        vocabulary: Vocabulary,
        bias: float = 0.75,
        seed: int = 1,
        best_of: int = 1,
        scorer: Scorer = by_log_prob,
        precision: str = "float32",
        progress: bool = False,
        pen_steps: StepsOfTexts | None = None,
    ) -> None:
        self.model = model
        self.normalisation = normalisation
        self.vocabulary = vocabulary
        self.bias = bias
        self.best_of = best_of
        self.scorer = scorer
        self.precision = precision
        self.progress = progress
        self.pen_steps = pen_steps
        self.seed = seed
        self._num_drawn = 0

    def write(self, text: str, style: Prime | None = None) -> WrittenText:
        """Write ``text``; newlines in it stay in the texts of the pieces.

        Args:
            text: any text of characters that the model knows.
            style: a line, in the units that the model was trained on, whose hand to write in.
                Without one, the model makes a hand up: one piece of the text, of several the
                best, is the example that the others are written like.

        Raises:
            UserError: a character is not in the vocabulary, the style's text included.
        """
        pieces = split_text(text, LONGEST_PIECE)
        texts = [piece.strip("\n") for piece in pieces]
        written: dict[int, SynthesisedLine] = {}
        if style is None:
            written, style = self._example(texts)
        missing = [at for at, piece in enumerate(texts) if piece and at not in written]
        written.update(self._write_all(texts, missing, style))
        return WrittenText(
            [_line(piece, written.get(at)) for at, piece in enumerate(pieces)],
            [texts[at] for at, ink in sorted(written.items()) if ink.reached_step_limit],
        )

    def _example(self, texts: Sequence[str]) -> tuple[dict[int, SynthesisedLine], Prime | None]:
        """The first piece that shows enough of a hand (or the longest), as the model writes it at
        its best, and a style made of it; no style if the model cannot even end it."""
        lengths = [len(text) for text in texts]
        enough = [at for at, length in enumerate(lengths) if length >= SHORTEST_EXAMPLE]
        chosen = enough[0] if enough else int(np.argmax(lengths))
        (best,) = self._write([texts[chosen]], None, max(self.best_of, CANDIDATES))
        style = None if best.reached_step_limit else Prime(best.strokes, best.text)
        return {chosen: best}, style

    def _write_all(
        self, texts: Sequence[str], missing: Sequence[int], style: Prime | None
    ) -> dict[int, SynthesisedLine]:
        """The pieces at the places ``missing``. Those with flaws are tried again, a few times."""
        best: dict[int, SynthesisedLine] = {}
        for _ in range(ATTEMPTS):
            inks = self._write([texts[at] for at in missing], style, self.best_of)
            for at, ink in zip(missing, inks, strict=True):
                best[at] = min(best.get(at, ink), ink, key=flaws)
            missing = [at for at in missing if flaws(best[at]) > 0]
        return best

    def _write(
        self, texts: Sequence[str], style: Prime | None, best_of: int
    ) -> list[SynthesisedLine]:
        numbers = range(self._num_drawn, self._num_drawn + len(texts))
        self._num_drawn += len(texts)
        return write(
            self.model,
            self.normalisation,
            self.vocabulary,
            texts,
            bias=self.bias,
            primes=style,
            best_of=best_of,
            scorer=self.scorer,
            seeds=[line_seed(self.seed, number) for number in numbers],
            precision=self.precision,
            progress=self.progress and len(texts) > 0,
            pen_steps=self.pen_steps,
        )


def flaws(written: SynthesisedLine) -> int:
    """Count the words without ink, plus, for a line that the model did not end by itself, more than
    there are words."""
    words = list(re.finditer(r"\S+", written.text))
    steps = written.character_of_step
    bare = sum(not np.any((steps >= word.start()) & (steps < word.end())) for word in words)
    return bare + (len(words) + 1) * written.reached_step_limit


def _line(piece: str, ink: SynthesisedLine | None) -> AlignedLine:
    if ink is None:
        return AlignedLine(np.zeros((0, 3), np.float32), piece, np.zeros(0, np.int64))
    return AlignedLine(ink.strokes, piece, ink.character_of_step)
