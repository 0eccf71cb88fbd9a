"""Weights of a model for a vocabulary to which characters were added."""

import torch
from torch import Tensor

from base.base_model import BaseModel


def grown_weights(model: BaseModel, weights: dict[str, Tensor], size: int) -> dict[str, Tensor]:
    """Return weights that fit ``model``, from those of the same model with fewer characters.

    Characters that were known keep their weights; those of new ones are the model's own, as it was
    initialised.

    Args:
        model: for the larger vocabulary, whose first ``size`` indices are the smaller one's.
        weights: the ``state_dict`` for the smaller vocabulary.
        size: number of indices of the smaller vocabulary.
    """
    grown = dict(weights)
    for name, (dimension, start) in model.vocabulary_dimensions().items():
        old, new = weights[name], model.state_dict()[name]
        added = new.shape[dimension] - old.shape[dimension]
        if added > 0:
            before, after = old.split(
                [start + size, old.shape[dimension] - start - size], dimension
            )
            fresh = new.narrow(dimension, start + size, added).to(old)
            grown[name] = torch.cat([before, fresh, after], dimension)
    return grown
