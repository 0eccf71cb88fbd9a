"""One line for each thing that is wrong in a config: ``path: rule, got value, did you mean 'x'?``.

A path is a tuple of keys and list positions; a user writes it with dots between them.
"""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from base.registry import did_you_mean, nearest
from base.schema import UNIONS, Block, Settings
from handwriting.quoting import printable

Path = tuple[str | int, ...]

_SHOWN_CHARACTERS = 60
# What pydantic's messages begin with, and a line that has begun with a path need not.
_SUBJECT = re.compile(r"^(Value error, |\w+ (?=should ))")
_RULES = {
    "bool_type": "should be true or false",
    "dict_type": "should be an object",
    "finite_number": "should be a finite number",
    "float_type": "should be a number",
    "int_from_float": "should be an integer",
    "int_type": "should be an integer",
    "model_attributes_type": "should be an object",
    "model_type": "should be an object",
    "string_type": "should be a string",
    "tuple_type": "should be a list",
}


def problem_lines(error: ValidationError, schema: Any, raw: Any) -> list[str]:
    """Return a line for each problem of the config ``raw``, sorted by path.

    Args:
        error: what pydantic says of it.
        schema: the type that it was checked against.
        raw: the config in plain values.
    """
    found = [_Problem(details, raw) for details in error.errors(include_url=False)]
    by_path: dict[Path, list[_Problem]] = {}
    for problem in found:
        if not any(_hides(other, problem) for other in found):
            by_path.setdefault(problem.path, []).append(problem)
    return sorted(_line(same_path, schema, raw) for same_path in by_path.values())


def dotted(path: Path) -> str:
    """The path as a user writes it; names that no setting has are cut where they are long."""
    return ".".join(printable(str(step)[:_SHOWN_CHARACTERS]) for step in path)


def shown(value: Any) -> str:
    """A value as JSON has it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return printable(
        text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."
    )


class _Problem:
    """One entry of pydantic's, placed in the config.

    Attributes:
        path: where it is. Pydantic's location has steps beside these, which are not in the config:
            the members of a union that it tried.
        of_member: whether it is what one member of a union says of the whole value.
    """

    def __init__(self, details: ErrorDetails, raw: Any) -> None:
        self.kind: str = details["type"]
        self.message: str = details["msg"]
        self.value: Any = details["input"]
        location = details["loc"]
        self.path = _place(location, raw, self.kind == "missing")
        self.of_member = self.path[-1:] != location[-1:]
        if self.kind == "union_tag_not_found":
            self.kind, self.path = "missing", (*self.path, "type")
        if self.kind == "union_tag_invalid":
            self.kind, self.path = "literal_error", (*self.path, "type")
            self.value = self.value["type"]


def _place(location: Path, raw: Any, last_is_missing: bool) -> Path:
    """The steps of ``location`` that lead through ``raw``."""
    path: Path = ()
    for step in location[: len(location) - last_is_missing]:
        try:
            raw = raw[step]
        except (KeyError, IndexError, TypeError):
            continue
        path = (*path, step)
    return (*path, location[-1]) if last_is_missing else path


def _hides(other: _Problem, problem: _Problem) -> bool:
    """Whether ``other`` says enough, so that ``problem`` would only be noise."""
    if problem.of_member and len(other.path) > len(problem.path):
        return other.path[: len(problem.path)] == problem.path
    if other.kind == "literal_error" and other.path[-1:] == ("type",):
        args = (*other.path[:-1], "args")  # of a component that is not known
        return problem.path[: len(args)] == args
    return False


def _line(same_path: list[_Problem], schema: Any, raw: Any) -> str:
    """The line of the problems at one path; more than one come from the members of a union."""
    problem = same_path[0]
    path = dotted(problem.path) or "config"
    got = f"got {shown(problem.value)}"
    if problem.kind == "missing":
        return f"{path}: is required, got nothing"
    if problem.kind == "extra_forbidden":
        known = _known_name(schema, raw, problem.path)
        return f"{path}: unknown setting, {got}" + (f", did you mean {known!r}?" if known else "")
    if problem.kind == "literal_error":
        return f"{path}: {_literal_rule(problem, schema, raw)}"
    rules = list(dict.fromkeys(_rule(each) for each in same_path))
    rule = " or ".join([rules[0], *(each.removeprefix("should be ") for each in rules[1:])])
    return f"{path}: {rule}, {got}"


def _rule(problem: _Problem) -> str:
    if problem.kind in _RULES:
        return _RULES[problem.kind]
    return _SUBJECT.sub("", problem.message)


def _literal_rule(problem: _Problem, schema: Any, raw: Any) -> str:
    """The rule for a value that is none of the values known, which may be names in a registry."""
    owner = _type_at(schema, raw, problem.path[:-1])
    blocks = [member for member in _members(owner) if _is_settings(member, Block)]
    if blocks and problem.path[-1] == "type":
        rule, known = f"unknown {blocks[0].__registry__.kind}", list(blocks[0].__registry__)
    else:
        known = list(_literals(_type_at(schema, raw, problem.path)))
        rule = f"should be one of {', '.join(shown(each) for each in known)}"
    suggestion = did_you_mean(problem.value, [each for each in known if isinstance(each, str)])
    if blocks and not suggestion:
        suggestion = f", known: {', '.join(known)}"
    return f"{rule}, got {shown(problem.value)}{suggestion}"


def _known_name(schema: Any, raw: Any, path: Path) -> str | None:
    """The known setting nearest to the unknown one at ``path``: its sibling, or one below."""
    for step in path[:-1]:
        schema, raw = _child(schema, raw, step), raw[step]
    owner = _settings(schema, raw)
    below: dict[str, str] = {}
    for known in () if owner is None else _paths(owner, raw):
        below.setdefault(known.rpartition(".")[2], known)
    siblings = [] if owner is None else list(owner.model_fields)
    key = path[-1]
    return nearest(key, siblings) or below.get(str(key)) or below.get(nearest(key, below) or "")


def _paths(schema: Any, raw: Any) -> Iterator[str]:
    """Every setting that may stand under ``raw``, given the components that it names."""
    owner = _settings(schema, raw)
    for name, field in owner.model_fields.items() if owner else ():
        yield name
        value = raw.get(name) if isinstance(raw, dict) else None
        yield from (f"{name}.{path}" for path in _paths(field.annotation, value))


def _type_at(schema: Any, raw: Any, path: Path) -> Any:
    for step in path:
        schema = _child(schema, raw, step)
        raw = raw[step]
    return schema


def _child(schema: Any, raw: Any, step: str | int) -> Any:
    """The type of what stands under ``step`` of ``raw``, ``None`` where there is no saying."""
    owner = _settings(schema, raw)
    if owner is not None:
        field = owner.model_fields.get(str(step))
        return field and field.annotation
    for member in _members(schema):
        items = get_args(member)
        if get_origin(member) is tuple and isinstance(step, int):
            return items[0] if Ellipsis in items else items[min(step, len(items) - 1)]
    return None


def _settings(schema: Any, raw: Any) -> type[Settings] | None:
    """The settings that ``raw`` is meant to be: a block's by the type that it names."""
    candidates: list[type[Settings]] = [
        member for member in _members(schema) if _is_settings(member, Settings)
    ]
    named = raw.get("type") if isinstance(raw, dict) else None
    for candidate in candidates:
        if not issubclass(candidate, Block) or named in _literals(
            candidate.model_fields["type"].annotation
        ):
            return candidate
    return None


def _is_settings(member: Any, base: type) -> bool:
    return isinstance(member, type) and issubclass(member, base)


def _members(schema: Any) -> Iterator[Any]:
    """The members of a union and of the unions in it; of another type, that type."""
    if get_origin(schema) is Annotated:
        yield from _members(get_args(schema)[0])
    elif get_origin(schema) in UNIONS:
        for member in get_args(schema):
            yield from _members(member)
    else:
        yield schema


def _literals(schema: Any) -> Iterator[Any]:
    for member in _members(schema):
        if get_origin(member) is Literal:
            yield from get_args(member)
