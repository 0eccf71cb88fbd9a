"""Against a pen that does not go on: the sampling bias is taken from it; see
``writing.bias_control``, which says why and where the numbers are from.

Shapes: ``B`` lines, ``U`` characters.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from handwriting.ink.normalisation import Normalisation


class StallControl:
    """The bias of each line's next pen step.

    Args:
        about: of the writer, with its rules.
        normalisation: of the pen steps.
        bias: float32 ``[B]``, of a pen that goes on.
    """

    def __init__(
        self, about: Mapping[str, Any], normalisation: Normalisation, bias: np.ndarray
    ) -> None:
        self._pen, self._window = about["stalled_pen"], about["stalled_window"]
        still = normalisation.normalise(np.zeros((1, 3), np.float32))
        self._still = still[0, 1:]  # a pen step that goes nowhere
        self._bias = bias
        self._pace = np.ones_like(bias)
        self._place = np.zeros(len(bias), np.int64)
        self._stay = np.zeros(len(bias), np.float32)

    def after(self, pen: np.ndarray, phi: np.ndarray) -> np.ndarray:
        """Return the bias ``[B]``; to be asked once a step.

        Args:
            pen: ``[B, 3]``, the pen step that is read now.
            phi: ``[B, U]``, the window's weights of the step before.
        """
        way = pen[:, 1:] - self._still
        way *= way
        carried = np.float32(self._pen["carried"])
        self._pace = carried * self._pace + (1 - carried) * np.sqrt(way[:, 0] + way[:, 1])
        place = np.maximum(self._place, phi.argmax(axis=1))
        self._stay = np.where(place > self._place, np.float32(0), self._stay + 1)
        self._place = place
        bias: np.ndarray = self._bias * _share(
            self._pace, self._pen["resting_pace"], self._pen["moving_pace"]
        )
        bias *= _share(self._stay, self._window["longest_stay"], self._window["long_stay"])
        return bias

    def keep(self, rows: np.ndarray) -> None:
        """Go on with the lines whose places are ``rows``, int64 ``[B']``."""
        self._bias, self._pace = self._bias[rows], self._pace[rows]
        self._place, self._stay = self._place[rows], self._stay[rows]


def _share(values: np.ndarray, none: float, whole: float) -> np.ndarray:
    """From 0 at ``none`` to 1 at ``whole``."""
    share: np.ndarray = (values - np.float32(none)) / np.float32(whole - none)
    np.maximum(share, 0, out=share)
    np.minimum(share, 1, out=share)
    return share
