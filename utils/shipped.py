"""Short names of the weights that are in the repository."""

import re
from pathlib import Path

from handwriting.errors import UserError

MODELS = Path(__file__).parents[1] / "saved" / "models"
_NAME = re.compile(r"(?:[a-z][a-z0-9_]*/)?[a-z][a-z0-9_]*")


def checkpoint_path(text: str) -> Path:
    """Return the path of a checkpoint from a path or a short name.

    ``conditional`` is ``saved/models/pretrained/conditional.pth`` and ``research/conditional`` is
    ``saved/models/research/conditional.pth``, wherever the command is run. Where there are only
    research weights of a name, it means these. A file of that name in the folder where the command
    is run comes first.
    """
    path = Path(text)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"{path}: is not a regular file")
    if not _NAME.fullmatch(text) or path.exists():
        return path
    folders = (MODELS,) if "/" in text else (MODELS / "pretrained", MODELS / "research")
    shipped = (folder / f"{text}.pth" for folder in folders)
    return next((each for each in shipped if each.is_file()), path)


def shipped_names() -> list[str]:
    """Return the short names there are, those of the default weights first."""
    return [
        path.stem if path.parent.name == "pretrained" else f"{path.parent.name}/{path.stem}"
        for folder in ("pretrained", "research")
        for path in sorted((MODELS / folder).glob("*.pth"))
    ]
