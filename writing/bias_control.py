"""Against a pen that does not go on: it rests, or the window over the text does.

Pens rest in the data: the sensor gives points at one place while the writer thinks. A model learns
it, and that a resting pen most likely stays where it is for the next hundredth of a second. At a
high sampling bias the most likely is all that happens, and the line ends there. So the bias is
taken from a pen that has hardly moved for some time, and comes back as it goes on. So it is where
the pen scribbles on at one character of the text, far longer than people do.

Shapes: ``B`` lines, ``U`` characters.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from handwriting.ink.normalisation import Normalisation

CARRIED = 0.95
"""Share of the mean way of a pen step that each step takes over from the one before; the rest is
its own. A memory of about 20 steps."""

RESTING_PACE, MOVING_PACE = 0.1, 0.3
"""A step, in standard deviations of the training offsets: under the first there is no bias, over
the second all of it. In 2 % of the training lines of IAM-OnDB the pen is ever as slow as the
first, in 21 % as the second; the mean pace is 0.7."""

LONG_STAY, LONGEST_STAY = 60, 100
"""Pen steps at one character of the text: up to the first all of the bias is there, from the second
on none. Of 304 lines of IAM-OnDB, read by a trained model, its window ever stays as long as the
first in 3 %, as the second in none; half of all characters take 20 steps at most."""


@dataclass(frozen=True)
class StallRules:
    """The rules' numbers of pen steps; the defaults are those of IAM-OnDB."""

    carried: float = CARRIED
    long_stay: float = LONG_STAY
    longest_stay: float = LONGEST_STAY

    @classmethod
    def at(cls, pace: float) -> "StallRules":
        """Return the rules in data whose characters take ``pace`` times as many pen steps."""
        return cls(CARRIED ** (1 / pace), LONG_STAY * pace, LONGEST_STAY * pace)


AS_IN_IAM = StallRules()


class StalledPenBias:
    """The sampling bias of each line: less where its pen hardly moves, none while it rests.

    Args:
        bias: ``[B]``, of a pen that moves.
        normalisation: of the pen steps.
        rules: for the pace of the data.
    """

    def __init__(
        self, bias: Tensor, normalisation: Normalisation, rules: StallRules = AS_IN_IAM
    ) -> None:
        self._bias = bias
        self._carried = rules.carried
        still = normalisation.normalise(np.zeros((1, 3), np.float32))
        self._still = torch.from_numpy(still[0]).to(bias)  # a pen step that goes nowhere
        self._pace = torch.ones_like(bias)

    def after(self, row: Tensor) -> Tensor:
        """The bias ``[B]`` with which to draw what follows the pen step ``row``, ``[B, 3]`` in
        normalised units; to be asked once a step."""
        way = (row - self._still)[:, 1:].square().sum(1).sqrt()
        self._pace = torch.lerp(way, self._pace, self._carried)
        share = (self._pace - RESTING_PACE) / (MOVING_PACE - RESTING_PACE)
        return self._bias * share.clamp_(0.0, 1.0)

    def keep(self, rows: Tensor) -> None:
        """Go on with the lines whose places are ``rows``, int64 ``[B']``."""
        self._bias, self._pace = self._bias[rows], self._pace[rows]


class StalledWindowScale:
    """The share of the bias that each line keeps: less where the window stays at a character for
    long, none where it stays for longer still.

    Args:
        bias: ``[B]``, for its type, place and number of lines.
        rules: for the pace of the data.
    """

    def __init__(self, bias: Tensor, rules: StallRules = AS_IN_IAM) -> None:
        self._rules = rules
        self._place = torch.zeros_like(bias, dtype=torch.long)
        self._stay = torch.zeros_like(bias)

    def after(self, phi: Tensor) -> Tensor:
        """The share ``[B]`` for what follows a pen step with the window's weights ``phi``,
        ``[B, U+1]``; to be asked once a step. Back to an earlier character is no way on."""
        place = torch.maximum(self._place, phi.argmax(1))
        self._stay = torch.where(place > self._place, 0.0, self._stay + 1)
        self._place = place
        longest, long = self._rules.longest_stay, self._rules.long_stay
        return ((longest - self._stay) / (longest - long)).clamp_(0.0, 1.0)

    def keep(self, rows: Tensor) -> None:
        """Go on with the lines whose places are ``rows``, int64 ``[B']``."""
        self._place, self._stay = self._place[rows], self._stay[rows]
