"""A trained model and its data, from its checkpoint alone."""

import importlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from base.base_data_loader import BaseDataLoader
from base.base_model import BaseModel
from base.base_reader import NoSource
from base.components import checked_block, checked_settings
from base.registry import DATA_LOADERS, MODELS
from base.renamed import with_new_names
from base.schema import Block, build
from data_loader.cleaning import measure_of
from data_loader.corpus import VALIDATION_SPLIT
from data_loader.data_loaders import HandwritingDataLoader
from data_loader.loader_settings import LoaderContext
from handwriting.environment import fault_line
from handwriting.errors import CheckpointError, ConfigError, UserError
from handwriting.ink.features import InkFeatures
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary
from trainer.cache_folder import cache_folder
from trainer.checkpointing import evaluation_weights, load_checkpoint, load_weights
from trainer.distributed import ALONE, Distributed
from utils.device import resolve_device
from utils.seeding import preserved_random_state

importlib.import_module("model")  # registers the models

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
        path: of the checkpoint; None for a model that is from none.
        run: names of the run that the checkpoint says it is of.
    """

    model: BaseModel
    normalisation: Normalisation
    vocabulary: Vocabulary | None
    config: dict[str, Any]
    progress: dict[str, Any]
    features: InkFeatures | None = None
    path: Path | None = None
    run: dict[str, str] | None = None

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
    parts = checked_model(path, checkpoint)
    model = build(parts.block, parts.provided)
    load_weights(model, evaluation_weights(checkpoint), path)
    return LoadedModel(
        model=model.to(place).eval(),
        normalisation=Normalisation.from_dict(checkpoint["normalisation"]),
        vocabulary=parts.vocabulary,
        config=checkpoint["config"],
        progress={
            "epoch": checkpoint["epoch"],
            "step": checkpoint["step"],
            "averaged": checkpoint["averaged"] is not None,
        },
        features=parts.features,
        path=path,
        run=checkpoint["run"],
    )


@dataclass(frozen=True)
class ModelParts:
    """The parts of a checkpoint that its model is built from.

    Attributes:
        block: of the model, checked.
        vocabulary: None where the checkpoint has none.
        features: what a recogniser sees of ink; None for other models.
    """

    block: Block
    vocabulary: Vocabulary | None
    features: InkFeatures | None

    @property
    def provided(self) -> dict[str, Any]:
        """The arguments that no config gives to a model."""
        size = BaseDataLoader.num_features if self.features is None else self.features.size
        return {"vocabulary": self.vocabulary, "num_features": size}


def checked_model(path: Path | str, checkpoint: dict[str, Any]) -> ModelParts:
    """Return the parts of a checkpoint's model, after all of its weights were found to fit them.

    The model is built without memory for its weights, so that none is taken for one that does not
    fit, however large. No random number is drawn.

    Raises:
        CheckpointError: in one line, with the field.
    """
    stored = checkpoint["vocabulary"]
    vocabulary = None if stored is None else Vocabulary.from_dict(stored)
    try:
        features = _features(checkpoint["config"])
        block = checked_block(MODELS, checkpoint["arch"], "arch")
        _check_present(path, checkpoint, block)
        parts = ModelParts(block, vocabulary, features)
        expected = _expected_weights(path, parts)
    except ConfigError as error:
        faults = "; ".join(error.problems)
        raise CheckpointError(f"{path}: its model does not fit here: {faults}") from error
    for key in ("model", "averaged"):
        if expected is not None and checkpoint[key] is not None:
            _check_weights(f"{path}: {key}", checkpoint[key], expected)
    return parts


def _check_present(path: Path | str, checkpoint: dict[str, Any], block: Block) -> None:
    """Check that there is a vocabulary for a model that takes one, and a normalisation."""
    needs_vocabulary = "vocabulary" in MODELS.provided(block.type)
    for key, needed in (("vocabulary", needs_vocabulary), ("normalisation", True)):
        if needed and checkpoint[key] is None:
            raise CheckpointError(f"{path}: {key}: is needed by its model, got None")


def _expected_weights(path: Path | str, parts: ModelParts) -> dict[str, Tensor] | None:
    """The ``state_dict`` of a model without memory; None for one that needs memory to be built,
    which a model from outside this project may."""
    try:
        with preserved_random_state(), torch.device("meta"), _NoNormalNumbers():
            model: BaseModel = build(parts.block, parts.provided)
    except UserError:
        raise
    except Exception as error:
        if fault_line(error):
            raise
        if not MODELS[parts.block.type].__module__.startswith("model."):
            return None
        why = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"{path}: arch: cannot be built ({why[:200]})") from None
    weights: dict[str, Tensor] = model.state_dict()
    return weights


class _NoNormalNumbers(TorchFunctionMode):
    """Draws no normal numbers: of weights without memory torch would draw them by way of its
    compiler, whose import takes a second."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in (torch.nn.init.normal_, torch.Tensor.normal_):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def _check_weights(where: str, weights: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Compare names, shapes and types of numbers; ``CheckpointError`` at the first difference."""
    for name in [*expected, *(name for name in weights if name not in expected)]:
        found, fitting = (
            "no such weight" if name not in each else f"{list(each[name].shape)} {each[name].dtype}"
            for each in (weights, expected)
        )
        if found != fitting:
            shown = name if name.isprintable() else ascii(name)
            raise CheckpointError(
                f"{where}.{shown[:100]}: its weights do not fit its arch, which has {fitting},"
                f" got {found}"
            )


def _features(config: dict[str, Any]) -> InkFeatures | None:
    """The features that a recogniser was trained on; None where the config has none."""
    settings = config["data_loader"]["args"].get("features")
    if settings is None:
        return None
    return checked_settings(InkFeatures, settings, "data_loader.args.features")


def open_data(
    trained: LoadedModel,
    data: Path | None,
    remedy: str,
    builtin: bool = True,
    processes: Distributed = ALONE,
) -> HandwritingDataLoader:
    """Open the data that the config names, or those in the folder ``data``, as the model sees them.

    Args:
        trained: the model.
        data: a folder, or None; its lines get the size and the kind of points that the model
            was trained on.
        remedy: what the user can do where there are no data, for the message.
        builtin: whether a config that leaves the source open may find the built-in corpus, which
            is then made.
        processes: that divide the batches of an evaluation; the main one prepares the corpus.

    Raises:
        UserError: there are none, or they are not those of the config.
    """
    raw = with_new_names(trained.config)["data_loader"]
    args = {name: value for name, value in raw["args"].items() if name not in _TRAINING_ALONE}
    if data is not None:
        # Who names a folder does not want the numbers of the built-in corpus.
        measure = measure_of(args)
        args["source"] = {"type": "auto", "args": {"data_dir": str(data), "builtin": False}}
        if measure is not None:  # without it the lines are nothing that the model knows
            args["cleaning"] = asdict(measure)
    elif not builtin and args["source"]["type"] == "auto":
        args["source"] = {"type": "auto", "args": {**args["source"]["args"], "builtin": False}}
    try:
        block = checked_block(DATA_LOADERS, {**raw, "args": args}, "data_loader")
    except ConfigError as error:
        where = "" if trained.path is None else f"{trained.path}: "
        raise CheckpointError(f"{where}{'; '.join(error.problems)}") from None
    context = LoaderContext(
        trained.config["seed"],
        processes.rank,
        processes.world_size,
        vocabulary=trained.vocabulary,
        normalisation=trained.normalisation,
        cache_dir=_cache_dir(trained),
        whole_batches=True,
    )
    try:
        with processes.main_first():
            loader: HandwritingDataLoader = build(block, {"context": context})
    except NoSource as error:
        if data is not None:
            raise UserError(f"--data: nothing to read, got {str(data)!r} ({error})") from None
        raise UserError(f"{error}; {remedy}") from None
    # Sources that are mixed are named, and may be others than those the weights began with.
    if data is None and args.get("source", {}).get("type") != "mixed":
        _check_same_data(trained, loader, remedy)
    return loader


def _cache_dir(trained: LoadedModel) -> str | None:
    if trained.path is None or trained.run is None:
        return None
    return cache_folder(trained.path, trained.config, trained.run)


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
