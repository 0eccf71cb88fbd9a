"""Places of exported models: in the package, in a folder that is named, or on a model hub."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from handwriting.errors import DataError, UserError
from handwriting.runtime.model_file import ModelFile, read_model_file
from handwriting.runtime.model_rules import check_model

Built = TypeVar("Built")

VARIABLE = "HANDWRITING_WEIGHTS"
"""Environment variable that names a folder or a repository, for what names none."""

HUB_PREFIX = "hub:"
"""Before the name of a repository of a model hub."""

WRITER, RECOGNISER, LANGUAGE_MODEL, HANDS = (
    f"{name}.safetensors" for name in ("writer", "recogniser", "language_model", "hands")
)
FILES = (WRITER, RECOGNISER, LANGUAGE_MODEL, HANDS)
"""All that a folder may have; of a repository these alone are downloaded."""

_TASKS = {
    WRITER: "conditional",
    RECOGNISER: "recognition",
    LANGUAGE_MODEL: "language",
    HANDS: "hands",
}
_PACKAGED = Path(__file__).parents[1] / "weights"


def weights_folder(folder: Path | str | None = None) -> Path:
    """Return the folder of exported models: the one that is named, else that of the environment
    variable ``HANDWRITING_WEIGHTS``, else the package's own.

    Args:
        folder: a folder, or ``hub:OWNER/NAME[@REVISION]`` for a repository, whose models are
            downloaded, those that are not on this machine yet; see ``handwriting.runtime.hub``.

    Raises:
        UserError: it is no folder, or the repository cannot be used.
    """
    named = folder if folder is not None else os.environ.get(VARIABLE) or None
    path = _PACKAGED if named is None else Path(named)
    if path.as_posix().startswith(HUB_PREFIX):
        from handwriting.runtime.hub import download, parse_repository

        return download(parse_repository(path.as_posix()), FILES)
    if path.is_dir():
        return path
    if named is None:
        raise UserError(
            f"this package has no weights in it; name a folder of exported models by {VARIABLE}"
        )
    raise UserError(f"{path}: is no folder of exported models")


def read_weights(folder: Path, name: str) -> ModelFile:
    """Read one of a folder's models, and check it as ``model_rules`` says.

    Raises:
        DataError: it is not there, or no such model, or one that breaks a rule.
    """
    path = folder / name
    file = read_model_file(path, _TASKS[name])
    check_model(path, file)
    return file


def read_weights_if_there(folder: Path, name: str) -> ModelFile | None:
    """Read one of a folder's models; None where the folder has none of it."""
    return read_weights(folder, name) if (folder / name).is_file() else None


def built(path: Path, build: Callable[[], Built]) -> Built:
    """Return what ``build`` makes of a file's contents.

    Raises:
        DataError: they do not fit each other; names the file.
    """
    try:
        return build()
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise DataError(f"{path}: its weights do not fit its rules ({error!r})") from None
