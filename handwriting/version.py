"""The version, which stands in ``pyproject.toml`` and nowhere else."""

import re
from pathlib import Path

_PROJECT = Path(__file__).parents[1] / "pyproject.toml"
_VERSION = re.compile(r'^\[project\]\nname = "handwriting"\nversion = "([^"]+)"$', re.MULTILINE)


def version() -> str:
    """Return the version of the project: of a clone, or else of the installed package.

    Of a copy that is neither it is "unknown".
    """
    if _PROJECT.is_file() and (found := _VERSION.search(_PROJECT.read_text(encoding="utf-8"))):
        return found[1]
    from importlib import metadata  # slower than all else that --version does

    try:
        return metadata.version("handwriting")
    except metadata.PackageNotFoundError:
        return "unknown"
