"""Registries: the names a config may use, and what each of them builds.

A component is a class or function whose annotated signature is the schema of its ``args`` in the
config. Arguments that the framework supplies (the parameters to an optimizer, the vocabulary's
size to a model) are named in ``provided`` and never stand in a config.
"""

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Component = TypeVar("Component", bound=Callable[..., Any])


class Registry:
    """Named components of one kind.

    A component that is not registered can be named by its dotted path, ``my_package.MyModel``, if
    it is a class derived from ``accepts``; nothing else is imported or called on a config's word.

    Args:
        kind: what the components are, in words, for error messages ("model", "reader").
        accepts: ``module:Class`` of the base of components named by their paths; None for none.
        provides: the arguments that the framework supplies to such a component, where it has them.
    """

    def __init__(
        self, kind: str, accepts: str | None = None, provides: tuple[str, ...] = ()
    ) -> None:
        self.kind = kind
        self.accepts = accepts
        self.provides = provides
        self._components: dict[str, Callable[..., Any]] = {}
        self._provided: dict[str, frozenset[str]] = {}
        self._expected: list[str] = []

    def register(
        self, name: str | None = None, provided: tuple[str, ...] = ()
    ) -> Callable[[Component], Component]:
        """Decorator that adds a class or function under ``name`` (default: its own name)."""

        def add(component: Component) -> Component:
            self.add(component, name, provided)
            return component

        return add

    def add(
        self, component: Callable[..., Any], name: str | None = None, provided: tuple[str, ...] = ()
    ) -> None:
        """Add ``component``; ``ValueError`` when its name is taken by another one."""
        name = name or component.__name__
        if self._components.get(name, component) is not component:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._components[name] = component
        self._provided[name] = frozenset(provided)

    def without(self, *names: str) -> "Registry":
        """Return a registry of the same components, now and later, but for those of these names.

        A component whose arguments name others of its kind takes one, or its schema had no end.
        """
        return _Part(self, frozenset(names))

    def expect(self, module: str) -> None:
        """Import a module that registers components here, but not before one is asked for."""
        self._expected.append(module)

    def _import_expected(self) -> None:
        while self._expected:
            module = self._expected.pop()
            try:
                importlib.import_module(module)
            except BaseException:
                self._expected.append(module)  # it is as wrong the next time
                raise

    def add_by_path(self, path: str, component: object) -> bool:
        """Add ``component`` under its dotted path; False where it is no component of this kind."""
        self._import_expected()
        known = next((name for name, each in self._components.items() if each is component), None)
        if known is not None:
            self.add(self._components[known], path, tuple(self._provided[known]))
            return True
        if not isinstance(component, type) or not issubclass(component, self._base()):
            return False
        arguments = inspect.signature(component).parameters
        self.add(component, path, tuple(name for name in self.provides if name in arguments))
        return True

    def _base(self) -> type | tuple[type, ...]:
        if self.accepts is None:
            return ()
        module, _, name = self.accepts.partition(":")
        base: type = getattr(importlib.import_module(module), name)
        return base

    def __getitem__(self, name: str) -> Callable[..., Any]:
        self._import_expected()
        try:
            return self._components[name]
        except KeyError:
            raise KeyError(f"unknown {self.kind} {name!r}{did_you_mean(name, self)}") from None

    def __contains__(self, name: object) -> bool:
        self._import_expected()
        return name in self._components

    def __iter__(self) -> Iterator[str]:
        self._import_expected()
        return iter(sorted(self._components))

    def __len__(self) -> int:
        self._import_expected()
        return len(self._components)

    def provided(self, name: str) -> frozenset[str]:
        """Names of the arguments of ``name`` that the framework supplies."""
        self._import_expected()
        return self._provided[name]


class _Part(Registry):
    """A registry without some of its names."""

    def __init__(self, whole: Registry, left_out: frozenset[str]) -> None:
        super().__init__(whole.kind, whole.accepts, whole.provides)
        self._left_out = left_out
        # The whole's own, so that the part has what is added to it later.
        self._components, self._provided = whole._components, whole._provided
        self._expected = whole._expected

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) and name not in self._left_out

    def __iter__(self) -> Iterator[str]:
        return (name for name in super().__iter__() if name not in self._left_out)

    def __len__(self) -> int:
        return len(list(iter(self)))


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, upper and lower case taken as one, or ``None``."""
    if not isinstance(name, str):
        return None
    spellings = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), list(spellings), n=1, cutoff=0.5)
    return spellings[found[0]] if found else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """``", did you mean 'x'?"`` for the known name nearest to ``name``, or the empty string."""
    found = nearest(name, known)
    return f", did you mean {found!r}?" if found else ""


MODELS = Registry(
    "model", "base.base_model:BaseModel", ("vocabulary", "normalisation", "num_features")
)
DATA_LOADERS = Registry(
    "data loader",
    "base.base_data_loader:BaseDataLoader",
    ("context",),
)
READERS = Registry("source", "base.base_reader:BaseReader")
LOSSES = Registry("loss", "base.base_loss:BaseLoss", ("vocabulary", "normalisation"))
METRICS = Registry("metric", "base.base_metric:BaseMetric", ("vocabulary", "normalisation"))
OPTIMIZERS = Registry("optimizer", "torch.optim:Optimizer", ("params",))
LR_SCHEDULERS = Registry(
    "learning-rate schedule", "torch.optim.lr_scheduler:LRScheduler", ("optimizer", "last_epoch")
)
LOGGERS = Registry("logger", "logger.run_logger:RunLogger")
