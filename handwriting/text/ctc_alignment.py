"""Places of a text's characters in a line, by the most likely path of its CTC output.

Shapes: ``N'`` encoder frames, ``C`` vocabulary, ``U`` characters, ``S = 2 U + 1`` states.
"""

from collections.abc import Sequence

import numpy as np

# A path stays in a state, comes from the one before it, or leaves out a blank.
_MOVES = 3


def frames_needed(characters: Sequence[int]) -> int:
    """Return the fewest frames that can read as the text: a blank parts a letter from its like."""
    pairs = zip(characters, characters[1:], strict=False)
    return len(characters) + sum(one == other for one, other in pairs)


def align_text(log_probs: np.ndarray, characters: Sequence[int], blank: int) -> np.ndarray | None:
    """Return the first and the last frame of each character on the most likely path that reads as
    the text (Viterbi alignment over the states of Graves et al. 2006, section 4.1).

    Args:
        log_probs: float ``[N', C]``.
        characters: ``U`` indices.
        blank: its index.

    Returns:
        int64 ``[U, 2]``, growing; None where there are too few frames for the text.
    """
    if not len(characters):
        return np.zeros((0, 2), np.int64)
    if frames_needed(characters) > len(log_probs):
        return None
    path = _best_path(log_probs, _states(characters, blank))
    read = path[path % 2 == 1] // 2
    frames = np.flatnonzero(path % 2 == 1)
    places = np.arange(len(characters))
    first = np.searchsorted(read, places, side="left")
    last = np.searchsorted(read, places, side="right") - 1
    return np.stack([frames[first], frames[last]], axis=1)


def _states(characters: Sequence[int], blank: int) -> np.ndarray:
    """The characters with blanks around them, ``[S]``."""
    states = np.full(2 * len(characters) + 1, blank)
    states[1::2] = characters
    return states


def _best_path(log_probs: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The state of each frame, int64 ``[N']``."""
    outputs = log_probs[:, states].astype(np.float64)  # [N', S]
    number = len(states)
    skips = np.zeros(number, bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    # Two places before the first state, so that every state has one to come from.
    best = np.full(number + 2, -np.inf)
    best[2:4] = outputs[0, :2]
    moves = np.zeros((len(outputs), number), np.int8)
    sources = np.empty((_MOVES, number))
    for frame in range(1, len(outputs)):
        sources[0], sources[1] = best[2:], best[1:-1]
        sources[2] = np.where(skips, best[:-2], -np.inf)
        moves[frame] = sources.argmax(axis=0)
        best[2:] = sources.max(axis=0) + outputs[frame]
    state = number - 1 if best[-1] > best[-2] else number - 2
    path = np.empty(len(outputs), np.int64)
    for frame in range(len(outputs) - 1, -1, -1):
        path[frame] = state
        state -= int(moves[frame, state])
    return path
