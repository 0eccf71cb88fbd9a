"""A reading as confidence and places need it: with a place for each character.

Shapes: ``U`` characters, ``N'`` encoder frames.
"""

import numpy as np

from handwriting.readings.evidence import Evidence
from reading.decoding import Reading


def evidence_of(reading: Reading) -> Evidence:
    """Return what a reading says of its line; places are from the CTC output's path where there is
    one, else from where the decoder looked."""
    confidences = np.array(reading.confidences, np.float64)
    ctc = np.array(reading.ctc_confidences, np.float64)
    frames = reading.frames
    return Evidence(
        text=reading.text,
        confidences=confidences,
        ctc_confidences=ctc if len(ctc) == len(confidences) else confidences,
        ctc_text=reading.ctc_text,
        frames=_attended(reading.attention) if frames is None else frames.astype(np.float64),
        num_frames=reading.attention.shape[1],
        score=reading.score,
        alternatives=tuple((other.text, other.score) for other in reading.alternatives),
    )


def _attended(attention: np.ndarray) -> np.ndarray:
    """float64 ``[U, 2]``, the frame that each character was read from, never going back.

    The path that has most of the attention ``[U+1, N']`` in all; the end of text has no place.
    """
    weights = attention[:-1].astype(np.float64)
    number, frames = weights.shape
    if not number:
        return np.zeros((0, 2))
    best = np.zeros((number, frames))
    best[0] = np.maximum.accumulate(weights[0])
    for at in range(1, number):
        best[at] = np.maximum.accumulate(weights[at] + best[at - 1])
    place = frames - 1
    path = np.zeros(number)
    for at in range(number - 1, -1, -1):
        place = int(np.searchsorted(best[at, : place + 1], best[at, place]))
        path[at] = place
    return np.stack([path, path], axis=1)
