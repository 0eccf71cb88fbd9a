"""The pen steps of a batch of lines, whatever computes them: torch, CUDA graphs or onnxruntime.

Shapes: ``B`` lines, ``U`` characters, ``C`` vocabulary, ``K`` window components, ``M`` mixture
components.
"""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor


class Steps(Protocol):
    """The pen steps of a batch of lines, one after another; see ``packed_steps.PenSteps``."""

    def step(self, strokes: Tensor) -> Tensor:
        """The raw outputs ``[B, 6M+1]`` after the latest pen step ``[B, 3]`` of each line."""

    def step_and_draw(self, strokes: Tensor, bias: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """``step``, and a next pen step ``[B, 3]`` drawn from its outputs."""

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the lines only, whose places are ``rows``, int64 ``[B']``."""


class TextSteps(Steps, Protocol):
    """The pen steps of a batch of lines whose text is given; see ``packed_steps.TextPenSteps``."""

    @property
    def phi(self) -> Tensor:
        """``[B, U]``, the window's weights at the latest step."""

    @property
    def kappa(self) -> Tensor:
        """``[B, K]``, the positions of its components."""


StepsOfLines = Callable[[int], Steps]
"""Makes the pen steps of so many lines."""

StepsOfTexts = Callable[[Tensor], TextSteps]
"""Makes the pen steps for texts ``[B, U, C]``."""
