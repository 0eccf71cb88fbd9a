"""A trained conditional model as what a ``TextWriter`` writes lines with."""

from collections.abc import Sequence

from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.synthesis import Prime, Scorer, by_log_prob
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.runtime.text_writer import LineWriter
from handwriting.text.vocabulary import Vocabulary
from model.models import ConditionalHandwriting
from writing.pen_steps.protocols import StepsOfTexts
from writing.synthesis import write


def line_writer(
    model: ConditionalHandwriting,
    normalisation: Normalisation,
    vocabulary: Vocabulary,
    bias: float = 0.75,
    scorer: Scorer = by_log_prob,
    precision: str = "float32",
    progress: bool = False,
    pen_steps: StepsOfTexts | None = None,
) -> LineWriter:
    """Return what writes lines with the model.

    Args:
        model: trained.
        normalisation: of the strokes that it was trained on.
        vocabulary: of its texts.
        bias: sampling bias, at least 0 (Graves 2013, section 5.4).
        scorer: finds the best of several draws; what the model finds likeliest, or what a
            recogniser can read (``handwriting.runtime.scorers.by_legibility``).
        precision: of the layers' products, see ``writing.pen_steps.packed_weights.pack``.
        progress: show progress bars.
        pen_steps: what computes the pen steps, see ``writing.synthesis.write``.
    """

    def write_lines(
        texts: Sequence[str], style: Prime | None, best_of: int, seeds: Sequence[int]
    ) -> list[SynthesisedLine]:
        return write(
            model,
            normalisation,
            vocabulary,
            texts,
            bias=bias,
            primes=style,
            best_of=best_of,
            scorer=scorer,
            seeds=seeds,
            precision=precision,
            progress=progress,
            pen_steps=pen_steps,
        )

    return write_lines
