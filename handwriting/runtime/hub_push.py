"""Sending a folder of exported models to a model hub, with its card."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handwriting.errors import DataError, UserError
from handwriting.files import read_regular_file
from handwriting.runtime import weights_folder as folders
from handwriting.runtime.hub import Repository, hub_library, one_line_errors
from handwriting.runtime.model_file import ModelFile
from handwriting.text.vocabulary import SPECIALS

CARD = "README.md"

_HEADER = re.compile(r"\A---\r?\n(.*?\n)---\r?\n", re.DOTALL)
_KEY = re.compile(r"^[a-z_]+:", re.MULTILINE)
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
_WHAT = {
    folders.WRITER: "text to handwriting",
    folders.RECOGNISER: "handwriting to text",
    folders.LANGUAGE_MODEL: "language model of characters, for the recogniser",
    folders.HANDS: "hands to write in",
}
_TAGS = {folders.WRITER: "handwriting-synthesis", folders.RECOGNISER: "handwriting-recognition"}


@dataclass(frozen=True)
class Pushed:
    """Report of what was sent.

    Attributes:
        url: of the repository.
        files: names of the files in it that are new or replaced.
        notes: one line each, for the user.
    """

    url: str
    files: tuple[str, ...]
    notes: tuple[str, ...]


def push(
    folder: Path,
    place: Repository,
    card: Path | None = None,
    license: str | None = None,
    private: bool = False,
) -> Pushed:
    """Send the models of a folder to a repository, in one commit; it is made where it is not there.

    Sent are the models and their card, nothing else of the folder. Other files of the repository
    stay.

    Args:
        folder: of exported models, each of which is checked first.
        place: whose revision is a branch; None for the main one.
        card: a model card, Markdown with a YAML header; None for ``README.md`` of the folder. Where
            there is none either, a short one is made up for a repository that has none.
        license: for a card that is made up, as hubs name it: ``cc-by-4.0``.
        private: whether a repository that is made is private.

    Raises:
        UserError: a model or the card cannot be used, or the hub cannot be reached or refuses.
    """
    models = _models(folder)
    written = _card_of(folder, card)
    if license is not None and not _LICENSE.fullmatch(license):
        raise UserError(f"license: should be a name such as cc-by-4.0, got {license!r}")
    if license is not None and written is not None:
        raise UserError("license: is for a card that is made up; a card of your own says it itself")
    hub = hub_library(place)
    api = hub.HfApi(library_name="handwriting")
    contents: dict[str, str | bytes] = {name: str(folder / name) for name in models}
    notes = []
    with one_line_errors(place):
        url = str(api.create_repo(place.name, private=private, exist_ok=True))
        if written is not None:
            contents[CARD] = written
        elif not api.file_exists(place.name, CARD, revision=place.revision):
            contents[CARD] = made_card(folder, models, place, license).encode()
            if license is None:
                notes.append(f"the card, {CARD}, names no license: give --license or a card")
        else:
            notes.append(f"the card, {CARD}, is left as it is there")
        api.create_commit(
            place.name,
            [hub.CommitOperationAdd(name, value) for name, value in contents.items()],
            commit_message=f"Exported models: {', '.join(Path(name).stem for name in models)}",
            revision=place.revision,
        )
    return Pushed(url, tuple(contents), tuple(notes))


def made_card(
    folder: Path, models: Mapping[str, ModelFile], place: Repository, license: str | None
) -> str:
    """Return a short model card: a YAML header, the files, and how they are used."""
    header = ["library_name: handwriting", *([f"license: {license}"] if license else [])]
    header += ["tags:", "- online-handwriting", "- digital-ink"]
    header += [f"- {tag}" for name, tag in _TAGS.items() if name in models]
    rows = [
        f"| `{name}` | {_WHAT[name]} | {_described(file.about)} |"
        f" {(folder / name).stat().st_size / 1e6:.2f} MB |"
        for name, file in models.items()
    ]
    uses = {
        folders.WRITER: f'handwriting write "Dear Anna," --weights {place}',
        folders.RECOGNISER: f"handwriting read page.svg --weights {place}",
    }
    return "\n".join(
        [
            *("---", *header, "---", ""),
            *(f"# {place.name}: exported models of handwriting", ""),
            *("| file | what it is | size of it | |", "|---|---|---|---|", *rows, ""),
            *("```console", '$ pip install "handwriting[hub]"'),
            *(f"$ {use}" for name, use in uses.items() if name in models),
            *("```", ""),
        ]
    )


def _models(folder: Path) -> dict[str, ModelFile]:
    """The models of a folder, checked; ``UserError`` where it has none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder of exported models")
    read = {name: folders.read_weights_if_there(folder, name) for name in folders.FILES}
    models = {name: file for name, file in read.items() if file is not None}
    if not models:
        raise UserError(f"{folder}: has no exported models, none of {', '.join(folders.FILES)}")
    return models


def _card_of(folder: Path, card: Path | None) -> bytes | None:
    """The card that the user wrote; None where there is none."""
    path = folder / CARD if card is None else card
    if card is None and not path.exists():
        return None
    data = read_regular_file(path)
    try:
        header = _HEADER.match(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text (byte {error.start + 1})") from None
    if header is None or not _KEY.search(header[1]):
        raise DataError(
            f"{path}: a model card begins with a YAML header, between two lines of ---, with a"
            " license"
        )
    return data


def _described(about: Mapping[str, Any]) -> str:
    if "hands" in about:
        number = len(about["hands"])
        return f"{number:,} {'hand' if number == 1 else 'hands'}"
    return f"{len(about['symbols']) - len(SPECIALS):,} characters"
