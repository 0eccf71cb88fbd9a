"""The schema of a config, derived from what it builds.

The annotated signature of a constructor becomes a pydantic model of its arguments, a registry
becomes a choice of ``{"type", "args"}`` blocks, and a dataclass becomes a nested object. What the
models hold is frozen; ``build`` turns it back into calls of the constructors.
"""

import collections.abc
import dataclasses
import functools
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_serializer,
    model_validator,
)

from base.docstrings import argument_descriptions
from base.registry import Registry
from handwriting.errors import UserError

_PLAIN_TYPES = (int, float, str, bool, type(None))
_SEQUENCES = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_MAPPINGS = (dict, collections.abc.Mapping)
UNIONS = (Union, types.UnionType)
# A type checker cannot follow a form that is subscripted with values only a run knows.
_ANNOTATED: Any = Annotated
# What an annotation may name although its module imports it for type checkers only, as torch does.
_TYPING_NAMES = {**vars(collections.abc), **vars(typing)}


class Flattened:
    """Marks a parameter whose dataclass of settings stands in a config field by field.

    ``settings: Annotated[LoaderSettings, Flattened()] = DEFAULT`` has the config say
    ``"batch_size": 32`` among the other arguments rather than in an object of its own.
    """


class NotExpressible(TypeError):
    """JSON has no way to write the values that an annotation stands for."""


class Settings(BaseModel):
    """Frozen values of checked types: nothing is coerced, nothing unknown is let through."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=()
    )


class Arguments(Settings):
    """The arguments of one callable that a config may give."""

    __target__: ClassVar[Callable[..., Any]]
    __hints__: ClassVar[dict[str, Any]]
    __flattened__: ClassVar[dict[str, type]]

    def instance(self) -> Any:
        """Call the callable with these arguments. Components among them are built too, with
        nothing supplied by the framework."""
        return type(self).__target__(**_values(self, {}))

    @model_serializer(mode="wrap")
    def _serialize(self, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """All arguments but torch's switches that are off by default and off: each version of torch
        has more of them, and what one writes the others should read."""
        values = handler(self)
        if not _is_torch(type(self).__target__):
            return values
        off = {
            name
            for name, field in type(self).model_fields.items()
            if any(getattr(self, name) is field.default is switch for switch in (None, False))
        }
        return {name: value for name, value in values.items() if name not in off}


class DataclassArguments(Arguments):
    """The fields of a dataclass. Its own check of them is part of the schema."""

    @model_validator(mode="after")
    def _check(self) -> "DataclassArguments":
        try:
            self.instance()
        except UserError as error:
            raise ValueError(str(error)) from error
        return self


class Block(Settings):
    """A component by name, with its arguments."""

    __registry__: ClassVar[Registry]

    type: str
    args: Arguments


def build(block: Block, provided: Mapping[str, Any]) -> Any:
    """Call the component that ``block`` names, after those that its arguments name.

    Args:
        provided: what the framework supplies, by argument name. Each component is given those that
            it was registered to take, so one mapping serves all of them.
    """
    registry = block.__registry__
    taken = registry.provided(block.type) & provided.keys()
    arguments = _values(block.args, provided)
    return registry[block.type](**arguments, **{name: provided[name] for name in taken})


def _values(settings: Arguments, provided: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        name: _value(getattr(settings, name), hint, provided)
        for name, hint in settings.__hints__.items()
    }
    for parameter, kind in settings.__flattened__.items():
        names = [field.name for field in dataclasses.fields(kind)]
        values[parameter] = kind(**{name: values.pop(name) for name in names})
    return values


def _value(value: Any, hint: Any, provided: Mapping[str, Any]) -> Any:
    """Return the argument of a constructor for the config's ``value``."""
    if isinstance(value, Block):
        return build(value, provided)
    if isinstance(value, Arguments):
        return value.instance()
    if isinstance(value, tuple):
        items = [_value(item, None, provided) for item in value]
        return items if _admits_list(hint) else tuple(items)
    return value


def _admits_list(hint: Any) -> bool:
    if get_origin(hint) in (Annotated, *UNIONS):
        return any(_admits_list(member) for member in get_args(hint))
    return get_origin(hint) is list


def block_type(registry: Registry) -> Any:
    """The type of ``{"type", "args"}`` for the components of ``registry``."""
    blocks = tuple(
        _block(registry, name, registry[name], registry.provided(name)) for name in registry
    )
    if not blocks:
        raise TypeError(f"no {registry.kind} is registered")
    if len(blocks) == 1:  # pydantic chooses by a discriminator among two or more only
        return blocks[0]
    return Annotated[Union[blocks], Field(discriminator="type")]  # noqa: UP007


@functools.cache
def _block(
    registry: Registry, name: str, component: Callable[..., Any], provided: frozenset[str]
) -> type[Block]:
    args = arguments_type(component, provided, f"{registry.kind} {name} args")
    needs_args = any(field.is_required() for field in args.model_fields.values())
    block = create_model(
        f"{registry.kind} {name}",
        __base__=Block,
        __doc__=_summary(component),
        type=(Literal[name], ...),
        args=(args, ... if needs_args else args()),
    )
    block.__registry__ = registry
    return block


@functools.cache
def arguments_type(
    target: Callable[..., Any], provided: frozenset[str] = frozenset(), title: str | None = None
) -> type[Arguments]:
    """The pydantic model of the arguments of ``target``, those in ``provided`` left out.

    An argument that JSON cannot express is left out as well, and keeps its default.

    Raises:
        NotExpressible: such an argument has no default, or an argument has no annotation.
        TypeError: a default is not what its annotation says. All are faults of the program.
    """
    hints: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    flattened: dict[str, type] = {}
    for owner, parameter in _flat_parameters(target, provided, flattened):
        try:
            hint = _hint(parameter, owner)
            fields[parameter.name] = _field_type(hint)
        except NotExpressible as error:
            if parameter.default is parameter.empty:
                raise NotExpressible(f"{target.__qualname__}, {parameter.name}: {error}") from None
            continue
        hints[parameter.name] = hint
        if parameter.default is not parameter.empty:
            defaults[parameter.name] = _default(parameter, owner)
    title = title or target.__name__
    checked = _checked_defaults(title, fields, defaults)
    base: type[Arguments] = DataclassArguments if dataclasses.is_dataclass(target) else Arguments
    described = argument_descriptions(target)
    for kind in flattened.values():
        described |= argument_descriptions(kind)
    definitions: dict[str, Any] = {
        name: (field, Field(checked.get(name, ...), description=described.get(name)))
        for name, field in fields.items()
    }
    model = create_model(title, __base__=base, __doc__=_summary(target), **definitions)
    model.__target__, model.__hints__ = staticmethod(target), hints
    model.__flattened__ = flattened
    return model


def _parameters(
    target: Callable[..., Any], provided: frozenset[str]
) -> collections.abc.Iterator[inspect.Parameter]:
    """The parameters of ``target`` that a config may give."""
    parameters = inspect.signature(target).parameters
    unknown = provided - parameters.keys()
    if unknown and not _is_torch(target):  # torch's differ between its versions
        raise TypeError(f"{target.__qualname__} takes no {', '.join(sorted(unknown))}")
    for name, parameter in parameters.items():
        if name not in provided and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            yield parameter


def _flat_parameters(
    target: Callable[..., Any], provided: frozenset[str], flattened: dict[str, type]
) -> collections.abc.Iterator[tuple[Callable[..., Any], inspect.Parameter]]:
    """The parameters of ``target`` and whose they are; a flattened one gives those of its
    dataclass, which is put down in ``flattened``."""
    for parameter in _parameters(target, provided):
        hint = parameter.annotation
        if get_origin(hint) is Annotated and any(isinstance(m, Flattened) for m in get_args(hint)):
            kind = get_args(hint)[0]
            flattened[parameter.name] = kind
            yield from ((kind, each) for each in _parameters(kind, frozenset()))
        else:
            yield target, parameter


def _is_torch(target: Callable[..., Any]) -> bool:
    return target.__module__.startswith("torch.")


def _hint(parameter: inspect.Parameter, target: Callable[..., Any]) -> Any:
    """The annotation of ``parameter``, resolved where it is written as text."""
    if parameter.annotation is parameter.empty:
        if _is_torch(target):
            raise NotExpressible("no annotation")
        raise TypeError(f"{target.__qualname__}, {parameter.name}: no annotation")
    is_class = isinstance(target, type)
    function = inspect.getattr_static(target, "__init__") if is_class else target
    names = getattr(inspect.unwrap(function), "__globals__", {})
    holder = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        hints = typing.get_type_hints(holder, {**_TYPING_NAMES, **names}, include_extras=True)
    except NameError as error:
        raise NotExpressible(str(error)) from None
    return hints[parameter.name]


def _field_type(hint: Any) -> Any:
    """The type of a config's value for an argument annotated with ``hint``.

    A list becomes a tuple, since a config is frozen. Members of a union that JSON cannot express
    (a tensor beside a float) are left out.

    Raises:
        NotExpressible: nothing is left.
    """
    origin, members = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated_type(members[0], members[1:])
    if origin in UNIONS:
        return _union_type(members)
    if origin is tuple:
        items = tuple(m if m is Ellipsis else _field_type(m) for m in members)
        return types.GenericAlias(tuple, items)
    if origin in _SEQUENCES:
        return types.GenericAlias(tuple, (_field_type(members[0]), ...))
    if origin in _MAPPINGS and members[0] is str:
        return types.GenericAlias(dict, (str, _field_type(members[1])))
    if origin is Literal or hint in _PLAIN_TYPES:
        return hint
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return arguments_type(hint)
    raise NotExpressible(f"JSON cannot express {hint}")


def _annotated_type(hint: Any, metadata: tuple[Any, ...]) -> Any:
    registries = [item for item in metadata if isinstance(item, Registry)]
    if registries:
        return block_type(registries[0])
    return _ANNOTATED[(_field_type(hint),) + metadata]


def _union_type(members: tuple[Any, ...]) -> Any:
    kept = []
    for member in members:
        try:
            kept.append(_field_type(member))
        except NotExpressible:
            continue
    if all(member is type(None) for member in kept):
        raise NotExpressible(f"JSON cannot express {members[0]}")
    return Union[tuple(kept)]  # noqa: UP007


def _default(parameter: inspect.Parameter, target: Callable[..., Any]) -> Any:
    """The default of ``parameter`` in the plain values of JSON."""
    value = parameter.default
    if dataclasses.is_dataclass(target):
        field = next(f for f in dataclasses.fields(target) if f.name == parameter.name)
        if field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
    is_settings = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return dataclasses.asdict(value) if is_settings else value


def _checked_defaults(
    title: str, fields: dict[str, Any], defaults: dict[str, Any]
) -> dict[str, Any]:
    """The defaults as a config holds them; ``TypeError`` for one that a config could not give."""
    definitions: dict[str, Any] = {name: (fields[name], ...) for name in defaults}
    model = create_model(title, __base__=Settings, **definitions)
    try:
        values = model.model_validate_json(json.dumps(defaults))
    except (ValidationError, TypeError) as error:
        raise TypeError(f"a default does not fit its annotation: {error}") from error
    return {name: getattr(values, name) for name in defaults}


def _summary(target: Callable[..., Any]) -> str:
    """The first line of the docstring, for editors that show it beside the choices."""
    return (inspect.getdoc(target) or "").strip().partition("\n")[0]
