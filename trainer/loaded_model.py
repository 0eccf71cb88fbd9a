"""A trained model and its data, from its checkpoint alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from base.base_data_loader import BaseDataLoader
from base.base_model import BaseModel
from base.base_reader import NoSource
from base.registry import DATA_LOADERS, MODELS
from data_loader.data_loaders import HandwritingDataLoader
from handwriting.errors import UserError
from handwriting.ink.features import InkFeatures
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary
from parse_config import ConfigParser
from trainer.checkpointing import evaluation_weights, load_checkpoint, load_weights


@dataclass(frozen=True)
class Trained:
    """A trained model with what its checkpoint says of it.

    Attributes:
        model: with the weights to evaluate (averaged where there are such), in evaluation mode.
        normalisation: of the strokes that the model sees.
        vocabulary: of its texts; None where the checkpoint has none.
        config: the resolved config, plain values.
        progress: ``epoch``, ``step`` and whether the weights are ``averaged``.
        features: what a recogniser sees of ink; None for other models.
    """

    model: BaseModel
    normalisation: Normalisation
    vocabulary: Vocabulary | None
    config: dict[str, Any]
    progress: dict[str, Any]
    features: InkFeatures | None = None

    @property
    def validation_split(self) -> str:
        """Name of the split that it was validated on in training."""
        return self.config["data_loader"]["args"]["validation_split"]


def load_trained(path: Path, device: str = "auto") -> Trained:
    """The model of a checkpoint, on ``device``; ``UserError`` when it cannot be had from it."""
    checkpoint = load_checkpoint(path)
    parser = ConfigParser.from_dict(checkpoint["config"], device=device)
    vocabulary = checkpoint["vocabulary"] and Vocabulary.from_dict(checkpoint["vocabulary"])
    features = _features(parser)
    num_features = BaseDataLoader.num_features if features is None else features.size
    provided = {"vocabulary": vocabulary, "num_features": num_features}
    model = parser.build(MODELS, parser.config.arch, **provided)
    load_weights(model, evaluation_weights(checkpoint), path)
    return Trained(
        model=model.to(parser.device).eval(),
        normalisation=Normalisation.from_dict(checkpoint["normalisation"]),
        vocabulary=vocabulary,
        config=parser.to_dict(),
        progress={
            "epoch": checkpoint["epoch"],
            "step": checkpoint["step"],
            "averaged": checkpoint["averaged"] is not None,
        },
        features=features,
    )


def _features(parser: ConfigParser) -> InkFeatures | None:
    settings = getattr(parser.config.data_loader.args, "features", None)
    return None if settings is None else settings.instance()


def open_data(trained: Trained, data: Path | None, remedy: str) -> HandwritingDataLoader:
    """The data that the config names, or those in the folder ``data``, as the model sees them.

    Args:
        trained: the model.
        data: a folder, or None.
        remedy: what the user can do where there are no data, for the message.

    Raises:
        UserError: there are none, or they are not those of the config.
    """
    # What training used of a split says nothing about what it is opened for now.
    changes: list[tuple[str, Any]] = [("data_loader.args.limit", None)]
    if data is not None:
        # Who names a folder does not want the numbers of the built-in corpus.
        source = {"type": "auto", "args": {"data_dir": str(data), "builtin": False}}
        changes.append(("data_loader.args.source", source))
    parser = ConfigParser.from_dict(trained.config, changes)
    try:
        loader = parser.build(
            DATA_LOADERS,
            parser.config.data_loader,
            seed=parser.seed,
            rank=0,
            world_size=1,
            vocabulary=trained.vocabulary,
            normalisation=trained.normalisation,
        )
    except NoSource as error:
        if data is not None:
            raise UserError(f"--data: nothing to read, got {str(data)!r} ({error})") from None
        raise UserError(f"{error}; {remedy}") from None
    if data is None:
        _refuse_other_data(trained, loader, remedy)
    return loader


def _refuse_other_data(trained: Trained, loader: HandwritingDataLoader, remedy: str) -> None:
    """A config whose source is "auto" may find other data here than where the model was trained.

    Data to which some forms were added since are still taken for the same.
    """
    found = loader.corpus.normalisation_of(loader.train_split).std
    if not np.allclose(found, trained.normalisation.std, rtol=0.05):
        was = " and ".join(f"{value:.4g}" for value in trained.normalisation.std)
        raise UserError(
            f"{loader.corpus.folder}: not the data that the model was trained on, whose offsets"
            f" have the standard deviations {was}, got {found[0]:.4g} and {found[1]:.4g};"
            f" {remedy}"
        )
