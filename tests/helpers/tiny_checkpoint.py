"""Checkpoints of tiny models with random weights."""

from pathlib import Path
from typing import Any

import torch

from base.registry import DATA_LOADERS, MODELS
from data_loader.loader_settings import LoaderContext
from parse_config import ConfigParser
from trainer.checkpointing import save_checkpoint
from utils.seeding import random_state

SYNTHETIC = {"type": "synthetic", "args": {"num_lines": 80, "num_writers": 10}}
SHORT_LINES = {
    "type": "synthetic",
    "args": {"num_lines": 30, "num_writers": 5, "min_characters": 3, "max_characters": 6},
}
MODEL = {"hidden_size": 8, "num_layers": 1, "num_mixtures": 2}
RECOGNISER = {
    "channels": [4, 6],
    "kernel_size": 3,
    "encoder_size": 5,
    "encoder_layers": 1,
    "decoder_size": 6,
    "embedding_size": 3,
    "attention_size": 4,
    "location_width": 3,
}
TASKS = {
    "unconditional": ("UnconditionalHandwriting", MODEL),
    "conditional": ("ConditionalHandwriting", MODEL),
    "recognition": ("Seq2SeqRecognition", RECOGNISER),
    "language": ("CharacterLanguageModel", {"embedding_size": 3, "hidden_size": 5}),
}
DATA = {"recognition": "RecognitionDataLoader", "language": "TextDataLoader"}
TRAINING = {
    "recognition": ("seq2seq_nll", "cer"),
    "language": ("character_nll", "bits_per_character"),
}


def contents(**changes: Any) -> dict[str, Any]:
    """Everything a slim checkpoint has, of a model with one weight, without settings."""
    block = {"type": "ToyModel", "args": {}}
    config = {"name": "toy", "seed": 1, "arch": block, "trainer": {}}
    plain: dict[str, Any] = {
        "arch": block,
        "config": {**config, "data_loader": {"type": "ToyLoader", "args": {}}},
        "vocabulary": None,
        "normalisation": None,
        "model": {"weight": torch.arange(6.0)},
        "averaged": None,
        "epoch": 1,
        "step": 2,
        "best": {"value": None, "epoch": None},
        "run": {"name": "toy", "id": "run"},
    }
    return {**plain, **changes}


def resumable_contents(**changes: Any) -> dict[str, Any]:
    """Everything a checkpoint has that can be resumed."""
    state = {
        "optimizer": {"state": {}, "param_groups": [{"params": [0], "lr": 0.1}]},
        **dict.fromkeys(("scheduler", "scaler", "weight_noise", "monitored")),
        "sampler": {"epoch": 2, "position": 0},
        "running": {"sums": {}, "weight": 0.0, "lines": 0, "seconds": 0.0},
        "early_stop": 0,
        "random": [random_state()],
    }
    return {**contents(), **state, **changes}


def make_checkpoint(
    path: Path,
    source: dict[str, Any] = SYNTHETIC,
    averaged: bool = False,
    task: str = "unconditional",
) -> Path:
    """Write a checkpoint to ``path``; where there are averaged weights, the others are others."""
    parser = ConfigParser.from_dict(_config(path.parent, source, task))
    context = LoaderContext(seed=1)
    loader = parser.build(DATA_LOADERS, parser.config.data_loader, context=context)
    torch.manual_seed(1)
    provided = {"vocabulary": loader.vocabulary, "num_features": loader.num_features}
    model, other = (parser.build(MODELS, parser.config.arch, **provided) for _ in range(2))
    checkpoint = {
        "arch": parser.to_dict()["arch"],
        "config": parser.to_dict(),
        "vocabulary": loader.vocabulary.to_dict(),
        "normalisation": loader.normalisation.to_dict(),
        "model": (other if averaged else model).state_dict(),
        "averaged": model.state_dict() if averaged else None,
        "epoch": 2,
        "step": 6,
        "best": {"value": 1.0, "epoch": 1},
        "run": {"name": "tiny", "id": "1"},
    }
    save_checkpoint(path, checkpoint)
    return path


def _config(folder: Path, source: dict[str, Any], task: str) -> dict[str, Any]:
    arch_type, arch = TASKS[task]
    loss, metric = TRAINING.get(task, ("mixture_nll", "nll"))
    loader = {"source": source, "cache_dir": str(folder / "prepared"), "batch_size": 4, "limit": 2}
    return {
        "name": "tiny",
        "seed": 1,
        "arch": {"type": arch_type, "args": arch},
        "data_loader": {"type": DATA.get(task, "HandwritingDataLoader"), "args": loader},
        "optimizer": {"type": "Adam", "args": {}},
        "loss": {"type": loss},
        "metrics": [metric],
        "trainer": {"monitor": "min loss"},
    }
