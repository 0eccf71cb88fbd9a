"""Writing a text of any length with a model that writes lines: piece by piece, in one hand."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from handwriting.ink.normalisation import Normalisation
from handwriting.pages import AlignedLine, split_text
from handwriting.pages.completion import complete
from handwriting.text.spelling import spell
from handwriting.text.vocabulary import Vocabulary
from model.models import ConditionalHandwriting
from writing.pen_steps.protocols import StepsOfTexts
from writing.scorers import Critic
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
        flaws: what else is wrong with pieces that were drawn several times, such as ``'a piece'
            leaves its line``.
    """

    lines: list[AlignedLine]
    reached_step_limit: list[str]
    flaws: list[str]


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
            (``writing.scorers.by_legibility``).
        critic: names what is wrong with lines; one with flaws is written again, a few times.
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
        critic: Callable[[Sequence[SynthesisedLine]], Sequence[list[str]]] | None = None,
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
        self.critic = Critic() if critic is None else critic
        self.precision = precision
        self.progress = progress
        self.pen_steps = pen_steps
        self._generator = torch.Generator().manual_seed(seed)

    def write(self, text: str, style: Prime | None = None) -> WrittenText:
        """Write ``text``; newlines in it stay in the texts of the pieces.

        Args:
            text: any that ``handwriting.text.spelling.writable_text`` returns.
            style: a line, in the units that the model was trained on, whose hand to write in.
                Without one, the model makes a hand up: one piece of the text, of several the
                best, is the example that the others are written like.

        Raises:
            UserError: a character cannot be written, or one of the style's text is not in the
                vocabulary.
        """
        (written,) = self.write_all([text], style)
        return written

    def write_all(self, texts: Sequence[str], style: Prime | None = None) -> list[WrittenText]:
        """Write several texts, all in one hand; see ``write``. It takes less time than one by
        one."""
        of_texts = [
            [spell(piece, self.vocabulary) for piece in split_text(text, LONGEST_PIECE)]
            for text in texts
        ]
        drawn = self._drawn([piece.written for pieces in of_texts for piece in pieces], style)
        all_spellings = [piece for pieces in of_texts for piece in pieces]
        # The hand is measured over all of them.
        lines = complete([_line(ink) for ink, _ in drawn], all_spellings)
        written, start = [], 0
        for pieces in of_texts:
            part = slice(start, start + len(pieces))
            start = part.stop
            inks = [(ink, flaws) for ink, flaws in drawn[part] if ink is not None]
            written.append(
                WrittenText(
                    lines[part],
                    [ink.text for ink, _ in inks if ink.reached_step_limit],
                    [f"{ink.text!r} {flaw}" for ink, flaws in inks for flaw in flaws],
                )
            )
        return written

    def _drawn(
        self, texts: Sequence[str], style: Prime | None
    ) -> list[tuple[SynthesisedLine | None, list[str]]]:
        """The ink of each text and what is wrong with it; None for a text without characters."""
        written: dict[int, _Drawn] = {}
        if style is None and any(texts):
            written, style = self._example(texts)
        missing = [at for at, piece in enumerate(texts) if piece and at not in written]
        written.update(self._write_all(texts, missing, style))
        return [
            (written[at].ink, written[at].flaws) if at in written else (None, [])
            for at in range(len(texts))
        ]

    def _example(self, texts: Sequence[str]) -> tuple[dict[int, "_Drawn"], Prime | None]:
        """The first piece that shows enough of a hand (or the longest), as the model writes it at
        its best, and a style made of it; no style if the model cannot even end it."""
        lengths = [len(text) for text in texts]
        enough = [at for at, length in enumerate(lengths) if length >= SHORTEST_EXAMPLE]
        chosen = enough[0] if enough else int(np.argmax(lengths))
        best = self._write_all(texts, [chosen], None, max(self.best_of, CANDIDATES))[chosen]
        line = best.ink
        style = None if line.reached_step_limit else Prime(line.strokes, line.text)
        return {chosen: best}, style

    def _write_all(
        self,
        texts: Sequence[str],
        missing: Sequence[int],
        style: Prime | None,
        best_of: int | None = None,
    ) -> dict[int, "_Drawn"]:
        """The pieces at the places ``missing``. Those with flaws are tried again, a few times."""
        best: dict[int, _Drawn] = {}
        for _ in range(ATTEMPTS):
            inks = self._write([texts[at] for at in missing], style, best_of or self.best_of)
            for at, ink, found in zip(missing, inks, self.critic(inks), strict=True):
                drawn = _Drawn(ink, found)
                best[at] = min(best.get(at, drawn), drawn, key=_Drawn.severity)
            missing = [at for at in missing if best[at].severity() > 0]
        return best

    def _write(
        self, texts: Sequence[str], style: Prime | None, best_of: int
    ) -> list[SynthesisedLine]:
        return write(
            self.model,
            self.normalisation,
            self.vocabulary,
            texts,
            bias=self.bias,
            primes=style,
            best_of=best_of,
            scorer=self.scorer,
            generator=self._generator,
            precision=self.precision,
            progress=self.progress and len(texts) > 0,
            pen_steps=self.pen_steps,
        )


@dataclass(frozen=True)
class _Drawn:
    """A line and what the critic says of it."""

    ink: SynthesisedLine
    flaws: list[str]

    def severity(self) -> int:
        """Number of its flaws; a line that did not end has more than any other."""
        return flaws(self.ink) + len(self.flaws)


def flaws(written: SynthesisedLine) -> int:
    """Count the words without ink, plus, for a line that the model did not end by itself, more than
    there are words."""
    words = list(re.finditer(r"\S+", written.text))
    steps = written.character_of_step
    bare = sum(not np.any((steps >= word.start()) & (steps < word.end())) for word in words)
    return bare + (len(words) + 1) * written.reached_step_limit


def _line(ink: SynthesisedLine | None) -> AlignedLine:
    if ink is None:
        return AlignedLine(np.zeros((0, 3), np.float32), "", np.zeros(0, np.int64))
    return AlignedLine(ink.strokes, ink.text, ink.character_of_step)
