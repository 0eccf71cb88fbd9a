"""The config of an adaptation: the weights' own recipe, with settings that suit few lines."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base.renamed import with_new_names
from data_loader.readers.auto import AutoReader
from handwriting.errors import UserError

OWN, OTHER = "own", "other"
BATCH_SIZE = 16
# Of each of the two sources, in the validation and in the numbers before and after.
MOST_VALIDATION_LINES = 200
_BUILT_IN = "synthetic"
_WARMUP_SHARE = 0.05
# The moving average is over about this share of all steps.
_AVERAGED_SHARE = 0.1


@dataclass(frozen=True)
class Adaptation:
    """Settings of an adaptation.

    Attributes:
        weights: checkpoint of the recogniser to start from.
        ink: folder of one's own ink, as ``data_loader.readers.ink_files`` reads it.
        out: new folder of the results.
        minutes: how long to train, about; None for ``epochs``.
        epochs: passes over ``epoch_lines`` lines.
        epoch_lines: lines in an epoch, own and other together.
        lr: the highest learning rate.
        share: part of one's own ink in an epoch.
        other: the other ink: "auto", "synthetic" or a folder.
        prepared: folder of prepared corpora.
        device: to train and measure on.
        seed: of all that is drawn.
    """

    weights: Path
    ink: Path
    out: Path
    minutes: float | None = None
    epochs: int = 8
    epoch_lines: int = 256
    lr: float = 5e-4
    share: float = 0.5
    other: str = "auto"
    prepared: str = "data/prepared"
    device: str = "cpu"
    seed: int = 1


def other_source(settings: Adaptation) -> dict[str, Any]:
    """Return the source of the other ink, which is there and is not one's own ink again.

    Raises:
        UserError: there is none, or one's own ink is in it.
    """
    if settings.other == _BUILT_IN:
        return {"type": _BUILT_IN, "args": {}}
    is_folder = settings.other != "auto"
    folder = settings.other if is_folder else "data"
    reader = AutoReader(folder, builtin=not is_folder)
    found = reader.chosen
    if found == "inkml" and settings.ink.resolve().is_relative_to(Path(folder).resolve()):
        raise UserError(
            f"--other: {folder} holds the ink of --ink itself; move that out of it, or give"
            " --other synthetic"
        )
    # By its name, so that the config says what the weights were trained on.
    return {"type": found, "args": {} if found == _BUILT_IN else {"data_dir": folder}}


def adaptation_config(
    settings: Adaptation, recipe: dict[str, Any], arch: dict[str, Any], source: dict[str, Any]
) -> dict[str, Any]:
    """Return the config, plain values.

    Args:
        settings: of the adaptation; ``minutes`` is not looked at.
        recipe: the config of the weights, whose loss, features, cleaning and augmentation stay.
        arch: of the weights.
        source: of the other ink.
    """
    old = with_new_names(recipe)
    kept = old["data_loader"]["args"]
    steps = settings.epochs * math.ceil(settings.epoch_lines / BATCH_SIZE)
    warmup = round(_WARMUP_SHARE * steps)
    cleaning = kept.get("cleaning", {})
    loader = {
        "source": {"type": "mixed", "args": {"sources": _sources(settings, source, cleaning)}},
        **{name: kept[name] for name in ("features", "augmentation") if name in kept},
        "batch_size": BATCH_SIZE,
        "epoch_lines": settings.epoch_lines,
        "validation_limit": 2 * MOST_VALIDATION_LINES,
        "cache_dir": settings.prepared,
    }
    return {
        "name": "adapted",
        "seed": settings.seed,
        "arch": arch,
        "data_loader": {"type": old["data_loader"]["type"], "args": loader},
        "optimizer": {"type": "AdamW", "args": {"lr": settings.lr, "weight_decay": 0.01}},
        "loss": old["loss"],
        "metrics": ["cer"],
        "lr_scheduler": {
            "type": "WarmupDecay",
            "args": {
                "warmup_steps": warmup,
                "decay": "cosine",
                "decay_steps": max(steps - warmup, 1),
                "final_factor": 0.02,
            },
        },
        "trainer": {
            "epochs": settings.epochs,
            "save_period": settings.epochs,
            "monitor": "min cer",
            "clip_grad_norm": 5.0,
            "averaging": max(0.5, 1 - 1 / max(_AVERAGED_SHARE * steps, 1)),
            "sample_period": None,
            "tensorboard": False,
        },
    }


def own_source(settings: Adaptation) -> dict[str, Any]:
    """Return the source of one's own ink."""
    return {"type": "ink_files", "args": {"data_dir": str(settings.ink)}}


def _sources(
    settings: Adaptation, other: dict[str, Any], cleaning: dict[str, Any]
) -> list[dict[str, Any]]:
    parts = ((OWN, own_source(settings), settings.share), (OTHER, other, 1 - settings.share))
    return [
        {"name": name, "source": source, "share": share, "cleaning": cleaning}
        for name, source, share in parts
    ]
