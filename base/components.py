"""Components from the words of a config: found, checked block by block, and built."""

import importlib
import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError, create_model

from base import registry
from base.config_errors import problem_lines, shown
from base.registry import Registry
from base.schema import Block, Settings, arguments_type, block_type
from handwriting.errors import ConfigError

_Settings = TypeVar("_Settings")

_REGISTERS = re.compile(r"^(?:@([A-Z_]+)\.register\(|    +([A-Z_]+)\.add\()", re.MULTILINE)
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_REGISTRIES = [each for each in vars(registry).values() if isinstance(each, Registry)]


def import_components(package: str) -> None:
    """Import the modules of a folder that register components, so that a new file is enough.

    A module is imported when its registry is first asked for a component: a command that needs the
    names of readers alone imports no model, and not torch. One whose registry is not in
    ``base.registry`` is imported now.

    Args:
        package: name of the folder's package. Sub-folders are not looked at.
    """
    spec = importlib.util.find_spec(package)
    for folder in spec.submodule_search_locations or () if spec else ():
        for file in sorted(Path(folder).glob("*.py")):
            found = _REGISTERS.findall(file.read_text(encoding="utf-8"))
            for name in sorted({decorator or call for decorator, call in found}):
                known = getattr(registry, name, None)
                if isinstance(known, Registry):
                    known.expect(f"{package}.{file.stem}")
                else:
                    importlib.import_module(f"{package}.{file.stem}")


def register_named(raw: Any, path: str = "") -> None:
    """Import and register the components that a config names by their dotted paths.

    Args:
        raw: a config or a part of one, in plain values.
        path: where it stands in the config, for messages.

    Raises:
        ConfigError: a path names nothing, or something that no config may call.
    """
    problems = [
        problem for place, name in _dotted_names(raw, path) if (problem := _register(place, name))
    ]
    if problems:
        raise ConfigError(problems)


def checked_block(registry: Registry, raw: Any, path: str) -> Block:
    """Return the block of one component, checked by itself.

    Args:
        registry: where the component is registered.
        raw: the block in plain values.
        path: where it stands in its config, for messages.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    register_named(raw, path)
    block: Block = _checked(block_type(registry), raw, path)
    return block


def checked_settings(settings: type[_Settings], raw: Any, path: str) -> _Settings:
    """Return an instance of a dataclass of settings from plain values; as ``checked_block``."""
    target: Callable[..., _Settings] = settings
    instance: _Settings = _checked(arguments_type(target), raw, path).instance()
    return instance


def _checked(annotation: Any, raw: Any, path: str) -> Any:
    outer, _, key = path.rpartition(".")
    field: dict[str, Any] = {key: (annotation, ...)}
    schema = create_model("Part", __base__=Settings, **field)
    try:
        return getattr(schema.model_validate_json(_as_json({key: raw})), key)
    except ValidationError as error:
        prefix = f"{outer}." if outer else ""
        lines = problem_lines(error, schema, {key: raw})
        raise ConfigError([prefix + line for line in lines]) from None


def _as_json(raw: Any) -> str:
    try:
        return json.dumps(raw)
    except (TypeError, ValueError) as error:
        raise ConfigError([f"config: is not made of plain values: {error}"]) from error


def _dotted_names(raw: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the place of each dotted path in a config, and the path."""
    if isinstance(raw, Mapping):
        name = raw.get("type")
        if isinstance(name, str) and _DOTTED.fullmatch(name):
            yield f"{path}.type" if path else "type", name
        for key, value in raw.items():
            yield from _dotted_names(value, f"{path}.{key}" if path else str(key))
    elif isinstance(raw, list | tuple):
        for place, value in enumerate(raw):
            if path == "metrics" and isinstance(value, str) and _DOTTED.fullmatch(value):
                yield f"{path}.{place}", value
            yield from _dotted_names(value, f"{path}.{place}")


def _register(place: str, path: str) -> str | None:
    """Register the component at a dotted path; what is wrong where that is not possible."""
    module, _, name = path.rpartition(".")
    try:
        component = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        return f"{place}: names nothing that can be imported ({error}), got {shown(path)}"
    if not any([each.add_by_path(path, component) for each in _REGISTRIES]):
        bases = ", ".join(each.accepts.partition(":")[2] for each in _REGISTRIES if each.accepts)
        return f"{place}: should name a class derived from one of {bases}, got {shown(path)}"
    return None
