"""Hands to write in: each is a line of handwriting that a writer goes on with."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handwriting.errors import UserError
from handwriting.quoting import quoted
from handwriting.runtime.model_file import ModelFile, write_model_file
from handwriting.runtime.synthesis import Prime

TASK = "hands"


@dataclass(frozen=True)
class Hand:
    """A hand.

    Attributes:
        name: to call it by.
        example: a line in it, in the units of the writer.
        bias: the sampling bias that it is best written with; None for the writer's own.
    """

    name: str
    example: Prime
    bias: float | None = None


def write_hands(hands: Sequence[Hand], path: Path) -> None:
    """Write hands as ``docs/export.md`` says."""
    about = {
        "task": TASK,
        "hands": [
            {"name": hand.name, "text": hand.example.text, "bias": hand.bias} for hand in hands
        ],
    }
    tensors = {hand.name: hand.example.strokes.astype(np.float32) for hand in hands}
    write_model_file(path, about, tensors)


def hands_of(file: ModelFile | None) -> dict[str, Hand]:
    """Return the hands of a file by name, none where there is no file."""
    if file is None:
        return {}
    hands = [
        Hand(entry["name"], Prime(file.tensors[entry["name"]], entry["text"]), entry["bias"])
        for entry in file.about["hands"]
    ]
    return {hand.name: hand for hand in hands}


def hand_named(hands: Mapping[str, Hand], name: str) -> Hand:
    """Return the hand of that name; ``UserError``, with names like it, where there is none."""
    if name in hands:
        return hands[name]
    near = difflib.get_close_matches(name, hands, n=3, cutoff=0.0)
    there = f"there are {len(hands)}, such as {', '.join(near)}" if near else "there are none"
    raise UserError(f"hand: {there}; got {quoted(name)}")
