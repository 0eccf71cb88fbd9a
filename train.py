"""Train a model from a config, or go on from a checkpoint.

python train.py -c config_unconditional.json
python train.py -r saved/models/.../checkpoint.pth
python train.py -c config_conditional.json -w saved/models/.../model_best.pth
torchrun --nproc_per_node=2 train.py -c config_unconditional.json
"""

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from torch import nn

from base.base_data_loader import BaseDataLoader
from base.base_model import BaseModel
from base.registry import DATA_LOADERS, LOSSES, LR_SCHEDULERS, METRICS, MODELS, OPTIMIZERS
from data_loader.normalisation import Normalisation
from data_loader.vocabulary import Vocabulary
from logger.logger import setup_logging
from model.evaluation import (
    EVALUATORS,
    SHORT_SENTENCES,
    SampleSettings,
    evenly_spread,
    sample_figures,
)
from model.weight_noise import AdaptiveWeightNoise
from parse_config import ConfigParser
from trainer.checkpointing import evaluation_weights, load_checkpoint, load_weights
from trainer.distributed import Distributed, distributed, faster_arrangement
from trainer.run_folder import RunFolder
from trainer.trainer import Trainer, make_monitor
from utils.errors import run_command
from utils.memory import keep_freed_memory
from utils.seeding import make_deterministic, seed_everything

_log = logging.getLogger(__name__)


def main() -> None:
    """Train as the command line says."""
    keep_freed_memory()
    config = ConfigParser.from_args(description="Train a model of handwriting.")
    # Before data are prepared, which can take a while.
    make_monitor(config.trainer, config.config.metrics)
    setup_logging(is_main=os.environ.get("RANK", "0") == "0")
    with distributed(config.device) as processes:
        build_trainer(config, processes).train()


def build_trainer(config: ConfigParser, processes: Distributed) -> Trainer:
    """Everything that the config names, put together; a checkpoint's state where one is resumed.

    Nothing is written but the prepared corpus, until the last step makes the run's folder.
    """
    checkpoint = load_checkpoint(config.resume, resumable=True) if config.resume else None
    start = load_checkpoint(config.weights) if config.weights else None
    if config.trainer.deterministic:
        make_deterministic()
    seed_everything(config.seed)
    parts = config.config
    loader = build_data_loader(config, processes, checkpoint or start)
    provided = {
        "vocabulary": loader.vocabulary,
        "normalisation": loader.normalisation,
        "num_features": loader.num_features,
    }
    model = config.build(MODELS, parts.arch, **provided)
    if start is not None:
        load_weights(model, evaluation_weights(start), config.weights)
    model = model.to(processes.device)
    criterion = config.build(LOSSES, parts.loss, **provided)
    metrics = {name: config.build(METRICS, name, **provided) for name in parts.metrics}
    noise = build_weight_noise(config, model, criterion, loader, processes)
    optimized = [*model.parameters(), *(noise.parameters() if noise else ())]
    optimizer = config.build(OPTIMIZERS, parts.optimizer, params=optimized)
    scheduler = parts.lr_scheduler and config.build(
        LR_SCHEDULERS, parts.lr_scheduler, optimizer=optimizer
    )
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
        header=checkpoint_header(config, loader),
        distributed=processes,
        weight_noise=noise,
        seed=config.seed,
        sampler=build_sampler(model, loader),
        line_id=loader.line_id,
        run=run_folder(config, processes, checkpoint),
    )
    # Each process drops out other units; the weights are the same in all of them by now.
    seed_everything(config.seed + processes.rank)
    if checkpoint is not None:
        trainer.resume(checkpoint)
    return trainer


def build_data_loader(
    config: ConfigParser, processes: Distributed, checkpoint: dict[str, Any] | None
) -> BaseDataLoader:
    """The data loader, with the vocabulary and normalisation of the checkpoint that the weights
    come from, where there is one."""
    provided: dict[str, Any] = {"rank": processes.rank, "world_size": processes.world_size}
    if checkpoint is not None:
        provided["vocabulary"] = Vocabulary.from_dict(checkpoint["vocabulary"])
        provided["normalisation"] = Normalisation.from_dict(checkpoint["normalisation"])
    with processes.main_first():
        block = config.config.data_loader
        return config.build(DATA_LOADERS, block, seed=config.seed, **provided)


def build_weight_noise(
    config: ConfigParser,
    model: nn.Module,
    criterion: nn.Module,
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


def build_sampler(
    model: BaseModel, loader: BaseDataLoader
) -> Callable[[nn.Module], dict[str, Figure]] | None:
    """What draws samples of the model's task, if anything does: as long as the corpus's lines, or
    the same few sentences or validation lines each time."""
    if model.task not in EVALUATORS:
        return None
    validation = loader.corpus.split(loader.validation_split)
    places = evenly_spread(len(validation), EVALUATORS[model.task].training_lines)
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


def checkpoint_header(config: ConfigParser, loader: BaseDataLoader) -> dict[str, Any]:
    """What every checkpoint of the run carries."""
    resolved = config.to_dict()
    return {
        "arch": resolved["arch"],
        "config": resolved,
        "vocabulary": loader.vocabulary.to_dict(),
        "normalisation": loader.normalisation.to_dict(),
    }


def run_folder(
    config: ConfigParser, processes: Distributed, checkpoint: dict[str, Any] | None
) -> RunFolder:
    """A new run's folder, or that of the run which is resumed; the same in all processes."""
    save_dir = config.trainer.save_dir
    if checkpoint is not None:
        moved = save_dir != checkpoint["config"]["trainer"]["save_dir"]
        return RunFolder.of_checkpoint(config.resume, checkpoint["run"], save_dir, moved)
    run_id = RunFolder.new(save_dir, config.name).run_id if processes.is_main else ""
    return RunFolder(Path(save_dir), config.name, processes.gather(run_id)[0])


if __name__ == "__main__":
    run_command(main)
