"""Checkpoints of tiny models with random weights."""

from pathlib import Path
from typing import Any

import torch

from base.registry import DATA_LOADERS, MODELS
from parse_config import ConfigParser
from trainer.checkpointing import save_checkpoint

SYNTHETIC = {"type": "synthetic", "args": {"num_lines": 80, "num_writers": 10}}
TASKS = {"unconditional": "UnconditionalHandwriting", "conditional": "ConditionalHandwriting"}


def make_checkpoint(
    path: Path,
    source: dict[str, Any] = SYNTHETIC,
    averaged: bool = False,
    task: str = "unconditional",
) -> Path:
    """Write a checkpoint to ``path``; where there are averaged weights, the others are others."""
    parser = ConfigParser.from_dict(_config(path.parent, source, TASKS[task]))
    loader = parser.build(DATA_LOADERS, parser.config.data_loader, seed=1)
    torch.manual_seed(1)
    model, other = (
        parser.build(MODELS, parser.config.arch, vocabulary=loader.vocabulary) for _ in range(2)
    )
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


def _config(folder: Path, source: dict[str, Any], arch_type: str) -> dict[str, Any]:
    arch = {"hidden_size": 8, "num_layers": 1, "num_mixtures": 2}
    loader = {"source": source, "cache_dir": str(folder / "prepared"), "batch_size": 4, "limit": 2}
    return {
        "name": "tiny",
        "seed": 1,
        "arch": {"type": arch_type, "args": arch},
        "data_loader": {"type": "HandwritingDataLoader", "args": loader},
        "optimizer": {"type": "Adam", "args": {}},
        "loss": {"type": "mixture_nll"},
        "metrics": ["nll"],
        "trainer": {},
    }
