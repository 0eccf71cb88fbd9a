"""Readings in doubt: where the recogniser's two outputs say different things.

The attention decoder reads better than the encoder's own CTC output as long as its attention
follows the ink. Where the attention is lost, it repeats or leaves out whole words, and CTC, which
cannot, reads on. CTC's text is taken where the two differ by more than two fifths of its length, in
texts of 20 characters or more: in shorter ones attention is hardly ever lost.

Of 267 lines of UNIPEN's validation writers, the shipped recogniser read 12.4 % of the characters
wrong with attention alone, and 10.0 % with long lines in pieces and in this way. With a border of
one fifth, and for short texts, too, it was 10.5 %, and 10.6 in place of 8.2 % in short ones.

Shapes: ``B`` lines, ``N'`` encoder frames, ``U`` characters, ``C`` vocabulary.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from handwriting.readings.line_reading import Reading
from handwriting.text.error_rates import line_errors
from handwriting.text.vocabulary import Vocabulary
from model.decoder_protocols import Recogniser
from reading.ctc import best_path

MOST_DIFFERENCE = 0.4
"""Edits from CTC's text to the attention decoder's, for each character of CTC's."""

SHORTEST = 20
"""Characters of a text that attention may be lost in."""


def less_doubtful(
    recogniser: Recogniser, encoded: Any, readings: list[Reading], vocabulary: Vocabulary
) -> list[Reading]:
    """Return readings, those in doubt replaced by what CTC reads; as they are where the recogniser
    has no CTC output.

    Args:
        recogniser: the readings are its.
        encoded: ``B`` lines, as it encodes them.
        readings: ``B``, by the attention decoder.
        vocabulary: the recogniser's.
    """
    logits = recogniser.ctc_logits(encoded)
    if logits is None:
        return readings
    rows = zip(readings, logits, encoded.lengths.tolist(), strict=True)
    return [_less_doubtful(reading, line[:length], vocabulary) for reading, line, length in rows]


def _less_doubtful(reading: Reading, logits: Tensor, vocabulary: Vocabulary) -> Reading:
    found = ctc_reading(logits, vocabulary)
    if not found.text:
        return reading
    is_short = max(len(found.text), len(reading.text)) < SHORTEST
    if is_short or line_errors(found.text, reading.text).cer <= MOST_DIFFERENCE:
        return reading
    if reading.ctc_text is None:
        return found
    # Where places and doubts are asked for: the decoder's text is now the one that differs.
    return replace(found, ctc_text=reading.text)


def ctc_reading(logits: Tensor, vocabulary: Vocabulary) -> Reading:
    """Return the reading of a line that its most likely path of CTC says.

    Args:
        logits: ``[N', C]``.
        vocabulary: of the text.

    Returns:
        a reading whose confidences are the largest probability of each character's frames, and
        whose attention lies on these frames; the end has the last frame's.
    """
    log_probs = logits.double().log_softmax(dim=1)
    path = best_path(logits[None], vocabulary)[0]
    best = log_probs.gather(1, path[:, None])[:, 0].cpu().numpy()  # [N']
    indices = path.cpu().numpy()
    begins = np.flatnonzero(np.append(True, np.diff(indices) != 0))
    runs = [
        slice(first, last)
        for first, last in zip(begins, [*begins[1:], len(indices)], strict=True)
        if indices[first] != vocabulary.pad
    ]
    attention = np.zeros((len(runs) + 1, len(indices)), dtype=np.float32)
    for row, run in enumerate(runs):
        attention[row, run] = 1.0 / (run.stop - run.start)
    attention[-1, -1] = 1.0
    score = float(best.sum())
    return Reading(
        text=vocabulary.decode([int(indices[run.start]) for run in runs]),
        score=score,
        confidences=tuple(float(np.exp(best[run].max())) for run in runs),
        attention=attention,
        scores={"joint": score, "ctc": score},
        rank=score / (len(runs) + 1),
    )
