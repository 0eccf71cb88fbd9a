"""Packages that are needed by some commands alone."""

import importlib
from types import ModuleType

from handwriting.errors import UserError


def require(package: str) -> ModuleType:
    """The package; ``UserError`` that says how to install it where it is not."""
    try:
        return importlib.import_module(package)
    except ImportError:
        raise UserError(
            f"{package}: is not installed, ONNX needs it: pip install -r requirements-onnx.txt"
        ) from None
