"""Density of the pen that a model expected along a line: the sum of its predicted densities
over the plane (Graves 2013, figure 10).

Shapes: ``T`` pen steps, ``M`` mixture components, ``Y``, ``X`` rows and columns of pixels.
"""

from dataclasses import replace

import numpy as np
import torch

from handwriting.ink.normalisation import Normalisation
from model.mixture import BivariateMixture
from utils.figures.density import DensityMap

# Around each predicted mean, in standard deviations; beyond, a component's density is nothing.
_REACH = 5.0
# A component of less weight adds nothing that could be seen.
_LEAST_WEIGHT = 1e-3
# No step reaches over more of the picture than this share of its width: a pen-up move may go far.
_WIDEST = 0.5


def in_units_of_corpus(
    mixtures: BivariateMixture, normalisation: Normalisation
) -> BivariateMixture:
    """Mixtures over normalised offsets as mixtures over the offsets themselves: where each axis has
    lost its mean, a line does not run from left to right."""
    mean, scale = (
        torch.as_tensor(values, dtype=mixtures.means.dtype, device=mixtures.means.device)
        for values in (normalisation.mean, normalisation.std)
    )
    return replace(
        mixtures,
        means=mixtures.means * scale + mean,
        log_sigmas=mixtures.log_sigmas + scale.log(),
    )


@torch.no_grad()
def density_map(mixtures: BivariateMixture, strokes: np.ndarray, columns: int = 900) -> DensityMap:
    """Add up the densities of a line's steps.

    Args:
        mixtures: of the steps 1 to T-1, leading shape ``[T-1]``, on any device.
        strokes: ``[T, 3]``, the line in the mixtures' own units, T >= 2; y upwards.
        columns: ``X``; pixels are square.

    Returns:
        the map, over all of the ink and a margin of a twentieth of its width.
    """
    points = np.cumsum(strokes[:, 1:].astype(np.float64), axis=0)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.05 * max(high[0] - low[0], high[1] - low[1], 1e-6)
    low, high = low - margin, high + margin
    pixel = (high[0] - low[0]) / columns
    rows = max(int(np.ceil((high[1] - low[1]) / pixel)), 1)
    values = np.zeros((rows, columns), dtype=np.float32)
    mixtures = _on_cpu(mixtures)
    for step, place in enumerate(points[:-1]):
        mixture = _step(mixtures, step)
        box = _reach(mixture, place, low, pixel, values.shape)
        if box is not None:
            values[box] += _densities(mixture, place, low, pixel, box)
    return DensityMap(
        values,
        *(low[0], high[0], low[1], low[1] + rows * pixel),
        points,
        strokes[:, 0] > 0.5,
        mixtures.log_weights.exp().numpy(),
    )


def _on_cpu(mixtures: BivariateMixture) -> BivariateMixture:
    return BivariateMixture(**{name: value.cpu() for name, value in vars(mixtures).items()})


def _step(mixtures: BivariateMixture, step: int) -> BivariateMixture:
    return BivariateMixture(**{name: value[step] for name, value in vars(mixtures).items()})


def _reach(
    mixture: BivariateMixture,
    place: np.ndarray,
    low: np.ndarray,
    pixel: float,
    shape: tuple[int, int],
) -> tuple[slice, slice] | None:
    """The rows and columns of pixels that the density reaches; None where there are none."""
    seen = mixture.log_weights.exp() >= _LEAST_WEIGHT
    means = mixture.means[seen].double().numpy() + place  # [m, 2]
    reach = _REACH * mixture.log_sigmas[seen].double().exp().numpy()
    widest = _WIDEST * shape[1] * pixel
    first = np.maximum((means - reach).min(axis=0), place - widest)
    last = np.minimum((means + reach).max(axis=0), place + widest)
    starts = np.maximum(np.floor((first - low) / pixel), 0).astype(int)
    ends = np.minimum(np.ceil((last - low) / pixel), shape[::-1]).astype(int)
    if (ends <= starts).any():
        return None
    return slice(starts[1], ends[1]), slice(starts[0], ends[0])


def _densities(
    mixture: BivariateMixture,
    place: np.ndarray,
    low: np.ndarray,
    pixel: float,
    box: tuple[slice, slice],
) -> np.ndarray:
    """``[Y', X']``, at the centres of the pixels of the box."""
    y, x = (
        torch.arange(part.start, part.stop, dtype=torch.float64).add(0.5) * pixel + edge - at
        for part, edge, at in zip(box, low[::-1], place[::-1], strict=True)
    )
    offsets = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # [Y', X', 2]
    return mixture.log_prob_offsets(offsets.to(mixture.means.dtype)).exp().numpy()
