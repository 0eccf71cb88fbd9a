"""The page's files with exported weights beside them: a folder for any static host."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handwriting.errors import UserError
from handwriting.files import whole_folder
from handwriting.runtime.weights_folder import HANDS, LANGUAGE_MODEL, RECOGNISER, WRITER

PAGE = Path(__file__).parent / "page"
WEIGHTS = "weights"
MANIFEST = "manifest.json"
KINDS: Mapping[str, str] = {
    "writer": WRITER,
    "reader": RECOGNISER,
    "language": LANGUAGE_MODEL,
    "hands": HANDS,
}
"""Names of exported files, by the kind that the page asks for."""

_HASH_DIGITS = 12


@dataclass(frozen=True)
class NamedFile:
    """A file of weights as the page asks for it.

    Attributes:
        name: with a hash of its contents, so that it may be kept by a browser for good.
        path: where it is.
    """

    name: str
    path: Path


def weights_in(folder: Path) -> dict[str, NamedFile]:
    """Return the exported weights in a folder, by the page's name of their kind.

    Raises:
        UserError: there is neither a writer nor a recogniser.
    """
    found = {}
    for kind, name in KINDS.items():
        path = folder / name
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:_HASH_DIGITS]
            found[kind] = NamedFile(f"{path.stem}-{digest}{path.suffix}", path)
    if "writer" not in found and "reader" not in found:
        raise UserError(f"{folder}: has no weights for the page, {WRITER} or {RECOGNISER}")
    return found


def manifest_of(weights: Mapping[str, NamedFile]) -> bytes:
    """Return the list of weights that the page reads first: names of files by kind."""
    names = {kind: file.name for kind, file in weights.items()}
    return (json.dumps(names, indent=2) + "\n").encode()


def write_site(folder: Path, weights: Path) -> None:
    """Write the page with weights to a new folder, all of it or nothing.

    Args:
        folder: that is not there yet, or is empty.
        weights: a folder of exported models, see ``docs/export.md``.

    Raises:
        UserError: there are no weights, or the folder has files or cannot be made.
    """
    named = weights_in(weights)
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: has files; the page is written to a new folder")
    with whole_folder(folder) as unfinished:
        for source in sorted(path for path in PAGE.rglob("*") if path.is_file()):
            target = unfinished / source.relative_to(PAGE)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        (unfinished / WEIGHTS).mkdir()
        for file in named.values():
            shutil.copyfile(file.path, unfinished / WEIGHTS / file.name)
        (unfinished / WEIGHTS / MANIFEST).write_bytes(manifest_of(named))
