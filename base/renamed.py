"""Settings that have another name now than in configs and checkpoints of earlier versions."""

from collections.abc import Mapping
from typing import Any

RENAMED = {"data_loader.args.joined": "data_loader.args.concatenate_share"}
"""New path by old path; both are siblings."""


def new_path(path: str) -> str:
    """Return the path of a setting today."""
    return RENAMED.get(path, path)


def with_new_names(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with each setting under its name of today; a new name beside it wins."""
    renamed = dict(config)
    for old, new in RENAMED.items():
        *way, last = old.split(".")
        renamed = _renamed(renamed, way, last, new.rpartition(".")[2])
    return renamed


def _renamed(raw: Mapping[str, Any], way: list[str], old: str, new: str) -> dict[str, Any]:
    if way:
        below = raw.get(way[0])
        if not isinstance(below, Mapping):
            return dict(raw)
        return {**raw, way[0]: _renamed(below, way[1:], old, new)}
    if old not in raw:
        return dict(raw)
    rest = {name: value for name, value in raw.items() if name != old}
    return {new: raw[old], **rest}
