"""``handwriting info``: versions, models and formats that are there."""

import argparse
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from handwriting.command_line import add_weights
from handwriting.commands.outputs import print_json
from handwriting.errors import UserError
from handwriting.formats.registry import READ_SUFFIXES, WRITTEN_FORMATS
from handwriting.version import version

PACKAGES = ("numpy", "pillow", "pydantic", "safetensors", "svgelements", "onnxruntime")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--json", action="store_true", help="print it as one line of JSON")
    add_weights(parser)


def run(options: argparse.Namespace) -> None:
    """Print what is there."""
    found: dict[str, Any] = {
        "handwriting": version(),
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
        "reads": [suffix.removeprefix(".") for suffix in READ_SUFFIXES],
        "writes": list(WRITTEN_FORMATS),
        "models": _models(options.weights),
    }
    if options.json:
        print_json(found)
        return
    models = found.pop("models")
    for name, value in found.items():
        shown = " ".join(value) if isinstance(value, list) else value
        print(f"{name}: {shown or 'not installed'}")
    for name, about in models.items():
        print(f"{name}: {about}")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _models(folder: str | None) -> dict[str, str]:
    """The models of a folder in words, or why there are none."""
    from handwriting.runtime import weights_folder as folders

    try:
        path = folders.weights_folder(folder)
    except UserError as error:
        if folder is not None:
            raise
        return {"weights": str(error)}
    found = {"weights": str(path)}
    for name in (folders.WRITER, folders.RECOGNISER, folders.LANGUAGE_MODEL, folders.HANDS):
        file = folders.read_weights_if_there(path, name)
        found[Path(name).stem] = "none" if file is None else _described(path / name, file.about)
    return found


def _described(path: Path, about: dict[str, Any]) -> str:
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    if "hands" in about:
        return f"{len(about['hands'])} ({size})"
    return f"{about.get('precision')}, {len(about['symbols']) - 4} characters, {size}"
