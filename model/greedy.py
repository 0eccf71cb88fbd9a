"""Greedy reading: the best character each time, for the error rates during training.

Shapes: ``B`` lines, ``N'`` encoder frames, ``U`` characters, ``C`` vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

from handwriting.text.vocabulary import Vocabulary
from model.decoder_protocols import Unpacked, max_characters, take_rows

# Finished lines are dropped from a batch once they make up this share of it.
DROP_SHARE = 0.25


@torch.no_grad()
def greedy_text(model: Unpacked, encoded: Any, vocabulary: Vocabulary) -> list[str]:
    """The texts ``[B]`` that follow from the best character each time.

    Args:
        model: the recogniser.
        encoded: the lines, as it encodes them.
        vocabulary: the model's.
    """
    limits = max_characters(encoded.lengths)
    device, longest = limits.device, int(limits.max())
    never = torch.tensor([vocabulary.pad, vocabulary.sos, vocabulary.unk], device=device)
    written = torch.full((len(limits), longest), vocabulary.eos, device=device)
    lines = torch.arange(len(limits), device=device)
    previous, ended = torch.full_like(lines, vocabulary.sos), limits == 0
    decoder = model.packed()
    state = decoder.initial_state(encoded)
    for position in range(longest):
        logits, state = decoder.step(previous, state, encoded)
        previous = logits.index_fill(1, never, -torch.inf).argmax(dim=1)
        # What follows the end of a text is not read.
        written[lines, position] = previous
        ended = ended | (previous == vocabulary.eos) | (limits[lines] == position + 1)
        num_ended = int(ended.sum())
        if num_ended == len(lines):
            break
        if num_ended >= DROP_SHARE * len(lines):
            rows = (~ended).nonzero().squeeze(1)
            lines, previous, ended = lines[rows], previous[rows], ended[rows]
            state, encoded = take_rows(state, rows), take_rows(encoded, rows)
    return [vocabulary.decode(row) for row in _within(written, limits, vocabulary.eos).tolist()]


def _within(written: Tensor, limits: Tensor, end: int) -> Tensor:
    """The characters ``[B, U]`` up to each line's limit."""
    positions = torch.arange(written.shape[1], device=written.device)
    return written.masked_fill(positions >= limits.unsqueeze(1), end)
