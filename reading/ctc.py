"""Connectionist temporal classification (Graves et al. 2006): probabilities of texts and of their
beginnings, given an output for each frame.

A path names a character or the blank for each frame; it reads as a text once repetitions are taken
as one and blanks are left out. The probability of a text is the sum over the paths that read so;
that of a prefix is the sum over all texts that begin with it (Graves 2008, section 7.5.2; Watanabe
et al. 2017, algorithm 2). All numbers are natural logs in float64.

Two sums are kept for a prefix at each frame t: of the paths over the frames 1 to t that read as
exactly the prefix and end in its last character, and of those that end in the blank. Both follow
linear recurrences in t, r(t) = (r(t-1) + a(t)) x(t), which a running log-sum-exp solves for all
frames at once: with X the running sum of log x, log r(t) = X(t) + logcumsumexp(log a - X(t-1)). The
probabilities of all one-character extensions need no recurrence but a sum over frames: one product
of matrices.

Shapes: ``B`` lines, ``K`` prefixes of each line, ``N'`` frames, ``C`` vocabulary.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from base.batch import mask_from_lengths
from handwriting.text.vocabulary import Vocabulary

# Stands for log 0 where a running sum has to stay finite.
IMPOSSIBLE = -1e3


class CTCFrames(NamedTuple):
    """The outputs of some lines. Frames past a line's length are blank with probability 1, so that
    every line can be read off at the last frame of the batch.

    Attributes:
        log_probs: ``[B, N', C]``.
        probs: ``[B, N', C]``.
        blank_sums: ``[B, N'+1]``, running sum over frames of the blank's log-probability.
    """

    log_probs: Tensor
    probs: Tensor
    blank_sums: Tensor


class CTCPrefixes(NamedTuple):
    """Prefixes of the texts of some lines.

    Attributes:
        character: ``[B, K, N'+1]``, paths over the frames up to t that read as the prefix and end
            in its last character; t = 0 is before the first frame.
        blank: ``[B, K, N'+1]``, those that end in the blank.
        last: int64 ``[B, K]``, the last character, the blank's index where there is none.
    """

    character: Tensor
    blank: Tensor
    last: Tensor


def ctc_frames(logits: Tensor, lengths: Tensor, blank: int) -> CTCFrames:
    """From outputs ``[B, N', C]`` and their numbers of frames ``[B]``."""
    log_probs = logits.double().log_softmax(dim=-1)
    certain = log_probs.new_full(log_probs.shape[-1:], IMPOSSIBLE)
    certain[blank] = 0.0
    mask = mask_from_lengths(lengths, logits.shape[1]).unsqueeze(2)
    log_probs = torch.where(mask, log_probs, certain)
    return CTCFrames(log_probs, log_probs.exp(), _running_sum(log_probs[:, :, blank]))


def empty_prefixes(frames: CTCFrames, number: int, blank: int) -> CTCPrefixes:
    """The empty prefix, ``number`` times for each line."""
    blanks = frames.blank_sums.unsqueeze(1).repeat(1, number, 1)
    last = torch.full(blanks.shape[:2], blank, device=blanks.device)
    return CTCPrefixes(torch.full_like(blanks, -torch.inf), blanks, last)


def extension_scores(frames: CTCFrames, prefixes: CTCPrefixes, blank: int, end: int) -> Tensor:
    """Log-probability ``[B, K, C]`` of each prefix with one more character.

    At the index ``end`` stands the probability of the prefix as a whole text; at that of the blank,
    which is no character, -inf.
    """
    either = torch.logaddexp(prefixes.character, prefixes.blank)
    scores = _log_product(either[:, :, :-1], frames.probs)
    # A character that repeats the last one can only begin after a blank.
    again = prefixes.blank[:, :, :-1] + _outputs_of(frames, prefixes.last)
    scores.scatter_(2, prefixes.last.unsqueeze(2), again.logsumexp(2, keepdim=True))
    scores[:, :, end] = either[:, :, -1]
    scores[:, :, blank] = -torch.inf
    return scores


def extend(
    frames: CTCFrames, prefixes: CTCPrefixes, parents: Tensor, characters: Tensor
) -> CTCPrefixes:
    """The prefixes ``parents`` ``[B, K]`` (positions in K), each with a character ``[B, K]``."""
    rows = parents.unsqueeze(2).expand(-1, -1, prefixes.blank.shape[2])
    blank_before = prefixes.blank.gather(1, rows)
    either = torch.logaddexp(prefixes.character.gather(1, rows), blank_before)
    repeats = (prefixes.last.gather(1, parents) == characters).unsqueeze(2)
    begins = torch.where(repeats, blank_before, either)[:, :, :-1]
    sums = _running_sum(_outputs_of(frames, characters))  # [B, K, N'+1]
    ends_in_character = _solve(begins, sums)
    ends_in_blank = _solve(ends_in_character[:, :, :-1], frames.blank_sums.unsqueeze(1))
    return CTCPrefixes(ends_in_character, ends_in_blank, characters)


def ctc_greedy(
    logits: Tensor, lengths: Tensor, vocabulary: Vocabulary, allowed: Tensor | None = None
) -> list[str]:
    """The text that the most likely path of each line reads as (best path decoding, Graves et al.
    2006, section 3.2).

    Args:
        logits: ``[B, N', C]``; the blank is the vocabulary's padding, and the start, the end and
            the unknown character are never read.
        lengths: int64 ``[B]``, frames of each line.
        vocabulary: of the texts.
        allowed: int64, the characters that may be read, in any order; None for all.
    """
    if allowed is not None:
        logits = _barred_but(logits, allowed, vocabulary)
    path = best_path(logits, vocabulary)
    path = path.masked_fill(~mask_from_lengths(lengths, path.shape[1]), vocabulary.pad)
    repeats = torch.zeros_like(path, dtype=torch.bool)
    repeats[:, 1:] = path[:, 1:] == path[:, :-1]
    # Decoding leaves padding out, and with it the blanks.
    return [vocabulary.decode(row) for row in path.masked_fill(repeats, vocabulary.pad).tolist()]


def best_path(logits: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Return the most likely character, or the blank, of each frame ``[B, N']``; logits as for
    ``ctc_greedy``."""
    barred = torch.tensor([vocabulary.sos, vocabulary.eos, vocabulary.unk], device=logits.device)
    return logits.index_fill(2, barred, -torch.inf).argmax(dim=2)


def _barred_but(logits: Tensor, allowed: Tensor, vocabulary: Vocabulary) -> Tensor:
    """The outputs with some characters, and the blank, alone."""
    barred = torch.ones(logits.shape[2], dtype=torch.bool, device=logits.device)
    barred[allowed] = False
    barred[vocabulary.pad] = False
    return logits.masked_fill(barred, -torch.inf)


def _outputs_of(frames: CTCFrames, characters: Tensor) -> Tensor:
    """Log-probability ``[B, K, N']`` of a character of each prefix at each frame."""
    columns = characters.unsqueeze(1).expand(-1, frames.log_probs.shape[1], -1)  # [B, N', K]
    return frames.log_probs.gather(2, columns).transpose(1, 2)


def _solve(begins: Tensor, sums: Tensor) -> Tensor:
    """Log r(t) for t = 0 to N', where r(t) = (r(t-1) + begins(t)) x(t) and r(0) = 0.

    Args:
        begins: ``[B, K, N']``, logs of what joins before frame t.
        sums: ``[B, K, N'+1]``, running sums of log x.
    """
    later = sums[:, :, 1:] + torch.logcumsumexp(begins - sums[:, :, :-1], dim=2)
    return torch.cat([torch.full_like(later[:, :, :1], -torch.inf), later], dim=2)


def _running_sum(values: Tensor) -> Tensor:
    """Sums ``[..., N'+1]`` of the first 0, 1, ... N' of values ``[..., N']``."""
    return torch.cat([torch.zeros_like(values[..., :1]), values.cumsum(dim=-1)], dim=-1)


def _log_product(logs: Tensor, probs: Tensor) -> Tensor:
    """Log of the product of exp(logs) ``[B, K, N']`` with ``probs`` ``[B, N', C]``."""
    lowest = torch.finfo(logs.dtype).min
    peak = logs.amax(dim=2, keepdim=True).clamp_min(lowest)
    return torch.bmm((logs - peak).exp(), probs).log() + peak
