"""Pictures of a model's samples while it is trained."""

from collections.abc import Callable
from functools import partial

from matplotlib.figure import Figure
from torch import nn

from base.base_data_loader import BaseDataLoader
from base.base_model import BaseModel
from evaluation.evaluator import (
    EVALUATORS,
    SHORT_SENTENCES,
    Evaluator,
    SampleSettings,
    evenly_spread,
    sample_figures,
)


def sampler_of(
    model: BaseModel, loader: BaseDataLoader
) -> Callable[[nn.Module], dict[str, Figure]] | None:
    """Return the function that draws samples of the model's task, None where there is none.

    Samples are as long as the corpus's lines, or of the same few sentences or lines each time.
    """
    if model.task not in EVALUATORS:
        return None
    validation = loader.corpus.split(loader.validation_split)
    number: int = getattr(EVALUATORS[model.task], "training_lines", Evaluator.training_lines)
    places = evenly_spread(len(validation), number)
    return partial(
        sample_figures,
        normalisation=loader.normalisation,
        vocabulary=loader.vocabulary,
        settings=SampleSettings(
            steps=max(round(loader.corpus.lengths.mean()), 2), sentences=SHORT_SENTENCES
        ),
        features=loader.features,
        lines=[loader.corpus.line(int(validation[place])) for place in places],
    )
