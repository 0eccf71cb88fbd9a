"""Connectionist temporal classification with NumPy: probabilities of texts and of their beginnings,
given an output for each frame. ``reading.ctc`` is its counterpart and says how it is computed.

Shapes: ``B`` lines, ``K`` prefixes of each line, ``N'`` frames, ``C`` vocabulary.
"""

from typing import NamedTuple

import numpy as np

from handwriting.text.vocabulary import Vocabulary

# Stands for log 0 where a running sum has to stay finite.
_IMPOSSIBLE = -1e3


class CTCFrames(NamedTuple):
    """The outputs of some lines. Frames past a line's length are blank with probability 1, so that
    every line can be read off at the last frame of the batch.

    Attributes:
        log_probs: float64 ``[B, N', C]``.
        probs: ``[B, N', C]``.
        blank_sums: ``[B, N'+1]``, running sum over frames of the blank's log-probability.
    """

    log_probs: np.ndarray
    probs: np.ndarray
    blank_sums: np.ndarray

    def rows(self, rows: np.ndarray) -> "CTCFrames":
        """The lines that stand in ``rows``."""
        return CTCFrames(*(part[rows] for part in self))


class CTCPrefixes(NamedTuple):
    """Prefixes of the texts of some lines.

    Attributes:
        character: ``[B, K, N'+1]``, paths over the frames up to t that read as the prefix and end
            in its last character; t = 0 is before the first frame.
        blank: ``[B, K, N'+1]``, those that end in the blank.
        last: int64 ``[B, K]``, the last character, the blank's index where there is none.
    """

    character: np.ndarray
    blank: np.ndarray
    last: np.ndarray

    def rows(self, rows: np.ndarray) -> "CTCPrefixes":
        """The lines that stand in ``rows``."""
        return CTCPrefixes(*(part[rows] for part in self))


def ctc_frames(log_probs: np.ndarray, lengths: np.ndarray, blank: int) -> CTCFrames:
    """From log-probabilities ``[B, N', C]`` and their numbers of frames ``[B]``."""
    certain = np.full(log_probs.shape[-1], _IMPOSSIBLE)
    certain[blank] = 0.0
    inside = np.arange(log_probs.shape[1]) < lengths[:, None]
    log_probs = np.where(inside[:, :, None], log_probs, certain)
    return CTCFrames(log_probs, np.exp(log_probs), _running_sum(log_probs[:, :, blank]))


def empty_prefixes(frames: CTCFrames, number: int, blank: int) -> CTCPrefixes:
    """The empty prefix, ``number`` times for each line."""
    blanks = np.repeat(frames.blank_sums[:, None], number, axis=1)
    return CTCPrefixes(np.full_like(blanks, -np.inf), blanks, np.full(blanks.shape[:2], blank))


def extension_scores(frames: CTCFrames, prefixes: CTCPrefixes, blank: int, end: int) -> np.ndarray:
    """Log-probability ``[B, K, C]`` of each prefix with one more character.

    At the index ``end`` stands the probability of the prefix as a whole text; at that of the blank,
    which is no character, -inf.
    """
    either = np.logaddexp(prefixes.character, prefixes.blank)
    scores = _log_product(either[:, :, :-1], frames.probs)
    # A character that repeats the last one can only begin after a blank.
    again = prefixes.blank[:, :, :-1] + _outputs_of(frames, prefixes.last)
    lines, places = np.indices(prefixes.last.shape)
    scores[lines, places, prefixes.last] = _log_sum(again)
    scores[:, :, end] = either[:, :, -1]
    scores[:, :, blank] = -np.inf
    return scores


def extend(
    frames: CTCFrames, prefixes: CTCPrefixes, parents: np.ndarray, characters: np.ndarray
) -> CTCPrefixes:
    """The prefixes ``parents`` ``[B, K]`` (positions in K), each with a character ``[B, K]``."""
    lines = np.arange(len(parents))[:, None]
    blank_before = prefixes.blank[lines, parents]
    either = np.logaddexp(prefixes.character[lines, parents], blank_before)
    repeats = (prefixes.last[lines, parents] == characters)[:, :, None]
    begins = np.where(repeats, blank_before, either)[:, :, :-1]
    ends_in_character = _solve(begins, _running_sum(_outputs_of(frames, characters)))
    ends_in_blank = _solve(ends_in_character[:, :, :-1], frames.blank_sums[:, None])
    return CTCPrefixes(ends_in_character, ends_in_blank, characters)


def ctc_greedy(log_probs: np.ndarray, lengths: np.ndarray, vocabulary: Vocabulary) -> list[str]:
    """The text that the most likely path of each line reads as (best path decoding, Graves et al.
    2006, section 3.2).

    Args:
        log_probs: ``[B, N', C]``; the blank is the vocabulary's padding, and the start, the end and
            the unknown character are never read.
        lengths: int64 ``[B]``, frames of each line.
        vocabulary: of the texts.
    """
    possible = log_probs.copy()
    possible[:, :, [vocabulary.sos, vocabulary.eos, vocabulary.unk]] = -np.inf
    texts = []
    for path, length in zip(possible.argmax(axis=2), lengths, strict=True):
        path = path[:length]
        # Decoding leaves padding out, and with it the blanks.
        texts.append(vocabulary.decode(path[np.diff(path, prepend=-1) != 0].tolist()))
    return texts


def _outputs_of(frames: CTCFrames, characters: np.ndarray) -> np.ndarray:
    """Log-probability ``[B, K, N']`` of a character of each prefix at each frame."""
    found = np.take_along_axis(frames.log_probs, characters[:, None], axis=2)
    outputs: np.ndarray = found.swapaxes(1, 2)
    return outputs


def _solve(begins: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Log r(t) for t = 0 to N', where r(t) = (r(t-1) + begins(t)) x(t) and r(0) = 0.

    Args:
        begins: ``[B, K, N']``, logs of what joins before frame t.
        sums: ``[B, K, N'+1]``, running sums of log x.
    """
    joined = np.logaddexp.accumulate(begins - sums[:, :, :-1], axis=2)
    solved = np.empty((*begins.shape[:2], begins.shape[2] + 1))
    solved[:, :, 0] = -np.inf
    np.add(sums[:, :, 1:], joined, out=solved[:, :, 1:])
    return solved


def _running_sum(values: np.ndarray) -> np.ndarray:
    """Sums ``[..., N'+1]`` of the first 0, 1, ... N' of values ``[..., N']``."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums


def _log_product(logs: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Log of the product of exp(logs) ``[B, K, N']`` with ``probs`` ``[B, N', C]``."""
    peak = _peak(logs)
    with np.errstate(divide="ignore"):
        product: np.ndarray = np.log(np.exp(logs - peak) @ probs)
    product += peak
    return product


def _log_sum(logs: np.ndarray) -> np.ndarray:
    """Log of the sum of exp(logs) over the last axis."""
    peak = _peak(logs)
    with np.errstate(divide="ignore"):
        summed: np.ndarray = np.log(np.exp(logs - peak).sum(axis=-1))
    summed += peak[..., 0]
    return summed


def _peak(logs: np.ndarray) -> np.ndarray:
    """The greatest over the last axis, which is kept; finite where all are -inf."""
    peak: np.ndarray = np.maximum(logs.max(axis=-1, keepdims=True), np.finfo(logs.dtype).min)
    return peak
