"""Texts that may be read: of some characters alone, or one of a list, as in the field of a form.

A constraint is an automaton: each hypothesis of a search is in a state, which says which characters
may come next. All states are in three arrays, so that the states of a whole batch are looked up at
once.

Shapes: ``R`` rows of a batch, ``C`` vocabulary, ``E`` transitions of all states.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from handwriting.errors import DataError, UserError
from handwriting.files import read_regular_file
from handwriting.quoting import quoted
from handwriting.text.vocabulary import Vocabulary

DIGITS, LETTERS = "digits", "letters"
MOST_WORDS = 1_000_000
_START = 0


@dataclass(frozen=True)
class Constraint:
    """An automaton over a vocabulary's indices; it begins in state 0.

    Attributes:
        starts: int64, where each state's transitions begin among all, and at last their number.
        characters: int64 ``[E]``, growing within a state; the end of text is one of them.
        targets: int64 ``[E]``, the state that each leads to.
    """

    starts: Tensor
    characters: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> "Constraint":
        """The same on a device."""
        return Constraint(*(part.to(device) for part in vars(self).values()))

    def first(self, rows: int) -> Tensor:
        """States int64 ``[R]`` of empty texts."""
        return torch.full((rows,), _START, device=self.starts.device)

    def allowed(self, states: Tensor, size: int) -> Tensor:
        """Which of ``C = size`` characters may come next, bool ``[R, C]``."""
        rows, places = self._transitions(states)
        found = torch.zeros(len(states), size, dtype=torch.bool, device=states.device)
        found[rows, self.characters[places]] = True
        return found

    def after(self, states: Tensor, characters: Tensor) -> Tensor:
        """States int64 ``[R]`` after one more character; unchanged where it is not allowed."""
        rows, places = self._transitions(states)
        taken = self.characters[places] == characters[rows]
        new = states.clone()
        new[rows[taken]] = self.targets[places[taken]]
        return new

    def _transitions(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """The row and the place among all transitions of each transition of the states."""
        begins = self.starts[states]
        counts = self.starts[states + 1] - begins
        rows = torch.repeat_interleave(torch.arange(len(states), device=states.device), counts)
        before = (counts.cumsum(0) - counts)[rows]
        places = torch.arange(len(rows), device=states.device) - before + begins[rows]
        return rows, places


def of_characters(characters: str, vocabulary: Vocabulary) -> Constraint:
    """The constraint to texts of some characters, in any number and order."""
    indices = sorted({*vocabulary.encode(characters), vocabulary.eos})
    loops = torch.zeros(len(indices), dtype=torch.int64)
    return Constraint(torch.tensor([0, len(indices)]), torch.tensor(indices), loops)


def of_texts(texts: Iterable[str], vocabulary: Vocabulary) -> Constraint:
    """The constraint to one of some texts: a tree of their beginnings."""
    children: list[dict[int, int]] = [{}]
    for text in texts:
        state = _START
        for index in vocabulary.encode(text):
            if index not in children[state]:
                children[state][index] = len(children)
                children.append({})
            state = children[state][index]
        children[state][vocabulary.eos] = state
    pairs = [sorted(state.items()) for state in children]
    counts = torch.tensor([0, *map(len, pairs)])
    characters, targets = torch.tensor([pair for state in pairs for pair in state]).T
    return Constraint(counts.cumsum(0), characters.contiguous(), targets.contiguous())


def allowed_characters(wish: str, vocabulary: Vocabulary) -> str:
    """Return the characters that ``--allow`` names: ``digits``, ``letters``, or themselves.

    Raises:
        UserError: none, or some that the model does not know.
    """
    tests = {DIGITS: str.isdigit, LETTERS: str.isalpha}
    if wish in tests:
        found = "".join(filter(tests[wish], vocabulary.characters))
        if not found:
            raise UserError(f"--allow {wish}: the model knows no {wish}")
        return found
    unknown = vocabulary.unknown(wish)
    if unknown or not wish:
        named = f"got {quoted(''.join(unknown))}" if wish else "got none"
        raise UserError(
            f"--allow: should be {DIGITS}, {LETTERS} or characters of the model, {named}"
        )
    return "".join(sorted(set(wish)))


def read_texts(path: Path, vocabulary: Vocabulary) -> Sequence[str]:
    """Return the lines of a file in UTF-8, each once, without empty ones.

    Raises:
        UserError: the file cannot be used, or a line has a character that the model does not know.
    """
    try:
        lines = read_regular_file(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError(f"--words: {path}: is no text in UTF-8") from None
    texts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not 1 <= len(texts) <= MOST_WORDS:
        raise DataError(f"--words: {path}: should have 1 to {MOST_WORDS:,} lines, got {len(texts)}")
    for text in texts:
        unknown = vocabulary.unknown(text)
        if unknown:
            what = f"the {quoted(unknown[0])} of {quoted(text)}"
            raise DataError(f"--words: {path}: the model does not know {what}")
    return texts
