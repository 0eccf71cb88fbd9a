"""A trainer from a config: everything that the config names, put together.

The config is any object with the attributes of ``TrainingConfig``, such as a ``ConfigParser``.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from base.base_data_loader import BaseDataLoader
from base.base_loss import BaseLoss
from base.base_model import BaseModel
from base.registry import DATA_LOADERS, LOSSES, LR_SCHEDULERS, METRICS, MODELS, OPTIMIZERS, Registry
from base.schema import Block
from data_loader.loader_settings import LoaderContext
from handwriting.errors import CheckpointError, UserError
from handwriting.files import check_can_write
from handwriting.ink.normalisation import Normalisation
from handwriting.text.vocabulary import Vocabulary
from logger.logger import close_log_file
from model.weight_noise import AdaptiveWeightNoise
from trainer.cache_folder import cache_folder
from trainer.checkpointing import evaluation_weights, load_checkpoint, load_weights
from trainer.distributed import Distributed, faster_arrangement
from trainer.loaded_model import checked_model
from trainer.loggers import check_packages
from trainer.restart import begun_run, sign
from trainer.run_folder import RunFolder
from trainer.run_lock import RunLock
from trainer.settings import TrainerSettings
from trainer.trainer import Trainer
from trainer.vocabulary_growth import grown_weights
from utils.seeding import make_deterministic, seed_everything

_log = logging.getLogger(__name__)

DrawSamples = Callable[[nn.Module], dict[str, Figure | Image.Image]]
"""Draws pictures of a model's samples, by name."""


class ConfigParts(Protocol):
    """The components that a config names, each with its arguments; metrics have none."""

    arch: Block
    data_loader: Block
    optimizer: Block
    loss: Block
    metrics: tuple[str, ...]
    lr_scheduler: Block | None


class TrainingConfig(Protocol):
    """A config that was found right, and what builds its parts."""

    resume: Path | None
    weights: Path | None
    moved: bool

    @property
    def config(self) -> ConfigParts: ...

    @property
    def name(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def trainer(self) -> TrainerSettings: ...

    def build(self, registry: Registry, block: Block | str, **provided: Any) -> Any: ...

    def to_dict(self) -> dict[str, Any]: ...


def build_trainer(
    config: TrainingConfig,
    processes: Distributed,
    sampler_of: Callable[[BaseModel, BaseDataLoader], DrawSamples | None] = lambda *_: None,
) -> Trainer:
    """Build a trainer; with a checkpoint's state where one is resumed.

    Nothing is written but the prepared corpus, until the last step makes the run's folder.

    Args:
        config: what to train, on what, and how.
        processes: that train together.
        sampler_of: makes the function that draws samples during training, None for no pictures.
    """
    close_log_file()
    _go_on_after_restart(config, processes)
    checkpoint, run, lock = _resumed(config, processes)
    try:
        trainer = _assembled(config, processes, sampler_of, checkpoint, run, lock)
        if checkpoint is not None:
            trainer.resume(checkpoint, config.resume)
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    return trainer


def _assembled(
    config: TrainingConfig,
    processes: Distributed,
    sampler_of: Callable[[BaseModel, BaseDataLoader], DrawSamples | None],
    checkpoint: dict[str, Any] | None,
    run: RunFolder | None,
    lock: RunLock | None,
) -> Trainer:
    """Build a trainer before it has any state; the last three are of a run that is resumed."""
    start = None
    if processes.is_main:
        check_packages(config.trainer.run_loggers())
    if run is None and processes.is_main:  # before corpora are prepared, which can take a while
        check_can_write(Path(config.trainer.save_dir))
    if config.weights is not None:
        start = load_checkpoint(config.weights)
        _check_usable(config.weights, start)
    if config.trainer.deterministic:
        make_deterministic()
    seed_everything(config.seed)
    parts = config.config
    loader = _build_data_loader(config, processes, checkpoint, start)
    provided = {
        "vocabulary": loader.vocabulary,
        "normalisation": loader.normalisation,
        "num_features": loader.num_features,
    }
    model = config.build(MODELS, parts.arch, **provided)
    if start is not None and config.weights is not None:
        _start_from(model, start, loader.vocabulary, config.weights)
    model = model.to(processes.device)
    criterion = config.build(LOSSES, parts.loss, **provided)
    metrics = {name: config.build(METRICS, name, **provided) for name in parts.metrics}
    noise = _build_weight_noise(config, model, criterion, loader, processes)
    optimized = [*model.parameters(), *(noise.parameters() if noise else ())]
    optimizer = config.build(OPTIMIZERS, parts.optimizer, params=optimized)
    scheduler = None
    if parts.lr_scheduler is not None:
        scheduler = config.build(LR_SCHEDULERS, parts.lr_scheduler, optimizer=optimizer)
    _log.info("%s", model)
    _log.info("%s, %d process(es)", processes.device, processes.world_size)
    if advice := faster_arrangement(processes):
        _log.info("%s", advice)
    trainer = Trainer(
        model=model,
        criterion=criterion,
        metrics=metrics,
        optimizer=optimizer,
        scheduler=scheduler,
        data_loader=loader,
        settings=config.trainer,
        header=_checkpoint_header(config, loader),
        distributed=processes,
        weight_noise=noise,
        seed=config.seed,
        sampler=sampler_of(model, loader),
        line_id=loader.line_id,
        group_of=loader.group,
        run=run or _new_run(config, processes),
        lock=lock,
    )
    # Each process drops out other units; the weights are the same in all of them by now.
    seed_everything(config.seed + processes.rank)
    return trainer


def _start_from(
    model: BaseModel, start: dict[str, Any], vocabulary: Vocabulary, path: Path
) -> None:
    """Give the model the weights of a checkpoint, and say which characters are new to them."""
    known = Vocabulary.from_dict(start["vocabulary"])
    weights = evaluation_weights(start)
    if absent := [name for name in model.vocabulary_dimensions() if name not in weights]:
        raise CheckpointError(f"{path}: model.{absent[0]}: the config's model has it, this has not")
    new = "".join(vocabulary.characters[len(known.characters) :])
    if new:
        _log.info("characters that are new to %s: %s", path, new)
    load_weights(model, grown_weights(model, weights, len(known)), path)


def _build_data_loader(
    config: TrainingConfig,
    processes: Distributed,
    checkpoint: dict[str, Any] | None,
    start: dict[str, Any] | None,
) -> BaseDataLoader:
    """Build the data loader, with the vocabulary and normalisation of the checkpoint that the
    weights come from, where there is one. A new run's vocabulary grows by its own characters."""
    vocabulary = normalisation = None
    if source := checkpoint or start:
        vocabulary = Vocabulary.from_dict(source["vocabulary"])
        normalisation = Normalisation.from_dict(source["normalisation"])
    cache_dir = None
    if checkpoint is not None and config.resume is not None:
        cache_dir = cache_folder(config.resume, checkpoint["config"], checkpoint["run"])
    context = LoaderContext(
        config.seed, processes.rank, processes.world_size, vocabulary, normalisation,
        grow_vocabulary=start is not None, cache_dir=cache_dir,
    )  # fmt: skip
    with processes.main_first():
        loader: BaseDataLoader = config.build(
            DATA_LOADERS, config.config.data_loader, context=context
        )
    return loader


def _build_weight_noise(
    config: TrainingConfig,
    model: nn.Module,
    criterion: BaseLoss[Any],
    loader: BaseDataLoader,
    processes: Distributed,
) -> AdaptiveWeightNoise | None:
    """Adaptive weight noise where it is on, its cost shared by all units of the training lines."""
    initial_std = config.trainer.weight_noise
    if initial_std is None:
        return None
    units = sum(int(criterion.num_units(batch)) for batch in loader.train)
    (total,) = processes.sum_list([units])
    return AdaptiveWeightNoise(model.parameters(), int(total), initial_std)


def _checkpoint_header(config: TrainingConfig, loader: BaseDataLoader) -> dict[str, Any]:
    """Return the entries that every checkpoint of the run has."""
    resolved = config.to_dict()
    return {
        "arch": resolved["arch"],
        "config": resolved,
        "vocabulary": loader.vocabulary.to_dict(),
        "normalisation": loader.normalisation.to_dict(),
    }


def _go_on_after_restart(config: TrainingConfig, processes: Distributed) -> None:
    """Resume the run that these processes began before torchrun started them again, if they did."""
    found = begun_run(config.trainer.save_dir, config.name) if processes.is_main else None
    path = processes.gather(None if found is None else str(found))[0]
    if path is not None:
        _log.info("started again by torchrun: going on with %s", path)
        config.resume, config.weights = Path(path), None


def _new_run(config: TrainingConfig, processes: Distributed) -> RunFolder:
    """A new run's folder, the same in all processes."""
    save_dir = config.trainer.save_dir
    run_id = RunFolder.new(save_dir, config.name).run_id if processes.is_main else ""
    run = RunFolder(Path(save_dir), config.name, processes.gather(run_id)[0])
    if processes.is_main:
        sign(run)
    return run


def _resumed(
    config: TrainingConfig, processes: Distributed
) -> tuple[dict[str, Any] | None, RunFolder | None, RunLock | None]:
    """The checkpoint that is resumed, its run's folder, and in the main process the lock of it.

    It is read again under the lock: another process may have gone on with the run until then.
    """
    path = config.resume
    if path is None:
        return None, None, None
    checkpoint = load_checkpoint(path, resumable=True)
    _check_usable(path, checkpoint)
    save_dir = config.trainer.save_dir if config.moved else None
    run = RunFolder.of_checkpoint(path, checkpoint["run"], save_dir)
    lock, problem = None, ""
    if processes.is_main:
        try:
            lock = RunLock(run.models).acquire()
            sign(run)
        except UserError as error:
            problem = str(error)
    if problem := processes.gather(problem)[0]:
        raise UserError(problem)
    return load_checkpoint(path, resumable=True), run, lock


def _check_usable(path: Path, checkpoint: dict[str, Any]) -> None:
    """Check a checkpoint's model, and that it has all that a data loader is given of it."""
    checked_model(path, checkpoint)
    if checkpoint["vocabulary"] is None:
        raise CheckpointError(f"{path}: vocabulary: is needed to go on training, got None")
