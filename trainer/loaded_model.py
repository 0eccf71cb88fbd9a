"""A trained model and its data, from its checkpoint alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from base.base_data_loader import BaseDataLoader
from base.base_model import BaseModel
from base.base_reader import NoSource
from base.components import checked_block, checked_settings
from base.registry import DATA_LOADERS, MODELS
from base.renamed import with_new_names
from base.schema import build
from data_loader.corpus import VALIDATION_SPLIT
from data_loader.data_loaders import HandwritingDataLoader
from data_loader.loader_settings import LoaderContext
from handwriting.errors import CheckpointError, ConfigError, UserError
from handwriting.ink.features import InkFeatures
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary
from trainer.checkpointing import evaluation_weights, load_checkpoint, load_weights
from utils.device import resolve_device

# Settings that say how a model is trained, not how its lines are read.
_TRAINING_ALONE = ("limit", "concatenate_share", "augmentation", "num_workers", "pin_memory")


@dataclass(frozen=True)
class LoadedModel:
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
        args = self.config["data_loader"]["args"]
        return str(args.get("validation_split", VALIDATION_SPLIT))


def load_model(path: Path, device: str = "auto") -> LoadedModel:
    """Return the model of a checkpoint, on ``device``.

    Of the config in it, only the model and its features are looked at: settings of its training
    that no longer fit (an optimizer, a reader) change nothing here.

    Raises:
        UserError: the checkpoint cannot be used, or there is no such device.
    """
    place = resolve_device(device)
    checkpoint = load_checkpoint(path)
    vocabulary = checkpoint["vocabulary"] and Vocabulary.from_dict(checkpoint["vocabulary"])
    try:
        features = _features(checkpoint["config"])
        block = checked_block(MODELS, checkpoint["arch"], "arch")
    except ConfigError as error:
        faults = "; ".join(error.problems)
        raise CheckpointError(f"{path}: its model does not fit here: {faults}") from error
    num_features = BaseDataLoader.num_features if features is None else features.size
    provided = {"vocabulary": vocabulary, "num_features": num_features}
    model = build(block, provided)
    load_weights(model, evaluation_weights(checkpoint), path)
    return LoadedModel(
        model=model.to(place).eval(),
        normalisation=Normalisation.from_dict(checkpoint["normalisation"]),
        vocabulary=vocabulary,
        config=checkpoint["config"],
        progress={
            "epoch": checkpoint["epoch"],
            "step": checkpoint["step"],
            "averaged": checkpoint["averaged"] is not None,
        },
        features=features,
    )


def _features(config: dict[str, Any]) -> InkFeatures | None:
    """The features that a recogniser was trained on; None where the config has none."""
    settings = config["data_loader"]["args"].get("features")
    if settings is None:
        return None
    return checked_settings(InkFeatures, settings, "data_loader.args.features")


def open_data(trained: LoadedModel, data: Path | None, remedy: str) -> HandwritingDataLoader:
    """Open the data that the config names, or those in the folder ``data``, as the model sees them.

    Args:
        trained: the model.
        data: a folder, or None.
        remedy: what the user can do where there are no data, for the message.

    Raises:
        UserError: there are none, or they are not those of the config.
    """
    raw = with_new_names(trained.config)["data_loader"]
    args = {name: value for name, value in raw["args"].items() if name not in _TRAINING_ALONE}
    if data is not None:
        # Who names a folder does not want the numbers of the built-in corpus.
        args["source"] = {"type": "auto", "args": {"data_dir": str(data), "builtin": False}}
    block = checked_block(DATA_LOADERS, {**raw, "args": args}, "data_loader")
    context = LoaderContext(
        trained.config["seed"],
        vocabulary=trained.vocabulary,
        normalisation=trained.normalisation,
    )
    try:
        loader: HandwritingDataLoader = build(block, {"context": context})
    except NoSource as error:
        if data is not None:
            raise UserError(f"--data: nothing to read, got {str(data)!r} ({error})") from None
        raise UserError(f"{error}; {remedy}") from None
    # Sources that are mixed are named, and may be others than those the weights began with.
    if data is None and args["source"]["type"] != "mixed":
        _check_same_data(trained, loader, remedy)
    return loader


def _check_same_data(trained: LoadedModel, loader: HandwritingDataLoader, remedy: str) -> None:
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
