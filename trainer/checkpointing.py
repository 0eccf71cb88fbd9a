"""Checkpoints: plain dicts of tensors and plain values, written whole or not at all.

A checkpoint has these keys:

==================  ==============================================================================
``format_version``  int, raised when a reader of the old format would misread the new one
``arch``            the model's block of the config, ``{"type", "args"}``
``config``          the resolved config, every default filled in
``vocabulary``      ``Vocabulary.to_dict()`` or None
``normalisation``   ``Normalisation.to_dict()`` or None
``model``           the model's ``state_dict``
``averaged``        ``state_dict`` of the averaged weights; None without averaging
``epoch``, ``step`` epochs completed and optimizer steps taken
``best``            ``{"value", "epoch"}``: best monitored value so far and the epoch it is of
``run``             ``{"name", "id"}`` of the run's folders
``optimizer``, ``scheduler``, ``scaler``, ``weight_noise``
                    their ``state_dict``, None for what is not in use (bfloat16 needs no scaler)
``sampler``         ``{"epoch", "position"}``: the epoch to go on with (counted from 1) and the
                    batches of it that are done
``running``         sums over these batches: loss terms, their weight, lines, seconds
``early_stop``      epochs since the monitored value last improved
``monitored``       the monitored value of the last completed epoch; None before the first
``random``          list, one per process, of ``utils.seeding.random_state``
==================  ==============================================================================

Those from ``optimizer`` on are needed to resume only; ``slim`` drops them.
"""

import os
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from handwriting.errors import CheckpointError, UserError
from handwriting.files import whole_file
from trainer.checkpoint_contents import check_archive, check_contents

FORMAT_VERSION = 1
KEYS = (
    *("format_version", "arch", "config", "vocabulary", "normalisation"),
    *("model", "averaged", "epoch", "step", "best", "run"),
)
RESUME_KEYS = (
    *("optimizer", "scheduler", "scaler", "weight_noise"),
    *("sampler", "running", "early_stop", "monitored", "random"),
)


def save_checkpoint(path: Path | str, checkpoint: dict[str, Any]) -> None:
    """Write ``checkpoint`` to ``path``, with the format version added.

    See ``whole_file``: the checkpoint is on the disk before it takes the place of the last one.

    Raises:
        CheckpointError: the folder cannot be written, or the disk is full.
    """
    with _whole_checkpoint(Path(path)) as temporary, open(temporary, "wb") as file:
        torch.save({**checkpoint, "format_version": FORMAT_VERSION}, file)


def link_checkpoint(source: Path | str, path: Path | str) -> None:
    """Make ``path`` the same checkpoint as ``source``, whole or not at all.

    A hard link costs neither time nor space, and ``source`` is replaced and never written into,
    so the link keeps what it has. Where the file system knows no links, a copy is made.

    Raises:
        CheckpointError: the folder cannot be written, or the disk is full.
    """
    with _whole_checkpoint(Path(path)) as temporary:
        temporary.unlink(missing_ok=True)
        try:
            os.link(source, temporary)
        except OSError:  # each system has its own for what it cannot link
            shutil.copyfile(source, temporary)


@contextmanager
def _whole_checkpoint(path: Path) -> Iterator[Path]:
    try:
        with whole_file(path, sync=True, make_parents=False) as temporary:
            yield temporary
    except (OSError, RuntimeError) as error:
        # torch.save reports a full disk as a RuntimeError of its archive writer.
        raise CheckpointError(
            f"{path}: cannot write the checkpoint ({_one_line(error)})"
        ) from error


def load_checkpoint(
    path: Path | str, map_location: torch.device | str = "cpu", resumable: bool = False
) -> dict[str, Any]:
    """The checkpoint at ``path``; nothing but tensors and plain values is ever unpickled.

    Args:
        path: the file.
        map_location: device of the tensors. The CPU by default: what loads them copies them on.
        resumable: also ask for what resuming needs.

    Raises:
        CheckpointError: one line naming the file: it is missing, a folder, truncated, foreign,
            of a newer format, would have to run code to load, or has a value that it should not
            have, see ``trainer.checkpoint_contents``.
    """
    path = Path(path)
    checkpoint = _read(path, map_location)
    _check(path, checkpoint, KEYS + (RESUME_KEYS if resumable else ()))
    whole = all(key in checkpoint for key in RESUME_KEYS)
    check_contents(path, checkpoint, whole)
    if whole:
        checked: dict[str, Any] = checkpoint
        return checked
    return {**checkpoint, "model": _of_type(checkpoint["model"], torch.float16, torch.float32)}


def _read(path: Path, map_location: torch.device | str) -> Any:
    """Return what the file holds, which may be anything."""
    if path.is_dir():
        raise CheckpointError(f"{path}: is a folder, a checkpoint is a file such as checkpoint.pth")
    try:
        if path.exists() and not path.is_file():
            raise CheckpointError(f"{path}: is no regular file")
        check_archive(path)
        with warnings.catch_warnings():
            # Of a foreign file, torch may warn before it gives up; the error says enough.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location=map_location, weights_only=True)
    except CheckpointError:
        raise
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({_one_line(error)})") from None
    except Exception as error:
        # A damaged or foreign file can fail anywhere in the unpickling, with any exception.
        raise CheckpointError(f"{path}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    refused = re.search(r"GLOBAL (\S+) (?:was not an allowed global|whose module)", str(error))
    if refused:
        return f"refused, since loading it would import and run {refused.group(1)!r}"
    return "not a checkpoint, or a truncated or damaged one"


def _check(path: Path, checkpoint: Any, keys: tuple[str, ...]) -> None:
    version = checkpoint.get("format_version") if isinstance(checkpoint, dict) else None
    if type(version) is not int:
        raise CheckpointError(f"{path}: not a checkpoint of this project (no format version)")
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: has format {version}, newer than format {FORMAT_VERSION}, the newest that "
            "this version of the project reads; update the project"
        )
    missing = [key for key in keys if key not in checkpoint]
    if missing == list(RESUME_KEYS):
        raise CheckpointError(
            f"{path}: holds weights only (a slim checkpoint) and cannot be resumed"
        )
    if missing:
        raise CheckpointError(f"{path}: not a whole checkpoint, it lacks {', '.join(missing)}")


def slim(checkpoint: dict[str, Any], half: bool = False) -> dict[str, Any]:
    """A smaller checkpoint with what evaluating needs, which cannot be resumed.

    ``model`` holds the weights that are evaluated: the averaged ones where there are any.

    Args:
        checkpoint: it stays as it is.
        half: keep weights in float16, half as large; ``load_checkpoint`` gives them as float32.

    Raises:
        UserError: a weight is larger than float16 can hold.
    """
    kept = {key: checkpoint[key] for key in KEYS}
    weights = evaluation_weights(checkpoint)
    if half:
        weights = _of_type(weights, torch.float32, torch.float16)
        beyond = [name for name, weight in weights.items() if not torch.isfinite(weight).all()]
        if beyond:
            raise UserError(f"half precision cannot hold a number of the weights {beyond[0]}")
    return {**kept, "model": weights, "averaged": None}


def _of_type(
    weights: dict[str, Tensor], found: torch.dtype, wanted: torch.dtype
) -> dict[str, Tensor]:
    """The weights, those of type ``found`` in ``wanted``."""
    return {
        name: weight.to(wanted) if weight.dtype == found else weight
        for name, weight in weights.items()
    }


def evaluation_weights(checkpoint: dict[str, Any]) -> dict[str, Tensor]:
    """The ``state_dict`` to evaluate and to write with: averaged where there is one."""
    averaged: dict[str, Tensor] | None = checkpoint["averaged"]
    weights: dict[str, Tensor] = checkpoint["model"]
    return weights if averaged is None else averaged


def load_weights(model: nn.Module, weights: dict[str, Tensor], path: Path | str) -> None:
    """Put ``weights`` into ``model``; ``CheckpointError`` naming ``path`` when they do not fit."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: its weights do not fit its arch ({_one_line(error)})"
        ) from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
