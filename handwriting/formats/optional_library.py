"""Packages that few people need: imported where they are used, asked for in one line where
missing."""

import importlib
from types import ModuleType

from handwriting.formats.ink_values import BadInk


def import_optional(name: str, what: str, extra: str) -> ModuleType:
    """Return a package.

    Args:
        name: of the package.
        what: it is for.
        extra: of the project's optional dependencies, and its file of requirements, that has it.

    Raises:
        BadInk: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise BadInk(
            f"{what} need the package {name}: pip install -r requirements-{extra}.txt"
        ) from None
