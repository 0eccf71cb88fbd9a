"""The folder of prepared corpora for a checkpoint: never one that a stranger's file chose.

The config in a checkpoint names the folder that its corpora were prepared in. A checkpoint from
someone else may name any folder, so the name is followed only where nothing of the user's can be
touched by it:

- it is the default, ``data/prepared`` in the working folder;
- it lies in the folder that the checkpoint is in;
- the checkpoint is in the folder of its run, where training wrote it, and the folder has prepared
  corpora in it and nothing else. One that is empty or not there is anyone's.

Otherwise corpora are prepared in the default folder.
"""

import logging
import re
from pathlib import Path
from typing import Any

from data_loader.loader_settings import LoaderSettings
from trainer.run_folder import RunFolder

_log = logging.getLogger(__name__)
_CORPUS = re.compile(r"[0-9a-f]{16}")
_OURS = re.compile(r"[0-9a-f]{16}|\.lock|\.building-.*")


def cache_folder(path: Path, config: dict[str, Any], run: dict[str, str]) -> str:
    """Return the folder to prepare corpora in for the checkpoint at ``path``.

    Args:
        path: of the checkpoint.
        config: of the checkpoint.
        run: the checkpoint's ``run``.
    """
    named = config["data_loader"].get("args", {}).get("cache_dir")
    default = LoaderSettings().cache_dir
    if not isinstance(named, str) or named == default or _is_safe(path, named, run):
        return named if isinstance(named, str) else default
    _log.info("%s: names %r for prepared corpora, %s is taken instead", path, named, default)
    return default


def _is_safe(path: Path, named: str, run: dict[str, str]) -> bool:
    if "\0" in named:
        return False
    folder, beside = Path(named).resolve(), path.resolve().parent
    if folder != beside and folder.is_relative_to(beside):
        return True
    return RunFolder.holding(path, run) is not None and _has_corpora_alone(folder)


def _has_corpora_alone(folder: Path) -> bool:
    try:
        names = [each.name for each in folder.iterdir()]
    except OSError:
        return False
    has_corpora = any(_CORPUS.fullmatch(name) for name in names)
    return has_corpora and all(_OURS.fullmatch(name) for name in names)
