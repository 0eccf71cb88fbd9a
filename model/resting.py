"""Against a pen that rests and does not go on.

Pens rest in the data: the sensor gives points at one place while the writer thinks. A model learns
it, and that a resting pen most likely stays where it is for the next hundredth of a second. At a
high sampling bias the most likely is all that happens, and the line ends there. So the bias is
taken from a pen that has hardly moved for some time, and comes back as it goes on.

Shapes: ``B`` lines.
"""

import numpy as np
import torch
from torch import Tensor

from data_loader.normalisation import Normalisation

# Share of the mean way of a pen step that each step takes over from the one before; the rest is its
# own. A memory of about 20 steps.
_CARRIED = 0.95
RESTING_PACE, MOVING_PACE = 0.1, 0.3
"""A step, in standard deviations of the training offsets: under the first there is no bias, over
the second all of it. In 2 % of the training lines of IAM-OnDB the pen is ever as slow as the
first, in 21 % as the second; the mean pace is 0.7."""


class BiasOfMovingPens:
    """The sampling bias of each line: less where its pen hardly moves, none while it rests.

    Args:
        bias: ``[B]``, of a pen that moves.
        normalisation: of the pen steps.
    """

    def __init__(self, bias: Tensor, normalisation: Normalisation) -> None:
        self._bias = bias
        still = normalisation.normalise(np.zeros((1, 3), np.float32))
        self._still = torch.from_numpy(still[0]).to(bias)  # a pen step that goes nowhere
        self._pace = torch.ones_like(bias)

    def after(self, row: Tensor) -> Tensor:
        """The bias ``[B]`` with which to draw what follows the pen step ``row``, ``[B, 3]`` in
        normalised units; to be asked once a step."""
        way = (row - self._still)[:, 1:].square().sum(1).sqrt()
        self._pace = torch.lerp(way, self._pace, _CARRIED)
        share = (self._pace - RESTING_PACE) / (MOVING_PACE - RESTING_PACE)
        return self._bias * share.clamp_(0.0, 1.0)

    def keep(self, rows: Tensor) -> None:
        """Go on with the lines whose places are ``rows``, int64 ``[B']``."""
        self._bias, self._pace = self._bias[rows], self._pace[rows]
