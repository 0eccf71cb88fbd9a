"""Exported models in a repository of a model hub, by the package huggingface_hub.

A place is named ``hub:OWNER/NAME``, or ``hub:OWNER/NAME@REVISION`` for a branch, a tag or a commit.
Of a repository only the models' own files are downloaded, none of which can hold code; they are
checked as they are read, like any other.
"""

import importlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from handwriting.command_line import is_terminal
from handwriting.errors import UserError
from handwriting.quoting import printable, quoted
from handwriting.runtime.weights_folder import HUB_PREFIX
from handwriting.version import version

MOST_BYTES = 2_000_000_000
"""Of all files that are downloaded; the models of this project have 7 million."""

_SECONDS = 20.0
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,254}")

# Errors by their names, since their classes, and the HTTP library under them, change with versions.
_UNREACHABLE = frozenset(
    ("OfflineModeIsEnabled", "LocalEntryNotFoundError", "TransportError", "ConnectionError")
    + ("TimeoutError", "Timeout", "XetDownloadError")
)
_REASONS = {
    "GatedRepoError": "is for those who accept its terms on its page and log in: hf auth login",
    "DisabledRepoError": "is disabled",
    "RepositoryNotFoundError": "no such repository, or not one that you may see without logging in:"
    " hf auth login",
    "RevisionNotFoundError": "has no such revision",
    "LocalTokenNotFoundError": "is for those who are logged in: hf auth login",
}
_REFUSED = (401, 403)


@dataclass(frozen=True)
class Repository:
    """Place of models on a hub.

    Attributes:
        name: ``OWNER/NAME``.
        revision: a branch, a tag or a commit; None for the newest.
    """

    name: str
    revision: str | None = None

    def __str__(self) -> str:
        return HUB_PREFIX + self.name + (f"@{self.revision}" if self.revision else "")


class _Progress(tqdm):
    """Bar that nobody sees but on a terminal."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "disable": not is_terminal()})


def parse_repository(text: str) -> Repository:
    """Return the repository that is named, with or without ``hub:``.

    Raises:
        UserError: it is no name of one.
    """
    name, at, revision = text.removeprefix(HUB_PREFIX).partition("@")
    if not _REPOSITORY.fullmatch(name) or (at and not _REVISION.fullmatch(revision)):
        raise UserError(f"hub: should be OWNER/NAME or OWNER/NAME@REVISION, got {quoted(text)}")
    return Repository(name, revision or None)


def hub_library(place: Repository) -> Any:
    """Return the package huggingface_hub; ``UserError`` where it is not installed."""
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError:
        raise UserError(
            f'{place}: needs the package huggingface_hub: pip install "handwriting[hub]"'
        ) from None


def download(place: Repository, names: Sequence[str]) -> Path:
    """Download files of a repository, those that are not on this machine yet.

    Without a network, those that were downloaded before are taken.

    Args:
        place: of the files.
        names: of the files, which need not all be there.

    Returns:
        the folder that they are in, in the cache of huggingface_hub.

    Raises:
        UserError: the package is missing; the repository is not there, cannot be reached or may not
            be seen; it has none of the files, or too large ones.
    """
    hub = hub_library(place)
    call: dict[str, Any] = {"revision": place.revision, "allow_patterns": list(names)}
    call |= {"library_name": "handwriting", "library_version": version(), "tqdm_class": _Progress}
    with one_line_errors(place):
        try:
            found = hub.HfApi().model_info(
                place.name, revision=place.revision, files_metadata=True, timeout=_SECONDS
            )
        except Exception as error:
            if not _is_unreachable(error):
                raise
            return Path(hub.snapshot_download(place.name, local_files_only=True, **call))
        _check_files(place, found.siblings or (), names)
        return Path(hub.snapshot_download(place.name, **call))


@contextmanager
def one_line_errors(place: Repository) -> Iterator[None]:
    """Raise ``UserError`` for errors of a hub, and of the way to it."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise UserError(f"{place}: {reason}") from error


def _check_files(place: Repository, files: Sequence[Any], names: Sequence[str]) -> None:
    sizes = [file.size or 0 for file in files if file.rfilename in names]
    if not sizes:
        raise UserError(f"{place}: has no exported models, none of {', '.join(names)}")
    if sum(sizes) > MOST_BYTES:
        raise UserError(
            f"{place}: models should have {MOST_BYTES / 1e9:g} GB at most, got"
            f" {sum(sizes) / 1e9:,.1f} GB"
        )


def _names(error: BaseException) -> list[str]:
    return [each.__name__ for each in type(error).__mro__]


def _is_unreachable(error: BaseException) -> bool:
    return not _UNREACHABLE.isdisjoint(_names(error))


def _reason(error: Exception) -> str | None:
    """The reason that a hub gives, or the way to it; None where the error is another one."""
    names = _names(error)
    for name in names:
        if name in _REASONS:
            return _REASONS[name]
    said = printable(" ".join(str(error).split()))
    if _is_unreachable(error):
        first = printable(str(error).strip().partition("\n")[0])
        return f"the hub cannot be reached ({first[:200]})"
    if "HfHubHTTPError" in names:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in _REFUSED:
            return f"no permission (HTTP {status}); log in with a token that may: hf auth login"
        return f"the hub refuses ({said[:200]})"
    if "HFValidationError" in names or said.startswith("Invalid metadata in README.md"):
        return said[:200]
    return None
